#include "api/answer.h"

#include "api_answers.h"

#define HEAD                                                                   \
	"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":7," \
	"\"model\":\"gpt\",\"choices\":["

static const struct api_answer_options plain = { .now = 99 };

static void
text(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("a\\n")));
	put(&t, EV(TEXT, .text = STR("b")));
	put(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
	put_usage(&t, 3, 4);
	assert_out(&t, "");
	put(&t, EV(END));
	assert_out(&t,
	    HEAD "{\"index\":0,\"message\":{\"role\":\"assistant\","
		 "\"content\":\"a\\nb\",\"refusal\":null},\"logprobs\":null,"
		 "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,"
		 "\"completion_tokens\":4,\"total_tokens\":7}}");
	put(&t, EV(END));
	assert_out(&t, "");
	answer_test_fini(&t);
}

static void
calls(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(CALL_START, .id = STR("c"), .name = STR("f"),
		    .signature = STR("sig")));
	put(&t, EV(CALL_START, .call = 1, .id = STR("d"), .name = STR("g"),
		    .is_custom = true));
	put(&t, EV(CALL_ARGS, .text = STR("{\\\"a\\\"")));
	put(&t, EV(CALL_ARGS, .call = 1, .text = STR("in"), .is_custom = true));
	put(&t, EV(CALL_ARGS, .text = STR(":1}")));
	put(&t, EV(CALL_END));
	put(&t, EV(FINISH, .finish = MSG_FINISH_TOOL_CALLS));
	put(&t, EV(END));
	assert_out(&t,
	    HEAD "{\"index\":0,\"message\":{\"role\":\"assistant\","
		 "\"content\":null,\"refusal\":null,\"tool_calls\":["
		 "{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":"
		 "\"f\",\"arguments\":\"{\\\"a\\\":1}\"},\"extra_content\":"
		 "{\"google\":{\"thought_signature\":\"sig\"}}},"
		 "{\"id\":\"d\",\"type\":\"custom\",\"custom\":{\"name\":"
		 "\"g\",\"input\":\"in\"}}]},\"logprobs\":null,"
		 "\"finish_reason\":\"tool_calls\"}],\"usage\":null}");
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
	put(&t, EV(CALL_ARGS, .text = STR("{}")));
	put(&t, EV(FINISH, .finish = MSG_FINISH_TOOL_CALLS));
	put(&t, EV(END));
	assert_out(&t,
	    HEAD "{\"index\":0,\"message\":{\"role\":\"assistant\","
		 "\"content\":null,\"refusal\":null,\"function_call\":"
		 "{\"name\":\"f\",\"arguments\":\"{}\"}},\"logprobs\":null,"
		 "\"finish_reason\":\"function_call\"}],\"usage\":null}");
	answer_test_fini(&t);
}

static void
everything_is_kept(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(REASONING, .text = STR("r1")));
	put(&t, EV(REASONING, .text = STR("r2")));
	put(&t, EV(THINKING, .raw = STR("{\"b\":1}")));
	put(&t, EV(THINKING, .raw = STR("{\"b\":2}")));
	put(&t, EV(REFUSAL, .text = STR("no")));
	put(&t, EV(IMAGE, .raw = STR("{\"i\":1}")));
	put(&t, EV(ANNOTATION, .raw = STR("{\"a\":1}")));
	put(&t, EV(ANNOTATION, .raw = STR("{\"a\":2}")));
	put(&t, EV(EXTRA, .extra_top = STR("\"fp\":1"),
		    .extra_choice = STR("\"c\":[1]"),
		    .extra_delta = STR("\"d\":[1],\"e\":\"x\"")));
	put(&t, EV(EXTRA, .extra_top = STR("\"fp\":2,\"q\":0"),
		    .extra_choice = STR("\"c\":[2]"),
		    .extra_delta = STR("\"d\":[2, 3]")));
	put(&t, EV(FINISH, .finish = MSG_FINISH_CONTENT_FILTER,
		    .native = STR("SAFETY")));
	put(&t, EV(END));
	assert_out(&t,
	    HEAD "{\"index\":0,\"message\":{\"role\":\"assistant\","
		 "\"content\":null,\"refusal\":\"no\",\"reasoning_content\":"
		 "\"r1r2\",\"thinking_blocks\":[{\"b\":1},{\"b\":2}],"
		 "\"annotations\":[{\"a\":1},{\"a\":2}],\"images\":"
		 "[{\"i\":1}],\"d\":[1,2, 3],\"e\":\"x\"},\"logprobs\":null,"
		 "\"finish_reason\":\"content_filter\","
		 "\"native_finish_reason\":\"SAFETY\",\"c\":[2]}],"
		 "\"usage\":null,\"fp\":2,\"q\":0}");
	answer_test_fini(&t);
}

static void
logprobs_are_joined(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("a"),
		    .raw = STR("{\"content\":[{\"t\":1}],\"refusal\":null}")));
	put(&t, EV(LOGPROBS, .raw = STR("{\"content\":[]}")));
	put(&t, EV(LOGPROBS, .raw = STR("{\"content\":[{\"t\":2},3]}")));
	put(&t, EV(FINISH, .finish = MSG_FINISH_STOP));
	put(&t, EV(END));
	buf_addc(&t.out, '\0');
	assert_non_null(strstr(t.out.p,
	    "\"logprobs\":{\"content\":[{\"t\":1},{\"t\":2},3],\"refusal\":"
	    "null}"));
	answer_test_fini(&t);
}

