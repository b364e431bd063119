#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "prov_run.h"

/* Builds for a vendor and compares what became of the messages. */
static void
check(const char *vendor, const char *messages, const char *want,
    const char *dropped)
{
	struct prov_build b = { .kind = "openai-compatible",
		.vendor = vendor,
		.base_url = "http://h/v1" };
	char body[4096], wanted[4096];

	(void)snprintf(
	    body, sizeof(body), "{\"model\":\"a\",\"messages\":%s}", messages);
	(void)snprintf(wanted, sizeof(wanted),
	    "{\"model\":\"model-1\",\"messages\":%s}", want);
	prov_build_is(&b, body, wanted, dropped);
}

static void
untouched(const char *vendor, const char *messages)
{
	check(vendor, messages, messages, NULL);
}

#define USER "{\"role\":\"user\",\"content\":\"q\"}"
#define CALL(id)                                                 \
	"{\"id\":\"" id "\",\"type\":\"function\",\"function\":" \
	"{\"name\":\"f\",\"arguments\":\"{}\"}}"

static void
spliced_as_they_are(void **state)
{
	(void)state;
	untouched("openai",
	    "[ {\"role\":\"developer\", \"content\":\"d\"}, " USER
	    ", {\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" CALL(
		"call_1") "]}, {\"role\":\"tool\",\"tool_call_id\":"
			  "\"call_1\",\"content\":\"r\"}]");
	untouched("generic",
	    "[{\"role\":\"user\",\"name\":\"n\",\"content\":[{\"type\":"
	    "\"text\",\"text\":\"q\",\"cache_control\":{\"type\":"
	    "\"ephemeral\"}}]}]");
}

static void
developer_becomes_system(void **state)
{
	(void)state;
	check("groq", "[{\"role\":\"developer\",\"content\":\"d\"}," USER "]",
	    "[{\"role\":\"system\",\"content\":\"d\"}," USER "]", NULL);
}

static void
groq_refuses_names(void **state)
{
	(void)state;
	check("groq", "[{\"role\":\"user\",\"name\":\"n\",\"content\":\"q\"}]",
	    "[{\"role\":\"user\",\"content\":\"q\"}]", "messages.name");
}

static void
row_70_mistral_ids(void **state)
{
	char hash[10], messages[1024], want[1024];

	(void)state;
	hash_base62(STR("toolu_01ABC"), 9, hash);
	(void)snprintf(messages, sizeof(messages), "%s",
	    "[" USER ",{\"role\":\"assistant\",\"content\":\"\","
	    "\"tool_calls\":[" CALL("toolu_01ABC") "," CALL(
		"abcDEF123") "]},"
			     "{\"role\":\"tool\",\"tool_call_id\":\"toolu_"
			     "01ABC\",\"name\":"
			     "\"f\",\"content\":\"r\"},{\"role\":\"tool\","
			     "\"tool_call_id\":"
			     "\"abcDEF123\",\"content\":\"s\"}]");
	(void)snprintf(want, sizeof(want),
	    "[" USER ",{\"role\":\"assistant\",\"content\":\"\","
	    "\"tool_calls\":[{\"id\":\"%s\",\"type\":\"function\","
	    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}," CALL(
		"abcDEF123") "]},{\"role\":\"tool\",\"tool_call_id\":\"%s\","
			     "\"name\":\"f\",\"content\":\"r\"},{\"role\":"
			     "\"tool\","
			     "\"tool_call_id\":\"abcDEF123\",\"content\":"
			     "\"s\"}]",
	    hash, hash);
	check("mistral", messages, want, NULL);
}

static void
row_71_mistral_user_after_tool(void **state)
{
	(void)state;
	check("mistral",
	    "[" USER ",{\"role\":\"assistant\",\"tool_calls\":[" CALL(
		"abcDEF123") "]},{\"role\":\"tool\",\"tool_call_id\":"
			     "\"abcDEF123\",\"content\":\"r\"}," USER "]",
	    "[" USER ",{\"role\":\"assistant\",\"tool_calls\":[" CALL(
		"abcDEF123") "]},{\"role\":\"tool\",\"tool_call_id\":"
			     "\"abcDEF123\",\"content\":\"r\"},{\"role\":"
			     "\"assistant\",\"content\":\".\"}," USER "]",
	    NULL);
}

static void
mistral_unknown_members(void **state)
{
	(void)state;
	check("mistral",
	    "[" USER ",{\"role\":\"assistant\",\"content\":\"x\",\"refusal\":"
	    "null,\"annotations\":[{\"a\":1}],\"reasoning_content\":\"r\"}"
	    "," USER "]",
	    "[" USER ",{\"role\":\"assistant\",\"content\":\"x\"}," USER "]",
	    "messages.annotations,messages.reasoning_content");
}

