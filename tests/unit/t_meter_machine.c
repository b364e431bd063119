#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "meter/machine.h"
#include "sys/stats.h"

/* All rows are there, each once and with its value. */
static void
test_page(void **state)
{
	struct shm *s = NULL;
	struct buf b;
	struct str page;

	(void)state;
	assert_int_equal(shm_open_file(NULL, 16, &s), ERR_OK);
	assert_int_equal(shm_worker_take(s), ERR_OK);
	stats_add(s, STATS_REQUESTS, 12);
	stats_gauge_add(s, STATS_G_CONNECTIONS, 3);
	stats_observe(s, STATS_H_REQUEST, 200);
	stats_observe(s, STATS_H_REQUEST, 300);
	stats_observe(s, STATS_H_REQUEST, INT64_C(2000000000));
	clock_set(1, 1000 * USEC_PER_SEC);
	stats_set(s, STATS_V_SPOOL_BYTES, 4096);
	stats_set(s, STATS_V_SPOOL_OLDEST, 900 * USEC_PER_SEC);
	buf_init(&b, 65536);
	machine_print(s, &b);
	page = buf_str(&b);
	assert_true(
	    str_contains(page, STR("# TYPE llmgw_fcgi_requests_total counter\n"
				   "llmgw_fcgi_requests_total 12\n")));
	assert_true(
	    str_contains(page, STR("# TYPE llmgw_fcgi_connections gauge\n"
				   "llmgw_fcgi_connections 3\n")));
	assert_true(str_contains(
	    page, STR("llmgw_fcgi_request_seconds_bucket{le=\"0.00025\"} 1\n"
		      "llmgw_fcgi_request_seconds_bucket{le=\"0.0005\"} 2\n")));
	assert_true(str_contains(
	    page, STR("llmgw_fcgi_request_seconds_bucket{le=\"600\"} 2\n"
		      "llmgw_fcgi_request_seconds_bucket{le=\"+Inf\"} 3\n"
		      "llmgw_fcgi_request_seconds_sum 2000.000500\n"
		      "llmgw_fcgi_request_seconds_count 3\n")));
	assert_true(
	    str_contains(page, STR("llmgw_shared_slots_refused_total 0\n")));
	for (int i = 0; i < STATS_COUNTER__MAX; i++)
		assert_true(str_contains(page, str_z(stats_counters[i].help)));
	assert_true(str_contains(page, STR("llmgw_ledger_spool_bytes 4096\n")));
	assert_true(str_contains(
	    page, STR("llmgw_ledger_oldest_undrained_seconds 100\n")));
	/* of a program that was never there there is no age */
	assert_false(str_contains(page, STR("llmgw_jobd_last_seen")));
	stats_set(s, STATS_V_JOBD_SEEN, clock_wall() - 3 * USEC_PER_SEC);
	buf_reset(&b);
	machine_print(s, &b);
	assert_true(
	    str_contains(buf_str(&b), STR("llmgw_jobd_last_seen_seconds 3\n")));
	clock_real();
	assert_false(b.failed);
	buf_fini(&b);
	shm_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page),
	};

	return cmocka_run_group_tests_name("meter/machine", tests, NULL, NULL);
}
