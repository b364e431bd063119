#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/worker.h"

/*
 * The pool runs in a child of the test; parent and workers tell what happens
 * as lines in a pipe, and the test waits for lines, never for time.
 */

enum kind {
	OBEY,
	STUBBORN,
	DIES_YOUNG
};

static int pipe_fd[2];
static pid_t pool_pid;
static enum kind kind;

static void
say(const char *what, long a, long b)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%s %ld %ld\n", what, a, b);

	(void)(write(pipe_fd[1], line, (size_t)n) == n);
}

static volatile sig_atomic_t got_term, got_hup, got_usr1;

static void
on_signal(int sig)
{
	if (sig == SIGTERM)
		got_term = 1;
	if (sig == SIGHUP)
		got_hup = 1;
	if (sig == SIGUSR1)
		got_usr1 = 1;
}

static int
run(void *arg, unsigned slot)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t block, old;

	(void)arg;
	if (kind == DIES_YOUNG)
		return 3;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	worker_ready();
	say("up", (long)slot, (long)getpid());
	sigfillset(&block);
	sigprocmask(SIG_BLOCK, &block, &old);
	for (;;) {
		if (got_term && kind == OBEY)
			break;
		if (got_term) {
			say("ignored", (long)slot, 0);
			got_term = 0;
		}
		if (got_hup)
			say("hup", (long)slot, 0);
		if (got_usr1)
			say("usr1", (long)slot, 0);
		got_hup = got_usr1 = 0;
		sigsuspend(&old);
	}
	say(worker_is_orphan() ? "orphan" : "drained", (long)slot, 0);
	return 0;
}

static void
report(void *arg, const struct worker_event *e)
{
	static const char *const words[WORKER__MAX] = {
		[WORKER_STARTED] = "started",
		[WORKER_READY] = "ready",
		[WORKER_ENDED] = "ended",
		[WORKER_CRASHED] = "crashed",
		[WORKER_WAITS] = "waits",
		[WORKER_KILLED] = "killed",
	};

	(void)arg;
	say(words[e->what], e->slot,
	    e->what == WORKER_WAITS ? (long)e->delay : (long)e->pid);
}

static void
all_ready(void *arg)
{
	(void)arg;
	say("all-ready", 0, 0);
}

static usec_t
reload(void *arg)
{
	(void)arg;
	say("reload", 0, 0);
	return -1;
}

static void
reopen(void *arg)
{
	(void)arg;
	say("reopen", 0, 0);
}

static void
tick(void *arg)
{
	(void)arg;
	say("tick", 0, 0);
}

static void
start_pool(enum kind k, unsigned count, usec_t drain, usec_t tick_every)
{
	kind = k;
	assert_int_equal(pipe(pipe_fd), 0);
	pool_pid = fork();
	assert_true(pool_pid >= 0);
	if (pool_pid == 0) {
		struct worker_pool pool = {
			.count = count,
			.drain_timeout = drain,
			.backoff_first = 1000,
			.backoff_max = 4000,
			.run = run,
			.report = report,
			.ready = all_ready,
			.reload = reload,
			.reopen = reopen,
			.tick = tick,
			.tick_every = tick_every,
		};

		close(pipe_fd[0]);
		_exit(worker_pool_run(&pool));
	}
	close(pipe_fd[1]);
}

/* The next line that begins with what; others are passed over. */
static void
wait_for(const char *what, long *a, long *b)
{
	char line[64], word[32];
	size_t n = 0;
	long x, y;

	for (;;) {
		struct pollfd p = { .fd = pipe_fd[0], .events = POLLIN };

		/* A deadline for the suite's sake, not a measure. */
		assert_int_equal(poll(&p, 1, 20000), 1);
		assert_int_equal(read(pipe_fd[0], &line[n], 1), 1);
		if (line[n++] != '\n') {
			assert_true(n < sizeof(line));
			continue;
		}
		line[n - 1] = '\0';
		n = 0;
		assert_int_equal(sscanf(line, "%31s %ld %ld", word, &x, &y), 3);
		if (strcmp(word, what) != 0)
			continue;
		if (a)
			*a = x;
		if (b)
			*b = y;
		return;
	}
}

