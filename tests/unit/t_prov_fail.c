#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/utf8.h"
#include "prov/prov.h"

static const struct prov_target target = { .provider = STR("p"),
	.base_url = STR("https://secret.example:8443/v1") };

/* header: "name: value", or NULL. */
static struct msg_fail
parse(int status, const char *header, const char *body)
{
	struct arena *a = arena_new(1 << 20);
	struct msg_fail fail;
	struct http_headers h;

	http_headers_init(&h, a);
	if (header != NULL)
		assert_int_equal(
		    http_headers_add_line(&h, str_z(header)), ERR_OK);
	prov_fail(&target, status, &h, str_z(body), &fail);
	arena_free(a);
	assert_true(utf8_valid(str_z(fail.message)));
	return fail;
}

static void
says(int status, const char *body, enum msg_fail_class class,
    const char *message)
{
	struct msg_fail f = parse(status, NULL, body);

	assert_string_equal(f.message, message);
	assert_int_equal(f.class, class);
}

static void
openai_shape(void **state)
{
	struct msg_fail f = parse(400, NULL,
	    "{\"error\":{\"message\":\"Unsupported \\\"stop\\\"\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"stop\",\"code\":"
	    "\"unsupported_parameter\"}}");

	(void)state;
	assert_int_equal(f.class, MSG_FAIL_INVALID);
	assert_int_equal(f.upstream_status, 400);
	assert_string_equal(f.message, "p: Unsupported \"stop\"");
	assert_string_equal(f.param, "stop");
	assert_string_equal(f.code, "unsupported_parameter");
	assert_int_equal(f.retry_after, -1);
	assert_int_equal(f.should_retry, -1);
}

static void
row_100_every_other_shape(void **state)
{
	(void)state;
	says(429, "{\"message\":\"slow\"}", MSG_FAIL_RATE_LIMIT, "p: slow");
	says(429, "{\"Message\":\"slow\"}", MSG_FAIL_RATE_LIMIT, "p: slow");
	says(401, "{\"detail\":\"Invalid API Key\"}", MSG_FAIL_UPSTREAM_AUTH,
	    "p: Invalid API Key");
	says(400, "{\"error\":\"no such thing\"}", MSG_FAIL_INVALID,
	    "p: no such thing");
	says(400, "{\"error\":[\"one\",\"two\"]}", MSG_FAIL_INVALID,
	    "p: one; two");
	says(400, "[{\"error\":{\"code\":400,\"message\":\"bad\"}}]",
	    MSG_FAIL_INVALID, "p: bad");
	says(400,
	    "{\"code\":\"invalid-argument\",\"error\":\"Incorrect API "
	    "key provided: WR***NG\"}",
	    MSG_FAIL_UPSTREAM_AUTH,
	    "p: Incorrect API key provided: [redacted]");
	says(429,
	    "{\"error\":\"Model is overloaded\",\"error_type\":"
	    "\"overloaded\"}",
	    MSG_FAIL_OVERLOADED, "p: Model is overloaded");
	says(422,
	    "{\"object\":\"error\",\"message\":{\"detail\":[{\"type\":"
	    "\"missing\",\"loc\":[\"body\",\"messages\",0],\"msg\":"
	    "\"Field required\"}]},\"type\":\"invalid_request_error\"}",
	    MSG_FAIL_INVALID, "p: messages.0: Field required");
	says(404, "\"Not Found\"", MSG_FAIL_MODEL_NOT_FOUND, "p: Not Found");
	says(404, "Not Found", MSG_FAIL_MODEL_NOT_FOUND, "p: Not Found");
	says(503, "", MSG_FAIL_UNAVAILABLE, "p: 503 Service Unavailable");
	says(503, "{}", MSG_FAIL_UNAVAILABLE, "p: {}");
	says(502,
	    "<html><head><title>502</title></head>\n<body>Bad "
	    "<b>gateway</b></body></html>",
	    MSG_FAIL_UNAVAILABLE, "p: 502 Bad gateway");
	says(500, "\xff\xfe broken", MSG_FAIL_UNAVAILABLE, "p: ?? broken");
}

static void
azure_filter(void **state)
{
	struct msg_fail f = parse(400, NULL,
	    "{\"error\":{\"message\":\"The response was filtered\",\"type\":"
	    "null,\"param\":\"prompt\",\"code\":\"content_filter\",\"status\":"
	    "400,\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}");

	(void)state;
	assert_int_equal(f.class, MSG_FAIL_CONTENT_POLICY);
	assert_string_equal(f.param, "prompt");
	/* the table's own code is used */
	assert_string_equal(f.code, "");
}

static void
openrouter_moderation_and_raw(void **state)
{
	struct msg_fail f = parse(403, NULL,
	    "{\"error\":{\"code\":403,\"message\":\"requires moderation\","
	    "\"metadata\":{\"reasons\":[\"violence\"],\"flagged_input\":\"x\"}"
	    "}}");

	(void)state;
	assert_int_equal(f.class, MSG_FAIL_CONTENT_POLICY);
	f = parse(400, NULL,
	    "{\"error\":{\"message\":\"Provider returned error\",\"code\":400,"
	    "\"metadata\":{\"raw\":\"{\\\"m\\\":\\\"prompt is too long\\\"}\","
	    "\"provider_name\":\"X\"}}}");
	assert_int_equal(f.class, MSG_FAIL_CONTEXT_LENGTH);
	assert_string_equal(f.message,
	    "p: Provider returned error: {\"m\":\"prompt is too long\"}");
}

