#include "api/norm.h"

#include "api_events.h"
#include "check.h"

static void
start_waits_for_content(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	assert_int_equal(feed(&t, EV(START, .id = STR("id1"))), API_STEP_QUIET);
	assert_int_equal(feed(&t, EV(PING)), API_STEP_QUIET);
	assert_int_equal(feed(&t, EV(TEXT, .text = STR(""))), API_STEP_QUIET);
	assert_int_equal(
	    feed(&t, EV(EXTRA, .extra_top = STR("\"a\":1"))), API_STEP_QUIET);
	assert_false(api_norm_has_content(t.n));
	assert_seen(&t, "");
	assert_int_equal(
	    feed(&t, EV(TEXT, .text = STR("hi"))), API_STEP_CONTENT);
	assert_true(api_norm_has_content(t.n));
	assert_seen(&t, "start(id1,-) extra(\"a\":1) text(hi) ");
	norm_test_fini(&t);
}

static void
start_fields_come_from_the_first_that_has_them(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(START, .id = STR(""), .model = STR("")));
	feed(&t, EV(START, .id = STR("a"), .model = STR("m")));
	feed(&t, EV(START, .id = STR("b"), .model = STR("n")));
	feed(&t, EV(TEXT, .text = STR("x")));
	feed(&t, EV(START, .id = STR("c")));
	assert_seen(&t, "start(a,m) text(x) ");
	norm_test_fini(&t);
}

static void
whole_answer(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(START, .id = STR("i")));
	feed(&t, EV(REASONING, .text = STR("hm")));
	feed(&t, EV(TEXT, .text = STR("a")));
	assert_int_equal(
	    feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP)), API_STEP_QUIET);
	feed_usage(&t, 3, 4);
	assert_int_equal(feed(&t, EV(END)), API_STEP_END);
	assert_seen(&t, "start(i,-) reasoning(hm) text(a) finish(0,stop,-) "
			"usage(3,4) end ");
	assert_int_equal(
	    feed(&t, EV(TEXT, .text = STR("late"))), API_STEP_QUIET);
	assert_int_equal(feed(&t, EV(END)), API_STEP_QUIET);
	assert_seen(&t, "start(i,-) reasoning(hm) text(a) finish(0,stop,-) "
			"usage(3,4) end ");
	norm_test_fini(&t);
}

static void
empty_answer_that_says_so(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(START));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_CONTENT_FILTER,
		     .native = STR("SAFETY")));
	assert_int_equal(feed(&t, EV(END)), API_STEP_END);
	assert_seen(&t, "start(-,-) finish(0,content_filter,SAFETY) end ");
	norm_test_fini(&t);
}

static void
choices_end_in_order(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(TEXT, .choice = 1, .text = STR("b")));
	feed(&t, EV(TEXT, .text = STR("a")));
	feed(&t, EV(FINISH, .choice = 1, .finish = MSG_FINISH_LENGTH));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
	feed(&t, EV(END));
	assert_seen(&t, "start(-,-) text(1:b) text(a) finish(0,stop,-) "
			"finish(1,length,-) end ");
	norm_test_fini(&t);
}

static void
row_32_failure_before_content_stays_inside(void **state)
{
	struct norm_test t;
	struct msg_fail f;

	(void)state;
	norm_test_init(&t, NULL);
	msg_fail_set(&f, MSG_FAIL_OVERLOADED, "busy");
	feed(&t, EV(START, .id = STR("x")));
	feed_usage(&t, 9, 0);
	assert_int_equal(feed(&t, EV(FAIL, .fail = &f)), API_STEP_FAIL);
	assert_seen(&t, "");
	assert_non_null(api_norm_fail(t.n));
	assert_int_equal(api_norm_fail(t.n)->class, MSG_FAIL_OVERLOADED);
	api_norm_reset(t.n);
	assert_null(api_norm_fail(t.n));
	assert_int_equal(api_norm_usage(t.n).prompt, -1);
	feed(&t, EV(START, .id = STR("y")));
	feed(&t, EV(TEXT, .text = STR("ok")));
	assert_seen(&t, "start(y,-) text(ok) ");
	norm_test_fini(&t);
}

static void
failure_after_content_goes_out(void **state)
{
	struct norm_test t;
	struct msg_fail f;

	(void)state;
	norm_test_init(&t, NULL);
	msg_fail_set(&f, MSG_FAIL_OVERLOADED, "busy");
	feed(&t, EV(TEXT, .text = STR("a")));
	assert_int_equal(feed(&t, EV(FAIL, .fail = &f)), API_STEP_FAIL);
	assert_int_equal(feed(&t, EV(END)), API_STEP_QUIET);
	assert_seen(&t, "start(-,-) text(a) fail(overloaded) ");
	norm_test_fini(&t);
}