static void
several_choices(void **state)
{
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(TEXT, .choice = 2, .text = STR("c")));
	put(&t, EV(TEXT, .choice = 0, .text = STR("a")));
	put(&t, EV(FINISH, .choice = 0, .finish = MSG_FINISH_STOP));
	put(&t, EV(FINISH, .choice = 2, .finish = MSG_FINISH_LENGTH));
	put(&t, EV(END));
	assert_out(&t,
	    HEAD "{\"index\":0,\"message\":{\"role\":\"assistant\","
		 "\"content\":\"a\",\"refusal\":null},\"logprobs\":null,"
		 "\"finish_reason\":\"stop\"},{\"index\":2,\"message\":{"
		 "\"role\":\"assistant\",\"content\":\"c\",\"refusal\":null},"
		 "\"logprobs\":null,\"finish_reason\":\"length\"}],"
		 "\"usage\":null}");
	answer_test_fini(&t);
}

static void
usage_with_its_split(void **state)
{
	struct msg_event ev = { .type = MSG_EV_USAGE };
	struct answer_test t;

	(void)state;
	answer_test_init(&t, plain);
	put(&t, START_EV);
	ev.usage = (struct msg_usage){ .prompt = 10,
		.completion = 20,
		.written = 3,
		.written_1h = -1,
		.reasoning = 4,
		.audio_in = -1,
		.audio_out = 5,
		.image_in = -1,
		.accepted_prediction = 6,
		.rejected_prediction = 7,
		.extra = STR("\"cost\":0.1") };
	put(&t, &ev);
	put(&t, EV(END));
	assert_out(&t,
	    HEAD "],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":20,"
		 "\"total_tokens\":30,\"prompt_tokens_details\":{"
		 "\"cached_tokens\":0,\"cache_write_tokens\":3},"
		 "\"completion_tokens_details\":{\"reasoning_tokens\":4,"
		 "\"audio_tokens\":5,\"accepted_prediction_tokens\":6,"
		 "\"rejected_prediction_tokens\":7},\"cost\":0.1}}");
	answer_test_fini(&t);
}

static void
chat_dialect(void **state)
{
	struct api_answer_options o = { .dialect = MSG_DIALECT_CHAT,
		.provider = STR("p") };
	struct msg_usage usage = MSG_USAGE_UNKNOWN;
	struct answer_test t;

	(void)state;
	answer_test_init(&t, o);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("a"), .extra_top = STR("\"tier\":1"),
		    .extra_choice = STR("\"c\":1")));
	put(&t,
	    EV(FINISH, .finish = MSG_FINISH_STOP, .native = STR("end_turn")));
	usage.prompt = 3;
	usage.completion = 4;
	usage.cached = 2;
	usage.extra = STR("\"cost\":0.1");
	put(&t, EV(USAGE, .usage = usage));
	put(&t, EV(END));
	/* the members that the envelope promises and no others */
	assert_out(&t,
	    "{\"id\":\"chatcmpl-1\",\"model\":\"gpt\",\"provider\":\"p\","
	    "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,"
	    "\"total_tokens\":7},\"message\":{\"role\":\"assistant\","
	    "\"content\":\"a\"},\"finish_reason\":\"stop\"}");
	answer_test_fini(&t);
}

static void
size_is_limited(void **state)
{
	struct api_answer_options o = { .max_bytes = 10 };
	struct answer_test t;

	(void)state;
	answer_test_init(&t, o);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("0123456")));
	assert_int_equal(t.err, ERR_OK);
	put(&t, EV(REASONING, .text = STR("0123")));
	assert_int_equal(t.err, ERR_LIMIT);
	put(&t, EV(END));
	assert_int_equal(t.err, ERR_LIMIT);
	assert_int_equal(t.out.n, 0);
	answer_test_fini(&t);
}

/* The caller prints it, with its status. */
static void
failure_writes_nothing(void **state)
{
	struct answer_test t;
	struct msg_fail f;

	(void)state;
	msg_fail_set(&f, MSG_FAIL_CUT, "cut");
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("x")));
	put(&t, EV(FAIL, .fail = &f));
	put(&t, EV(END));
	assert_out(&t, "");
	answer_test_fini(&t);
}

/* 20 alternatives for each of some 1200 tokens: 200 000 values. */
static void
many_logprobs(void **state)
{
	struct answer_test t;
	struct buf raw;

	(void)state;
	buf_init(&raw, 1 << 20);
	buf_addz(&raw, "{\"content\":[0");
	for (int i = 0; i < 250000; i++)
		buf_addz(&raw, ",0");
	buf_addz(&raw, "]}");
	assert_false(raw.failed);
	answer_test_init(&t, plain);
	put(&t, START_EV);
	put(&t, EV(TEXT, .text = STR("a"), .raw = buf_str(&raw)));
	assert_int_equal(t.err, ERR_OK);
	put(&t, EV(FINISH));
	put(&t, EV(END));
	assert_int_equal(t.err, ERR_OK);
	assert_true(str_contains(buf_str(&t.out), str_of(raw.p, raw.n - 1)));
	answer_test_fini(&t);
	buf_fini(&raw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(many_logprobs),
		cmocka_unit_test(calls),
		cmocka_unit_test(legacy_functions),
		cmocka_unit_test(everything_is_kept),
		cmocka_unit_test(logprobs_are_joined),
		cmocka_unit_test(several_choices),
		cmocka_unit_test(usage_with_its_split),
		cmocka_unit_test(chat_dialect),
		cmocka_unit_test(size_is_limited),
		cmocka_unit_test(failure_writes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
