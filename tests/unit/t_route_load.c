/* What the use of limits does to order, pauses and reasons. */
#include "route/plan.h"

#include "route_help.h"

static struct route_used used[TARGETS_MAX];

static void
ask(void *arg, const struct conf_target *t, usec_t now, struct route_used *out)
{
	assert_ptr_equal(arg, used);
	assert_int_equal(now, T0);
	*out = used[t->index];
}

static const struct route_load load = { ask, used };

static int
setup(void **state)
{
	int failed = route_setup(state);

	memset(used, 0, sizeof(used));
	conf.headroom = 0.8;
	conf.slow_max = 2 * SEC;
	return failed;
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, route_teardown)

static void
use(char letter, double share)
{
	used[letter - 'a'] =
	    (struct route_used){ .share = share, .slow = share };
}

/* Makes a plan; the letter of its first target. */
static char
first(void)
{
	arena_free(arena);
	arena = arena_new(1 << 16);
	assert_non_null(arena);
	assert_int_equal(route_plan_make(&plan, arena, &conf, &model, shm,
			     &load, T0, T0 + 60 * SEC),
	    ERR_OK);
	assert_int_equal(route_plan_first(&plan, T0), ROUTE_TRY);
	return route_plan_target(&plan)->model.p[0];
}

/* Of 4000 plans those that begin with it. */
static int
count_first(char letter)
{
	int n = 0;

	for (int i = 0; i < 4000; i++)
		n += first() == letter;
	return n;
}

static void
test_weighted(void **state)
{
	(void)state;
	model.strategy = CONF_WEIGHTED;
	model.n_targets = 2;
	use('a', 0.8);
	assert_in_range(count_first('a'), 1850, 2150);
	/* half of its share is left: a third of all */
	use('a', 0.9);
	assert_in_range(count_first('a'), 1200, 1466);
	use('a', 1);
	assert_int_equal(count_first('a'), 0);
	/* all alike: the weights alone */
	targets[0].weight = 3;
	use('a', 0.9);
	use('b', 0.9);
	assert_in_range(count_first('a'), 2850, 3150);
	use('a', 1);
	use('b', 1);
	assert_in_range(count_first('a'), 2850, 3150);
}

static void
test_first_and_turn(void **state)
{
	(void)state;
	for (int s = CONF_ROUND_ROBIN; s <= CONF_FIRST; s++) {
		model.strategy = (enum conf_strategy)s;
		use('a', 0.8);
		assert_in_range(count_first('a'), s == CONF_FIRST ? 4000 : 1333,
		    s == CONF_FIRST ? 4000 : 1334);
		use('a', 0.9);
		assert_in_range(count_first('a'), s == CONF_FIRST ? 1850 : 600,
		    s == CONF_FIRST ? 2150 : 733);
		use('a', 1);
		assert_int_equal(count_first('a'), 0);
		assert_int_equal(plan.candidates[2].target->model.p[0], 'a');
	}
}

/* A limit never moves load to another priority. */
static void
test_priority_stays(void **state)
{
	(void)state;
	targets[1].priority = targets[2].priority = 2;
	use('a', 1);
	assert_int_equal(count_first('a'), 4000);
	targets[1].priority = 1;
	targets[1].weight = 0;
	assert_int_equal(count_first('a'), 4000);
}

static void
test_slow(void **state)
{
	(void)state;
	model.n_targets = 1;
	use('a', 0.8);
	(void)first();
	assert_int_equal(route_plan_slow(&plan, T0), 0);
	use('a', 1);
	(void)first();
	for (int i = 0; i < 100; i++)
		assert_in_range(route_plan_slow(&plan, T0), SEC, 2 * SEC);
	use('a', 0.9);
	(void)first();
	for (int i = 0; i < 100; i++)
		assert_in_range(route_plan_slow(&plan, T0), SEC / 2, SEC);
	used[0].reset = SEC / 10;
	(void)first();
	assert_int_equal(route_plan_slow(&plan, T0), SEC / 10);
	used[0].reset = 0;
	(void)first();
	plan.deadline = T0 + SEC;
	assert_int_equal(route_plan_slow(&plan, T0), SEC / 4);
	plan.deadline = T0 - SEC;
	assert_int_equal(route_plan_slow(&plan, T0), 0);
	/* what no pause helps */
	used[0].slow = 0;
	(void)first();
	assert_int_equal(route_plan_slow(&plan, T0), 0);
	use('a', 1);
	conf.slow_max = 0;
	(void)first();
	assert_int_equal(route_plan_slow(&plan, T0), 0);
	conf.slow_max = 2 * SEC;
	conf.headroom = 1;
	(void)first();
	assert_int_equal(route_plan_slow(&plan, T0), 0);
}

