#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <uv.h>

#include "sys/loop.h"
#include "sys/pollset.h"

/* What ran, in order, as letters. */
static char trace[256];
static size_t traced;

struct step {
	struct loop *loop;
	char letter;
	struct timer timer;
	struct defer defer;
	struct step *then; /* deferred or set when this one runs */
	usec_t then_delay; /* -1: deferred */
	bool stop;
};

static void
run_step(void *arg)
{
	struct step *s = arg;

	assert_true(traced < sizeof(trace) - 1);
	trace[traced++] = s->letter;
	trace[traced] = '\0';
	if (s->then && s->then_delay < 0)
		loop_defer(s->loop, &s->then->defer, run_step, s->then);
	else if (s->then)
		assert_int_equal(timer_set(s->loop, &s->then->timer,
				     s->then_delay, run_step, s->then),
		    ERR_OK);
	if (s->stop)
		loop_stop(s->loop);
}

static int
reset(void **state)
{
	(void)state;
	traced = 0;
	trace[0] = '\0';
	clock_real();
	return 0;
}

static void
after(struct step *s, usec_t delay)
{
	assert_int_equal(
	    timer_set(s->loop, &s->timer, delay, run_step, s), ERR_OK);
}

static void
test_virtual_time(void **state)
{
	struct loop *l;
	struct step a, b, c;

	(void)state;
	clock_set(1000, 5000);
	l = loop_new_virtual();
	assert_non_null(l);
	assert_null(loop_uv(l));
	a = (struct step){ .loop = l, .letter = 'a' };
	b = (struct step){ .loop = l, .letter = 'b' };
	c = (struct step){ .loop = l, .letter = 'c' };
	assert_int_equal(loop_next_due(l), -1);
	after(&a, 20);
	after(&b, 10);
	after(&c, 30);
	assert_int_equal(loop_next_due(l), 1010);
	loop_turn(l);
	assert_string_equal(trace, "");
	clock_set(1020, 5020);
	loop_turn(l);
	assert_string_equal(trace, "ba");
	assert_false(timer_is_set(&a.timer));
	assert_true(timer_is_set(&c.timer));
	timer_stop(l, &c.timer);
	timer_stop(l, &c.timer);
	clock_set(9000, 9000);
	loop_turn(l);
	assert_string_equal(trace, "ba");
	loop_free(l);
}

/* A timer set for "now" from a timer or a deferred call runs in this turn. */
static void
test_virtual_chain(void **state)
{
	struct loop *l;
	struct step a, b, c, d;

	(void)state;
	clock_set(1000, 5000);
	l = loop_new_virtual();
	d = (struct step){ .loop = l, .letter = 'd' };
	c = (struct step){ .loop = l, .letter = 'c', .then = &d };
	b = (struct step){
		.loop = l, .letter = 'b', .then = &c, .then_delay = -1
	};
	a = (struct step){ .loop = l, .letter = 'a', .then = &b };
	after(&a, 0);
	loop_turn(l);
	assert_string_equal(trace, "abcd");
	loop_free(l);
}

static void
test_defer(void **state)
{
	struct loop *l = loop_new_virtual();
	struct step s[5];

	(void)state;
	for (int i = 0; i < 5; i++) {
		s[i] = (struct step){ .loop = l, .letter = (char)('a' + i) };
		loop_defer(l, &s[i].defer, run_step, &s[i]);
		loop_defer(l, &s[i].defer, run_step, &s[i]); /* once */
	}
	loop_defer_cancel(l, &s[0].defer);
	loop_defer_cancel(l, &s[2].defer);
	loop_defer_cancel(l, &s[4].defer);
	loop_defer_cancel(l, &s[4].defer);
	loop_defer(l, &s[0].defer, run_step, &s[0]);
	loop_turn(l);
	assert_string_equal(trace, "bda");
	assert_false(s[0].defer.queued);
	loop_defer_cancel(l, &s[0].defer);
	loop_free(l);
}

struct canceller {
	struct loop *loop;
	struct defer own, *other;
};

static void
run_cancel(void *arg)
{
	struct canceller *c = arg;

	loop_defer_cancel(c->loop, c->other);
	trace[traced++] = 'x';
	trace[traced] = '\0';
}

/* One deferred call cancels a later one of the same round, and the last. */
static void
test_defer_cancel_inside(void **state)
{
	struct loop *l = loop_new_virtual();
	struct step a = { .loop = l, .letter = 'a' };
	struct step b = { .loop = l, .letter = 'b' };
	struct canceller c = { .loop = l, .other = &a.defer };

	(void)state;
	loop_defer(l, &c.own, run_cancel, &c);
	loop_defer(l, &a.defer, run_step, &a);
	loop_turn(l);
	assert_string_equal(trace, "x");
	loop_defer(l, &b.defer, run_step, &b);
	loop_turn(l);
	assert_string_equal(trace, "xb");
	loop_free(l);
}

