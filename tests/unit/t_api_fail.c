#include "api/msg.h"

#include "base/utf8.h"
#include "check.h"

static void
set_clears_the_rest(void **state)
{
	struct msg_fail f;

	(void)state;
	memset(&f, 0x55, sizeof(f));
	msg_fail_set(&f, MSG_FAIL_LIMIT, "%s %d", "no", 7);
	assert_int_equal(f.class, MSG_FAIL_LIMIT);
	assert_string_equal(f.message, "no 7");
	assert_string_equal(f.param, "");
	assert_string_equal(f.code, "");
	assert_int_equal(f.upstream_status, 0);
	assert_int_equal(f.retry_after, -1);
	assert_int_equal(f.should_retry, -1);
}

/* Whatever the length, no character is cut. */
static void
long_text_is_cut_between_characters(void **state)
{
	char text[4200];
	struct msg_fail f;
	size_t lead, i;

	(void)state;
	for (lead = 0; lead < 5; lead++) {
		memset(text, 'a', lead);
		for (i = lead; i + 4 < sizeof(text); i += 4)
			memcpy(text + i, "\xf0\x9f\x98\x80", 4);
		text[i] = '\0';
		msg_fail_set(&f, MSG_FAIL_INVALID, "%s", text);
		assert_true(utf8_valid(str_z(f.message)));
		assert_true(strlen(f.message) > MSG_FAIL_MESSAGE_SIZE - 6);
		assert_null(strchr(f.message, '?'));
	}
}

static void
broken_text_is_mended(void **state)
{
	struct msg_fail f;

	(void)state;
	msg_fail_set(&f, MSG_FAIL_INVALID, "%s",
	    "\xff"
	    "a\xc3\xa9\xc3"
	    "b\xe2\x82");
	assert_string_equal(f.message, "?a\xc3\xa9?b??");
}

static void
param_is_cut_between_characters(void **state)
{
	char text[200];
	struct msg_fail f;
	size_t i;

	(void)state;
	for (i = 0; i < 198; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	msg_fail_set(&f, MSG_FAIL_INVALID, "x");
	msg_fail_param(&f, str_of(text, 198));
	assert_int_equal(strlen(f.param), MSG_FAIL_WORD_SIZE - 2);
	assert_true(utf8_valid(str_z(f.param)));
	msg_fail_param(&f, (struct str){ NULL, 0 });
	assert_string_equal(f.param, "");
}

static void
every_class_has_a_whole_row(void **state)
{
	int i;

	(void)state;
	for (i = MSG_FAIL_INVALID; i < MSG_FAIL__MAX; i++) {
		const struct msg_fail_row *r = &msg_fail_table[i];

		assert_non_null(r->word);
		assert_true(strlen(r->type) > 0);
		assert_true(strlen(r->chat_type) > 0);
		assert_true(
		    r->status == 0 || (r->status >= 400 && r->status < 600));
		/* what may be tried again may also go elsewhere */
		if (r->retry_same)
			assert_non_null(r->fallback_word);
	}
}

/* wire.md 4.2, row by row. */
static void
statuses_of_the_table(void **state)
{
	static const struct {
		enum msg_fail_class class;
		int upstream;
		int status;
		bool retry;
		const char *code;
	} rows[] = {
		{ MSG_FAIL_INVALID, 422, 400, false, NULL },
		{ MSG_FAIL_CONTEXT_LENGTH, 422, 400, false,
		    "context_length_exceeded" },
		{ MSG_FAIL_CONTENT_POLICY, 403, 400, false, "content_filter" },
		{ MSG_FAIL_UPSTREAM_AUTH, 401, 502, false, "upstream_auth" },
		{ MSG_FAIL_QUOTA, 402, 429, false, "insufficient_quota" },
		{ MSG_FAIL_MODEL_NOT_FOUND, 404, 404, false,
		    "model_not_found" },
		{ MSG_FAIL_TIMEOUT, 408, 504, true, "timeout" },
		{ MSG_FAIL_TOO_LARGE, 413, 413, false, "request_too_large" },
		{ MSG_FAIL_RATE_LIMIT, 429, 429, true, "rate_limit_exceeded" },
		{ MSG_FAIL_UNAVAILABLE, 424, 502, true, NULL },
		{ MSG_FAIL_UNAVAILABLE, 500, 500, true, NULL },
		{ MSG_FAIL_UNAVAILABLE, 503, 503, true, NULL },
		{ MSG_FAIL_UNAVAILABLE, 522, 502, true, NULL },
		{ MSG_FAIL_UNAVAILABLE, 0, 502, true, NULL },
		{ MSG_FAIL_OVERLOADED, 529, 503, true, "overloaded" },
		{ MSG_FAIL_AUTHENTICATION, 0, 401, false, "invalid_api_key" },
		{ MSG_FAIL_METHOD, 0, 405, false, "method_not_allowed" },
		{ MSG_FAIL_LIMIT, 0, 429, false, "rate_limit_exceeded" },
		{ MSG_FAIL_NO_TARGET, 0, 503, false, "no_target_available" },
		{ MSG_FAIL_STORE_AWAY, 0, 503, false,
		    "temporarily_unavailable" },
		{ MSG_FAIL_INTERNAL, 0, 500, false, "internal_error" },
	};
	struct msg_fail f;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		const struct msg_fail_row *r = &msg_fail_table[rows[i].class];

		msg_fail_set(&f, rows[i].class, "x");
		f.upstream_status = rows[i].upstream;
		assert_int_equal(msg_fail_status(&f), rows[i].status);
		assert_int_equal(r->retry_same, rows[i].retry);
		if (rows[i].code)
			assert_string_equal(r->code, rows[i].code);
		else
			assert_null(r->code);
	}
}

static void
finish_words(void **state)
{
	(void)state;
	assert_string_equal(msg_finish_word(MSG_FINISH_STOP), "stop");
	assert_string_equal(msg_finish_word(MSG_FINISH_LENGTH), "length");
	assert_string_equal(
	    msg_finish_word(MSG_FINISH_TOOL_CALLS), "tool_calls");
	assert_string_equal(
	    msg_finish_word(MSG_FINISH_CONTENT_FILTER), "content_filter");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_clears_the_rest),
		cmocka_unit_test(long_text_is_cut_between_characters),
		cmocka_unit_test(broken_text_is_mended),
		cmocka_unit_test(param_is_cut_between_characters),
		cmocka_unit_test(every_class_has_a_whole_row),
		cmocka_unit_test(statuses_of_the_table),
		cmocka_unit_test(finish_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
