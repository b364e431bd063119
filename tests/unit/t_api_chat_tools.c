#include "api/chat.h"

#include "api_help.h"

#define F(name) "{\"type\":\"function\",\"function\":{\"name\":\"" name "\"}}"
#define TOOLS "\"tools\":[" F("f") "," F("g") "]"

static void
tools(void **state)
{
	const struct msg_tool *t;
	struct parsed p;

	(void)state;
	parsed_with(&p,
	    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
	    "\"description\":\"d\\n\",\"parameters\":{\"type\":\"object\"},"
	    "\"strict\":true},\"cache_control\":{\"type\":\"ephemeral\"}},"
	    "{\"type\":\"custom\",\"custom\":{\"name\":\"c\",\"format\":{}}},"
	    "{\"type\":\"web_search\",\"x\":1}]");
	assert_parsed(&p);
	assert_int_equal(p.r.n_tools, 3);
	t = p.r.tools;
	assert_int_equal(t->type, MSG_TOOL_FUNCTION);
	assert_str(t->name, "f");
	assert_str(t->description, "d\\n");
	assert_str(t->parameters, "{\"type\":\"object\"}");
	assert_str(t->strict, "true");
	assert_str(t->cache_control, "{\"type\":\"ephemeral\"}");
	t = t->next;
	assert_int_equal(t->type, MSG_TOOL_CUSTOM);
	assert_str(t->name, "c");
	t = t->next;
	assert_int_equal(t->type, MSG_TOOL_OTHER);
	assert_str(t->raw, "{\"type\":\"web_search\",\"x\":1}");
	assert_int_equal(t->index, 2);
	assert_false(p.r.legacy_functions);
	parsed_free(&p);
}

static void
legacy_functions(void **state)
{
	struct parsed p;

	(void)state;
	parsed_with(&p, "\"functions\":[{\"name\":\"f\",\"parameters\":{}}],"
			"\"function_call\":{\"name\":\"f\"}");
	assert_parsed(&p);
	assert_true(p.r.legacy_functions);
	assert_str(p.r.tools->name, "f");
	assert_str(p.r.tools->raw, "{\"name\":\"f\",\"parameters\":{}}");
	assert_int_equal(p.r.choice, MSG_CHOICE_NAMED);
	assert_str(p.r.choice_name, "f");
	parsed_free(&p);
	parsed_with(&p, "\"functions\":[{\"name\":\"f\"}],"
			"\"function_call\":\"auto\"");
	assert_parsed(&p);
	assert_int_equal(p.r.choice, MSG_CHOICE_AUTO);
	parsed_free(&p);
}

static void
choices(void **state)
{
	static const struct {
		const char *text;
		enum msg_choice want;
	} rows[] = {
		{ "\"auto\"", MSG_CHOICE_AUTO },
		{ "\"none\"", MSG_CHOICE_NONE },
		{ "\"required\"", MSG_CHOICE_REQUIRED },
		{ "\"any\"", MSG_CHOICE_REQUIRED },
		{ "{\"type\":\"auto\"}", MSG_CHOICE_AUTO },
		{ F("g"), MSG_CHOICE_NAMED },
		{ "{\"type\":\"custom\",\"custom\":{\"name\":\"g\"}}",
		    MSG_CHOICE_NAMED },
		{ "{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":"
		  "\"required\",\"tools\":[" F("g") "]}}",
		    MSG_CHOICE_ALLOWED },
	};
	struct parsed p;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		(void)snprintf(text, sizeof(text), TOOLS ",\"tool_choice\":%s",
		    rows[i].text);
		parsed_with(&p, text);
		assert_parsed(&p);
		assert_int_equal(p.r.choice, rows[i].want);
		if (p.r.choice == MSG_CHOICE_NAMED)
			assert_str(p.r.choice_name, "g");
		if (p.r.choice == MSG_CHOICE_ALLOWED) {
			assert_true(p.r.choice_required);
			assert_str(p.r.allowed_names->name, "g");
			assert_null(p.r.allowed_names->next);
		}
		parsed_free(&p);
	}
	parsed_with(&p, "\"tool_choice\":\"none\"");
	assert_parsed(&p);
	parsed_free(&p);
}

