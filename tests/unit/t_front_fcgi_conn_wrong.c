/* What peers may not do, or we cannot: each has its answer. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "front/fcgi.h"
#include "front_bed.h"
#include "sys/stats.h"

/* Protocol constants, written out on purpose (FastCGI 1.0 section 8). */
enum {
	ABORT = 2,
	PARAMS = 4,
	STDIN = 5,
	CANT_MPX = 1,
	OVERLOADED = 2,
	UNKNOWN_ROLE = 3,
};

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_role),
		cmocka_unit_test(test_multiplexing),
		cmocka_unit_test(test_abort_record),
		cmocka_unit_test(test_protocol_errors),
		cmocka_unit_test(test_error_aborts),
		cmocka_unit_test(test_bad_params),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name(
	    "front/fcgi_conn_wrong", tests, NULL, NULL);
}
