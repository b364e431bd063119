#include "meter/import.h"

#include "import_help.h"

static void
rules(void **state)
{
	const struct price_row *row;
	struct imported r = { 0 };

	(void)state;
	import_text(&r, "genai-prices",
	    "[{\"id\":\"google\",\"models\":["
	    "{\"id\":\"pro\",\"match\":{\"or\":[{\"equals\":\"pro\"},"
	    "{\"starts_with\":\"pro-\"},{\"contains\":\"/pro\"},"
	    "{\"ends_with\":\"-pro\"}]},\"prices\":{\"input_mtok\":"
	    "{\"base\":1.25,\"tiers\":[{\"start\":200000,\"price\":2.5}]},"
	    "\"cache_read_mtok\":0.31,\"cache_write_mtok\":1.5,"
	    "\"output_mtok\":10,\"input_audio_mtok\":1,"
	    "\"output_audio_mtok\":2,\"requests_kcount\":35}},"
	    "{\"id\":\"rx\",\"match\":{\"regex\":\"^r.\"},"
	    "\"prices\":{\"input_mtok\":1}},"
	    "{\"id\":\"both\",\"match\":{\"or\":[{\"equals\":\"q\"},"
	    "{\"regex\":\"x\"}]},\"prices\":{\"input_mtok\":1}},"
	    "{\"id\":\"none\",\"match\":{\"equals\":\"none\"},"
	    "\"prices\":{}}]}]");
	assert_int_equal(r.err, ERR_OK);
	assert_int_equal(r.out.n, 4 * 2 + 1 + 2);
	row = import_row(&r, "gemini", "pro", 0, false);
	assert_int_equal(row->part[PRICE_INPUT], 1250000);
	assert_int_equal(row->part[PRICE_CACHED], 310000);
	assert_int_equal(row->part[PRICE_CACHE_WRITE], 1500000);
	assert_int_equal(row->part[PRICE_AUDIO_IN], 1000000);
	assert_int_equal(row->part[PRICE_AUDIO_OUT], 2000000);
	assert_int_equal(row->part[PRICE_PER_REQUEST], 35000000);
	row = import_row(&r, "gemini", "pro-*", 200000, false);
	assert_int_equal(row->part[PRICE_INPUT], 2500000);
	assert_int_equal(row->part[PRICE_OUTPUT], PRICE_NONE);
	(void)import_row(&r, "gemini", "*/pro*", 0, false);
	(void)import_row(&r, "gemini", "*-pro", 200000, false);
	(void)import_row(&r, "gemini", "rx", 0, false);
	(void)import_row(&r, "gemini", "q", 0, false);
	(void)import_row(&r, "gemini", "both", 0, false);
	assert_int_equal(r.out.skipped[METER_IMPORT_BY_RULE], 2);
	assert_int_equal(r.out.skipped[METER_IMPORT_NO_PRICE], 1);
	import_done(&r);
}

/* Of prices by date today's; by time of day none. */
static void
dates(void **state)
{
	const struct price_row *row;
	struct imported r = { 0 };

	(void)state;
	import_text(&r, "genai-prices",
	    "[{\"id\":\"deepseek\",\"models\":[{\"id\":\"chat\","
	    "\"match\":{\"equals\":\"chat\"},\"prices\":["
	    "{\"prices\":{\"input_mtok\":1}},"
	    "{\"constraint\":{\"start_date\":\"2026-11-21\"},"
	    "\"prices\":{\"input_mtok\":2}},"
	    "{\"constraint\":{\"start_date\":\"2026-11-22\"},"
	    "\"prices\":{\"input_mtok\":3}},"
	    "{\"constraint\":{\"start_time\":\"16:30:00Z\","
	    "\"end_time\":\"00:30:00Z\"},\"prices\":{\"input_mtok\":4}}"
	    "]}]}]");
	assert_int_equal(r.err, ERR_OK);
	assert_int_equal(r.out.n, 1);
	row = import_row(&r, "deepseek", "chat", 0, false);
	assert_int_equal(row->part[PRICE_INPUT], 2000000);
	assert_int_equal(r.out.skipped[METER_IMPORT_BY_TIME], 1);
	import_done(&r);
}

/* The real table, where it is at hand. */
static void
whole_table(void **state)
{
	const char *shared = getenv("LLMGW_SHARED");
	struct imported r;
	char path[512];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/prices/genai-prices.json",
	    shared != NULL ? shared : TOP_SRCDIR "/../shared");
	if (!import_file(&r, "genai-prices", path)) {
		print_message("# %s is not there: not read\n", path);
		skip();
	}
	assert_int_equal(r.err, ERR_OK);
	assert_true(r.out.n_models > 1000);
	assert_true(r.out.n > r.out.n_models);
	print_message("# %u models, %zu rows, %u rounded\n", r.out.n_models,
	    r.out.n, r.out.n_rounded);
	for (unsigned i = 0; i < METER_IMPORT__MAX; i++) {
		if (r.out.skipped[i] != 0)
			print_message("# %5u %s (%.*s)\n", r.out.skipped[i],
			    meter_import_reasons[i], STR_ARG(r.out.example[i]));
	}
	assert_int_equal(
	    import_row(&r, "openai", "gpt-4o", 0, false)->part[PRICE_INPUT],
	    2500000);
	import_done(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),
		cmocka_unit_test(dates),
		cmocka_unit_test(whole_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
