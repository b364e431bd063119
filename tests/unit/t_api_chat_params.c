#include "api/chat.h"

#include "api_help.h"

static void
all_parameters_are_read(void **state)
{
	static const char *const values[] = {
		[MSG_V_NUMBER] = "0.5",
		[MSG_V_INTEGER] = "2",
		[MSG_V_BOOL] = "true",
		[MSG_V_STRING] = "\"s\"",
		[MSG_V_ARRAY] = "[\"text\"]",
		[MSG_V_OBJECT] = "{\"1\":5}",
		[MSG_V_STOP] = "[\"x\",\"y\"]",
		[MSG_V_BOOL_OR_INTEGER] = "true",
	};
	struct parsed p;
	char text[128];
	int i;

	(void)state;
	for (i = 0; i < MSG_P__MAX; i++) {
		const char *want = values[msg_param_table[i].type];

		(void)snprintf(text, sizeof(text), "\"%s\":%s",
		    msg_param_table[i].name, want);
		parsed_with(&p, text);
		assert_parsed(&p);
		assert_str(p.r.param[i], want);
		assert_null(p.r.extra);
		parsed_free(&p);
	}
}

static void
wrong_types_and_ranges_are_refused(void **state)
{
	static const struct refusal rows[] = {
		{ "\"temperature\":\"hot\"", "temperature",
		    "temperature: must be a number, got a string" },
		{ "\"temperature\":2.1", "temperature",
		    "temperature: must be between 0 and 2" },
		{ "\"temperature\":-0.01", "temperature",
		    "temperature: must be between 0 and 2" },
		{ "\"temperature\":1e999", "temperature",
		    "temperature: is out of range" },
		{ "\"top_p\":1.5", "top_p", "top_p: must be between 0 and 1" },
		{ "\"n\":0", "n", "n: must be at least 1" },
		{ "\"n\":129", "n", "n: must be at most 128" },
		{ "\"n\":1.5", "n",
		    "n: must be an integer of at most 64 bits" },
		{ "\"max_tokens\":0", "max_tokens",
		    "max_tokens: must be at least 1" },
		{ "\"max_tokens\":-2", "max_tokens",
		    "max_tokens: must be at least 1" },
		{ "\"max_completion_tokens\":\"5\"", "max_completion_tokens",
		    "max_completion_tokens: must be an integer, got a "
		    "string" },
		{ "\"top_logprobs\":21", "top_logprobs",
		    "top_logprobs: must be between 0 and 20" },
		{ "\"presence_penalty\":3", "presence_penalty",
		    "presence_penalty: must be between -2 and 2" },
		{ "\"stop\":[\"a\",1]", "stop[1]",
		    "stop[1]: must be a string, got a number" },
		{ "\"stop\":{}", "stop",
		    "stop: must be a string or an array of strings, got an "
		    "object" },
		{ "\"logprobs\":\"yes\"", "logprobs",
		    "logprobs: must be a boolean, got a string" },
		{ "\"logit_bias\":{\"1\":\"a\"}", "logit_bias",
		    "logit_bias: must be a map of tokens to numbers, got a "
		    "string" },
		{ "\"metadata\":[]", "metadata",
		    "metadata: must be an object, got an array" },
		{ "\"modalities\":\"text\"", "modalities",
		    "modalities: must be an array, got a string" },
		{ "\"user\":7", "user",
		    "user: must be a string, got a number" },
		{ "\"store\":0", "store",
		    "store: must be a boolean, got a number" },
	};

	(void)state;
	assert_refusals(ROWS(rows), parsed_with);
}

static void
counts_are_limited(void **state)
{
	static const struct refusal rows[] = {
		{ "\"stop\":[\"a\",\"b\",\"c\"]", "stop",
		    "stop: has 3 strings; at most 2 are allowed" },
		{ "\"metadata\":{\"a\":\"\",\"b\":\"\"}", "metadata",
		    "metadata: has 2 members; at most 1 are allowed" },
		{ "\"logit_bias\":{\"1\":1,\"2\":1}", "logit_bias",
		    "logit_bias: has 2 members; at most 1 are allowed" },
	};
	struct api_limits lim = api_limits_default;
	struct parsed p;
	char text[256];
	size_t i;

	(void)state;
	lim.stop = 2;
	lim.metadata = 1;
	lim.logit_bias = 1;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
		    "\"content\":\"\"}],%s}",
		    rows[i].body);
		parsed_body(&p, str_z(text), &lim);
		assert_int_equal(p.err, ERR_LIMIT);
		assert_refused(&p, rows[i].param, rows[i].message);
		parsed_free(&p);
	}
}

static void
laxness(void **state)
{
	struct parsed p;

	(void)state;
	/* LM Studio's and llama.cpp's "no limit" */
	parsed_with(&p, "\"max_tokens\":-1,\"logprobs\":5,\"stop\":[]");
	assert_parsed(&p);
	assert_int_equal(msg_max_tokens(&p.r, 77), 77);
	assert_str(p.r.param[MSG_P_LOGPROBS], "5");
	assert_false(str_present(p.r.param[MSG_P_STOP]));
	parsed_free(&p);
	parsed_with(&p, "\"seed\":-9223372036854775808,\"stop\":\"\"");
	assert_parsed(&p);
	assert_str(p.r.param[MSG_P_SEED], "-9223372036854775808");
	parsed_free(&p);
}

/* 0.0 is a value: presence, not truth. */
static void
row_78_zero_temperature_is_present(void **state)
{
	struct parsed p;
	double d = 1;

	(void)state;
	parsed_with(&p, "\"temperature\":0.0");
	assert_parsed(&p);
	assert_true(msg_param_double(&p.r, MSG_P_TEMPERATURE, &d));
	assert_true(d == 0.0);
	assert_str(p.r.param[MSG_P_TEMPERATURE], "0.0");
	parsed_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_parameters_are_read),
		cmocka_unit_test(wrong_types_and_ranges_are_refused),
		cmocka_unit_test(counts_are_limited),
		cmocka_unit_test(laxness),
		cmocka_unit_test(row_78_zero_temperature_is_present),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
