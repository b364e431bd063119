#include "api/chat.h"

#include "api_help.h"

static void
whole(struct parsed *p, const char *body)
{
	parsed_body(p, str_z(body), NULL);
}

static void
least_request(void **state)
{
	struct parsed p;

	(void)state;
	parsed_with(&p, "");
	assert_parsed(&p);
	assert_int_equal(p.r.dialect, MSG_DIALECT_OPENAI);
	assert_str(p.r.model, "m");
	assert_int_equal(p.r.n_messages, 1);
	assert_int_equal(p.r.messages->role, MSG_USER);
	assert_false(p.r.stream);
	assert_false(p.r.include_usage);
	assert_null(p.r.extra);
	assert_null(p.r.tools);
	parsed_free(&p);
}

static void
spans_are_not_copied(void **state)
{
	static const char body[] =
	    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
	    "\"content\":\"a\\u00e9\\n\"}]}";
	struct str text;
	struct parsed p;

	(void)state;
	whole(&p, body);
	assert_parsed(&p);
	text = p.r.messages->parts->text;
	assert_str(text, "a\\u00e9\\n");
	assert_true(text.p > body && text.p < body + sizeof(body));
	assert_true(p.r.model.p > body && p.r.model.p < body + sizeof(body));
	parsed_free(&p);
}

static void
streams(void **state)
{
	struct parsed p;

	(void)state;
	parsed_with(&p, "\"stream\":true,\"stream_options\":"
			"{\"include_usage\":true}");
	assert_parsed(&p);
	assert_true(p.r.stream);
	assert_true(p.r.include_usage);
	assert_str(p.r.stream_options, "{\"include_usage\":true}");
	parsed_free(&p);
	parsed_with(&p, "\"stream\":null,\"stream_options\":null");
	assert_parsed(&p);
	assert_false(p.r.stream);
	parsed_free(&p);
}

static void
null_is_absent(void **state)
{
	struct parsed p;

	(void)state;
	parsed_with(&p, "\"temperature\":null,\"tools\":null,\"n\":null,"
			"\"tool_choice\":null,\"response_format\":null,"
			"\"stop\":null,\"functions\":null,\"seed\":null");
	assert_parsed(&p);
	assert_false(str_present(p.r.param[MSG_P_TEMPERATURE]));
	assert_false(str_present(p.r.param[MSG_P_STOP]));
	assert_int_equal(p.r.choice, MSG_CHOICE_UNSET);
	parsed_free(&p);
}

static void
unknown_members_are_kept_in_order(void **state)
{
	struct parsed p;

	(void)state;
	parsed_with(&p, "\"chat_template_kwargs\":{\"a\":1},"
			"\"prompt_cache_options\":null");
	assert_parsed(&p);
	assert_str(p.r.extra->key, "chat_template_kwargs");
	assert_str(p.r.extra->raw, "{\"a\":1}");
	assert_str(p.r.extra->next->key, "prompt_cache_options");
	assert_str(p.r.extra->next->raw, "null");
	assert_null(p.r.extra->next->next);
	assert_false(str_present(p.r.client_id));
	parsed_free(&p);
}

/* Of both surfaces, and no parameter of the provider's. */
static void
client_id_is_ours(void **state)
{
	struct parsed p;

	(void)state;
	parsed_with(&p, "\"client\\u005fid\":\"shop\"");
	assert_parsed(&p);
	assert_str(p.r.client_id, "shop");
	assert_null(p.r.extra);
	parsed_free(&p);
	parsed_with(&p, "\"client_id\":null");
	assert_parsed(&p);
	assert_false(str_present(p.r.client_id));
	parsed_free(&p);
	parsed_with(&p, "\"client_id\":7");
	assert_refused(
	    &p, "client_id", "client_id: must be a string, got a number");
	parsed_free(&p);
}

static void
escaped_keys_are_the_same_keys(void **state)
{
	struct parsed p;

	(void)state;
	whole(&p, "{\"mod\\u0065l\":\"m\",\"m\\u0065ssages\":[{\"rol\\u0065\":"
		  "\"user\",\"content\":\"\"}],\"t\\u006fp_p\":0.5}");
	assert_parsed(&p);
	assert_str(p.r.model, "m");
	assert_str(p.r.param[MSG_P_TOP_P], "0.5");
	parsed_free(&p);
}

