#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/rand.h"
#include "front/fcgi.h"
#include "front_bed.h"
#include "sys/stats.h"

/* Protocol constants, written out on purpose (FastCGI 1.0 section 8). */
enum {
	ABORT = 2,
	END = 3,
	PARAMS = 4,
	STDIN = 5,
	GET_VALUES = 9,
	GET_VALUES_RESULT = 10,
	UNKNOWN_TYPE = 11,
	COMPLETE = 0,
	CANT_MPX = 1,
	OVERLOADED = 2,
	UNKNOWN_ROLE = 3,
};

static void
check_answer(const struct peer *p, const char *body, size_t n)
{
	struct str out = buf_str(&p->answer.out);

	assert_int_equal(p->answer.ends, 1);
	assert_int_equal(p->answer.out_ends, 1);
	assert_int_equal(p->answer.protocol_status, COMPLETE);
	assert_int_equal(p->answer.app_status, 0);
	assert_true(str_starts(out, STR(DOUBLE_HEAD)));
	out = str_skip(out, sizeof(DOUBLE_HEAD) - 1);
	assert_int_equal(out.n, n);
	assert_true(str_eq(out, str_of(body, n)));
}

/* Cut anywhere, the same variables and body arrive. */
static void
test_echo_cut_anywhere(void **state)
{
	static const size_t cuts[] = { 0, 1, 2, 3, 7, 13, 100 };
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_ECHO);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		peer_open(&b, &p);
		peer_request(&p.out, 1, false, "hello world", 11);
		p.send_max = cuts[i];
		bed_until(&b, &p, 1, p.is_closed);
		check_answer(&p, "hello world", 11);
		assert_false(p.is_reset);
		assert_int_equal(p.answer.end_id, 1);
		assert_true(str_eq(buf_str(&b.flow.vars),
		    STR("REQUEST_METHOD=POST\n"
			"REQUEST_URI=/v1/chat/completions\nEMPTY=\n")));
		peer_close(&p);
	}
	assert_int_equal(b.flow.body_ends, sizeof(cuts) / sizeof(cuts[0]));
	assert_int_equal(b.flow.aborted, 0);
	bed_until(&b, NULL, 0, front_fcgi_connections(b.front) == 0);
	bed_close(&b);
}

static void
test_large_body(void **state)
{
	enum {
		N = 3 << 20
	};
	struct bed b;
	struct peer p;
	char *body = malloc(N);

	(void)state;
	assert_non_null(body);
	rand_init_fixed(3);
	for (size_t i = 0; i < N; i++)
		body[i] = (char)rand_u64();
	bed_open(&b, DOUBLE_ECHO);
	peer_open(&b, &p);
	peer_request(&p.out, 1, false, body, N);
	bed_until(&b, &p, 1, p.is_closed);
	check_answer(&p, body, N);
	peer_close(&p);
	bed_close(&b);
	free(body);
}

static void
test_keep_conn(void **state)
{
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_ECHO);
	peer_open(&b, &p);
	for (unsigned i = 1; i <= 5; i++) {
		peer_request(&p.out, (uint16_t)i, i < 5, "x", 1);
		bed_until(&b, &p, 1, p.answer.ends == i);
		assert_int_equal(p.answer.end_id, i);
		assert_int_equal(p.answer.out_ends, i);
	}
	/* the last one did not ask to keep it */
	bed_until(&b, &p, 1, p.is_closed);
	assert_int_equal(b.flow.finished, 5);
	assert_int_equal(stats_get(b.shm, STATS_CONNECTIONS), 1);
	assert_int_equal(stats_get(b.shm, STATS_REQUESTS), 5);
	assert_int_equal(stats_gauge_sum(b.shm, STATS_G_REQUESTS), 0);
	assert_int_equal(stats_gauge_sum(b.shm, STATS_G_CONNECTIONS), 0);
	peer_close(&p);
	bed_close(&b);
}

/* Two requests in one packet on a kept connection are answered in turn. */
static void
test_pipelined(void **state)
{
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_ECHO);
	peer_open(&b, &p);
	peer_request(&p.out, 1, true, "one", 3);
	peer_request(&p.out, 1, true, "two", 3);
	bed_until(&b, &p, 1, p.answer.ends == 2);
	assert_true(str_eq(
	    buf_str(&p.answer.out), STR(DOUBLE_HEAD "one" DOUBLE_HEAD "two")));
	peer_close(&p);
	bed_close(&b);
}