static void
laxness(void **state)
{
	struct parsed p;

	(void)state;
	parsed_with(&p, "\"tools\":[{\"function\":{\"name\":\"f\"}}]");
	assert_parsed(&p);
	assert_int_equal(p.r.tools->type, MSG_TOOL_FUNCTION);
	parsed_free(&p);
	parsed_with(&p, "\"tools\":[],\"tool_choice\":\"auto\"");
	assert_parsed(&p);
	assert_null(p.r.tools);
	assert_int_equal(p.r.choice, MSG_CHOICE_UNSET);
	parsed_free(&p);
	parsed_with(&p, "\"functions\":[]");
	assert_parsed(&p);
	assert_false(p.r.legacy_functions);
	parsed_free(&p);
}

static void
bad_tools_are_refused(void **state)
{
	static const struct refusal rows[] = {
		{ "\"tools\":{}", "tools",
		    "tools: must be an array, got an object" },
		{ "\"tools\":[1]", "tools[0]",
		    "tools[0]: must be an object, got a number" },
		{ "\"tools\":[{\"custom\":{\"name\":\"f\"}}]", "tools[0].type",
		    "tools[0].type: is required" },
		{ "\"tools\":[{\"type\":\"function\"}]", "tools[0].function",
		    "tools[0].function: is required" },
		{ "\"tools\":[{\"type\":\"function\",\"function\":{}}]",
		    "tools[0].function.name",
		    "tools[0].function.name: is required" },
		{ "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
		  "\"f\",\"parameters\":[]}}]",
		    "tools[0].function.parameters",
		    "tools[0].function.parameters: must be an object, got an "
		    "array" },
		{ TOOLS ",\"functions\":[{\"name\":\"f\"}]", "tools",
		    "tools: cannot be used together with functions" },
		{ "\"functions\":[\"f\"]", "functions[0]",
		    "functions[0]: must be an object, got a string" },
	};

	(void)state;
	assert_refusals(ROWS(rows), parsed_with);
}

static void
bad_choices_are_refused(void **state)
{
	static const struct refusal rows[] = {
		{ "\"tools\":[],\"tool_choice\":\"required\"", "tool_choice",
		    "tool_choice: is only allowed when tools are given" },
		{ "\"tool_choice\":\"auto\"", "tool_choice",
		    "tool_choice: is only allowed when tools are given" },
		{ "\"tool_choice\":" F("f"), "tool_choice",
		    "tool_choice: is only allowed when tools are given" },
		{ "\"function_call\":{\"name\":\"f\"}", "function_call",
		    "function_call: is only allowed when functions are "
		    "given" },
		{ TOOLS ",\"tool_choice\":\"maybe\"", "tool_choice",
		    "tool_choice: must be auto, none, required or an object "
		    "that names a tool" },
		{ TOOLS ",\"tool_choice\":1", "tool_choice",
		    "tool_choice: must be a string or an object, got a "
		    "number" },
		{ TOOLS ",\"tool_choice\":{}", "tool_choice.type",
		    "tool_choice.type: is required" },
		{ TOOLS ",\"tool_choice\":" F("h"), "tool_choice.function.name",
		    "tool_choice.function.name: is not the name of one of the "
		    "given tools" },
		{ TOOLS
		    ",\"tool_choice\":{\"type\":\"allowed_tools\","
		    "\"allowed_tools\":{\"tools\":[" F("f") "," F("h") "]}}",
		    "tool_choice.allowed_tools.tools[1].function.name",
		    "tool_choice.allowed_tools.tools[1].function.name: is not "
		    "the name of one of the given tools" },
		{ TOOLS ",\"tool_choice\":{\"type\":\"allowed_tools\","
			"\"allowed_tools\":{\"mode\":\"x\"}}",
		    "tool_choice.allowed_tools.mode",
		    "tool_choice.allowed_tools.mode: must be auto or "
		    "required" },
	};

	(void)state;
	assert_refusals(ROWS(rows), parsed_with);
}

static void
counts_are_limited(void **state)
{
	struct api_limits lim = api_limits_default;
	struct parsed p;

	(void)state;
	lim.tools = 1;
	parsed_body(&p,
	    STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
		"\"\"}]," TOOLS "}"),
	    &lim);
	assert_refused(
	    &p, "tools", "tools: has 2 entries; at most 1 are allowed");
	parsed_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tools),
		cmocka_unit_test(legacy_functions),
		cmocka_unit_test(choices),
		cmocka_unit_test(laxness),
		cmocka_unit_test(bad_tools_are_refused),
		cmocka_unit_test(bad_choices_are_refused),
		cmocka_unit_test(counts_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
