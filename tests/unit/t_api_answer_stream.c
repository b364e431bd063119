#include "api/answer.h"

#include "api_answers.h"

#define P                                                                    \
	"data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\"," \
	"\"created\":7,\"model\":\"gpt\","
#define C0 P "\"choices\":[{\"index\":0,\"delta\":{"
#define C1 P "\"choices\":[{\"index\":1,\"delta\":{"
#define Z ",\"finish_reason\":null}]}\n\n"
#define ROLE "\"role\":\"assistant\",\"content\":\"\"}" Z

static const struct api_answer_options plain = { .stream = true, .now = 99 };

static void
text_stream(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	assert_out(&t, "");
	put(&t, EV(TEXT, .text = STR("a\\n")));
	assert_out(&t, C0 ROLE C0 "\"content\":\"a\\n\"}" Z);
	put(&t, EV(PING));
	put(&t, EV(TEXT, .text = STR("b")));
	assert_out(&t, C0 "\"content\":\"b\"}" Z);
	put(&t, EV(FINISH, .finish = MSG_FINISH_STOP, .native = STR("stop")));
	assert_out(&t, C0 "},\"finish_reason\":\"stop\"}]}\n\n");
	put_usage(&t, 1, 2);
	assert_out(&t, "");
	put(&t, EV(END));
	assert_out(&t, "data: [DONE]\n\n");
	put(&t, EV(TEXT, .text = STR("late")));
	assert_out(&t, "");
	answer_test_fini(&t);
}

/* null, never absent and never "". */
static void
row_23_finish_reason_is_null_until_the_end(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("x")));
	put(&t, EV(CALL_START, .id = STR("c"), .name = STR("f")));
	put(&t, EV(LOGPROBS, .raw = STR("{}")));
	buf_addc(&t.out, '\0');
	assert_null(strstr(t.out.p, "\"finish_reason\":\""));
	assert_non_null(strstr(t.out.p, "\"finish_reason\":null"));
	answer_test_fini(&t);
}

static void
row_24_finish_has_a_chunk_of_its_own(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("x")));
	buf_reset(&t.out);
	put(&t, EV(FINISH, .finish = MSG_FINISH_LENGTH));
	assert_out(&t, C0 "},\"finish_reason\":\"length\"}]}\n\n");
	answer_test_fini(&t);
}

static void
row_22_logprobs_do_not_touch_finish_reason(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("x"), .raw = STR("{\"content\":[]}")));
	assert_out(&t,
	    C0 ROLE C0 "\"content\":\"x\"},\"logprobs\":{\"content\":[]}" Z);
	put(&t, EV(LOGPROBS, .raw = STR("{\"content\":[1]}")));
	assert_out(&t, C0 "},\"logprobs\":{\"content\":[1]}" Z);
	put(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
	assert_out(&t, C0 "},\"finish_reason\":\"stop\"}]}\n\n");
	answer_test_fini(&t);
}

static void
row_27_finish_usage_done(void **state)
{
	struct api_answer_options o = plain;
	struct answer_test t;

	(void)state;
	o.include_usage = true;
	answer_test_init(&t, o);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("x")));
	assert_out(&t,
	    C0 "\"role\":\"assistant\",\"content\":\"\"},"
	       "\"finish_reason\":null}],\"usage\":null}\n\n" C0
	       "\"content\":\"x\"},\"finish_reason\":null}],\"usage\":null}"
	       "\n\n");
	put(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
	put_usage(&t, 3, 4);
	put(&t, EV(END));
	assert_out(&t, C0 "},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n" P
			  "\"choices\":[],\"usage\":{\"prompt_tokens\":3,"
			  "\"completion_tokens\":4,\"total_tokens\":7}}\n\n"
			  "data: [DONE]\n\n");
	answer_test_fini(&t);
}

static void
row_09_type_stands_in_the_first_piece_only(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(CALL_START, .call = 1, .id = STR("c"), .name = STR("f")));
	assert_out(&t, C0 ROLE C0
	    "\"tool_calls\":[{\"index\":1,\"id\":\"c\",\"type\":\"function\","
	    "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}" Z);
	put(&t, EV(CALL_ARGS, .call = 1, .text = STR("{\\\"a")));
	assert_out(&t,
	    C0 "\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":"
	       "\"{\\\"a\"}}]}" Z);
	put(&t, EV(CALL_END, .call = 1));
	assert_out(&t, "");
	put(&t, EV(FINISH, .finish = MSG_FINISH_TOOL_CALLS,
		    .native = STR("tool_use")));
	assert_out(&t, C0 "},\"finish_reason\":\"tool_calls\","
			  "\"native_finish_reason\":\"tool_use\"}]}\n\n");
	answer_test_fini(&t);
}