static void
row_96_retry_after(void **state)
{
	struct msg_fail f =
	    parse(429, "Retry-After: 20", "{\"error\":{\"message\":\"x\"}}");

	(void)state;
	assert_int_equal(f.retry_after, 20 * USEC_PER_SEC);
	f = parse(429, "retry-after-ms: 1500", "{}");
	assert_int_equal(f.retry_after, 1500 * USEC_PER_MSEC);
	f = parse(503, NULL,
	    "{\"error\":\"Model x is currently loading\","
	    "\"estimated_time\":20.0}");
	assert_int_equal(f.retry_after, 20 * USEC_PER_SEC);
	assert_string_equal(f.code, "model_loading");
	f = parse(429, NULL, "Please try again in 7.66s. Thanks");
	assert_int_equal(f.retry_after, 7660 * USEC_PER_MSEC);
	/* the header wins over the text */
	f = parse(429, "retry-after: 3", "Please try again in 7.66s.");
	assert_int_equal(f.retry_after, 3 * USEC_PER_SEC);
}

static void
row_97_gemini_retry_info(void **state)
{
	struct msg_fail f = parse(429, NULL,
	    "{\"error\":{\"code\":429,\"message\":\"You exceeded your current "
	    "quota\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":"
	    "\"a\",\"violations\":[{\"quotaId\":\"PerMinute\"}]},{\"@type\":"
	    "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":"
	    "\"34.4s\"}]}}");

	(void)state;
	assert_int_equal(f.class, MSG_FAIL_RATE_LIMIT);
	assert_int_equal(f.retry_after, 34400 * USEC_PER_MSEC);
	assert_int_equal(f.should_retry, -1);
	f = parse(429, NULL,
	    "{\"error\":{\"code\":429,\"message\":\"quota\",\"details\":[{"
	    "\"violations\":[{\"quotaId\":\"RequestsPerDayFreeTier\"}]}]}}");
	assert_int_equal(f.should_retry, 0);
}

static void
row_98_the_bodys_status_wins(void **state)
{
	struct msg_fail f = parse(
	    500, NULL, "{\"error\":{\"message\":\"slow down\",\"code\":429}}");

	(void)state;
	assert_int_equal(f.class, MSG_FAIL_RATE_LIMIT);
	assert_int_equal(f.upstream_status, 429);
	f = parse(503, NULL,
	    "{\"error\":{\"message\":\"slow down\",\"code\":\"429\"}}");
	assert_int_equal(f.class, MSG_FAIL_RATE_LIMIT);
	/* Mistral's number is none */
	f = parse(400, NULL,
	    "{\"object\":\"error\",\"message\":\"Tool call id\",\"code\":"
	    "\"3280\"}");
	assert_int_equal(f.class, MSG_FAIL_INVALID);
	assert_string_equal(f.code, "");
}

static void
should_retry(void **state)
{
	(void)state;
	assert_int_equal(
	    parse(400, "x-should-retry: true", "{}").should_retry, 1);
	assert_int_equal(
	    parse(529, "x-should-retry: false", "{}").should_retry, 0);
	assert_int_equal(
	    parse(529, "x-should-retry: maybe", "{}").should_retry, -1);
}

static void
param_at_the_beginning(void **state)
{
	(void)state;
	assert_string_equal(
	    parse(400, NULL,
		"{\"type\":\"error\",\"error\":{\"type\":"
		"\"invalid_request_error\",\"message\":\"temperature: Extra "
		"inputs are not permitted\"}}")
		.param,
	    "temperature");
	assert_string_equal(
	    parse(400, NULL, "{\"message\":\"Note: x\"}").param, "");
}

static void
the_host_is_not_told(void **state)
{
	(void)state;
	says(400, "{\"message\":\"no route at SECRET.example/x\"}",
	    MSG_FAIL_INVALID, "p: no route at [redacted]/x");
}

static void
aws_error_type(void **state)
{
	struct msg_fail f =
	    parse(400, "x-amzn-errortype: ThrottlingException:http://internal/",
		"{\"message\":\"Too many requests\"}");

	(void)state;
	assert_int_equal(f.class, MSG_FAIL_RATE_LIMIT);
	f = parse(429, "x-amzn-errortype: ModelNotReadyException", "{}");
	assert_string_equal(f.code, "model_not_ready");
}

static void
long_and_hostile_bodies(void **state)
{
	size_t n = 300000;
	char *body = malloc(n + 1);
	struct msg_fail f;

	(void)state;
	assert_non_null(body);
	memset(body, '[', n);
	body[n] = '\0';
	f = parse(500, NULL, body);
	assert_int_equal(f.class, MSG_FAIL_UNAVAILABLE);
	memset(body, 'x', n);
	memcpy(body, "{\"message\":\"", 12);
	memcpy(body + n - 2, "\"}", 2);
	f = parse(500, NULL, body);
	assert_true(strlen(f.message) > 900);
	/* cut inside an escape */
	for (size_t i = 12; i + 6 < n - 2; i += 6)
		memcpy(body + i, "\\u00e9", 6);
	f = parse(500, NULL, body);
	assert_memory_equal(f.message, "p: \xc3\xa9\xc3\xa9", 7);
	memset(body, '<', n);
	f = parse(500, NULL, body);
	assert_int_equal(f.class, MSG_FAIL_UNAVAILABLE);
	free(body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openai_shape),
		cmocka_unit_test(row_100_every_other_shape),
		cmocka_unit_test(azure_filter),
		cmocka_unit_test(openrouter_moderation_and_raw),
		cmocka_unit_test(row_96_retry_after),
		cmocka_unit_test(row_97_gemini_retry_info),
		cmocka_unit_test(row_98_the_bodys_status_wins),
		cmocka_unit_test(should_retry),
		cmocka_unit_test(param_at_the_beginning),
		cmocka_unit_test(the_host_is_not_told),
		cmocka_unit_test(aws_error_type),
		cmocka_unit_test(long_and_hostile_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