/* The same chain in real time: real timers, deferred calls before poll waits. */
static void
test_real(void **state)
{
	struct loop *l = loop_new();
	struct step a, b, c, d;
	usec_t begin = clock_mono();

	(void)state;
	assert_non_null(l);
	assert_non_null(loop_uv(l));
	d = (struct step){ .loop = l, .letter = 'd', .stop = true };
	c = (struct step){
		.loop = l, .letter = 'c', .then = &d, .then_delay = 15000
	};
	b = (struct step){
		.loop = l, .letter = 'b', .then = &c, .then_delay = -1
	};
	a = (struct step){ .loop = l, .letter = 'a', .then = &b };
	a.then_delay = 5000;
	loop_defer(l, &a.defer, run_step, &a);
	loop_run(l);
	assert_string_equal(trace, "abcd");
	/* never early */
	assert_true(clock_mono() - begin >= 20000);
	assert_true(loop_longest_turn(l) >= 0);
	loop_free(l);
}

/* Deferred calls that queue each other for ever do not starve the timers. */
struct forever {
	struct loop *loop;
	struct defer a, b;
	unsigned n;
};

static void run_b(void *arg);

static void
run_a(void *arg)
{
	struct forever *f = arg;

	f->n++;
	loop_defer(f->loop, &f->b, run_b, f);
}

static void
run_b(void *arg)
{
	struct forever *f = arg;

	loop_defer(f->loop, &f->a, run_a, f);
}

static void
test_defer_forever(void **state)
{
	struct loop *l = loop_new();
	struct forever f = { .loop = l };
	struct step stop = { .loop = l, .letter = 's', .stop = true };

	(void)state;
	run_a(&f);
	after(&stop, 3000);
	loop_run(l);
	assert_string_equal(trace, "s");
	assert_true(f.n > 1);
	loop_defer_cancel(l, &f.a);
	loop_defer_cancel(l, &f.b);
	loop_free(l);
}

struct work {
	struct loop *loop;
	pthread_t loop_thread;
	bool worked, was_elsewhere;
	bool was_deaf; /* no signal ends up there */
	int done;
};

static void
work_work(void *arg)
{
	struct work *w = arg;
	sigset_t blocked;

	w->worked = true;
	w->was_elsewhere = !pthread_equal(pthread_self(), w->loop_thread);
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	w->was_deaf = sigismember(&blocked, SIGTERM) == 1;
}

static void
work_done(void *arg)
{
	struct work *w = arg;

	assert_true(w->worked);
	assert_true(pthread_equal(pthread_self(), w->loop_thread));
	w->done++;
	loop_stop(w->loop);
}

static void
test_work(void **state)
{
	struct loop *l = loop_new();
	struct work w = { .loop = l, .loop_thread = pthread_self() };

	(void)state;
	assert_int_equal(loop_work(l, work_work, work_done, &w), ERR_OK);
	assert_int_equal(w.done, 0);
	loop_run(l);
	assert_int_equal(w.done, 1);
	assert_true(w.was_elsewhere);
	assert_true(w.was_deaf);
	loop_free(l);

	l = loop_new_virtual();
	w = (struct work){ .loop = l, .loop_thread = pthread_self() };
	assert_int_equal(loop_work(l, work_work, work_done, &w), ERR_OK);
	assert_false(w.worked);
	loop_turn(l);
	assert_int_equal(w.done, 1);
	loop_free(l);
}

/* Of two that are ready one goes first; both defer a call, in small letters. */
static void
on_pipe(void *arg, int fd, unsigned events)
{
	struct step *s = arg;
	char x;

	(void)events;
	assert_int_equal(read(fd, &x, 1), 1);
	run_step(s);
	pollset_forget(loop_pollset(s->loop), fd);
}

static void
turn_of_two(unsigned flags)
{
	struct step a = { .letter = 'A', .then_delay = -1 }, b = a,
		    later_a = { .letter = 'a' }, later_b = { .letter = 'b' };
	struct loop *l = loop_new();
	int pipes[2][2];

	assert_non_null(l);
	b.letter = 'B';
	a.then = &later_a;
	b.then = &later_b;
	a.loop = b.loop = later_a.loop = later_b.loop = l;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		assert_int_equal(write(pipes[i][1], "x", 1), 1);
		assert_int_equal(
		    pollset_set(loop_pollset(l), pipes[i][0],
			POLLSET_IN | (i ? 0 : flags), on_pipe, i ? &b : &a),
		    ERR_OK);
	}
	loop_poll(l);
	for (int i = 0; i < 4; i++)
		close(pipes[i / 2][i % 2]);
	loop_free(l);
}

static void
test_defer_of_the_first(void **state)
{
	(void)state;
	turn_of_two(0);
	assert_string_equal(trace, "ABab");
	reset(NULL);
	turn_of_two(POLLSET_FIRST);
	assert_string_equal(trace, "AaBb");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_virtual_time, reset),
		cmocka_unit_test_setup(test_virtual_chain, reset),
		cmocka_unit_test_setup(test_defer, reset),
		cmocka_unit_test_setup(test_defer_cancel_inside, reset),
		cmocka_unit_test_setup(test_defer_of_the_first, reset),
		cmocka_unit_test_setup(test_real, reset),
		cmocka_unit_test_setup(test_defer_forever, reset),
		cmocka_unit_test_setup(test_work, reset),
	};

	return cmocka_run_group_tests_name("sys/loop", tests, NULL, NULL);
}