static void
row_61_signatures_stream_with_their_call(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(CALL_START, .id = STR("c"), .name = STR("f"),
		    .signature = STR("s\"")));
	assert_out(&t, C0 ROLE C0
	    "\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"function\","
	    "\"function\":{\"name\":\"f\",\"arguments\":\"\"},"
	    "\"extra_content\":{\"google\":{\"thought_signature\":\"s\\\"\""
	    "}}}]}" Z);
	answer_test_fini(&t);
}

static void
custom_calls(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(CALL_START, .id = STR("c"), .name = STR("f"),
		    .is_custom = true));
	buf_reset(&t.out);
	put(&t, EV(CALL_ARGS, .text = STR("ls"), .is_custom = true));
	assert_out(&t, C0 "\"tool_calls\":[{\"index\":0,\"custom\":"
			  "{\"input\":\"ls\"}}]}" Z);
	answer_test_fini(&t);
}

static void
legacy_functions(void **state)
{
	struct api_answer_options o = plain;
	struct answer_test t;

	(void)state;
	o.legacy_functions = true;
	answer_test_init(&t, o);
	put(&t, START_EV);
	put(&t, EV(CALL_START, .id = STR("c"), .name = STR("f")));
	assert_out(&t, C0 ROLE C0
	    "\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}}" Z);
	put(&t, EV(CALL_ARGS, .text = STR("{}")));
	assert_out(&t, C0 "\"function_call\":{\"arguments\":\"{}\"}}" Z);
	put(&t, EV(CALL_START, .call = 1, .id = STR("d"), .name = STR("g"),
		    .extra_top = STR("\"kept\":1")));
	assert_out(&t, "");
	put(&t, EV(FINISH, .finish = MSG_FINISH_TOOL_CALLS));
	assert_out(&t, P "\"kept\":1,\"choices\":[{\"index\":0,\"delta\":{},"
			 "\"finish_reason\":\"function_call\"}]}\n\n");
	answer_test_fini(&t);
}

static void
role_once_per_choice(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(TEXT, .choice = 1, .text = STR("b")));
	put(&t, EV(REFUSAL, .text = STR("no")));
	put(&t, EV(TEXT, .choice = 1, .text = STR("c")));
	assert_out(&t,
	    C1 ROLE C1 "\"content\":\"b\"}" Z C0 ROLE C0
		       "\"refusal\":\"no\"}" Z C1 "\"content\":\"c\"}" Z);
	answer_test_fini(&t);
}

/* Row 17: what is not text must come through as well. */
static void
row_17_everything_comes_through(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(REASONING, .text = STR("r")));
	put(&t, EV(THINKING, .raw = STR("{\"type\":\"thinking\"}")));
	put(&t, EV(IMAGE, .raw = STR("{\"i\":1}")));
	put(&t, EV(ANNOTATION, .raw = STR("{\"a\":1}")));
	assert_out(&t, C0 ROLE C0
	    "\"reasoning_content\":\"r\"}" Z C0
	    "\"thinking_blocks\":[{\"type\":\"thinking\"}]}" Z C0
	    "\"images\":[{\"i\":1}]}" Z C0 "\"annotations\":[{\"a\":1}]}" Z);
	answer_test_fini(&t);
}

static void
extras_wait_for_the_next_chunk(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(EXTRA, .extra_top = STR("\"t\":1,\"u\":2"),
		    .extra_choice = STR("\"c\":1"),
		    .extra_delta = STR("\"d\":[1]")));
	assert_out(&t, "");
	put(&t, EV(TEXT, .text = STR("x"), .extra_top = STR("\"t\":3"),
		    .extra_delta = STR("\"d\":[2]")));
	assert_out(&t,
	    P "\"t\":1,\"u\":2,\"choices\":[{\"index\":0,\"delta\":{" ROLE P
	      "\"t\":3,\"choices\":[{\"index\":0,\"delta\":{"
	      "\"content\":\"x\",\"d\":[1,2]},\"finish_reason\":null,"
	      "\"c\":1}]}\n\n");
	put(&t, EV(TEXT, .text = STR("y")));
	assert_out(&t, C0 "\"content\":\"y\"}" Z);
	answer_test_fini(&t);
}

