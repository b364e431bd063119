#include "api/answer.h"

#include "check.h"

static void
expect(enum msg_dialect d, const struct msg_fail *f, const char *want)
{
	struct buf b;

	buf_init(&b, 8192);
	api_error_print(d, f, STR("req_1"), &b);
	assert_str(buf_str(&b), want);
	buf_fini(&b);
}

static void
openai_has_all_four_keys(void **state)
{
	struct msg_fail f;

	(void)state;
	msg_fail_set(&f, MSG_FAIL_PERMISSION, "not \"yours\"\n");
	expect(MSG_DIALECT_OPENAI, &f,
	    "{\"error\":{\"message\":\"not \\\"yours\\\"\\n\",\"type\":"
	    "\"permission_error\",\"param\":null,\"code\":null}}");
	msg_fail_set(&f, MSG_FAIL_INVALID, "n: must be at least 1");
	msg_fail_param(&f, STR("n"));
	memcpy(f.code, "4711", 5);
	expect(MSG_DIALECT_OPENAI, &f,
	    "{\"error\":{\"message\":\"n: must be at least 1\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"n\",\"code\":\"4711\"}}");
	msg_fail_set(&f, MSG_FAIL_MODEL_NOT_FOUND, "x");
	expect(MSG_DIALECT_OPENAI, &f,
	    "{\"error\":{\"message\":\"x\",\"type\":"
	    "\"invalid_request_error\",\"param\":null,\"code\":"
	    "\"model_not_found\"}}");
}

static void
chat_has_type_and_message(void **state)
{
	static const struct {
		enum msg_fail_class class;
		const char *type;
	} rows[] = {
		{ MSG_FAIL_LIMIT, "rate_limit_exceeded" },
		{ MSG_FAIL_AUTHENTICATION, "authentication_error" },
		{ MSG_FAIL_INVALID, "invalid_request" },
		{ MSG_FAIL_MODEL_NOT_FOUND, "model_not_found" },
		{ MSG_FAIL_POLICY, "policy_violation" },
		{ MSG_FAIL_UNAVAILABLE, "upstream_error" },
		{ MSG_FAIL_TIMEOUT, "upstream_error" },
	};
	struct msg_fail f;
	char want[128];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		msg_fail_set(&f, rows[i].class, "m");
		(void)snprintf(want, sizeof(want),
		    "{\"error\":{\"type\":\"%s\",\"message\":\"m\"}}",
		    rows[i].type);
		expect(MSG_DIALECT_CHAT, &f, want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openai_has_all_four_keys),
		cmocka_unit_test(chat_has_type_and_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
