#include "meter/import.h"

#include "import_help.h"

static void
not_ours(void **state)
{
	struct imported r = { 0 };

	(void)state;
	import_text(&r, "csv", "{}");
	assert_int_equal(r.err, ERR_NOT_FOUND);
	import_done(&r);
	for (size_t i = 0; meter_import_formats[i] != NULL; i++) {
		import_text(&r, meter_import_formats[i], "{\"a\":");
		assert_int_equal(r.err, ERR_SYNTAX);
		assert_non_null(r.out.why);
		assert_int_equal(r.out.pos, 5);
		import_done(&r);
		import_text(&r, meter_import_formats[i], "7");
		assert_int_equal(r.err, ERR_SYNTAX);
		assert_non_null(r.out.why);
		import_done(&r);
	}
	import_text(&r, "models.dev", "{\"a\":{}}");
	assert_int_equal(r.err, ERR_SYNTAX);
	import_done(&r);
	import_text(&r, "genai-prices", "[{\"models\":[]}]");
	assert_int_equal(r.err, ERR_SYNTAX);
	import_done(&r);
}

/* What cannot be taken has its reason, all of them in words. */
static void
reasons(void **state)
{
	(void)state;
	for (unsigned i = 0; i < METER_IMPORT__MAX; i++)
		assert_non_null(meter_import_reasons[i]);
}

/* Of one place the file's first counts; the same again is no matter. */
static void
first_counts(void **state)
{
	struct imported r = { 0 };

	(void)state;
	import_text(&r, "litellm",
	    "{\"x/a\":{\"litellm_provider\":\"x\","
	    "\"input_cost_per_token\":1e-6},"
	    "\"a\":{\"litellm_provider\":\"x\","
	    "\"input_cost_per_token\":2e-6},"
	    "\"x/b\":{\"litellm_provider\":\"x\","
	    "\"input_cost_per_token\":2e-6},"
	    "\"b\":{\"litellm_provider\":\"x\","
	    "\"input_cost_per_token\":2e-6}}");
	assert_int_equal(r.err, ERR_OK);
	assert_int_equal(r.out.n, 2);
	assert_int_equal(r.out.rows[0].part[PRICE_INPUT], 1000000);
	assert_int_equal(r.out.skipped[METER_IMPORT_AGAIN], 1);
	assert_str(r.out.example[METER_IMPORT_AGAIN], "x/a");
	import_done(&r);
}

static void
free_on_demand(void **state)
{
	struct imported r = { .with_free = true };

	(void)state;
	import_text(&r, "models.dev",
	    "{\"x\":{\"models\":{\"a\":{\"cost\":{\"input\":0}}}}}");
	assert_int_equal(r.out.n, 1);
	assert_int_equal(r.out.rows[0].part[PRICE_INPUT], 0);
	assert_int_equal(r.out.rows[0].part[PRICE_OUTPUT], PRICE_NONE);
	import_done(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_ours),
		cmocka_unit_test(reasons),
		cmocka_unit_test(first_counts),
		cmocka_unit_test(free_on_demand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
