#include "api/norm.h"

#include "api_events.h"

static void
expect_end(struct norm_test *t, const char *calls)
{
	char text[1024];

	feed(t, EV(FINISH, .finish = MSG_FINISH_STOP));
	assert_int_equal(feed(t, EV(END)), API_STEP_END);
	(void)snprintf(text, sizeof(text),
	    "start(-,-) %sfinish(0,tool_calls,-) end ", calls);
	assert_seen(t, text);
	norm_test_fini(t);
}

/* Anthropic: text is block 0, the first tool block 1. */
static void
row_01_index_counts_calls_not_blocks(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .call = 1, .id = STR("a"), .name = STR("f")));
	feed(&t, EV(CALL_ARGS, .call = 1, .text = STR("{}")));
	feed(&t, EV(CALL_END, .call = 1));
	expect_end(&t, "call(0,a,f) args(0:{}) callend(0) ");
}

static void
row_02_second_call_is_index_1(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .call = 1, .id = STR("a"), .name = STR("f")));
	feed(&t, EV(CALL_ARGS, .call = 1, .text = STR("{}")));
	feed(&t, EV(CALL_START, .call = 5, .id = STR("b"), .name = STR("g")));
	feed(&t, EV(CALL_ARGS, .call = 5, .text = STR("[]")));
	expect_end(&t, "call(0,a,f) args(0:{}) call(1,b,g) args(1:[]) "
		       "callend(0) callend(1) ");
}

/* Interleaved arguments stay with their call. */
static void
row_03_parallel_calls_keep_their_arguments(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .call = 0, .id = STR("a"), .name = STR("f")));
	feed(&t, EV(CALL_START, .call = 1, .id = STR("b"), .name = STR("g")));
	feed(&t, EV(CALL_ARGS, .call = 1, .text = STR("{")));
	feed(&t, EV(CALL_ARGS, .call = 0, .text = STR("[")));
	feed(&t, EV(CALL_ARGS, .call = 1, .text = STR("}")));
	feed(&t, EV(CALL_ARGS, .call = 0, .text = STR("]")));
	expect_end(&t, "call(0,a,f) call(1,b,g) args(1:{) args(0:[) args(1:}) "
		       "args(0:]) callend(0) callend(1) ");
}

/* A backend that says index 0 for every parallel call. */
static void
row_04_same_index_with_new_id_is_a_new_call(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .id = STR("a"), .name = STR("f")));
	feed(&t, EV(CALL_ARGS, .text = STR("{}")));
	feed(&t, EV(CALL_START, .id = STR("b"), .name = STR("f")));
	feed(&t, EV(CALL_ARGS, .text = STR("[]")));
	expect_end(&t, "call(0,a,f) args(0:{}) call(1,b,f) args(1:[]) "
		       "callend(0) callend(1) ");
}

static void
row_07_new_name_begins_a_new_call(void **state)
{
	struct norm_test t;
	const char *seen;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .name = STR("f")));
	feed(&t, EV(CALL_ARGS, .text = STR("{}")));
	feed(&t, EV(CALL_START, .name = STR("g")));
	feed(&t, EV(CALL_ARGS, .text = STR("{}")));
	/* the same name again, when the first is complete */
	feed(&t, EV(CALL_START, .name = STR("g")));
	feed(&t, EV(CALL_ARGS, .text = STR("[]")));
	buf_addc(&t.seen, '\0');
	seen = t.seen.p;
	assert_non_null(strstr(seen, "call(0,call_"));
	assert_non_null(strstr(seen, ",g) args(1:{}) "));
	assert_non_null(strstr(seen, "call(2,call_"));
	assert_non_null(strstr(seen, ",g) args(2:[]) "));
	norm_test_fini(&t);
}

static void
row_09_id_type_and_name_once(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .id = STR("a"), .name = STR("f")));
	feed(&t, EV(CALL_ARGS, .text = STR("")));
	feed(&t, EV(CALL_START, .id = STR("a"), .name = STR("f")));
	feed(&t, EV(CALL_ARGS, .text = STR("{")));
	feed(&t, EV(CALL_START, .name = STR("f")));
	feed(&t, EV(CALL_START, .id = STR("a")));
	feed(&t, EV(CALL_ARGS, .text = STR("}")));
	expect_end(&t, "call(0,a,f) args(0:{) args(0:}) callend(0) ");
}

static void
row_10_no_arguments_are_an_empty_object(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .call = 3, .id = STR("a"), .name = STR("f")));
	feed(&t, EV(CALL_ARGS, .call = 3, .text = STR("")));
	feed(&t, EV(CALL_END, .call = 3));
	feed(&t, EV(CALL_END, .call = 3));
	/* a piece behind the end would spoil it */
	feed(&t, EV(CALL_ARGS, .call = 3, .text = STR("{\\\"x\\\":1}")));
	feed(&t, EV(CALL_START, .call = 4, .id = STR("b"), .name = STR("g")));
	expect_end(&t, "call(0,a,f) args(0:{}) callend(0) call(1,b,g) "
		       "args(1:{}) callend(1) ");
}

