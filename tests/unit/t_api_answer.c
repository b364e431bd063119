#include "api/answer.h"

#include "api_answers.h"

static void
expect_head(struct api_answer_options o, const struct msg_event *start,
    const char *head)
{
	struct answer_test t;

	answer_test_init(&t, o);
	put(&t, start);
	put(&t, EV(END));
	assert_int_equal(t.err, ERR_OK);
	if (!str_starts(buf_str(&t.out), str_z(head)))
		fail_msg("got %.*s", STR_ARG(buf_str(&t.out)));
	answer_test_fini(&t);
}

static void
names_are_the_upstreams_or_given(void **state)
{
	struct api_answer_options o = { .now = 99 };

	(void)state;
	expect_head(o, START_EV,
	    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\","
	    "\"created\":7,\"model\":\"gpt\",");
	/* a foreign id keeps its body */
	expect_head(o, EV(START, .id = STR("msg_\"1")),
	    "{\"id\":\"chatcmpl-msg_\\\"1\",\"object\":\"chat.completion\","
	    "\"created\":99,\"model\":\"\",");
	/* a maker that names no model was asked for one */
	o.asked_model = STR("up");
	expect_head(o, EV(START, .id = STR("1"), .model = STR("")),
	    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\","
	    "\"created\":99,\"model\":\"up\",");
	expect_head(o, START_EV,
	    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\","
	    "\"created\":7,\"model\":\"gpt\",");
	o.id = STR("mine");
	o.model = STR("alias");
	o.created = 5;
	expect_head(o, START_EV,
	    "{\"id\":\"mine\",\"object\":\"chat.completion\",\"created\":5,"
	    "\"model\":\"alias\",");
}

static void
missing_id_is_made(void **state)
{
	struct api_answer_options o = { .now = 99 };
	struct answer_test t;
	struct str s;

	(void)state;
	answer_test_init(&t, o);
	put(&t, EV(START, .id = STR("")));
	put(&t, EV(END));
	s = buf_str(&t.out);
	assert_true(str_starts(s, STR("{\"id\":\"chatcmpl-")));
	assert_int_equal(str_find(s, STR("\",\"object\"")),
	    sizeof("{\"id\":\"chatcmpl-") - 1 + 24);
	answer_test_fini(&t);
}

static void
content_without_start_still_works(void **state)
{
	struct api_answer_options o = { .stream = true, .id = STR("i") };
	struct answer_test t;

	(void)state;
	answer_test_init(&t, o);
	put(&t, EV(TEXT, .text = STR("x")));
	assert_true(str_starts(buf_str(&t.out), STR("data: {\"id\":\"i\",")));
	answer_test_fini(&t);
}

static void
options_are_copied(void **state)
{
	char model[] = "alias";
	struct api_answer_options o = { .id = STR("i"), .model = str_z(model) };
	struct answer_test t;

	(void)state;
	answer_test_init(&t, o);
	memset(model, 'x', sizeof(model) - 1);
	put(&t, START_EV);
	put(&t, EV(END));
	assert_true(str_contains(buf_str(&t.out), STR("\"model\":\"alias\"")));
	answer_test_fini(&t);
}

static void
small_things(void **state)
{
	struct buf b;

	(void)state;
	api_answer_free(NULL);
	buf_init(&b, 100);
	api_answer_ping(&b);
	assert_str(buf_str(&b), ": ping\n\n");
	buf_fini(&b);
	assert_string_equal(
	    api_answer_content_type(true), "text/event-stream; charset=utf-8");
	assert_string_equal(api_answer_content_type(false), "application/json");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_the_upstreams_or_given),
		cmocka_unit_test(missing_id_is_made),
		cmocka_unit_test(content_without_start_still_works),
		cmocka_unit_test(options_are_copied),
		cmocka_unit_test(small_things),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
