/* What a connection answers: whole requests, however they come in. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/rand.h"
#include "front/fcgi.h"
#include "front_bed.h"
#include "sys/stats.h"

/* Protocol constants, written out on purpose (FastCGI 1.0 section 8). */
enum {
	GET_VALUES = 9,
	GET_VALUES_RESULT = 10,
	UNKNOWN_TYPE = 11,
	COMPLETE = 0,
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
		cmocka_unit_test(test_many_writes),
		cmocka_unit_test(test_early_answer),
		cmocka_unit_test(test_early_answer_kept),
		cmocka_unit_test(test_get_values),
		cmocka_unit_test(test_free_under_way),
	};

	return cmocka_run_group_tests_name(
	    "front/fcgi_conn", tests, NULL, NULL);
}