/*
 * What follows the last request of a connection in the same packet is not
 * answered, and harms nothing.
 */
static void
test_after_the_last(void **state)
{
	static const enum double_mode modes[] = { DOUBLE_ECHO, DOUBLE_EARLY };
	struct bed b;
	struct peer p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		bed_open(&b, modes[i]);
		peer_open(&b, &p);
		peer_request(&p.out, 1, false, "one", 3);
		peer_request(&p.out, 2, false, "two", 3);
		peer_record(&p.out, GET_VALUES, 0, "", 0, 0);
		peer_record(&p.out, 77, 0, "", 0, 0);
		bed_until(&b, &p, 1, p.is_closed);
		assert_int_equal(p.answer.ends, 1);
		assert_int_equal(p.answer.end_id, 1);
		assert_int_equal(b.flow.begun, 1);
		peer_close(&p);
		bed_until(&b, NULL, 0, front_fcgi_connections(b.front) == 0);
		bed_close(&b);
	}
}

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

/* All that is written in one turn goes as it is, in order. */
static void
test_many_writes(void **state)
{
	struct bed b;
	struct peer p;
	struct buf want;

	(void)state;
	buf_init(&want, 65536);
	bed_open(&b, DOUBLE_HOLD);
	peer_open(&b, &p);
	peer_request(&p.out, 1, false, "x", 1);
	bed_until(&b, &p, 1, b.flow.body_ends == 1);
	for (int i = 0; i < 1000; i++) {
		char piece[16];
		int n = snprintf(piece, sizeof(piece), "<%d>", i);

		buf_add(&want, piece, (size_t)n);
		double_write(&b.flow, str_of(piece, (size_t)n));
		if (i % 100 == 0)
			bed_turn(&b, &p, 1);
	}
	double_finish(&b.flow);
	bed_until(&b, &p, 1, p.is_closed);
	assert_true(str_eq(buf_str(&p.answer.out), buf_str(&want)));
	buf_fini(&want);
	peer_close(&p);
	bed_close(&b);
}

/*
 * The answer comes before the body has: it reaches a web server that goes on
 * sending, which is not reset in between.
 */
static void
test_early_answer(void **state)
{
	enum {
		N = 1 << 20
	};
	static char body[N];
	static const enum double_mode modes[] = { DOUBLE_EARLY, DOUBLE_FULL };
	struct bed b;
	struct peer p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		bed_open(&b, modes[i]);
		peer_open(&b, &p);
		peer_request(&p.out, 1, false, body, N);
		p.send_max = 10000;
		bed_until(&b, &p, 1, p.answer.ends == 1);
		check_answer(&p, i == 0 ? "early" : "full", i == 0 ? 5 : 4);
		bed_until(&b, &p, 1, p.out_at == p.out.n);
		assert_false(p.is_reset);
		peer_close(&p);
		bed_until(&b, NULL, 0, front_fcgi_connections(b.front) == 0);
		assert_int_equal(b.flow.aborted, 0);
		bed_close(&b);
	}
}

/* The same on a kept connection: the rest is skipped, the next is served. */
static void
test_early_answer_kept(void **state)
{
	static char body[200000];
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_EARLY);
	peer_open(&b, &p);
	peer_request(&p.out, 1, true, body, sizeof(body));
	peer_request(&p.out, 2, true, body, sizeof(body));
	bed_until(&b, &p, 1, p.answer.ends == 2 && p.out_at == p.out.n);
	assert_int_equal(p.answer.end_id, 2);
	assert_false(p.is_closed);
	peer_close(&p);
	bed_close(&b);
}

static void
test_get_values(void **state)
{
	struct bed b;
	struct peer p;
	struct buf ask;

	(void)state;
	bed_open(&b, DOUBLE_ECHO);
	peer_open(&b, &p);
	buf_init(&ask, 4096);
	peer_param(&ask, "FCGI_MPXS_CONNS", "");
	peer_param(&ask, "FCGI_MAX_CONNS", "");
	peer_record(&p.out, GET_VALUES, 0, ask.p, ask.n, 0);
	buf_fini(&ask);
	bed_until(&b, &p, 1, p.answer.other_type == GET_VALUES_RESULT);
	assert_true(
	    str_contains(buf_str(&p.answer.other), STR("FCGI_MPXS_CONNS0")));
	assert_true(
	    str_contains(buf_str(&p.answer.other), STR("FCGI_MAX_CONNS")));
	/* a management record that nobody knows */
	peer_record(&p.out, 77, 0, "??", 2, 0);
	bed_until(&b, &p, 1, p.answer.other_type == UNKNOWN_TYPE);
	assert_int_equal(p.answer.other.p[0], 77);
	/* and then a request as usual */
	peer_request(&p.out, 1, false, "x", 1);
	bed_until(&b, &p, 1, p.is_closed);
	check_answer(&p, "x", 1);
	peer_close(&p);
	bed_close(&b);
}

