#include "api/chat.h"

#include "api_help.h"

static void
formats(void **state)
{
	static const struct {
		const char *text;
		enum msg_format want;
	} rows[] = {
		{ "{\"type\":\"text\"}", MSG_FORMAT_TEXT },
		{ "{\"type\":\"json_object\",\"value\":{}}",
		    MSG_FORMAT_JSON_OBJECT },
		{ "{\"type\":\"grammar\",\"grammar\":\"x\"}",
		    MSG_FORMAT_OTHER },
		{ "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
		  "\"schema\":{\"a\":1},\"strict\":true}}",
		    MSG_FORMAT_JSON_SCHEMA },
	};
	struct parsed p;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		(void)snprintf(
		    text, sizeof(text), "\"response_format\":%s", rows[i].text);
		parsed_with(&p, text);
		assert_parsed(&p);
		assert_int_equal(p.r.format, rows[i].want);
		assert_str(p.r.format_raw, rows[i].text);
		if (p.r.format == MSG_FORMAT_JSON_SCHEMA) {
			assert_str(p.r.schema, "{\"a\":1}");
			assert_str(p.r.schema_name, "n");
			assert_str(p.r.schema_strict, "true");
		}
		parsed_free(&p);
	}
}

static void
bad_formats_are_refused(void **state)
{
	static const struct refusal rows[] = {
		{ "\"response_format\":\"json\"", "response_format",
		    "response_format: must be an object, got a string" },
		{ "\"response_format\":{}", "response_format.type",
		    "response_format.type: is required" },
		{ "\"response_format\":{\"type\":\"json_schema\"}",
		    "response_format.json_schema",
		    "response_format.json_schema: is required" },
		{ "\"response_format\":{\"type\":\"json_schema\","
		  "\"json_schema\":{\"name\":1}}",
		    "response_format.json_schema.name",
		    "response_format.json_schema.name: must be a string, got a "
		    "number" },
		{ "\"response_format\":{\"type\":\"json_schema\","
		  "\"json_schema\":{\"name\":\"n\",\"schema\":[]}}",
		    "response_format.json_schema.schema",
		    "response_format.json_schema.schema: must be an object, "
		    "got an array" },
	};

	(void)state;
	assert_refusals(ROWS(rows), parsed_with);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(bad_formats_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