static void
row_20_length_and_filter_are_never_overridden(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .id = STR("c"), .name = STR("f")));
	feed(&t, EV(CALL_ARGS, .text = STR("{}")));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_LENGTH));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_TOOL_CALLS));
	feed(&t, EV(END));
	assert_seen(&t, "start(-,-) call(0,c,f) args(0:{}) callend(0) "
			"finish(0,length,-) end ");
	norm_test_fini(&t);
}

/* A function call in one chunk, STOP in a later one (rows 18, 19). */
static void
row_18_stop_after_a_call_is_tool_calls(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .id = STR("c"), .name = STR("f")));
	feed(&t, EV(CALL_ARGS, .text = STR("{}")));
	feed(&t, EV(CALL_END));
	feed(&t, EV(TEXT, .text = STR("t")));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP, .native = STR("STOP")));
	feed(&t, EV(END));
	assert_seen(&t, "start(-,-) call(0,c,f) args(0:{}) callend(0) text(t) "
			"finish(0,tool_calls,STOP) end ");
	norm_test_fini(&t);
}

static void
row_19_calls_end_tool_calls(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
	feed(&t, EV(CALL_START, .name = STR("f")));
	feed(&t, EV(END));
	assert_true(
	    str_contains(buf_str(&t.seen), STR(" finish(0,tool_calls,-) ")));
	norm_test_fini(&t);
}

static void
row_29_first_decisive_finish_wins(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(TEXT, .text = STR("t")));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP, .native = STR("s")));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_CONTENT_FILTER,
		     .native = STR("cf")));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_LENGTH, .native = STR("l")));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP, .native = STR("s")));
	feed(&t, EV(END));
	assert_seen(&t, "start(-,-) text(t) finish(0,content_filter,cf) end ");
	norm_test_fini(&t);
}

/* OpenRouter and others repeat it. */
static void
row_25_finish_once_at_the_end(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(TEXT, .text = STR("a")));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
	feed(&t, EV(TEXT, .text = STR("b")));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
	feed(&t, EV(END));
	assert_seen(&t, "start(-,-) text(a) text(b) finish(0,stop,-) end ");
	norm_test_fini(&t);
}

static void
row_26_usage_after_finish_is_no_cut(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(TEXT, .text = STR("a")));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
	feed_usage(&t, 1, 2);
	assert_int_equal(feed(&t, EV(END)), API_STEP_END);
	norm_test_fini(&t);
}

static void
row_38_end_without_finish_is_a_cut(void **state)
{
	struct api_norm_options lax = { .allow_unfinished = true };
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(TEXT, .text = STR("a")));
	assert_int_equal(feed(&t, EV(END)), API_STEP_FAIL);
	assert_seen(&t, "start(-,-) text(a) fail(cut) ");
	norm_test_fini(&t);

	norm_test_init(&t, NULL);
	assert_int_equal(feed(&t, EV(END)), API_STEP_FAIL);
	assert_int_equal(api_norm_fail(t.n)->class, MSG_FAIL_CUT);
	norm_test_fini(&t);

	/* one of two choices is cut: so is the answer */
	norm_test_init(&t, NULL);
	feed(&t, EV(TEXT, .text = STR("a")));
	feed(&t, EV(TEXT, .choice = 1, .text = STR("a")));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
	assert_int_equal(feed(&t, EV(END)), API_STEP_FAIL);
	norm_test_fini(&t);

	norm_test_init(&t, &lax);
	feed(&t, EV(TEXT, .text = STR("a")));
	assert_int_equal(feed(&t, EV(END)), API_STEP_END);
	assert_seen(&t, "start(-,-) text(a) finish(0,stop,-) end ");
	norm_test_fini(&t);
}

