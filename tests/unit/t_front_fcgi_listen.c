#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "front_bed.h"
#include "sys/stats.h"

enum {
	MANY = 200
};

/* More at once than one wake-up accepts: all are served. */
static void
test_burst(void **state)
{
	struct bed b;
	struct peer *p = calloc(MANY, sizeof(*p));

	(void)state;
	assert_non_null(p);
	bed_open(&b, DOUBLE_ECHO);
	for (int i = 0; i < MANY; i++) {
		peer_open(&b, &p[i]);
		peer_request(&p[i].out, 1, false, "x", 1);
	}
	bed_until(&b, p, MANY, b.flow.finished == MANY);
	for (int i = 0; i < MANY; i++) {
		bed_until(&b, p, MANY, p[i].is_closed);
		assert_int_equal(p[i].answer.ends, 1);
		peer_close(&p[i]);
	}
	free(p);
	bed_close(&b);
}

/*
 * No descriptors left: a connection is taken and closed rather than left
 * waiting for ever, and all is well when there are some again.
 */
static void
test_no_descriptors(void **state)
{
	struct bed b;
	struct peer p[2];
	struct rlimit old, low;
	int next;

	(void)state;
	bed_open(&b, DOUBLE_ECHO);
	peer_open(&b, &p[0]);
	peer_request(&p[0].out, 1, false, "x", 1);
	next = dup(0);
	assert_true(next >= 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	bed_until(&b, p, 1, p[0].is_closed);
	assert_int_equal(p[0].answer.ends, 0);
	assert_true(stats_get(b.shm, STATS_CONNECTIONS_REFUSED) > 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	peer_close(&p[0]);

	peer_open(&b, &p[1]);
	peer_request(&p[1].out, 1, false, "x", 1);
	bed_until(&b, &p[1], 1, p[1].is_closed);
	assert_int_equal(p[1].answer.ends, 1);
	peer_close(&p[1]);
	bed_close(&b);
}

/*
 * Stopping: what has been sent is answered, be it unread or even not accepted;
 * idle connections are closed; nothing new is accepted.
 */
static void
test_stop(void **state)
{
	struct bed b;
	struct peer p[5];

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	/* 0: idle and kept; 1: its request is with flow */
	peer_open(&b, &p[0]);
	peer_request(&p[0].out, 1, true, "x", 1);
	bed_until(&b, p, 1, b.flow.body_ends == 1);
	double_finish(&b.flow);
	bed_until(&b, p, 1, p[0].answer.ends == 1);
	peer_open(&b, &p[1]);
	peer_request(&p[1].out, 1, true, "x", 1);
	bed_until(&b, p, 2, b.flow.body_ends == 2);
	/* 2: connected, has sent nothing; 3: sent, nobody has looked */
	peer_open(&b, &p[2]);
	bed_until(&b, p, 3, front_fcgi_connections(b.front) == 3);
	peer_open(&b, &p[3]);
	peer_request(&p[3].out, 1, true, "y", 1);
	assert_int_equal(send(p[3].fd, p[3].out.p, p[3].out.n, 0), p[3].out.n);
	p[3].out_at = p[3].out.n;

	b.flow.mode = DOUBLE_ECHO;
	front_fcgi_stop_accepting(b.front);
	front_fcgi_stop_accepting(b.front);
	/* 4: too late */
	peer_open(&b, &p[4]);
	peer_request(&p[4].out, 1, true, "z", 1);
	bed_until(&b, p, 5, p[0].is_closed && p[2].is_closed && p[3].is_closed);
	assert_int_equal(p[2].answer.ends, 0);
	assert_int_equal(p[3].answer.ends, 1);
	assert_false(p[1].is_closed);
	assert_int_equal(front_fcgi_connections(b.front), 1);
	assert_int_equal(b.flow.aborted, 0);
	/* the one under way ends, and its connection with it */
	b.flow.mode = DOUBLE_HOLD;
	assert_int_equal(b.flow.begun, 3);
	b.flow.aborted = 0;
	front_fcgi_free(b.front);
	b.front = NULL;
	assert_int_equal(b.flow.aborted, 1);
	assert_false(p[4].is_closed);
	for (int i = 0; i < 5; i++)
		peer_close(&p[i]);
	bed_close(&b);
}

/* A request that is under way when accepting stops gets its answer. */
static void
test_stop_then_answer(void **state)
{
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	peer_open(&b, &p);
	peer_request(&p.out, 1, true, "x", 1);
	bed_until(&b, &p, 1, b.flow.body_ends == 1);
	front_fcgi_stop_accepting(b.front);
	double_write(&b.flow, STR("late but whole"));
	double_finish(&b.flow);
	bed_until(&b, &p, 1, p.is_closed);
	assert_true(str_eq(buf_str(&p.answer.out), STR("late but whole")));
	assert_int_equal(p.answer.ends, 1);
	bed_until(&b, NULL, 0, front_fcgi_connections(b.front) == 0);
	peer_close(&p);
	bed_close(&b);
}

/* Who waits in the queue when the door is freed is not let in any more. */
static void
test_free_lets_nobody_in(void **state)
{
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	peer_open(&b, &p);
	peer_request(&p.out, 1, false, "x", 1);
	assert_int_equal(send(p.fd, p.out.p, p.out.n, 0), p.out.n);
	front_fcgi_free(b.front);
	b.front = NULL;
	assert_int_equal(b.flow.begun, 0);
	assert_int_equal(stats_get(b.shm, STATS_CONNECTIONS), 0);
	peer_close(&p);
	bed_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_then_answer),
		cmocka_unit_test(test_free_lets_nobody_in),
	};

	return cmocka_run_group_tests_name(
	    "front/fcgi_listen", tests, NULL, NULL);
}
