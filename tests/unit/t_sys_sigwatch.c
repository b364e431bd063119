#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <unistd.h>

#include "sys/sigwatch.h"

struct seen {
	struct loop *loop;
	int hup, usr1;
};

static void
on_signal(void *arg, int signum)
{
	struct seen *s = arg;

	s->hup += signum == SIGHUP;
	s->usr1 += signum == SIGUSR1;
	loop_stop(s->loop);
}

static void
test_signals(void **state)
{
	static const int signums[] = { SIGHUP, SIGUSR1 };
	struct loop *l = loop_new();
	struct seen s = { .loop = l };
	struct sigwatch *w = sigwatch_new(l, signums, 2, on_signal, &s);

	(void)state;
	assert_non_null(w);
	kill(getpid(), SIGHUP);
	loop_run(l);
	assert_int_equal(s.hup, 1);
	kill(getpid(), SIGUSR1);
	loop_run(l);
	assert_int_equal(s.usr1, 1);
	assert_int_equal(s.hup, 1);
	sigwatch_free(w);
	loop_free(l);
}

/* Afterwards the system's reaction is back, as it was before. */
static void
test_default_is_back(void **state)
{
	static const int signums[] = { SIGHUP };
	struct loop *l = loop_new();
	struct seen s = { .loop = l };
	struct sigwatch *w = sigwatch_new(l, signums, 1, on_signal, &s);
	struct sigaction now;

	(void)state;
	assert_non_null(w);
	assert_int_equal(sigaction(SIGHUP, NULL, &now), 0);
	assert_true(now.sa_handler != SIG_DFL);
	sigwatch_free(w);
	assert_int_equal(sigaction(SIGHUP, NULL, &now), 0);
	assert_true(now.sa_handler == SIG_DFL);
	sigwatch_free(NULL);
	loop_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_default_is_back),
	};

	return cmocka_run_group_tests_name("sys/sigwatch", tests, NULL, NULL);
}
