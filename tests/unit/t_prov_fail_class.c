#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "prov/fail.h"

static enum msg_fail_class
class_of(int status, const char *type, const char *code, const char *text)
{
	struct prov_fail_facts f = { .status = status };
	enum msg_fail_class class;

	(void)snprintf(f.type, sizeof(f.type), "%s", type);
	(void)snprintf(f.code, sizeof(f.code), "%s", code);
	buf_init(&f.text, 4096);
	buf_addz(&f.text, text);
	class = prov_fail_class(&f);
	buf_fini(&f.text);
	return class;
}

static void
by_status_alone(void **state)
{
	static const struct {
		int status;
		enum msg_fail_class want;
	} rows[] = {
		{ 400, MSG_FAIL_INVALID },
		{ 401, MSG_FAIL_UPSTREAM_AUTH },
		{ 402, MSG_FAIL_QUOTA },
		{ 403, MSG_FAIL_UPSTREAM_AUTH },
		{ 404, MSG_FAIL_MODEL_NOT_FOUND },
		{ 408, MSG_FAIL_TIMEOUT },
		{ 409, MSG_FAIL_UNAVAILABLE },
		{ 413, MSG_FAIL_TOO_LARGE },
		{ 422, MSG_FAIL_INVALID },
		{ 424, MSG_FAIL_UNAVAILABLE },
		{ 429, MSG_FAIL_RATE_LIMIT },
		{ 498, MSG_FAIL_OVERLOADED },
		{ 500, MSG_FAIL_UNAVAILABLE },
		{ 502, MSG_FAIL_UNAVAILABLE },
		{ 503, MSG_FAIL_UNAVAILABLE },
		{ 504, MSG_FAIL_TIMEOUT },
		{ 522, MSG_FAIL_UNAVAILABLE },
		{ 529, MSG_FAIL_OVERLOADED },
		{ 302, MSG_FAIL_BAD_ANSWER },
		{ 0, MSG_FAIL_UNAVAILABLE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(
		    class_of(rows[i].status, "", "", ""), rows[i].want);
}

/* an overload is one with whatever status it comes */
static void
row_35_words_before_the_status(void **state)
{
	(void)state;
	assert_int_equal(
	    class_of(500, "overloaded_error", "", ""), MSG_FAIL_OVERLOADED);
	assert_int_equal(
	    class_of(429, "overloaded", "", ""), MSG_FAIL_OVERLOADED);
	assert_int_equal(
	    class_of(0, "", "rate_limit_exceeded", ""), MSG_FAIL_RATE_LIMIT);
	assert_int_equal(
	    class_of(429, "insufficient_quota", "", ""), MSG_FAIL_QUOTA);
	assert_int_equal(
	    class_of(400, "ThrottlingException", "", ""), MSG_FAIL_RATE_LIMIT);
}

static void
the_status_before_common_words(void **state)
{
	(void)state;
	/* DeepSeek's 402, OpenAI's 404 and 401 */
	assert_int_equal(
	    class_of(402, "unknown_error", "invalid_request_error", ""),
	    MSG_FAIL_QUOTA);
	assert_int_equal(class_of(404, "invalid_request_error", "", ""),
	    MSG_FAIL_MODEL_NOT_FOUND);
	assert_int_equal(class_of(401, "invalid_request_error", "", ""),
	    MSG_FAIL_UPSTREAM_AUTH);
	/* where no status came the words must do */
	assert_int_equal(
	    class_of(0, "invalid_request_error", "", ""), MSG_FAIL_INVALID);
	/* Groq: too large for the tier */
	assert_int_equal(class_of(413, "tokens", "rate_limit_exceeded", ""),
	    MSG_FAIL_TOO_LARGE);
}

static void
context_length_of_all_makers(void **state)
{
	static const struct {
		int status;
		const char *type, *code, *text;
	} rows[] = {
		{ 400, "", "context_length_exceeded", "" },
		{ 400, "invalid_request_error", "",
		    "prompt is too long: 3333404 tokens > 200000 maximum" },
		{ 400, "", "INVALID_ARGUMENT",
		    "The input token count (5) exceeds the maximum number of "
		    "tokens allowed (4)." },
		{ 400, "", "", "Input is too long for requested model." },
		{ 400, "", "TOO_MANY_TOKENS", "" },
		{ 422, "invalid_request_error", "",
		    "Input validation error: `inputs` tokens + "
		    "`max_new_tokens` must be <= 32769. Given: ..." },
		{ 400, "", "",
		    "This model's maximum context length is 1048565 tokens." },
		{ 400, "too_many_prompt_tokens", "", "" },
		{ 400, "exceed_context_size_error", "", "" },
		{ 400, "", "",
		    "input length and `max_tokens` exceed context limit" },
		/* even behind a status that says little */
		{ 500, "", "", "the prompt is too long" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(class_of(rows[i].status, rows[i].type,
				     rows[i].code, rows[i].text),
		    MSG_FAIL_CONTEXT_LENGTH);
	/* a rate limit speaks of tokens too */
	assert_int_equal(class_of(429, "tokens", "",
			     "too many tokens: maximum context length"),
	    MSG_FAIL_RATE_LIMIT);
}

static void
content_policy_of_all_makers(void **state)
{
	(void)state;
	assert_int_equal(
	    class_of(400, "", "content_filter", ""), MSG_FAIL_CONTENT_POLICY);
	assert_int_equal(class_of(400, "", "content_policy_violation", ""),
	    MSG_FAIL_CONTENT_POLICY);
	assert_int_equal(class_of(400, "", "",
			     "... triggering Azure OpenAI's content "
			     "management policy."),
	    MSG_FAIL_CONTENT_POLICY);
	assert_int_equal(
	    class_of(403, "", "", "Your input was flagged for \"violence\"."),
	    MSG_FAIL_CONTENT_POLICY);
}

static void
keys_refused_with_400(void **state)
{
	(void)state;
	assert_int_equal(class_of(400, "", "invalid-argument",
			     "Incorrect API key provided: xx"),
	    MSG_FAIL_UPSTREAM_AUTH);
	assert_int_equal(
	    class_of(400, "", "API_KEY_INVALID", ""), MSG_FAIL_UPSTREAM_AUTH);
}

static void
money(void **state)
{
	(void)state;
	assert_int_equal(class_of(400, "invalid_request_error", "",
			     "Your credit balance is too low to access"),
	    MSG_FAIL_QUOTA);
	assert_int_equal(
	    class_of(402, "billing_error", "", ""), MSG_FAIL_QUOTA);
	/* Gemini calls a rate limit quota */
	assert_int_equal(class_of(429, "", "RESOURCE_EXHAUSTED",
			     "You exceeded your current quota"),
	    MSG_FAIL_RATE_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_status_alone),
		cmocka_unit_test(row_35_words_before_the_status),
		cmocka_unit_test(the_status_before_common_words),
		cmocka_unit_test(context_length_of_all_makers),
		cmocka_unit_test(content_policy_of_all_makers),
		cmocka_unit_test(keys_refused_with_400),
		cmocka_unit_test(money),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
