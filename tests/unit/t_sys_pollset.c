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

/*
 * Many are ready, and while the first of them is served something comes for
 * another: how many are served before it?
 */
enum {
	CROWD = 60
};

static struct crowd {
	int fd[CROWD], other[CROWD];
	int late_fd, late_other;
	int served; /* of the crowd */
	int served_before_late; /* -1: not yet */
} crowd;

static void
on_crowd(void *arg, int fd, unsigned events)
{
	struct crowd *c = arg;
	char x;

	(void)events;
	assert_int_equal(read(fd, &x, 1), 1);
	if (c->served++ == 0)
		assert_int_equal(write(c->late_other, "x", 1), 1);
}

static void
on_late(void *arg, int fd, unsigned events)
{
	struct crowd *c = arg;
	char x;

	assert_true(events & POLLSET_IN);
	/* the batch may tell of it once more than there is */
	if (read(fd, &x, 1) == 1)
		c->served_before_late = c->served;
}

static void
pair_of(int *ours, int *theirs)
{
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	*ours = pair[0];
	*theirs = pair[1];
}

static int
served_before_late(unsigned flags)
{
	struct crowd *c = &crowd;
	int rounds = 0;

	*c = (struct crowd){ .served_before_late = -1 };
	pair_of(&c->late_fd, &c->late_other);
	assert_int_equal(
	    pollset_set(set, c->late_fd, POLLSET_IN | flags, on_late, c),
	    ERR_OK);
	for (int i = 0; i < CROWD; i++) {
		pair_of(&c->fd[i], &c->other[i]);
		assert_int_equal(write(c->other[i], "x", 1), 1);
		assert_int_equal(
		    pollset_set(set, c->fd[i], POLLSET_IN, on_crowd, c),
		    ERR_OK);
	}
	while (c->served < CROWD || c->served_before_late < 0) {
		assert_true(rounds++ < CROWD);
		pollset_wait(set, 1000);
	}
	for (int i = 0; i < CROWD; i++) {
		pollset_forget(set, c->fd[i]);
		close(c->fd[i]);
		close(c->other[i]);
	}
	return c->served_before_late;
}

static void
late_close(void)
{
	pollset_forget(set, crowd.late_fd);
	close(crowd.late_fd);
	close(crowd.late_other);
}

static void
test_first(void **state)
{
	(void)state;
	assert_int_equal(served_before_late(0), CROWD);
	late_close();
	assert_true(served_before_late(POLLSET_FIRST) < CROWD / 2);
	/* no longer: neither by word nor by a number's next life */
	pollset_not_first(set, crowd.late_fd);
	pollset_not_first(set, crowd.late_fd);
	late_close();
	assert_int_equal(served_before_late(0), CROWD);
	late_close();
}

static int between_calls, served_at_between;

static void
on_between(void *arg)
{
	struct crowd *c = arg;

	if (between_calls++ == 0)
		served_at_between = c->served;
}

/* What one that goes first has begun goes on before the others are served. */
static void
test_between(void **state)
{
	(void)state;
	pollset_between(set, on_between, &crowd);
	between_calls = 0;
	(void)served_before_late(0);
	assert_int_equal(between_calls, 0);
	late_close();
	(void)served_before_late(POLLSET_FIRST);
	assert_true(between_calls > 0);
	assert_int_equal(served_at_between, crowd.served_before_late);
	/* alone it keeps nobody waiting */
	between_calls = 0;
	assert_int_equal(write(crowd.late_other, "x", 1), 1);
	pollset_wait(set, 1000);
	assert_int_equal(between_calls, 0);
	late_close();
}

/* Beyond the most that may be first, the others wait like all. */
static void
test_too_many_first(void **state)
{
	int fd[POLLSET_FIRST_MAX], other[POLLSET_FIRST_MAX];

	(void)state;
	for (int i = 0; i < POLLSET_FIRST_MAX; i++) {
		pair_of(&fd[i], &other[i]);
		assert_int_equal(
		    pollset_set(set, fd[i], POLLSET_IN | POLLSET_FIRST, on_late,
			&crowd),
		    ERR_OK);
	}
	assert_int_equal(served_before_late(POLLSET_FIRST), CROWD);
	late_close();
	/* one leaves, whichever it is: there is room again */
	pollset_not_first(set, fd[POLLSET_FIRST_MAX / 2]);
	assert_true(served_before_late(POLLSET_FIRST) < CROWD / 2);
	late_close();
	for (int i = 0; i < POLLSET_FIRST_MAX; i++) {
		pollset_forget(set, fd[i]);
		close(fd[i]);
		close(other[i]);
	}
}

/* Who wants to know is told in steps, before its turn; who does not is not. */
enum {
	TOLD = 24,
	FORGETFUL = 3 /* this one forgets the one after it when its turn is */
};

static struct told {
	int fd, other;
	unsigned steps; /* how many came so far */
	unsigned turns;
	bool wants;
	struct told *forgets;
} told[TOLD];

static void
on_told(void *arg, int fd, unsigned events)
{
	struct told *t = arg;
	char c;

	assert_int_equal(fd, t->fd);
	if (events & POLLSET_SOON) {
		assert_true(t->wants);
		assert_int_equal(t->turns, 0);
		assert_int_equal(events, POLLSET_SOON | POLLSET_STEP(t->steps));
		assert_int_equal(POLLSET_STEP_OF(events), t->steps);
		t->steps++;
		return;
	}
	t->turns++;
	assert_int_equal(read(fd, &c, 1), 1);
	if (t->forgets)
		pollset_forget(set, t->forgets->fd);
}

static void
test_soon(void **state)
{
	unsigned turns = 0;

	(void)state;
	for (int i = 0; i < TOLD; i++) {
		struct told *t = &told[i];

		*t = (struct told){ .wants = i % 3 != 2 };
		pair_of(&t->fd, &t->other);
		assert_int_equal(
		    pollset_set(set, t->fd,
			POLLSET_IN | (t->wants ? POLLSET_SOON : 0), on_told, t),
		    ERR_OK);
		assert_int_equal(write(t->other, "x", 1), 1);
	}
	told[FORGETFUL].forgets = &told[FORGETFUL + 1];
	pollset_wait(set, 0);
	for (int i = 0; i < TOLD; i++) {
		struct told *t = &told[i];

		turns += t->turns;
		if (t->turns)
			assert_int_equal(
			    t->steps, t->wants ? POLLSET_STEPS : 0);
		pollset_forget(set, t->fd);
		close(t->fd);
		close(t->other);
	}
	assert_int_equal(turns, TOLD - 1);
	/* nobody is ready: nobody is told */
	pollset_wait(set, 0);
}

/* No longer wanted, it is not told either. */
static void
test_soon_no_more(void **state)
{
	struct told *t = &told[0];

	(void)state;
	*t = (struct told){ 0 };
	pair_of(&t->fd, &t->other);
	assert_int_equal(
	    pollset_set(set, t->fd, POLLSET_IN | POLLSET_SOON, on_told, t),
	    ERR_OK);
	assert_int_equal(
	    pollset_set(set, t->fd, POLLSET_IN, on_told, t), ERR_OK);
	assert_int_equal(write(t->other, "x", 1), 1);
	pollset_wait(set, 0);
	assert_int_equal(t->turns, 1);
	pollset_forget(set, t->fd);
	close(t->fd);
	close(t->other);
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
		cmocka_unit_test_setup_teardown(test_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_between, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_too_many_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_soon, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_soon_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("sys/pollset", tests, NULL, NULL);
}
