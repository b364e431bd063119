#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "sys/hours.h"

enum {
	MON,
	TUE,
	WED,
	THU,
	FRI,
	SAT,
	SUN
};

static bool
within(const char *text, int weekday, int hour, int minute)
{
	struct hours h;

	assert_int_equal(hours_parse(str_z(text), &h), ERR_OK);
	return hours_contain(&h, weekday, hour * 60 + minute);
}

static void
test_working_week(void **state)
{
	const char *text = "mon-fri 08:00-18:00, Sat 10:00-14:00";

	(void)state;
	assert_true(within(text, MON, 8, 0));
	assert_false(within(text, MON, 7, 59));
	assert_true(within(text, FRI, 17, 59));
	assert_false(within(text, FRI, 18, 0));
	assert_true(within(text, SAT, 13, 59));
	assert_false(within(text, SAT, 8, 0));
	assert_false(within(text, SUN, 12, 0));
}

static void
test_every_day(void **state)
{
	(void)state;
	assert_true(within("00:00-24:00", SUN, 23, 59));
	assert_true(within("00:00-24:00", MON, 0, 0));
	assert_true(within("06:30-07:00", WED, 6, 30));
	assert_false(within("06:30-07:00", WED, 7, 0));
}

static void
test_over_night(void **state)
{
	const char *text = "fri 22:00-06:00";

	(void)state;
	assert_true(within(text, FRI, 23, 0));
	assert_true(within(text, SAT, 5, 59));
	assert_false(within(text, SAT, 6, 0));
	assert_false(within(text, SAT, 22, 30));
	assert_false(within(text, FRI, 5, 0));
	/* Sunday's night ends on Monday; a day long is a whole turn. */
	assert_true(within("sun 23:00-01:00", MON, 0, 30));
	assert_true(within("tue 12:00-12:00", WED, 11, 59));
	assert_false(within("tue 12:00-12:00", WED, 12, 0));
}

static void
test_days_over_sunday(void **state)
{
	(void)state;
	assert_true(within("sat-mon 09:00-10:00", SUN, 9, 0));
	assert_true(within("sat-mon 09:00-10:00", MON, 9, 0));
	assert_false(within("sat-mon 09:00-10:00", TUE, 9, 0));
}

static void
test_wrong(void **state)
{
	static const char *const wrong[] = { "", " ", "mon", "mon 8-18",
		"8:00-18:00", "08:00", "08:00-18:60", "24:00-01:00",
		"08:00-24:01", "mon-fry 08:00-18:00", "mon-tue-wed 08:00-18:00",
		"mon 08:00-18:00,", ",", "mon 08:00 -18:00", "-08:00-18:00",
		"mon 08:00-18:00 x", "mon 08:00-18:00-19:00",
		"mon -1:00-02:00" };
	struct hours h = { .n = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (hours_parse(str_z(wrong[i]), &h) != ERR_SYNTAX)
			fail_msg("\"%s\" was taken", wrong[i]);
	assert_int_equal(h.n, 7);
}

static void
test_too_many(void **state)
{
	struct buf text;
	struct hours h;

	(void)state;
	buf_init(&text, 1024);
	buf_addz(&text, "mon 01:00-02:00");
	for (unsigned i = 1; i < HOURS_SPANS_MAX; i++)
		buf_addz(&text, ",mon 01:00-02:00");
	assert_int_equal(hours_parse(buf_str(&text), &h), ERR_OK);
	assert_int_equal(h.n, HOURS_SPANS_MAX);
	buf_addz(&text, ",mon 01:00-02:00");
	assert_int_equal(hours_parse(buf_str(&text), &h), ERR_LIMIT);
	buf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_working_week),
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_over_night),
		cmocka_unit_test(test_days_over_sunday),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
