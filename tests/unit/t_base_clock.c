#include "base/clock.h"

#include "check.h"

static void
clocks_run(void **state)
{
	usec_t a = clock_mono(), b;

	(void)state;
	b = clock_mono();
	assert_true(b >= a && a > 0);
	/* after 2020 and before 2200 */
	assert_true(clock_wall() > 1577836800 * USEC_PER_SEC);
	assert_true(clock_wall() < 7258118400 * USEC_PER_SEC);
}

static void
time_can_be_owned(void **state)
{
	(void)state;
	clock_set(5, 7);
	assert_int_equal(clock_mono(), 5);
	assert_int_equal(clock_wall(), 7);
	assert_int_equal(clock_mono(), 5);
	clock_set(6, -7);
	assert_int_equal(clock_mono(), 6);
	assert_int_equal(clock_wall(), -7);
	clock_real();
	assert_true(clock_wall() > 1577836800 * USEC_PER_SEC);
}

static void
iso_text(void **state)
{
	static const struct {
		usec_t wall;
		const char *text;
	} row[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },
		{ -1, "1969-12-31T23:59:59.999999Z" },
		{ 1795257865123456, "2026-11-21T10:44:25.123456Z" },
		{ 951782400000000, "2000-02-29T00:00:00.000000Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999999Z" },
		{ INT64_MIN, "0000-01-01T00:00:00.000000Z" },
	};
	char out[CLOCK_ISO_SIZE];

	(void)state;
	for (unsigned i = 0; i < COUNT(row); i++) {
		clock_iso(row[i].wall, out);
		assert_string_equal(out, row[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_run),
		cmocka_unit_test(time_can_be_owned),
		cmocka_unit_test(iso_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