static void
row_62_deepseek_keeps_reasoning(void **state)
{
	(void)state;
	check("deepseek",
	    "[" USER ",{\"role\":\"assistant\",\"content\":null,"
	    "\"tool_calls\":[" CALL("a") "]},{\"role\":\"tool\","
					 "\"tool_call_id\":\"a\",\"content\":"
					 "\"r\"}]",
	    "[" USER ",{\"role\":\"assistant\",\"content\":null,"
	    "\"tool_calls\":[" CALL("a") "],\"reasoning_content\":\"\"},{"
					 "\"role\":\"tool\",\"tool_call_id\":"
					 "\"a\",\"content\":\"r\"}]",
	    NULL);
	check("deepseek",
	    "[" USER ",{\"role\":\"assistant\",\"content\":\"x\","
	    "\"reasoning\":\"l\\u00f6\"}," USER "]",
	    "[" USER ",{\"role\":\"assistant\",\"content\":\"x\","
	    "\"reasoning_content\":\"l\\u00f6\"}," USER "]",
	    NULL);
}

static void
reasoning_under_groqs_name(void **state)
{
	(void)state;
	check("groq",
	    "[" USER ",{\"role\":\"assistant\",\"content\":\"x\","
	    "\"reasoning_content\":\"r\"}," USER "]",
	    "[" USER ",{\"role\":\"assistant\",\"content\":\"x\","
	    "\"reasoning\":\"r\"}," USER "]",
	    NULL);
}

static void
openai_refuses_what_is_not_its_own(void **state)
{
	(void)state;
	check("openai",
	    "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
	    "\"q\",\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":"
	    "\"text\",\"text\":\"p\"}]},{\"role\":\"assistant\",\"content\":"
	    "\"x\",\"reasoning_content\":\"r\",\"thinking_blocks\":[{\"type\":"
	    "\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"}],"
	    "\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":"
	    "{\"name\":\"f\",\"arguments\":\"{}\"},\"extra_content\":{"
	    "\"google\":{\"thought_signature\":\"S\"}}}]},{\"role\":\"tool\","
	    "\"tool_call_id\":\"a\",\"content\":\"r\"}]",
	    "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
	    "\"q\"},{\"type\":\"text\",\"text\":\"p\"}]},{\"role\":"
	    "\"assistant\",\"content\":\"x\",\"tool_calls\":[" CALL(
		"a") "]},{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":"
		     "\"r\"}]",
	    "messages.content.cache_control,messages.thinking_blocks,"
	    "messages.tool_calls.extra_content,messages.reasoning_content");
}

static void
openai_takes_its_own_cache_marker(void **state)
{
	(void)state;
	untouched("openai",
	    "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
	    "\"q\",\"prompt_cache_breakpoint\":{\"ttl\":\"5m\"}}]}]");
}

static void
legacy_history_for_others(void **state)
{
	struct prov_build b = { .kind = "openai-compatible", .vendor = "xai" };
	char *z;

	(void)state;
	z = prov_build(&b,
	    "{\"model\":\"a\",\"messages\":[" USER ",{\"role\":\"assistant\","
	    "\"content\":null,\"function_call\":{\"name\":\"f\",\"arguments\":"
	    "\"{}\"}},{\"role\":\"function\",\"name\":\"f\",\"content\":\"r\"}"
	    "],\"functions\":[{\"name\":\"f\"}]}",
	    NULL, NULL);
	assert_non_null(strstr(z, "\"tool_calls\":[{\"id\":\""));
	assert_non_null(
	    strstr(z, "\"type\":\"function\",\"function\":{\"name\":\"f\","
		      "\"arguments\":\"{}\"}}]"));
	assert_non_null(strstr(z, "\"role\":\"tool\""));
	assert_non_null(strstr(z, "\"tool_call_id\":\""));
	assert_null(strstr(z, "function_call"));
	assert_null(strstr(z, "\"functions\""));
	free(z);
}

static void
a_call_id_where_none_belongs(void **state)
{
	(void)state;
	check("mistral",
	    "[{\"role\":\"user\",\"content\":\"q\",\"tool_call_id\":\"x\"}]",
	    "[{\"role\":\"user\",\"content\":\"q\",\"tool_call_id\":\"x\"}]",
	    NULL);
}

static void
o1_mini_has_no_system(void **state)
{
	struct prov_build b = { .kind = "openai", .model = "o1-mini" };

	(void)state;
	prov_build_is(&b,
	    "{\"model\":\"a\",\"messages\":[{\"role\":\"system\",\"content\":"
	    "\"s\"}," USER "]}",
	    "{\"model\":\"o1-mini\",\"messages\":[{\"role\":\"user\","
	    "\"content\":\"s\"}," USER "]}",
	    NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spliced_as_they_are),
		cmocka_unit_test(developer_becomes_system),
		cmocka_unit_test(groq_refuses_names),
		cmocka_unit_test(row_62_deepseek_keeps_reasoning),
		cmocka_unit_test(row_70_mistral_ids),
		cmocka_unit_test(row_71_mistral_user_after_tool),
		cmocka_unit_test(mistral_unknown_members),
		cmocka_unit_test(reasoning_under_groqs_name),
		cmocka_unit_test(openai_refuses_what_is_not_its_own),
		cmocka_unit_test(openai_takes_its_own_cache_marker),
		cmocka_unit_test(legacy_history_for_others),
		cmocka_unit_test(a_call_id_where_none_belongs),
		cmocka_unit_test(o1_mini_has_no_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