static void
test_unknown_role(void **state)
{
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_ECHO);
	peer_open(&b, &p);
	peer_begin(&p.out, 9, 3, true); /* a filter */
	bed_until(&b, &p, 1, p.answer.ends == 1);
	assert_int_equal(p.answer.protocol_status, UNKNOWN_ROLE);
	assert_int_equal(p.answer.end_id, 9);
	assert_int_equal(b.flow.begun, 0);
	peer_close(&p);
	bed_close(&b);
}

/* A second request on a busy connection is refused; the first goes on. */
static void
test_multiplexing(void **state)
{
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	peer_open(&b, &p);
	peer_request(&p.out, 1, false, "x", 1);
	peer_request(&p.out, 2, false, "y", 1);
	bed_until(&b, &p, 1, p.answer.ends == 1);
	assert_int_equal(p.answer.end_id, 2);
	assert_int_equal(p.answer.protocol_status, CANT_MPX);
	assert_int_equal(b.flow.begun, 1);
	assert_true(str_eq(buf_str(&b.flow.body), STR("x")));
	double_write(&b.flow, STR("done"));
	double_finish(&b.flow);
	bed_until(&b, &p, 1, p.is_closed);
	assert_int_equal(p.answer.ends, 2);
	assert_int_equal(p.answer.end_id, 1);
	peer_close(&p);
	bed_close(&b);
}

/* ABORT_REQUEST, which neither Apache nor lighttpd sends, at each stage. */
static void
test_abort_record(void **state)
{
	struct bed b;
	struct peer p;
	struct buf params;

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	buf_init(&params, 4096);
	peer_param(&params, "A", "b");
	for (int stage = 0; stage < 3; stage++) {
		peer_open(&b, &p);
		peer_begin(&p.out, 1, 1, true);
		peer_record(&p.out, PARAMS, 1, params.p, params.n, 0);
		if (stage > 0)
			peer_record(&p.out, PARAMS, 1, "", 0, 0);
		if (stage > 1)
			peer_record(&p.out, STDIN, 1, "", 0, 0);
		peer_record(&p.out, ABORT, 1, "", 0, 0);
		bed_until(&b, &p, 1, p.answer.ends == 1);
		assert_int_equal(b.flow.aborted, stage > 0);
		assert_int_equal(b.flow.begun, stage > 0);
		/* the connection is good for another */
		peer_request(&p.out, 2, false, "x", 1);
		bed_until(&b, &p, 1,
		    b.flow.last && b.flow.body_ends == 1 + (stage > 1));
		double_finish(&b.flow);
		bed_until(&b, &p, 1, p.is_closed);
		assert_int_equal(p.answer.ends, 2);
		peer_close(&p);
		b.flow.begun = b.flow.aborted = b.flow.body_ends = 0;
	}
	buf_fini(&params);
	bed_close(&b);
}

/* Bytes that are no FastCGI: the connection is closed and counted. */
static void
test_protocol_errors(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 18 },
		{ "\2\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0", 16 }, /* version */
		{ "\1\1\0\0\0\10\0\0\0\1\0\0\0\0\0\0", 16 }, /* id 0 */
		{ "\1\1\0\1\0\4\0\0\0\1\0\0", 12 }, /* short BEGIN */
		{ "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"
		  "\1\5\0\1\0\1\0\0x",
		    25 }, /* STDIN before the variables */
	};
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		peer_open(&b, &p);
		buf_add(&p.out, rows[i].bytes, rows[i].n);
		bed_until(&b, &p, 1, p.is_closed);
		assert_int_equal(
		    stats_get(b.shm, STATS_CONNECTION_ERRORS), i + 1);
		peer_close(&p);
	}
	assert_int_equal(b.flow.begun, 0);
	bed_close(&b);
}