static void
native_reason_of_the_maker_wins(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("x")));
	buf_reset(&t.out);
	put(&t, EV(FINISH, .finish = MSG_FINISH_STOP, .native = STR("end"),
		    .extra_choice = STR("\"native_finish_reason\":\"e\"")));
	assert_out(&t, C0 "},\"finish_reason\":\"stop\","
			  "\"native_finish_reason\":\"e\"}]}\n\n");
	answer_test_fini(&t);
}

static void
row_34_error_in_mid_stream_is_no_clean_end(void **state)
{
	struct answer_test t;
	struct msg_fail f;

	(void)state;
	msg_fail_set(&f, MSG_FAIL_OVERLOADED, "busy \"now\"");
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("x")));
	buf_reset(&t.out);
	put(&t, EV(FAIL, .fail = &f));
	assert_out(&t, "data: {\"error\":{\"message\":\"busy \\\"now\\\"\","
		       "\"type\":\"server_error\",\"param\":null,"
		       "\"code\":\"overloaded\"}}\n\n");
	/* no [DONE]: nobody takes it for a success */
	put(&t, EV(END));
	assert_out(&t, "");
	answer_test_fini(&t);
}

#define CP                                                                   \
	"data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt\",\"provider\":\"p\"," \
	"\"delta\":{"

static void
chat_dialect(void **state)
{
	struct api_answer_options o = { .dialect = MSG_DIALECT_CHAT,
		.stream = true,
		.provider = STR("p") };
	struct answer_test t;

	(void)state;
	answer_test_init(&t, o);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("a")));
	assert_out(&t, CP "\"content\":\"a\"}}\n\n");
	put(&t, EV(TEXT, .choice = 1, .text = STR("other")));
	assert_out(&t, "");
	put(&t, EV(TEXT, .text = STR("b"), .extra_top = STR("\"t\":1")));
	assert_out(&t, CP "\"content\":\"b\"}}\n\n");
	put(&t, EV(FINISH, .finish = MSG_FINISH_STOP, .native = STR("end_turn"),
		    .extra_choice = STR("\"c\":1")));
	put_usage(&t, 1, 2);
	put(&t, EV(END));
	assert_out(&t,
	    CP "},\"finish_reason\":\"stop\",\"usage\":{\"prompt_tokens\":1,"
	       "\"completion_tokens\":2,\"total_tokens\":3}}\n\n"
	       "data: [DONE]\n\n");
	answer_test_fini(&t);
	/* usage that nobody knows is null */
	answer_test_init(&t, o);
	put(&t, START_EV);
	put(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
	put(&t, EV(END));
	assert_out(&t, CP "},\"finish_reason\":\"stop\",\"usage\":null}\n\n"
			  "data: [DONE]\n\n");
	answer_test_fini(&t);
}

static void
full_output_is_told(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("x")));
	buf_fini(&t.out);
	t.out.max = 40;
	put(&t, EV(TEXT, .text = STR("y")));
	assert_true(t.out.failed);
	assert_int_equal(t.out.n, 0);
	answer_test_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_stream),
		cmocka_unit_test(row_09_type_stands_in_the_first_piece_only),
		cmocka_unit_test(row_17_everything_comes_through),
		cmocka_unit_test(row_22_logprobs_do_not_touch_finish_reason),
		cmocka_unit_test(row_23_finish_reason_is_null_until_the_end),
		cmocka_unit_test(row_24_finish_has_a_chunk_of_its_own),
		cmocka_unit_test(row_27_finish_usage_done),
		cmocka_unit_test(row_61_signatures_stream_with_their_call),
		cmocka_unit_test(custom_calls),
		cmocka_unit_test(legacy_functions),
		cmocka_unit_test(role_once_per_choice),
		cmocka_unit_test(extras_wait_for_the_next_chunk),
		cmocka_unit_test(native_reason_of_the_maker_wins),
		cmocka_unit_test(row_34_error_in_mid_stream_is_no_clean_end),
		cmocka_unit_test(chat_dialect),
		cmocka_unit_test(full_output_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
