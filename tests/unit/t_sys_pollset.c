#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/pollset.h"

enum {
	PAIRS = 4
};

struct end {
	struct pollset *set;
	int fd, other; /* ours, theirs */
	unsigned calls, events;
	int forgets; /* a descriptor to forget when called; -1: none */
	bool drains;
};

static struct loop *loop;
static struct pollset *set;
static struct end ends[PAIRS];

static void
on_ready(void *arg, int fd, unsigned events)
{
	struct end *e = arg;
	char c;

	assert_int_equal(fd, e->fd);
	e->calls++;
	e->events = events;
	if (e->drains)
		(void)!read(fd, &c, 1);
	if (e->forgets >= 0)
		pollset_forget(e->set, e->forgets);
}

static void
want(struct end *e, unsigned wanted)
{
	assert_int_equal(pollset_set(set, e->fd, wanted, on_ready, e), ERR_OK);
}

/* All that is ready now has been reported when it returns. */
static void
turn(void)
{
	for (int i = 0; i < 3; i++)
		loop_poll(loop);
}

static void
clear(void)
{
	for (int i = 0; i < PAIRS; i++)
		ends[i].calls = ends[i].events = 0;
}

static int
setup(void **state)
{
	(void)state;
	loop = loop_new();
	if (!loop)
		return -1;
	set = loop_pollset(loop);
	for (int i = 0; i < PAIRS; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
			return -1;
		ends[i] = (struct end){
			.set = set,
			.fd = pair[0],
			.other = pair[1],
			.forgets = -1,
		};
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (int i = 0; i < PAIRS; i++) {
		pollset_forget(set, ends[i].fd);
		close(ends[i].fd);
		if (ends[i].other >= 0)
			close(ends[i].other);
	}
	loop_free(loop);
	return 0;
}

/* Reported while it is true, and no longer. */
static void
test_level(void **state)
{
	struct end *e = &ends[0];

	(void)state;
	want(e, POLLSET_IN);
	turn();
	assert_int_equal(e->calls, 0);
	assert_int_equal(write(e->other, "ab", 2), 2);
	e->drains = true;
	turn();
	turn();
	assert_int_equal(e->calls, 2);
	assert_int_equal(e->events, POLLSET_IN);
	e->drains = false;
}

static void
test_wanted_changes(void **state)
{
	struct end *e = &ends[0];

	(void)state;
	want(e, POLLSET_IN);
	turn();
	want(e, POLLSET_IN | POLLSET_OUT);
	turn();
	assert_true(e->calls > 0);
	assert_int_equal(e->events, POLLSET_OUT);
	want(e, POLLSET_IN);
	clear();
	turn();
	assert_int_equal(e->calls, 0);
	/* nothing is wanted: nothing is said, but it is not lost */
	want(e, 0);
	assert_int_equal(write(e->other, "a", 1), 1);
	turn();
	assert_int_equal(e->calls, 0);
	want(e, POLLSET_IN);
	turn();
	assert_true(e->calls > 0);
	assert_int_equal(e->events, POLLSET_IN);
}

static void
test_hang_up(void **state)
{
	struct end *e = &ends[0];

	(void)state;
	want(e, POLLSET_IN);
	close(e->other);
	e->other = -1;
	turn();
	assert_true(e->calls > 0);
	assert_true(e->events & POLLSET_IN);
	assert_true(e->events & POLLSET_ERR);
}

/* Events of a number's former life are not given to its next one. */
static void
test_number_used_again(void **state)
{
	struct end *e = &ends[0];
	int pair[2];

	(void)state;
	want(e, POLLSET_IN);
	assert_int_equal(write(e->other, "a", 1), 1);
	pollset_forget(set, e->fd);
	close(e->fd);
	close(e->other);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_true(pair[0] == e->fd || pair[1] == e->fd);
	e->other = pair[0] == e->fd ? pair[1] : pair[0];
	turn();
	assert_int_equal(e->calls, 0);
	want(e, POLLSET_IN);
	turn();
	assert_int_equal(e->calls, 0);
	assert_int_equal(write(e->other, "b", 1), 1);
	turn();
	assert_true(e->calls > 0);
}

/* One callback forgets the others of its batch: exactly one is called. */
static void
test_forget_in_batch(void **state)
{
	unsigned called = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		ends[i].forgets = ends[1 - i].fd;
		want(&ends[i], POLLSET_IN);
		assert_int_equal(write(ends[i].other, "x", 1), 1);
	}
	turn();
	for (int i = 0; i < 2; i++)
		called += ends[i].calls > 0;
	assert_int_equal(called, 1);
}

static void
test_drop(void **state)
{
	struct end *e = &ends[0];

	(void)state;
	want(e, POLLSET_IN);
	turn();
	pollset_drop(set, e->fd);
	assert_int_equal(write(e->other, "x", 1), 1);
	turn();
	assert_int_equal(e->calls, 0);
	want(e, POLLSET_IN);
	turn();
	assert_true(e->calls > 0);
}

/* What epoll cannot watch is refused. */
static void
test_refused(void **state)
{
	int file = open("/proc/self/exe", O_RDONLY);

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(
	    pollset_set(set, file, POLLSET_IN, on_ready, &ends[0]), ERR_IO);
	pollset_forget(set, file);
	close(file);
	pollset_forget(set, 100000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_level, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_wanted_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hang_up, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_number_used_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_forget_in_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("sys/pollset", tests, NULL, NULL);
}