/* An error of the protocol in the middle of a request aborts it. */
static void
test_error_aborts(void **state)
{
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	peer_open(&b, &p);
	peer_request(&p.out, 1, true, "x", 1);
	bed_until(&b, &p, 1, b.flow.body_ends == 1);
	buf_addz(&p.out, "nonsense");
	bed_until(&b, &p, 1, p.is_closed);
	assert_int_equal(b.flow.aborted, 1);
	peer_close(&p);
	bed_close(&b);
}

/* Variables that must not reach flow get an answer of the door's own. */
static void
test_bad_params(void **state)
{
	struct bed b;
	struct peer p;
	struct buf params;

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	buf_init(&params, 1 << 20);
	peer_param(&params, "HTTP_X_KEY", "1");
	peer_param(&params, "HTTP_X_KEY", "2");
	peer_open(&b, &p);
	peer_begin(&p.out, 1, 1, false);
	peer_record(&p.out, PARAMS, 1, params.p, params.n, 0);
	peer_record(&p.out, PARAMS, 1, "", 0, 0);
	peer_record(&p.out, STDIN, 1, "", 0, 0);
	bed_until(&b, &p, 1, p.answer.ends == 1);
	assert_true(str_starts(
	    buf_str(&p.answer.out), STR("Status: 400 Bad Request\r\n")));
	peer_close(&p);

	buf_reset(&params);
	for (int i = 0; i < 300; i++) {
		char name[24];

		snprintf(name, sizeof(name), "HTTP_%d", i);
		peer_param(&params, name, "x");
	}
	peer_open(&b, &p);
	peer_begin(&p.out, 1, 1, false);
	peer_record(&p.out, PARAMS, 1, params.p, params.n, 0);
	peer_record(&p.out, PARAMS, 1, "", 0, 0);
	peer_record(&p.out, STDIN, 1, "", 0, 0);
	bed_until(&b, &p, 1, p.answer.ends == 1);
	assert_true(str_starts(buf_str(&p.answer.out), STR("Status: 431 ")));
	peer_close(&p);
	buf_fini(&params);
	assert_int_equal(b.flow.begun, 0);
	assert_int_equal(stats_get(b.shm, STATS_REQUESTS_BAD), 2);
	bed_close(&b);
}

static void
test_no_memory(void **state)
{
	struct bed b;
	struct peer p;

	(void)state;
	bed_open(&b, DOUBLE_NOMEM);
	peer_open(&b, &p);
	peer_request(&p.out, 1, false, "x", 1);
	bed_until(&b, &p, 1, p.answer.ends == 1);
	assert_int_equal(p.answer.protocol_status, OVERLOADED);
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

/* The door goes away with requests in all states. */
static void
test_free_under_way(void **state)
{
	struct bed b;
	struct peer p[3];

	(void)state;
	bed_open(&b, DOUBLE_HOLD);
	for (int i = 0; i < 3; i++)
		peer_open(&b, &p[i]);
	peer_begin(&p[1].out, 1, 1, true);
	peer_request(&p[2].out, 1, true, "x", 1);
	bed_until(&b, p, 3,
	    b.flow.body_ends == 1 && front_fcgi_connections(b.front) == 3);
	bed_close(&b);
	for (int i = 0; i < 3; i++)
		peer_close(&p[i]);
	assert_int_equal(b.flow.aborted, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo_cut_anywhere),
		cmocka_unit_test(test_large_body),
		cmocka_unit_test(test_keep_conn),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_after_the_last),
		cmocka_unit_test(test_peer_leaves_anywhere),
		cmocka_unit_test(test_peer_leaves_answering),
		cmocka_unit_test(test_write_to_gone),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_lagging_reader),
		cmocka_unit_test(test_many_writes),
		cmocka_unit_test(test_early_answer),
		cmocka_unit_test(test_early_answer_kept),
		cmocka_unit_test(test_get_values),
		cmocka_unit_test(test_unknown_role),
		cmocka_unit_test(test_multiplexing),
		cmocka_unit_test(test_abort_record),
		cmocka_unit_test(test_protocol_errors),
		cmocka_unit_test(test_error_aborts),
		cmocka_unit_test(test_bad_params),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_free_under_way),
	};

	return cmocka_run_group_tests_name(
	    "front/fcgi_conn", tests, NULL, NULL);
}
