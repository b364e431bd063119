/* Peers that leave, read slowly, or say nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/socket.h>

#include "front/fcgi.h"
#include "front_bed.h"
#include "sys/stats.h"

/* Protocol constants, written out on purpose (FastCGI 1.0 section 8). */
enum {
	STDIN = 5,
};

/* The bytes of a whole request, and where its parts end. */
static size_t
whole_request(struct buf *out)
{
	buf_init(out, 65536);
	peer_request(out, 1, false, "hello", 5);
	return out->n;
}

/* The web server leaves after k bytes, for every k: no request is left. */
static void
test_peer_leaves_anywhere(void **state)
{
	struct bed b;
	struct buf whole;
	size_t n = whole_request(&whole);

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	for (size_t k = 0; k <= n; k++) {
		struct peer p;

		peer_open(&b, &p);
		buf_add(&p.out, whole.p, k);
		bed_until(&b, &p, 1,
		    p.out_at == k && front_fcgi_connections(b.front) == 1);
		/* a few turns, so that the bytes are taken first */
		bed_turn(&b, &p, 1);
		bed_turn(&b, &p, 1);
		peer_close(&p);
		bed_until(&b, NULL, 0, front_fcgi_connections(b.front) == 0);
		assert_null(b.flow.last);
	}
	assert_true(b.flow.aborted > 10);
	assert_int_equal(b.flow.aborted, b.flow.begun);
	assert_int_equal(b.flow.finished, 0);
	assert_int_equal(
	    stats_get(b.shm, STATS_REQUESTS_ABORTED), b.flow.aborted);
	buf_fini(&whole);
	bed_close(&b);
}

/* It leaves while the answer is under way: aborted in the same turn. */
static void
test_peer_leaves_answering(void **state)
{
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	peer_open(&b, &p);
	peer_request(&p.out, 1, false, "x", 1);
	bed_until(&b, &p, 1, b.flow.body_ends == 1);
	double_write(&b.flow, STR(DOUBLE_HEAD "begin"));
	bed_until(&b, &p, 1, p.answer.out.n == sizeof(DOUBLE_HEAD "begin") - 1);
	peer_close(&p);
	bed_turn(&b, NULL, 0);
	assert_int_equal(b.flow.aborted, 1);
	bed_until(&b, NULL, 0, front_fcgi_connections(b.front) == 0);
	bed_close(&b);
}

/*
 * It leaves with an answer in its queue, unread: the write finds out. Flow is
 * told from the loop, never from within its write.
 */
static void
test_write_to_gone(void **state)
{
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	peer_open(&b, &p);
	peer_request(&p.out, 1, false, "x", 1);
	bed_until(&b, &p, 1, b.flow.body_ends == 1);
	peer_close(&p);
	double_write(&b.flow, STR(DOUBLE_HEAD));
	assert_int_equal(b.flow.aborted, 0);
	bed_until(&b, NULL, 0, b.flow.aborted == 1);
	bed_until(&b, NULL, 0, front_fcgi_connections(b.front) == 0);
	bed_close(&b);
}

static void
test_slow_reader(void **state)
{
	enum {
		TOTAL = 8 << 20,
		BOUND = 65536
	};
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_STREAM);
	b.flow.stream_bytes = TOTAL;
	b.flow.bound = BOUND;
	peer_open(&b, &p);
	p.reads = false;
	peer_request(&p.out, 1, false, "x", 1);
	bed_until(&b, &p, 1, b.flow.pauses > 0);
	for (int i = 0; i < 20; i++)
		bed_turn(&b, &p, 1);
	assert_int_equal(b.flow.finished, 0);
	p.reads = true;
	bed_until(&b, &p, 1, p.is_closed);
	assert_int_equal(p.answer.out.n, TOTAL + sizeof(DOUBLE_HEAD) - 1);
	assert_int_equal(p.answer.ends, 1);
	/* the bound, one piece more, and its record heads */
	assert_true(b.flow.max_pending <= BOUND + 4096);
	assert_true(b.flow.pauses > 1);
	peer_close(&p);
	bed_close(&b);
}

/*
 * One that always lags a little, behind a socket that takes little, never
 * empties the queue: what it has taken must not pile up there.
 */
static void
test_lagging_reader(void **state)
{
	enum {
		TOTAL = 4 << 20,
		BOUND = 65536
	};
	struct bed b;
	struct peer p;
	int little = 4096;

	(void)state;
	bed_open(&b, DOUBLE_STREAM);
	b.flow.stream_bytes = TOTAL;
	b.flow.bound = BOUND;
	peer_open(&b, &p);
	p.recv_max = 4096;
	bed_until(&b, &p, 1, b.front->all);
	assert_int_equal(setsockopt(b.front->all->fd, SOL_SOCKET, SO_SNDBUF,
			     &little, sizeof(little)),
	    0);
	peer_request(&p.out, 1, false, "x", 1);
	while (!p.is_closed) {
		bed_turn(&b, &p, 1);
		if (b.front->all)
			assert_in_range(b.front->all->out.cap, 0, 4 * BOUND);
	}
	assert_int_equal(p.answer.out.n, TOTAL + sizeof(DOUBLE_HEAD) - 1);
	assert_true(b.flow.pauses > 1);
	peer_close(&p);
	bed_close(&b);
}

/*
 * A web server that stops in the middle of a request, takes nothing of an
 * answer, or does not close after an early answer, is given up.
 */
static void
test_patience(void **state)
{
	static char large[4 << 20];
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	b.front->input_timeout = 20 * USEC_PER_MSEC;
	peer_open(&b, &p);
	peer_begin(&p.out, 1, 1, true);
	bed_until(&b, &p, 1, p.is_closed);
	peer_close(&p);
	assert_int_equal(b.flow.begun, 0);

	/* the same within the body */
	peer_open(&b, &p);
	peer_request(&p.out, 1, true, "hello", 5);
	p.out.n -= 8; /* without the end of STDIN */
	bed_until(&b, &p, 1, p.is_closed);
	peer_close(&p);
	assert_int_equal(b.flow.begun, 1);
	assert_int_equal(b.flow.aborted, 1);

	/* its request is whole: now it is we who take our time */
	peer_open(&b, &p);
	peer_request(&p.out, 1, true, "hello", 5);
	bed_until(&b, &p, 1, b.flow.body_ends == 1);
	for (usec_t end = clock_mono() + 2 * b.front->input_timeout;
	     clock_mono() < end;)
		bed_turn(&b, &p, 1);
	assert_false(p.is_closed);

	b.front->output_timeout = 20 * USEC_PER_MSEC;
	p.reads = false;
	double_write(&b.flow, str_of(large, sizeof(large)));
	bed_until(&b, &p, 1, b.flow.aborted == 2);
	peer_close(&p);
	bed_close(&b);

	bed_open(&b, DOUBLE_EARLY);
	b.front->linger = 20 * USEC_PER_MSEC;
	peer_open(&b, &p);
	peer_request(&p.out, 1, false, "hello", 5);
	p.out.n -= 8;
	bed_until(&b, &p, 1, p.answer.ends == 1);
	bed_until(&b, &p, 1, front_fcgi_connections(b.front) == 0);
	peer_close(&p);
	bed_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer_leaves_anywhere),
		cmocka_unit_test(test_peer_leaves_answering),
		cmocka_unit_test(test_write_to_gone),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_lagging_reader),
		cmocka_unit_test(test_patience),
	};

	return cmocka_run_group_tests_name(
	    "front/fcgi_conn_peer", tests, NULL, NULL);
}
