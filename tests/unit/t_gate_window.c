#include "gate/limit_int.h"

#include "check.h"

#define MINUTE (60 * USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define WALL ((usec_t)1700000000 * USEC_PER_SEC)

static const struct conf_limit by_minute = { .per = MINUTE };
static const struct conf_limit by_hour = { .per = HOUR };
static const struct conf_limit by_month = { .sort = CONF_LIMIT_MONEY,
	.period = 1 + ZONE_MONTH };

static bool
take(_Atomic int64_t *cell, const struct conf_limit *l, int64_t window,
    int64_t add, int64_t max)
{
	struct gate_take t = { window, add, max, 0 };

	return gate_cell_take(cell, gate_tag_bits(l), &t);
}

static void
test_up_to_the_limit(void **state)
{
	const struct conf_limit *const limits[] = { &by_minute, &by_hour,
		&by_month };

	(void)state;
	for (size_t i = 0; i < COUNT(limits); i++) {
		_Atomic int64_t cell = 0;

		assert_true(take(&cell, limits[i], 77, 6, 10));
		assert_false(take(&cell, limits[i], 77, 5, 10));
		assert_true(take(&cell, limits[i], 77, 4, 10));
		assert_false(take(&cell, limits[i], 77, 0, 10));
		assert_int_equal(
		    gate_cell_get(&cell, gate_tag_bits(limits[i]), 77), 10);
		assert_int_equal(
		    gate_cell_get(&cell, gate_tag_bits(limits[i]), 78), 0);
		assert_true(take(&cell, limits[i], 78, 1, 10));
		/* late by a moment: counts into the one that has begun */
		assert_true(take(&cell, limits[i], 77, 1, 10));
		assert_int_equal(
		    gate_cell_get(&cell, gate_tag_bits(limits[i]), 78), 2);
	}
}

/* A counter that was never used belongs to any window, the last too. */
static void
test_first_window(void **state)
{
	(void)state;
	for (int64_t w = 2045; w < 2050; w++) {
		_Atomic int64_t cell = 0;
		struct gate_take t = { w, 1, 10, 0 };

		assert_true(
		    gate_cell_take(&cell, gate_tag_bits(&by_month), &t));
		assert_int_equal(t.window, w);
		assert_int_equal(
		    gate_cell_get(&cell, gate_tag_bits(&by_month), w), 1);
		assert_int_equal(
		    gate_cell_get(&cell, gate_tag_bits(&by_month), w + 1), 0);
	}
}

static void
test_add(void **state)
{
	_Atomic int64_t cell = 0;

	(void)state;
	assert_true(take(&cell, &by_hour, 5, 10, INT64_MAX));
	gate_cell_add(&cell, gate_tag_bits(&by_hour), 5, -4);
	assert_int_equal(gate_cell_get(&cell, gate_tag_bits(&by_hour), 5), 6);
	gate_cell_add(&cell, gate_tag_bits(&by_hour), 5, -40);
	assert_int_equal(gate_cell_get(&cell, gate_tag_bits(&by_hour), 5), 0);
	gate_cell_add(&cell, gate_tag_bits(&by_hour), 6, 3); /* not yet */
	gate_cell_add(&cell, gate_tag_bits(&by_hour), 4, 3); /* not any more */
	assert_int_equal(gate_cell_get(&cell, gate_tag_bits(&by_hour), 5), 0);
	gate_cell_add(&cell, gate_tag_bits(&by_hour), 5, INT64_MAX);
	assert_int_equal(gate_cell_get(&cell, gate_tag_bits(&by_hour), 5),
	    (INT64_C(1) << 51) - 1);
	gate_cell_add(&cell, gate_tag_bits(&by_hour), 5, INT64_MAX);
	assert_false(take(&cell, &by_hour, 5, 1, INT64_C(1000000000000000)));
	assert_true(take(&cell, &by_hour, 6, 1, 10));
}