static int
end_pool(int sig)
{
	int status;

	if (sig)
		kill(pool_pid, sig);
	assert_int_equal(waitpid(pool_pid, &status, 0), pool_pid);
	close(pipe_fd[0]);
	return status;
}

static void
test_start_and_drain(void **state)
{
	(void)state;
	start_pool(OBEY, 3, USEC_PER_SEC, 0);
	wait_for("all-ready", NULL, NULL);
	kill(pool_pid, SIGTERM);
	wait_for("drained", NULL, NULL);
	assert_int_equal(end_pool(0), 0);
}

static void
test_crash_is_replaced(void **state)
{
	long slot, pid, slot2, pid2;

	(void)state;
	start_pool(OBEY, 1, USEC_PER_SEC, 0);
	wait_for("up", &slot, &pid);
	kill((pid_t)pid, SIGKILL);
	wait_for("crashed", NULL, NULL);
	wait_for("up", &slot2, &pid2);
	assert_int_equal(slot, slot2);
	assert_int_not_equal(pid, pid2);
	assert_int_equal(end_pool(SIGINT), 0);
}

/* The first death is answered at once, later ones with growing pauses. */
static void
test_backoff(void **state)
{
	static const long want[] = { 1000, 2000, 4000, 4000 };
	long pause;

	(void)state;
	start_pool(DIES_YOUNG, 1, USEC_PER_SEC, 0);
	wait_for("crashed", NULL, NULL);
	wait_for("started", NULL, NULL);
	for (int i = 0; i < 4; i++) {
		wait_for("waits", NULL, &pause);
		assert_int_equal(pause, want[i]);
	}
	assert_int_equal(end_pool(SIGTERM), 0);
}

static void
test_signals(void **state)
{
	(void)state;
	start_pool(OBEY, 1, USEC_PER_SEC, 0);
	wait_for("all-ready", NULL, NULL);
	kill(pool_pid, SIGHUP);
	wait_for("reload", NULL, NULL);
	wait_for("hup", NULL, NULL);
	kill(pool_pid, SIGUSR1);
	wait_for("reopen", NULL, NULL);
	wait_for("usr1", NULL, NULL);
	assert_int_equal(end_pool(SIGTERM), 0);
}

/* A second SIGTERM reaches the workers as well. */
static void
test_second_term(void **state)
{
	long pid;

	(void)state;
	start_pool(STUBBORN, 1, 3600 * USEC_PER_SEC, 0);
	wait_for("up", NULL, &pid);
	kill(pool_pid, SIGTERM);
	wait_for("ignored", NULL, NULL);
	kill(pool_pid, SIGTERM);
	wait_for("ignored", NULL, NULL);
	kill((pid_t)pid, SIGKILL);
	wait_for("crashed", NULL, NULL);
	assert_int_equal(end_pool(0), 0);
}

/* When the parent is killed the workers drain by themselves. */
static void
test_parent_dies(void **state)
{
	char c;

	(void)state;
	start_pool(OBEY, 2, USEC_PER_SEC, 0);
	wait_for("all-ready", NULL, NULL);
	kill(pool_pid, SIGKILL);
	wait_for("orphan", NULL, NULL);
	wait_for("orphan", NULL, NULL);
	/* all who could write have gone */
	assert_int_equal(read(pipe_fd[0], &c, 1), 0);
	assert_true(WIFSIGNALED(end_pool(0)));
}

static void
test_tick(void **state)
{
	(void)state;
	start_pool(OBEY, 1, USEC_PER_SEC, 2000);
	wait_for("tick", NULL, NULL);
	wait_for("tick", NULL, NULL);
	assert_int_equal(end_pool(SIGTERM), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_and_drain),
		cmocka_unit_test(test_crash_is_replaced),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_second_term),
		cmocka_unit_test(test_parent_dies),
		cmocka_unit_test(test_tick),
	};

	return cmocka_run_group_tests_name("sys/worker", tests, NULL, NULL);
}
