#include "meter/import.h"

#include "import_help.h"

static void
sample(void **state)
{
	const struct price_row *row;
	struct imported r;

	(void)state;
	assert_true(import_file(
	    &r, "models.dev", TOP_SRCDIR "/tests/prices/models-dev.json"));
	assert_int_equal(r.err, ERR_OK);
	assert_int_equal(r.out.n_models, 6);
	assert_int_equal(r.out.n, 4);
	row = import_row(&r, "gemini", "gemini-2.5-pro", 0, false);
	assert_int_equal(row->part[PRICE_INPUT], 1250000);
	assert_int_equal(row->part[PRICE_CACHED], 310000);
	row = import_row(&r, "gemini", "gemini-2.5-pro", 200000, false);
	assert_int_equal(row->part[PRICE_OUTPUT], 15000000);
	assert_int_equal(row->part[PRICE_CACHED], 625000);
	row = import_row(&r, "gemini", "gemini-2.5-flash", 0, false);
	assert_int_equal(row->part[PRICE_AUDIO_IN], 1000000);
	row = import_row(&r, "xai", "grok-4", 0, false);
	assert_int_equal(row->part[PRICE_REASONING], 15000000);
	assert_int_equal(r.out.skipped[METER_IMPORT_FREE], 1);
	assert_int_equal(r.out.skipped[METER_IMPORT_NO_PRICE], 1);
	assert_int_equal(r.out.skipped[METER_IMPORT_BAD_NUMBER], 1);
	assert_int_equal(r.out.n_rounded, 0);
	import_done(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
