#include "meter/tally.h"

#include <stdio.h>

#include "check.h"

#define T0 (1000 * USEC_PER_SEC)

static struct meter_tally *tally;

static int
setup(void **state)
{
	(void)state;
	tally = meter_tally_new();
	return tally ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	meter_tally_free(tally);
	return 0;
}

static bool
refuse(const char *result, const char *address)
{
	return meter_tally_add(
	    tally, STR("auth.refused"), str_z(result), str_z(address), 3, T0);
}

static void
test_a_few_pass(void **state)
{
	struct meter_tally_row row;

	(void)state;
	assert_int_equal(meter_tally_due(tally), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(refuse("unknown", "192.0.2.7"), i < 3);
	assert_int_equal(meter_tally_due(tally), T0 + METER_TALLY_WINDOW);
	assert_true(meter_tally_take(tally, &row));
	assert_string_equal(row.action, "auth.refused");
	assert_string_equal(row.result, "unknown");
	assert_string_equal(row.address, "192.0.2.7");
	assert_int_equal(row.count, 7);
	assert_false(row.is_others);
	assert_false(meter_tally_take(tally, &row));
	/* a new window */
	assert_int_equal(meter_tally_due(tally), 0);
	assert_true(refuse("unknown", "192.0.2.7"));
	assert_false(meter_tally_take(tally, &row));
}

/* One sort does not hide another. */
static void
test_sorts(void **state)
{
	struct meter_tally_row row;
	uint64_t sum = 0;
	int n = 0;

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(refuse("unknown", "192.0.2.7"), i < 3);
		assert_int_equal(refuse("expired", "192.0.2.7"), i < 3);
		assert_int_equal(refuse("unknown", "192.0.2.8"), i < 3);
	}
	while (meter_tally_take(tally, &row)) {
		assert_int_equal(row.count, 2);
		sum += row.count;
		n++;
	}
	assert_int_equal(n, 3);
	assert_int_equal(sum, 6);
}

/* However many addresses: what passes and what is kept are bounded. */
static void
test_many_sorts(void **state)
{
	struct meter_tally_row row;
	uint64_t passed = 0, told = 0, others = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		char address[32];

		(void)snprintf(
		    address, sizeof(address), "10.0.%d.%d", i / 256, i % 256);
		passed += refuse("unknown", address);
	}
	assert_int_equal(passed, 3 * METER_TALLY_ALL);
	while (meter_tally_take(tally, &row)) {
		told += row.count;
		others += row.is_others ? row.count : 0;
	}
	/* nothing is lost of the count */
	assert_int_equal(passed + told, 5000);
	assert_int_equal(others, 5000 - METER_TALLY_ROWS);
}

static void
test_long_texts(void **state)
{
	struct meter_tally_row row;
	char many[300];

	(void)state;
	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	for (int i = 0; i < 4; i++)
		(void)refuse(many, many);
	assert_true(meter_tally_take(tally, &row));
	assert_int_equal(strlen(row.result), sizeof(row.result) - 1);
	assert_int_equal(strlen(row.address), sizeof(row.address) - 1);
}

#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_few_pass),
		T(test_sorts),
		T(test_many_sorts),
		T(test_long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