static void
row_14_missing_ids_are_made(void **state)
{
	struct norm_test t;
	struct str seen;
	size_t i;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .call = 0, .name = STR("f")));
	seen = buf_str(&t.seen);
	assert_true(str_starts(seen, STR("start(-,-) call(0,call_")));
	seen = str_skip(seen, sizeof("start(-,-) call(0,call_") - 1);
	for (i = 0; i < 24; i++)
		assert_true((seen.p[i] >= '0' && seen.p[i] <= '9') ||
			    (seen.p[i] >= 'A' && seen.p[i] <= 'Z') ||
			    (seen.p[i] >= 'a' && seen.p[i] <= 'z'));
	assert_true(str_starts(str_skip(seen, 24), STR(",f)")));
	norm_test_fini(&t);
}

/* Two calls with one id could not be told apart by their results. */
static void
taken_ids_are_not_used_twice(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .call = 0, .id = STR("a"), .name = STR("f")));
	feed(&t, EV(CALL_START, .call = 1, .id = STR("a"), .name = STR("f")));
	buf_addc(&t.seen, '\0');
	assert_non_null(strstr(t.seen.p, "call(1,call_"));
	norm_test_fini(&t);
}

static void
id_and_name_may_come_apart(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	assert_int_equal(
	    feed(&t, EV(CALL_START, .id = STR("a"))), API_STEP_QUIET);
	assert_int_equal(
	    feed(&t, EV(CALL_START, .name = STR("f"))), API_STEP_CONTENT);
	feed(&t, EV(CALL_ARGS, .text = STR("{}")));
	expect_end(&t, "call(0,a,f) args(0:{}) callend(0) ");
}

/* Numbers follow the order in which calls go out. */
static void
nameless_call_waits_without_a_number(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .call = 0, .id = STR("a")));
	feed(&t, EV(CALL_START, .call = 1, .id = STR("b"), .name = STR("g")));
	feed(&t, EV(CALL_START, .call = 0, .name = STR("f")));
	feed(&t, EV(CALL_ARGS, .call = 0, .text = STR("{}")));
	feed(&t, EV(CALL_ARGS, .call = 1, .text = STR("[]")));
	expect_end(&t, "call(0,b,g) call(1,a,f) args(1:{}) args(0:[]) "
		       "callend(1) callend(0) ");
}

static void
repeated_arguments_are_dropped(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .id = STR("a"), .name = STR("f")));
	feed(&t, EV(CALL_ARGS, .text = STR("{\\\"a\\\":1}")));
	assert_int_equal(feed(&t, EV(CALL_ARGS, .text = STR("{\\\"a\\\":1}"))),
	    API_STEP_QUIET);
	expect_end(&t, "call(0,a,f) args(0:{\\\"a\\\":1}) callend(0) ");
}

static void
custom_input_is_free_text(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .id = STR("a"), .name = STR("f"),
		     .is_custom = true));
	feed(&t, EV(CALL_ARGS, .text = STR("{} {")));
	feed(&t, EV(CALL_ARGS, .text = STR("x")));
	expect_end(&t, "call(0,a,f,custom) args(0:{} {) args(0:x) callend(0) ");
}

static void
pieces_without_a_start_are_not_lost(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_END, .call = 9));
	feed(&t, EV(CALL_ARGS, .call = 2, .text = STR("{}")));
	buf_addc(&t.seen, '\0');
	assert_non_null(strstr(t.seen.p, ",) args(0:{})"));
	norm_test_fini(&t);
}

static void
calls_count_per_choice(void **state)
{
	struct norm_test t;

	(void)state;
	norm_test_init(&t, NULL);
	feed(&t, EV(CALL_START, .id = STR("a"), .name = STR("f")));
	feed(&t, EV(CALL_START, .choice = 1, .id = STR("a"), .name = STR("f")));
	feed(&t, EV(CALL_START, .choice = 1, .call = 1, .id = STR("b"),
		     .name = STR("g")));
	assert_seen(&t, "start(-,-) call(0,a,f) call(0,a,f) call(1,b,g) ");
	norm_test_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_01_index_counts_calls_not_blocks),
		cmocka_unit_test(row_02_second_call_is_index_1),
		cmocka_unit_test(row_03_parallel_calls_keep_their_arguments),
		cmocka_unit_test(row_04_same_index_with_new_id_is_a_new_call),
		cmocka_unit_test(row_07_new_name_begins_a_new_call),
		cmocka_unit_test(row_09_id_type_and_name_once),
		cmocka_unit_test(row_10_no_arguments_are_an_empty_object),
		cmocka_unit_test(row_14_missing_ids_are_made),
		cmocka_unit_test(taken_ids_are_not_used_twice),
		cmocka_unit_test(id_and_name_may_come_apart),
		cmocka_unit_test(nameless_call_waits_without_a_number),
		cmocka_unit_test(repeated_arguments_are_dropped),
		cmocka_unit_test(custom_input_is_free_text),
		cmocka_unit_test(pieces_without_a_start_are_not_lost),
		cmocka_unit_test(calls_count_per_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
