#ifndef TESTS_UNIT_PROCS_H
#define TESTS_UNIT_PROCS_H
/*
 * Several processes that meet: for what must be exact over all workers. They
 * share what was mapped with procs_shared before; a child that hangs is ended
 * by its alarm and fails the test.
 */
#include <pthread.h>
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
