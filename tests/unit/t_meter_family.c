#include "meter/family.h"

#include "meter_help.h"

static void
test_observe(void **state)
{
	_Atomic int64_t cells[FAMILY_CELLS_MAX] = { 0 };
	const struct family_histogram *h = &family_duration;

	(void)state;
	family_observe(h, cells, 0);
	family_observe(h, cells, 10000); /* a bound belongs to its bucket */
	family_observe(h, cells, 10001);
	family_observe(h, cells, 81920000);
	family_observe(h, cells, 81920001);
	assert_int_equal(cells[0], 2);
	assert_int_equal(cells[1], 1);
	assert_int_equal(cells[h->n_bounds - 1], 1);
	assert_int_equal(cells[h->n_bounds], 1);
	assert_int_equal(cells[h->n_bounds + 1], 20001 + 163840001);
}

static void
test_tables(void **state)
{
	static const struct family_histogram *const all[] = { &family_duration,
		&family_first_byte, &family_tokens };

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		assert_true(all[i]->n_bounds <= FAMILY_BOUNDS_MAX);
		for (uint32_t k = 1; k < all[i]->n_bounds; k++)
			assert_true(all[i]->bounds[k - 1] < all[i]->bounds[k]);
		assert_true(all[i]->bounds[all[i]->n_bounds - 1] > 0);
	}
}

#define LABELS                                                             \
	"gen_ai_provider_name=\"openai-main\",gen_ai_request_model=\"gpt-" \
	"4o\","                                                            \
	"a=\"b\""

static void
test_histogram_lines(void **state)
{
	_Atomic int64_t cells[FAMILY_CELLS_MAX] = { 0 };
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	family_observe(&family_tokens, cells, 1);
	family_observe(&family_tokens, cells, 2000000);
	family_observe(&family_tokens, cells, 1000000000);
	family_histogram_head(&family_tokens, &out);
	family_histogram(
	    &family_tokens, cells, &meter_targets[0], "a=\"b\"", &out);
	assert_line(&out, "# TYPE gen_ai_client_token_usage histogram");
	assert_line(
	    &out, "gen_ai_client_token_usage_bucket{" LABELS ",le=\"1\"} 1");
	/* bounds are written out, all digits of them */
	assert_line(&out,
	    "gen_ai_client_token_usage_bucket{" LABELS ",le=\"1048576\"} 1");
	assert_line(&out,
	    "gen_ai_client_token_usage_bucket{" LABELS ",le=\"4194304\"} 2");
	assert_line(&out,
	    "gen_ai_client_token_usage_bucket{" LABELS ",le=\"67108864\"} 2");
	assert_line(
	    &out, "gen_ai_client_token_usage_bucket{" LABELS ",le=\"+Inf\"} 3");
	assert_line(
	    &out, "gen_ai_client_token_usage_sum{" LABELS "} 1002000001");
	assert_line(&out, "gen_ai_client_token_usage_count{" LABELS "} 3");
	buf_fini(&out);
}

static void
test_seconds(void **state)
{
	_Atomic int64_t cells[FAMILY_CELLS_MAX] = { 0 };
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	family_observe(&family_first_byte, cells, 1500000);
	family_histogram(
	    &family_first_byte, cells, &meter_targets[0], "a=\"b\"", &out);
	assert_line(&out,
	    "gen_ai_server_time_to_first_token_seconds_bucket{" LABELS
	    ",le=\"0.001\"} 0");
	assert_line(&out,
	    "gen_ai_server_time_to_first_token_seconds_bucket{" LABELS
	    ",le=\"2.5\"} 1");
	assert_line(&out,
	    "gen_ai_server_time_to_first_token_seconds_sum{" LABELS "} 1.5");
	buf_fini(&out);
}

static void
test_labels_are_escaped(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	family_target_labels(&out, &meter_targets[1]);
	assert_str(buf_str(&out),
	    "gen_ai_provider_name=\"openai-main\","
	    "gen_ai_request_model=\"odd \\\"\\\\\\nname\"");
	buf_fini(&out);
}

static void
test_gauge(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	family_gauge(&out, "x", "An x.", 0.25);
	assert_str(buf_str(&out), "# HELP x An x.\n# TYPE x gauge\nx 0.25\n");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_observe),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_histogram_lines),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_labels_are_escaped),
		cmocka_unit_test(test_gauge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