/* Only where nobody of that priority is free. */
static void
test_slow_with_others(void **state)
{
	(void)state;
	model.n_targets = 2;
	use('a', 1);
	(void)first();
	assert_int_equal(route_plan_slow(&plan, T0), 0);
	use('b', 0.95);
	(void)first();
	assert_int_not_equal(route_plan_slow(&plan, T0), 0);
	use('b', 0);
	breaker_cool(slot_of('b'), T0 + SEC);
	(void)first();
	assert_int_not_equal(route_plan_slow(&plan, T0), 0);
	breaker_cool(slot_of('b'), T0 - SEC);
	targets[1].priority = 2;
	(void)first();
	assert_int_not_equal(route_plan_slow(&plan, T0), 0);
}

static void
test_why(void **state)
{
	struct msg_fail f = { .class = MSG_FAIL_UNAVAILABLE,
		.retry_after = -1,
		.should_retry = -1,
		.upstream_status = 503 };
	usec_t wait;

	(void)state;
	(void)first();
	assert_string_equal(route_plan_why(&plan), "first");
	model.strategy = CONF_WEIGHTED;
	(void)first();
	assert_string_equal(route_plan_why(&plan), "weight");
	model.strategy = CONF_ROUND_ROBIN;
	(void)first();
	assert_string_equal(route_plan_why(&plan), "turn");
	use('a', 1);
	(void)first();
	assert_string_equal(route_plan_why(&plan), "headroom");
	assert_int_equal(route_plan_failed(&plan, &f, T0, &wait), ROUTE_TRY);
	assert_string_equal(route_plan_why(&plan), "fallback");
	use('a', 0);
	targets[1].priority = targets[2].priority = 2;
	(void)first();
	assert_string_equal(route_plan_why(&plan), "priority");
	break_target('a', T0);
	assert_int_not_equal(first(), 'a');
	assert_string_equal(route_plan_why(&plan), "passed");
	model.n_targets = 1;
	(void)first();
	assert_string_equal(route_plan_why(&plan), "last_resort");
}

static void
test_why_of_one(void **state)
{
	struct msg_fail f = { .class = MSG_FAIL_UNAVAILABLE,
		.retry_after = -1,
		.should_retry = -1,
		.upstream_status = 503 };
	usec_t wait;

	(void)state;
	model.n_targets = 1;
	(void)first();
	assert_string_equal(route_plan_why(&plan), "only");
	assert_int_equal(route_plan_failed(&plan, &f, T0, &wait), ROUTE_WAIT);
	assert_int_equal(route_plan_resume(&plan, T0 + wait), ROUTE_TRY);
	assert_string_equal(route_plan_why(&plan), "retry");
	break_target('a', T0 - 6 * SEC);
	(void)first();
	assert_string_equal(route_plan_why(&plan), "probe");
}

static void
test_has_other(void **state)
{
	(void)state;
	model.fallback_on = CONF_FB_AUTH;
	(void)first();
	assert_true(route_plan_has_other(&plan, MSG_FAIL_UPSTREAM_AUTH));
	assert_false(route_plan_has_other(&plan, MSG_FAIL_RATE_LIMIT));
	model.n_targets = 1;
	(void)first();
	assert_false(route_plan_has_other(&plan, MSG_FAIL_UPSTREAM_AUTH));
	model.n_targets = 2;
	break_target('b', T0);
	(void)first();
	assert_false(route_plan_has_other(&plan, MSG_FAIL_UPSTREAM_AUTH));
	break_target('a', T0);
	(void)first();
	assert_false(route_plan_has_other(&plan, MSG_FAIL_UPSTREAM_AUTH));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_weighted),
		TEST(test_first_and_turn),
		TEST(test_priority_stays),
		TEST(test_slow),
		TEST(test_slow_with_others),
		TEST(test_why),
		TEST(test_why_of_one),
		TEST(test_has_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
