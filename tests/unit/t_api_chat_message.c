#include "api/chat.h"

#include "api_help.h"

#define USER "{\"role\":\"user\",\"content\":\"hi\"},"

static void
roles(void **state)
{
	static const char *const words[] = { "system", "developer", "user" };
	struct parsed p;
	char text[128];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(words); i++) {
		(void)snprintf(text, sizeof(text),
		    "{\"role\":\"%s\",\"content\":\"x\",\"name\":\"n\","
		    "\"cache_control\":{\"type\":\"ephemeral\"}}",
		    words[i]);
		parsed_messages(&p, text);
		assert_parsed(&p);
		assert_int_equal(p.r.messages->role, i);
		assert_true(p.r.messages->content_is_string);
		assert_str(p.r.messages->name, "n");
		assert_str(
		    p.r.messages->cache_control, "{\"type\":\"ephemeral\"}");
		assert_str(p.r.messages->raw, text);
		parsed_free(&p);
	}
}

static void
tool_turn(void **state)
{
	const struct msg *m;
	struct parsed p;

	(void)state;
	parsed_messages(&p,
	    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
	    "{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	    "\"arguments\":\"{\\\"a\\\":1}\"},\"extra_content\":{\"google\":"
	    "{\"thought_signature\":\"s\\/g\"}}},"
	    "{\"id\":\"c2\",\"function\":{\"name\":\"g\"}},"
	    "{\"id\":\"c3\",\"type\":\"custom\",\"custom\":{\"name\":\"h\","
	    "\"input\":\"free\"}}]},"
	    "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"\"},"
	    "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":[{\"type\":"
	    "\"text\",\"text\":\"r\"}]}");
	assert_parsed(&p);
	m = p.r.messages;
	assert_int_equal(m->role, MSG_ASSISTANT);
	assert_null(m->parts);
	assert_str(m->calls->id, "c1");
	assert_str(m->calls->name, "f");
	assert_str(m->calls->arguments, "{\\\"a\\\":1}");
	assert_str(m->calls->signature, "s/g");
	assert_str(m->calls->next->arguments, "");
	assert_false(m->calls->next->is_custom);
	assert_true(m->calls->next->next->is_custom);
	assert_str(m->calls->next->next->arguments, "free");
	assert_int_equal(m->next->role, MSG_TOOL);
	assert_str(m->next->call_id, "c2");
	assert_ptr_equal(m->next->answers, m->calls->next);
	assert_ptr_equal(m->next->next->answers, m->calls);
	assert_int_equal(m->next->next->index, 2);
	parsed_free(&p);
}

static void
legacy_functions(void **state)
{
	const struct msg *m;
	struct parsed p;

	(void)state;
	parsed_messages(&p,
	    USER "{\"role\":\"assistant\",\"content\":null,\"function_call\":"
		 "{\"name\":\"f\",\"arguments\":\"{}\"}},"
		 "{\"role\":\"function\",\"name\":\"f\",\"content\":\"r\"},"
		 "{\"role\":\"function\",\"name\":\"g\",\"content\":null}");
	assert_parsed(&p);
	m = p.r.messages->next;
	assert_str(m->calls->id, "call_fn1");
	assert_str(m->calls->name, "f");
	assert_int_equal(m->next->role, MSG_TOOL);
	assert_str(m->next->call_id, "call_fn1");
	assert_ptr_equal(m->next->answers, m->calls);
	assert_str(m->next->next->call_id, "call_fn3");
	assert_null(m->next->next->answers);
	parsed_free(&p);
}

static void
laxness(void **state)
{
	static const char *const fine[] = {
		"{\"role\":\"user\",\"content\":\"\"}",
		"{\"role\":\"user\",\"content\":[]}",
		"{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[]}",
		"{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":null,"
		"\"function_call\":null,\"refusal\":null,\"audio\":null,"
		"\"annotations\":[]}",
		"{\"role\":\"assistant\",\"content\":null,\"refusal\":\"no\"}",
		"{\"role\":\"assistant\",\"reasoning_content\":\"hm\"}",
		"{\"role\":\"assistant\",\"audio\":{\"id\":\"a\"}}",
		"{\"role\":\"assistant\",\"content\":\"x\",\"reasoning\":{}}",
		"{\"role\":\"user\",\"content\":\"x\",\"unknown\":{\"a\":1}}",
	};
	struct parsed p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(fine); i++) {
		parsed_messages(&p, fine[i]);
		assert_parsed(&p);
		parsed_free(&p);
	}
}

static void
refusal_is_a_part(void **state)
{
	struct parsed p;

	(void)state;
	parsed_messages(&p, "{\"role\":\"assistant\",\"content\":\"a\","
			    "\"refusal\":\"no\"}");
	assert_parsed(&p);
	assert_int_equal(p.r.messages->parts->next->type, MSG_PART_REFUSAL);
	assert_str(p.r.messages->parts->next->text, "no");
	assert_false(p.r.messages->content_is_string);
	parsed_free(&p);
}

static void
row_62_reasoning_is_carried(void **state)
{
	struct parsed p;

	(void)state;
	parsed_messages(&p, "{\"role\":\"assistant\",\"content\":\"a\","
			    "\"reasoning_content\":\"\"},"
			    "{\"role\":\"assistant\",\"content\":\"a\","
			    "\"reasoning\":\"r\\n\"}");
	assert_parsed(&p);
	/* present and empty is not absent */
	assert_str(p.r.messages->reasoning, "");
	assert_str(p.r.messages->next->reasoning, "r\\n");
	parsed_free(&p);
}

/* Also those with empty text: each block on its own, in order. */
static void
row_58_59_thinking_blocks_are_carried(void **state)
{
	const struct msg_part *t;
	struct parsed p;

	(void)state;
	parsed_messages(&p,
	    "{\"role\":\"assistant\",\"content\":\"a\",\"thinking_blocks\":["
	    "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"s1\"},"
	    "{\"type\":\"redacted_thinking\",\"data\":\"d\"},"
	    "{\"type\":\"thinking\",\"thinking\":\"t\\n\",\"signature\":"
	    "\"s2\"}]}");
	assert_parsed(&p);
	t = p.r.messages->thinking;
	assert_int_equal(t->type, MSG_PART_THINKING);
	assert_str(t->text, "");
	assert_str(t->signature, "s1");
	t = t->next;
	assert_int_equal(t->type, MSG_PART_REDACTED);
	assert_str(t->data, "d");
	t = t->next;
	assert_str(t->text, "t\\n");
	assert_str(t->signature, "s2");
	assert_null(t->next);
	parsed_free(&p);
}

static void
reasoning_details_are_carried(void **state)
{
	const struct msg_part *t;
	struct parsed p;

	(void)state;
	parsed_messages(&p,
	    "{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_details\":["
	    "{\"type\":\"reasoning.text\",\"text\":\"t\",\"signature\":\"s\"},"
	    "{\"type\":\"reasoning.encrypted\",\"data\":\"d\"},"
	    "{\"type\":\"reasoning.summary\",\"summary\":\"x\"}]}");
	assert_parsed(&p);
	t = p.r.messages->thinking;
	assert_int_equal(t->type, MSG_PART_THINKING);
	assert_str(t->text, "t");
	assert_str(t->signature, "s");
	assert_int_equal(t->next->type, MSG_PART_REDACTED);
	assert_str(t->next->data, "d");
	assert_int_equal(t->next->next->type, MSG_PART_OTHER);
	assert_str(t->next->next->raw,
	    "{\"type\":\"reasoning.summary\",\"summary\":\"x\"}");
	parsed_free(&p);
}

static void
bad_messages_are_refused(void **state)
{
	static const struct refusal rows[] = {
		{ USER "4", "messages[1]",
		    "messages[1]: must be an object, got a number" },
		{ "{\"content\":\"x\"}", "messages[0].role",
		    "messages[0].role: is required" },
		{ USER "{\"role\":\"wizard\",\"content\":\"x\"}",
		    "messages[1].role",
		    "messages[1].role: unknown role 'wizard'; it must be "
		    "system, developer, user, assistant, tool or function" },
		{ "{\"role\":\"user\"}", "messages[0].content",
		    "messages[0].content: is required" },
		{ "{\"role\":\"user\",\"content\":null}", "messages[0].content",
		    "messages[0].content: is required" },
		{ "{\"role\":\"user\",\"content\":7}", "messages[0].content",
		    "messages[0].content: must be a string or an array of "
		    "parts, got a number" },
		{ "{\"role\":\"user\",\"content\":\"\",\"name\":1}",
		    "messages[0].name",
		    "messages[0].name: must be a string, got a number" },
		{ "{\"role\":\"assistant\",\"content\":null}",
		    "messages[0].content",
		    "messages[0].content: is required unless tool_calls are "
		    "given" },
		{ "{\"role\":\"tool\",\"content\":\"x\"}",
		    "messages[0].tool_call_id",
		    "messages[0].tool_call_id: is required" },
		{ "{\"role\":\"tool\",\"content\":\"x\",\"tool_call_id\":"
		  "\"zz\"}",
		    "messages[0].tool_call_id",
		    "messages[0].tool_call_id: matches no tool call of an "
		    "earlier assistant message" },
		{ "{\"role\":\"function\",\"content\":\"x\"}",
		    "messages[0].name", "messages[0].name: is required" },
		{ "{\"role\":\"assistant\",\"tool_calls\":{}}",
		    "messages[0].tool_calls",
		    "messages[0].tool_calls: must be an array, got an "
		    "object" },
		{ "{\"role\":\"assistant\",\"tool_calls\":[{\"function\":"
		  "{\"name\":\"f\"}}]}",
		    "messages[0].tool_calls[0].id",
		    "messages[0].tool_calls[0].id: is required" },
		{ "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\"}]}",
		    "messages[0].tool_calls[0].function",
		    "messages[0].tool_calls[0].function: is required" },
		{ "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\","
		  "\"function\":{\"name\":\"f\",\"arguments\":{}}}]}",
		    "messages[0].tool_calls[0].function.arguments",
		    "messages[0].tool_calls[0].function.arguments: must be a "
		    "string, got an object" },
		{ "{\"role\":\"assistant\",\"content\":\"\","
		  "\"thinking_blocks\":[{\"type\":\"thinking\","
		  "\"signature\":1}]}",
		    "messages[0].thinking_blocks[0].signature",
		    "messages[0].thinking_blocks[0].signature: must be a "
		    "string, got a number" },
	};

	(void)state;
	assert_refusals(ROWS(rows), parsed_messages);
}

static void
counts_are_limited(void **state)
{
	struct api_limits lim = api_limits_default;
	struct parsed p;

	(void)state;
	lim.messages = 1;
	lim.calls = 1;
	parsed_body(&p,
	    STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
		"\"\"},{\"role\":\"user\",\"content\":\"\"}]}"),
	    &lim);
	assert_refused(
	    &p, "messages", "messages: has 2 messages; at most 1 are allowed");
	parsed_free(&p);
	parsed_body(&p,
	    STR("{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\","
		"\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\"}},"
		"{\"id\":\"b\",\"function\":{\"name\":\"f\"}}]}]}"),
	    &lim);
	assert_refused(&p, "messages[0].tool_calls",
	    "messages[0].tool_calls: has 2 calls; at most 1 are allowed");
	parsed_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roles),
		cmocka_unit_test(tool_turn),
		cmocka_unit_test(legacy_functions),
		cmocka_unit_test(laxness),
		cmocka_unit_test(refusal_is_a_part),
		cmocka_unit_test(row_58_59_thinking_blocks_are_carried),
		cmocka_unit_test(row_62_reasoning_is_carried),
		cmocka_unit_test(reasoning_details_are_carried),
		cmocka_unit_test(bad_messages_are_refused),
		cmocka_unit_test(counts_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
