#include "api/norm.h"

#include "api_events.h"

static void
add(struct norm_test *t, struct msg_usage u)
{
	struct msg_event ev = { .type = MSG_EV_USAGE, .usage = u };

	assert_int_equal(api_norm_event(t->n, &ev), API_STEP_QUIET);
}

/* Anthropic: input first, output (cumulative) later. */
static void
last_known_value_of_each_field_wins(void **state)
{
	struct msg_usage u = MSG_USAGE_UNKNOWN;
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	u.prompt = 10;
	u.completion = 1;
	u.cached = 0;
	add(&t, u);
	u = MSG_USAGE_UNKNOWN;
	u.completion = 7;
	add(&t, u);
	u = api_norm_usage(t.n);
	assert_int_equal(u.prompt, 10);
	assert_int_equal(u.completion, 7);
	assert_int_equal(u.cached, 0);
	assert_int_equal(u.written, -1);
	norm_test_fini(&t);
}

static void
row_40_parts_are_within_the_whole(void **state)
{
	struct msg_usage u = MSG_USAGE_UNKNOWN;
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	u.prompt = 10;
	u.cached = 4;
	u.written = 6;
	u.completion = 5;
	u.reasoning = 5;
	add(&t, u);
	u = api_norm_usage(t.n);
	/* subsets, not sums */
	assert_int_equal(u.prompt, 10);
	assert_int_equal(u.completion, 5);
	u.prompt = 7;
	u.cached = 9000;
	u.written = 1000;
	u.reasoning = 11;
	add(&t, u);
	u = api_norm_usage(t.n);
	assert_int_equal(u.prompt, 10000);
	assert_int_equal(u.completion, 11);
	u.written_1h = 1001;
	u.image_in = 7;
	u.image_out = 8;
	add(&t, u);
	u = api_norm_usage(t.n);
	assert_int_equal(u.written_1h, 1000);
	assert_int_equal(u.image_in, 7);
	assert_int_equal(u.image_out, 8);
	norm_test_fini(&t);
}

static void
row_41_zero_is_known(void **state)
{
	struct msg_usage u = MSG_USAGE_UNKNOWN;
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	u.prompt = 5;
	u.cached = 3;
	add(&t, u);
	u.prompt = 0;
	u.cached = 0;
	add(&t, u);
	u = api_norm_usage(t.n);
	assert_int_equal(u.prompt, 0);
	assert_int_equal(u.cached, 0);
	norm_test_fini(&t);
}

static void
hostile_counts_do_not_overflow(void **state)
{
	struct msg_usage u = MSG_USAGE_UNKNOWN;
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	u.prompt = 1;
	u.cached = INT64_MAX;
	u.written = INT64_MAX;
	u.completion = -7;
	add(&t, u);
	u = api_norm_usage(t.n);
	assert_int_equal(u.prompt, INT64_MAX);
	assert_int_equal(u.completion, -1);
	norm_test_fini(&t);
}

static void
row_27_usage_comes_once_behind_finish(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed_usage(&t, 1, 0);
	feed(&t, EV(TEXT, .text = STR("x")));
	feed_usage(&t, 1, 1);
	feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
	feed_usage(&t, 1, 2);
	feed(&t, EV(END));
	assert_seen(&t, "start(-,-) text(x) finish(0,stop,-) usage(1,2) end ");
	norm_test_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_known_value_of_each_field_wins),
		cmocka_unit_test(row_40_parts_are_within_the_whole),
		cmocka_unit_test(row_41_zero_is_known),
		cmocka_unit_test(hostile_counts_do_not_overflow),
		cmocka_unit_test(row_27_usage_comes_once_behind_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