/* Never stop or tool_calls over arguments that are cut off. */
static void
row_11_truncated_arguments_are_length(void **state)
{
	static const char *const cut[] = {
		"{",
		"{\\\"a\\\":\\\"x",
		"{\\\"a\\\":[1,{\\\"b\\\":\\\"}]}\\\"",
		"{\\\"a\\\":\\\"\\\\\\\"}",
		"\\u007b",
	};
	static const char *const whole[] = {
		"{\\\"a\\\":\\\"}{[\\\"}",
		"{\\\"a\\\":\\\"\\\\\\\"\\\"}",
		"{\\n}",
		"\\u007b\\u007D",
		"null",
		"[]",
	};
	struct norm_test t;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cut) + COUNT(whole); i++) {
		bool is_cut = i < COUNT(cut);
		const char *args = is_cut ? cut[i] : whole[i - COUNT(cut)];

		norm_test_init(&t, NULL);
		feed(&t, EV(CALL_START, .id = STR("c"), .name = STR("f")));
		feed(&t, EV(CALL_ARGS, .text = str_z(args)));
		feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
		feed(&t, EV(END));
		if (!str_contains(buf_str(&t.seen),
			is_cut ? STR(" finish(0,length,-) ")
			       : STR(" finish(0,tool_calls,-) ")))
			fail_msg("wrong finish for %s", args);
		norm_test_fini(&t);
	}
}

static void
limits_are_failures(void **state)
{
	struct api_norm_options o = { .max_choices = 2, .max_calls = 2 };
	struct norm_test t;
	int i;

	(void)state;
	norm_test_init(&t, &o);
	assert_int_equal(
	    feed(&t, EV(TEXT, .choice = 2, .text = STR("x"))), API_STEP_FAIL);
	assert_int_equal(api_norm_fail(t.n)->class, MSG_FAIL_BAD_ANSWER);
	norm_test_fini(&t);

	norm_test_init(&t, &o);
	feed(&t, EV(CALL_START, .call = 0, .name = STR("f")));
	feed(&t, EV(CALL_START, .call = 1, .name = STR("f")));
	assert_int_equal(feed(&t, EV(CALL_START, .call = 2, .name = STR("f"))),
	    API_STEP_FAIL);
	norm_test_fini(&t);

	norm_test_init(&t, NULL);
	for (i = 0; i < 64; i++)
		assert_int_equal(
		    feed(&t, EV(EXTRA, .extra_top = STR("\"a\":1"))),
		    API_STEP_QUIET);
	assert_int_equal(
	    feed(&t, EV(EXTRA, .extra_top = STR("\"a\":1"))), API_STEP_FAIL);
	norm_test_fini(&t);
}

/* Extras of events that are held or swallowed are not lost. */
static void
extras_survive(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(TEXT, .text = STR("a"), .extra_top = STR("\"t\":1")));
	feed(&t, EV(TEXT, .text = STR(""), .extra_delta = STR("\"d\":1")));
	feed(&t, EV(FINISH, .finish = MSG_FINISH_STOP,
		     .extra_choice = STR("\"c\":1")));
	feed(&t,
	    EV(USAGE, .usage = MSG_USAGE_UNKNOWN, .extra_top = STR("\"u\":1")));
	feed(&t, EV(END, .extra_top = STR("\"e\":1")));
	assert_seen(&t, "start(-,-) text(a)+\"t\":1 extra(\"d\":1) "
			"extra(\"c\":1) extra(\"u\":1) extra(\"e\":1) "
			"finish(0,stop,-) end ");
	norm_test_fini(&t);
}

static void
null_is_allowed_where_asked(void **state)
{
	(void)state;
	api_norm_free(NULL);
	assert_false(api_norm_has_content(NULL));
	assert_null(api_norm_fail(NULL));
	assert_int_equal(api_norm_usage(NULL).prompt, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_waits_for_content),
		cmocka_unit_test(
		    start_fields_come_from_the_first_that_has_them),
		cmocka_unit_test(whole_answer),
		cmocka_unit_test(empty_answer_that_says_so),
		cmocka_unit_test(choices_end_in_order),
		cmocka_unit_test(row_32_failure_before_content_stays_inside),
		cmocka_unit_test(failure_after_content_goes_out),
		cmocka_unit_test(row_11_truncated_arguments_are_length),
		cmocka_unit_test(row_18_stop_after_a_call_is_tool_calls),
		cmocka_unit_test(row_19_calls_end_tool_calls),
		cmocka_unit_test(row_20_length_and_filter_are_never_overridden),
		cmocka_unit_test(row_25_finish_once_at_the_end),
		cmocka_unit_test(row_26_usage_after_finish_is_no_cut),
		cmocka_unit_test(row_29_first_decisive_finish_wins),
		cmocka_unit_test(row_38_end_without_finish_is_a_cut),
		cmocka_unit_test(limits_are_failures),
		cmocka_unit_test(extras_survive),
		cmocka_unit_test(null_is_allowed_where_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
