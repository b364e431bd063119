#ifndef TESTS_UNIT_PROCS_H
#define TESTS_UNIT_PROCS_H
/*
 * Several processes that meet: for what must be exact over all workers. They
 * share what was mapped with procs_shared before; a child that hangs is ended
 * by its alarm and fails the test.
 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PROCS_MAX 8u
#define PROCS_SECONDS 120

static inline void *
procs_shared(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

/* Is it, and each of its threads, stopped? */
static inline bool
procs_are_held(pid_t pid)
{
	char path[320], state = '?';
	struct dirent *d;
	bool are = true;
	DIR *tasks;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	assert_non_null(tasks);
	while (are && (d = readdir(tasks)) != NULL) {
		FILE *f;

		if (d->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%s/stat",
		    (int)pid, d->d_name);
		f = fopen(path, "r");
		assert_non_null(f);
		are = fscanf(f, "%*d (%*[^)]) %c", &state) == 1 && state == 'T';
		(void)fclose(f);
	}
	(void)closedir(tasks);
	return are;
}

/* SIGSTOP, and the signal has arrived: a thread may go on for a moment. */
static inline void
procs_hold(pid_t pid)
{
	assert_int_equal(kill(pid, SIGSTOP), 0);
	while (!procs_are_held(pid))
		(void)sched_yield();
}

/* A place where n processes wait for each other (procs_meet). */
static inline pthread_barrier_t *
procs_barrier(unsigned n)
{
	pthread_barrier_t *b = procs_shared(sizeof(*b));
	pthread_barrierattr_t attr;

	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	assert_int_equal(pthread_barrier_init(b, &attr, n), 0);
	pthread_barrierattr_destroy(&attr);
	return b;
}

static inline void
procs_meet(pthread_barrier_t *b)
{
	pthread_barrier_wait(b);
}

/* fn(number, arg) in each of n children; a child fails with _exit(1). */
static inline void
procs_run(unsigned n, void (*fn)(unsigned number, void *arg), void *arg)
{
	pid_t pid[PROCS_MAX];

	assert_true(n <= PROCS_MAX);
	for (unsigned i = 0; i < n; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0) {
			alarm(PROCS_SECONDS);
			fn(i, arg);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		int status = -1;

		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

#endif