static void
bad_bodies_are_refused(void **state)
{
	static const struct refusal rows[] = {
		{ "", "", "the body is empty; a JSON object is expected" },
		{ " \n", "", "the body is empty; a JSON object is expected" },
		{ "[]", "body", "body: must be an object, got an array" },
		{ "{\"model\":\"m\"", "",
		    "the body is not valid JSON: unexpected end at byte 12" },
		{ "{\"a\":1,\"a\":2}", "",
		    "the body is not valid JSON: duplicate key at byte 7" },
		{ "{\"a\":\"\xff\"}", "",
		    "the body is not valid JSON: invalid UTF-8 at byte 6" },
		{ "{}", "model", "model: is required" },
		{ "{\"model\":null}", "model", "model: is required" },
		{ "{\"model\":\"\"}", "model", "model: must not be empty" },
		{ "{\"model\":4}", "model",
		    "model: must be a string, got a number" },
		{ "{\"model\":\"m\"}", "messages", "messages: is required" },
		{ "{\"model\":\"m\",\"messages\":{}}", "messages",
		    "messages: must be an array, got an object" },
		{ "{\"model\":\"m\",\"messages\":[]}", "messages",
		    "messages: must have at least one message" },
		{ "{\"model\":\"m\",\"stream\":\"yes\"}", "stream",
		    "stream: must be a boolean, got a string" },
	};

	(void)state;
	assert_refusals(ROWS(rows), whole);
}

static void
stream_options_need_a_stream(void **state)
{
	static const struct refusal rows[] = {
		{ "\"stream_options\":{\"include_usage\":true}",
		    "stream_options",
		    "stream_options: is only allowed when stream is true" },
		{ "\"stream\":true,\"stream_options\":[]", "stream_options",
		    "stream_options: must be an object, got an array" },
		{ "\"stream\":true,\"stream_options\":{\"include_usage\":1}",
		    "stream_options.include_usage",
		    "stream_options.include_usage: must be a boolean, got a "
		    "number" },
	};

	(void)state;
	assert_refusals(ROWS(rows), parsed_with);
}

static void
limits_say_what_they_are(void **state)
{
	struct api_limits lim = api_limits_default;
	struct parsed p;

	(void)state;
	lim.json.depth = 3;
	parsed_body(&p, STR("{\"a\":[[[1]]]}"), &lim);
	assert_int_equal(p.err, ERR_LIMIT);
	assert_refused(&p, "",
	    "the body is more than allowed: nested too deeply at byte 7 "
	    "(limits: 3 levels, 200000 values, 2000 keys in one object)");
	parsed_free(&p);
	lim.json.nodes = 4;
	parsed_body(&p, STR("{\"a\":[1,2,3,4]}"), &lim);
	assert_int_equal(p.err, ERR_LIMIT);
	assert_non_null(strstr(p.fail.message, "4 values"));
	parsed_free(&p);
	lim = api_limits_default;
	lim.json.keys = 1;
	parsed_body(&p, STR("{\"a\":1,\"b\":2}"), &lim);
	assert_int_equal(p.err, ERR_LIMIT);
	assert_non_null(strstr(p.fail.message, "1 keys"));
	parsed_free(&p);
}

/* A million tiny objects: refused by count, in the arena that there is. */
static void
hostile_bodies_cost_little(void **state)
{
	size_t n = 1000000;
	char *body = malloc(3 * n + 1);
	struct parsed p;
	size_t i;

	(void)state;
	assert_non_null(body);
	body[0] = '[';
	for (i = 0; i < n; i++)
		memcpy(body + 1 + 3 * i, "{},", 3);
	body[3 * n] = ']';
	parsed_body(&p, str_of(body, 3 * n + 1), NULL);
	assert_int_equal(p.err, ERR_LIMIT);
	assert_true(arena_bytes(p.arena) < 8 << 20);
	parsed_free(&p);
	free(body);
}

static void
no_memory_is_told(void **state)
{
	struct msg_request r;
	struct msg_fail fail;
	struct arena *a;
	size_t max;
	int refused = 0;

	(void)state;
	for (max = 64; max < 16384; max += 64) {
		enum err e;

		a = arena_new(max);
		if (!a)
			continue;
		e = api_chat_parse(a,
		    STR("{\"model\":\"m\\n\",\"messages\":[{\"role\":"
			"\"assistant\",\"tool_calls\":[{\"id\":\"a\\n\","
			"\"function\":{\"name\":\"f\\n\"}}]},{\"role\":\"tool"
			"\",\"tool_call_id\":\"a\\n\",\"content\":[{\"type\":"
			"\"text\",\"text\":\"x\"}]}],\"x\":1}"),
		    NULL, &r, &fail);
		if (e != ERR_OK) {
			refused++;
			assert_int_equal(e, ERR_NOMEM);
			assert_int_equal(fail.class, MSG_FAIL_TOO_LARGE);
		}
		arena_free(a);
	}
	assert_true(refused > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(least_request),
		cmocka_unit_test(spans_are_not_copied),
		cmocka_unit_test(streams),
		cmocka_unit_test(null_is_absent),
		cmocka_unit_test(unknown_members_are_kept_in_order),
		cmocka_unit_test(client_id_is_ours),
		cmocka_unit_test(escaped_keys_are_the_same_keys),
		cmocka_unit_test(bad_bodies_are_refused),
		cmocka_unit_test(stream_options_need_a_stream),
		cmocka_unit_test(limits_say_what_they_are),
		cmocka_unit_test(hostile_bodies_cost_little),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
