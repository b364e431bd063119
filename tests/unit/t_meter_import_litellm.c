#include "meter/import.h"

#include "import_help.h"

static void
sample(void **state)
{
	const struct price_row *row;
	struct imported r;

	(void)state;
	assert_true(import_file(
	    &r, "litellm", TOP_SRCDIR "/tests/prices/litellm.json"));
	assert_int_equal(r.err, ERR_OK);
	assert_int_equal(r.out.n_models, 14);
	assert_int_equal(r.out.n, 8);

	row = import_row(&r, "openai", "gpt-4o-mini", 0, false);
	assert_int_equal(row->part[PRICE_INPUT], 150000);
	assert_int_equal(row->part[PRICE_OUTPUT], 600000);
	assert_int_equal(row->part[PRICE_CACHED], 75000);
	assert_int_equal(row->part[PRICE_CACHE_WRITE], PRICE_NONE);
	row = import_row(&r, "openai", "gpt-4o-mini", 0, true);
	assert_int_equal(row->part[PRICE_OUTPUT], 300000);

	row = import_row(&r, "anthropic", "claude-sonnet-4-5", 0, false);
	assert_int_equal(row->part[PRICE_CACHE_WRITE], 3750000);
	assert_int_equal(row->part[PRICE_CACHE_WRITE_1H], 6000000);
	row = import_row(&r, "anthropic", "claude-sonnet-4-5", 200000, false);
	assert_int_equal(row->part[PRICE_INPUT], 6000000);
	assert_int_equal(row->part[PRICE_OUTPUT], 22500000);
	assert_int_equal(row->part[PRICE_CACHED], 600000);
	assert_int_equal(row->part[PRICE_CACHE_WRITE], 7500000);
	assert_int_equal(row->part[PRICE_CACHE_WRITE_1H], 12000000);

	row = import_row(&r, "groq", "llama-3.1-8b-instant", 0, false);
	assert_int_equal(row->part[PRICE_INPUT], 50000);
	/* a double's noise is rounded away, and counted */
	row = import_row(&r, "together", "noise", 0, false);
	assert_int_equal(row->part[PRICE_INPUT], 100000);
	assert_int_equal(r.out.n_rounded, 1);
	row = import_row(&r, "gemini", "audio", 0, false);
	assert_int_equal(row->part[PRICE_AUDIO_IN], 1000000);
	assert_int_equal(row->part[PRICE_IMAGE_OUT], 30000000);
	assert_int_equal(row->part[PRICE_REASONING], 2600000);
	assert_int_equal(row->part[PRICE_PER_REQUEST], 5000000);
	/* two providers there are one here: the file's first */
	row = import_row(&r, "cohere", "command-r", 0, false);
	assert_int_equal(row->part[PRICE_INPUT], 150000);
	import_done(&r);
}

static void
skipped(void **state)
{
	struct imported r;

	(void)state;
	assert_true(import_file(
	    &r, "litellm", TOP_SRCDIR "/tests/prices/litellm.json"));
	assert_int_equal(r.out.skipped[METER_IMPORT_NOT_A_MODEL], 2);
	assert_int_equal(r.out.skipped[METER_IMPORT_AGAIN], 1);
	assert_int_equal(r.out.skipped[METER_IMPORT_FREE], 1);
	assert_str(r.out.example[METER_IMPORT_FREE], "gemini/gemini/free");
	assert_int_equal(r.out.skipped[METER_IMPORT_NO_PRICE], 1);
	assert_int_equal(r.out.skipped[METER_IMPORT_BELOW_ZERO], 1);
	assert_int_equal(r.out.skipped[METER_IMPORT_BAD_NUMBER], 1);
	assert_int_equal(r.out.skipped[METER_IMPORT_BAD_NAME], 1);
	import_done(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample),
		cmocka_unit_test(skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