/* What belongs to one very window: never taken from, or put into, the next. */
static void
test_of_the_very_window(void **state)
{
	const unsigned bits = gate_tag_bits(&by_minute);
	_Atomic int64_t cell = 0;

	(void)state;
	assert_int_equal(gate_cell_draw(&cell, bits, 5, 3), 0);
	assert_false(gate_cell_use(&cell, bits, 5, 0));
	assert_true(gate_cell_put(&cell, bits, 5, 10));
	assert_false(gate_cell_use(&cell, bits, 5, 11));
	assert_true(gate_cell_use(&cell, bits, 5, 4));
	assert_false(gate_cell_use(&cell, bits, 4, 1));
	assert_false(gate_cell_use(&cell, bits, 6, 1));
	assert_int_equal(gate_cell_draw(&cell, bits, 4, 9), 0);
	assert_int_equal(gate_cell_in(&cell, bits, 5), 6);
	assert_int_equal(gate_cell_in(&cell, bits, 4), 0);
	/* the next one has begun: none of it is there, nor comes to it */
	assert_true(gate_cell_put(&cell, bits, 6, 2));
	assert_false(gate_cell_put(&cell, bits, 5, 1));
	gate_cell_set(&cell, bits, 5, 77);
	assert_int_equal(gate_cell_in(&cell, bits, 6), 2);
	assert_int_equal(gate_cell_draw(&cell, bits, 6, 9), 2);
	assert_int_equal(gate_cell_draw(&cell, bits, 6, 9), 0);
	gate_cell_set(&cell, bits, 7, 77);
	assert_int_equal(gate_cell_in(&cell, bits, 7), 77);
	/* a clock that was set back is followed */
	gate_cell_set(&cell, bits, 2, 3);
	assert_int_equal(gate_cell_in(&cell, bits, 2), 3);
	gate_cell_set(&cell, bits, 2, INT64_MAX);
	assert_true(gate_cell_put(&cell, bits, 2, INT64_MAX));
	assert_int_equal(gate_cell_in(&cell, bits, 2), (INT64_C(1) << 40) - 1);
}

/* Windows and periods are numbered one after the other, without a gap. */
static void
test_numbers(void **state)
{
	struct conf_limit l = { .sort = CONF_LIMIT_REQUESTS };
	const struct zone *z = NULL;
	struct gate_limit g = { 0 };

	(void)state;
	assert_int_equal(zone_find(STR("America/St_Johns"), &z), ERR_OK);
	for (unsigned p = 0; p <= ZONE_PERIOD__MAX; p++) {
		struct gate_window w;
		usec_t wall = 0;
		int64_t number;

		l.period = p;
		l.per = p ? 0 : 7 * 24 * HOUR;
		w = gate_window_of(&g, &l, z, wall);
		for (int i = 0; i < 600; i++) {
			number = w.number;
			assert_true(wall >= w.start && wall < w.end);
			assert_int_equal(
			    gate_window_of(&g, &l, z, w.end - 1).number,
			    number);
			wall = w.end;
			w = gate_window_of(&g, &l, z, wall);
			assert_int_equal(w.number, number + 1);
			assert_int_equal(w.start, wall);
		}
	}
}

/* Up, never down; a window that is over ends by it, one that has begun stays. */
static void
test_raise(void **state)
{
	const unsigned bits = gate_tag_bits(&by_month);
	_Atomic int64_t cell = 0;

	(void)state;
	assert_int_equal(gate_cell_raise(&cell, bits, 5, 10), 0);
	assert_int_equal(gate_cell_raise(&cell, bits, 5, 4), 10);
	assert_int_equal(gate_cell_raise(&cell, bits, 5, -1), 10);
	assert_int_equal(gate_cell_get(&cell, bits, 5), 10);
	assert_int_equal(gate_cell_raise(&cell, bits, 6, 3), 0);
	assert_int_equal(gate_cell_get(&cell, bits, 6), 3);
	assert_int_equal(gate_cell_raise(&cell, bits, 5, 99), INT64_MAX);
	assert_int_equal(gate_cell_get(&cell, bits, 6), 3);
	assert_int_equal(gate_cell_raise(&cell, bits, 6, INT64_MAX), 3);
	assert_int_equal(gate_cell_get(&cell, bits, 6), (INT64_C(1) << 53) - 1);
}

static void
test_zones_apart(void **state)
{
	const struct zone *a = NULL, *b = NULL;
	struct gate_limit g = { 0 };

	(void)state;
	assert_int_equal(zone_find(STR("Pacific/Auckland"), &a), ERR_OK);
	assert_int_equal(zone_find(STR("America/Los_Angeles"), &b), ERR_OK);
	for (int i = 0; i < 3; i++) {
		struct gate_window na = gate_window_of(&g, &by_month, a, WALL);
		struct gate_window nb = gate_window_of(&g, &by_month, b, WALL);
		struct gate_window nu =
		    gate_window_of(&g, &by_month, NULL, WALL);

		assert_true(na.end < nu.end && nu.end < nb.end);
		assert_int_equal(na.number, nb.number);
	}
}

static void
test_concurrent_has_none(void **state)
{
	const struct conf_limit l = { .sort = CONF_LIMIT_CONCURRENT };
	struct gate_limit g = { 0 };
	struct gate_window w = gate_window_of(&g, &l, NULL, WALL);

	(void)state;
	assert_int_equal(w.end, 0);
	assert_int_equal(w.number, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up_to_the_limit),
		cmocka_unit_test(test_first_window),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_of_the_very_window),
		cmocka_unit_test(test_raise),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_zones_apart),
		cmocka_unit_test(test_concurrent_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
