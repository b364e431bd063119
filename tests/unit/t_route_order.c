#include "route/order.h"

#include "route_help.h"

static const char *
ordered(usec_t now)
{
	make_plan(now, now + 600 * SEC);
	return order();
}

static void
test_priority(void **state)
{
	(void)state;
	assert_string_equal(ordered(T0), "abc");
	targets[0].priority = 9;
	targets[2].priority = 0;
	assert_string_equal(ordered(T0), "cba");
	targets[1].priority = 9; /* as in the file */
	assert_string_equal(ordered(T0), "cab");
}

static void
test_one_and_none(void **state)
{
	(void)state;
	model.n_targets = 1;
	for (int s = CONF_WEIGHTED; s <= CONF_FIRST; s++) {
		model.strategy = (enum conf_strategy)s;
		assert_string_equal(ordered(T0), "a");
	}
	model.n_targets = 0;
	for (int s = CONF_WEIGHTED; s <= CONF_FIRST; s++) {
		model.strategy = (enum conf_strategy)s;
		assert_string_equal(ordered(T0), "");
	}
}

static void
test_health_goes_before_priority(void **state)
{
	(void)state;
	model.n_targets = 4;
	for (uint32_t i = 0; i < 4; i++)
		targets[i].priority = i;
	break_target('a', T0);
	assert_string_equal(ordered(T0), "bcda");
	breaker_cool(slot_of('b'), T0 + 10 * SEC);
	assert_string_equal(ordered(T0), "cdba");
	break_target('c', T0);
	assert_string_equal(ordered(T0), "dbac");
	assert_string_equal(ordered(T0 + 5 * SEC), "acdb");
	assert_string_equal(ordered(T0 + 10 * SEC), "abcd");
}

static void
test_round_robin(void **state)
{
	static const char *const want[] = { "abcd", "bcda", "cdab", "dabc",
		"abcd" };

	(void)state;
	model.strategy = CONF_ROUND_ROBIN;
	model.n_targets = 4;
	for (size_t i = 0; i < COUNT(want); i++)
		assert_string_equal(ordered(T0), want[i]);
}

/* Each group turns by itself; the number goes on over all workers. */
static void
test_round_robin_within_priorities(void **state)
{
	(void)state;
	model.strategy = CONF_ROUND_ROBIN;
	model.n_targets = 5;
	targets[3].priority = targets[4].priority = 2;
	assert_string_equal(ordered(T0), "abcde");
	assert_string_equal(ordered(T0), "bcaed");
	assert_string_equal(ordered(T0), "cabde");
	assert_string_equal(ordered(T0), "abced");
}

static void
test_weight_zero_is_last(void **state)
{
	(void)state;
	targets[0].weight = 0;
	for (int s = CONF_WEIGHTED; s <= CONF_FIRST; s++) {
		model.strategy = (enum conf_strategy)s;
		for (int i = 0; i < 20; i++)
			assert_int_equal(ordered(T0)[2], 'a');
	}
	/* before what has a lower priority */
	targets[2].priority = 2;
	assert_string_equal(ordered(T0), "bac");
	/* the others are out: it is the first */
	break_target('b', T0);
	break_target('c', T0);
	assert_int_equal(ordered(T0)[0], 'a');
	/* all have none: as in the file */
	targets[1].weight = targets[2].weight = 0;
	targets[2].priority = 1;
	model.strategy = CONF_WEIGHTED;
	assert_string_equal(ordered(T0 + 5 * SEC), "abc");
}

#define DRAWS 30000

/* Shares of the first place, and of the second once the first is out. */
static void
test_weights(void **state)
{
	int first[3] = { 0 }, second_after_a[3] = { 0 };

	(void)state;
	model.strategy = CONF_WEIGHTED;
	targets[0].weight = 3;
	targets[1].weight = 2;
	targets[2].weight = 1;
	for (int i = 0; i < DRAWS; i++) {
		const char *o = ordered(T0);

		if (i % 1000 == 0) {
			arena_free(arena);
			arena = arena_new(1 << 20);
			o = ordered(T0);
		}
		first[o[0] - 'a']++;
		if (o[0] == 'a')
			second_after_a[o[1] - 'a']++;
	}
	/* within two of a hundred; the generator is fixed */
	assert_in_range(first[0], DRAWS * 48 / 100, DRAWS * 52 / 100);
	assert_in_range(first[1], DRAWS * 31 / 100, DRAWS * 35 / 100);
	assert_in_range(first[2], DRAWS * 15 / 100, DRAWS * 18 / 100);
	assert_int_equal(second_after_a[0], 0);
	assert_in_range(
	    second_after_a[1], first[0] * 64 / 100, first[0] * 69 / 100);
}

/* Weights that together pass 32 bits. */
static void
test_large_weights(void **state)
{
	int first[3] = { 0 };

	(void)state;
	model.strategy = CONF_WEIGHTED;
	for (int i = 0; i < 3; i++)
		targets[i].weight = UINT32_MAX;
	for (int i = 0; i < 3000; i++)
		first[ordered(T0)[0] - 'a']++;
	for (int i = 0; i < 3; i++)
		assert_in_range(first[i], 900, 1100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTE_TEST(test_priority),
		ROUTE_TEST(test_one_and_none),
		ROUTE_TEST(test_health_goes_before_priority),
		ROUTE_TEST(test_round_robin),
		ROUTE_TEST(test_round_robin_within_priorities),
		ROUTE_TEST(test_weight_zero_is_last),
		ROUTE_TEST(test_weights),
		ROUTE_TEST(test_large_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
