#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/http.h"

#define SEC USEC_PER_SEC

/* 2026-11-21T10:00:00Z */
static const usec_t now = 1795255200 * SEC;

/* Header lines, each ended by '\n'. */
static bool
parse(const char *lines, struct http_rates *out)
{
	struct arena *a = arena_new(65536);
	struct str rest = str_z(lines);
	struct http_headers h;
	bool found;

	assert_non_null(a);
	http_headers_init(&h, a);
	while (rest.n)
		assert_int_equal(
		    http_headers_add_line(&h, str_cut(&rest, '\n')), ERR_OK);
	found = http_rates_parse(&h, now, out);
	arena_free(a);
	return found;
}

static void
is_rate(
    const struct http_rate *r, int64_t limit, int64_t remaining, usec_t reset)
{
	assert_int_equal(r->limit, limit);
	assert_int_equal(r->remaining, remaining);
	assert_int_equal(r->reset, reset);
}

#define NONE -1, -1, -1

static void
test_openai(void **state)
{
	struct http_rates r;

	(void)state;
	assert_true(parse("x-ratelimit-limit-requests: 10000\n"
			  "x-ratelimit-limit-tokens: 200000\n"
			  "x-ratelimit-limit-input-images: 5\n"
			  "x-ratelimit-remaining-tokens_usage_based: 4\n"
			  "x-ratelimit-remaining-requests: 9999\n"
			  "x-ratelimit-remaining-tokens: 199977\n"
			  "X-RateLimit-Reset-Requests: 6m0s\n"
			  "x-ratelimit-reset-tokens: 6ms\n",
	    &r));
	is_rate(&r.requests, 10000, 9999, 360 * SEC);
	is_rate(&r.tokens, 200000, 199977, 6000);
	is_rate(&r.input_tokens, NONE);
	is_rate(&r.output_tokens, NONE);
}

static void
test_azure(void **state)
{
	struct http_rates r;

	(void)state;
	assert_true(parse("x-ratelimit-limit-requests: 20\n"
			  "x-ratelimit-remaining-requests: 0\n"
			  "x-ratelimit-reset-requests: 7\n"
			  "x-ratelimit-renewalperiod-requests: 60\n"
			  "x-ratelimit-abusepenalty-active: False\n"
			  "x-ratelimit-remaining-tokens: 12\n",
	    &r));
	is_rate(&r.requests, 20, 0, 7 * SEC);
	is_rate(&r.tokens, -1, 12, -1);
}

static void
test_anthropic(void **state)
{
	struct http_rates r;

	(void)state;
	assert_true(parse(
	    "anthropic-ratelimit-requests-limit: 4000\n"
	    "anthropic-ratelimit-requests-remaining: 3999\n"
	    "anthropic-ratelimit-requests-reset: 2026-11-21T10:00:30Z\n"
	    "anthropic-ratelimit-tokens-limit: 480000\n"
	    "anthropic-ratelimit-input-tokens-limit: 400000\n"
	    "anthropic-ratelimit-input-tokens-remaining: 399000\n"
	    "anthropic-ratelimit-output-tokens-limit: 80000\n"
	    "anthropic-ratelimit-output-tokens-remaining: 79000\n"
	    "anthropic-ratelimit-output-tokens-reset: 2026-11-21T09:59:00Z\n"
	    "anthropic-ratelimit-unified-status: allowed\n",
	    &r));
	is_rate(&r.requests, 4000, 3999, 30 * SEC);
	is_rate(&r.tokens, 480000, -1, -1);
	is_rate(&r.input_tokens, 400000, 399000, -1);
	is_rate(&r.output_tokens, 80000, 79000, 0);
}

static void
test_groq_and_xai(void **state)
{
	struct http_rates r;

	(void)state;
	assert_true(parse("x-ratelimit-limit-requests: 14400\n"
			  "x-ratelimit-remaining-requests: 14370\n"
			  "x-ratelimit-reset-requests: 2m59.56s\n"
			  "x-ratelimit-reset-tokens: 26ms\n",
	    &r));
	is_rate(&r.requests, 14400, 14370, 179560000);
	is_rate(&r.tokens, -1, -1, 26000);
}

/* Of several windows the one with the least left counts. */
static void
test_windows(void **state)
{
	struct http_rates r;

	(void)state;
	assert_true(parse("x-ratelimit-limit-req-minute: 60\n"
			  "x-ratelimit-remaining-req-minute: 59\n"
			  "x-ratelimit-limit-tokens-minute: 500000\n"
			  "x-ratelimit-remaining-tokens-minute: 499000\n"
			  "x-ratelimit-limit-tokens-month: 1000000000\n"
			  "x-ratelimit-remaining-tokens-month: 120\n"
			  "x-ratelimit-tokens-query-cost: 14\n",
	    &r));
	is_rate(&r.requests, 60, 59, -1);
	is_rate(&r.tokens, 1000000000, 120, -1);
	assert_true(parse("x-ratelimit-limit-requests-day: 14400\n"
			  "x-ratelimit-reset-requests-day: 33011.382867\n"
			  "x-ratelimit-remaining-tokens-minute: 5\n"
			  "x-ratelimit-reset-tokens-minute: 11.38\n",
	    &r));
	is_rate(&r.requests, 14400, -1, 33011382867);
	is_rate(&r.tokens, -1, 5, 11380000);
	assert_true(parse("ratelimitbysize-limit: 500000\n"
			  "ratelimitbysize-remaining: 7\n"
			  "ratelimitbysize-reset: 13\n",
	    &r));
	is_rate(&r.tokens, 500000, 7, 13 * SEC);
	is_rate(&r.requests, NONE);
}

static void
test_bare(void **state)
{
	struct http_rates r;

	(void)state;
	/* OpenRouter: epoch milliseconds; Together: a fraction and seconds */
	assert_true(parse("X-RateLimit-Limit: 20\n"
			  "X-RateLimit-Remaining: 0\n"
			  "X-RateLimit-Reset: 1795255260000\n",
	    &r));
	is_rate(&r.requests, 20, 0, 60 * SEC);
	assert_true(parse("x-ratelimit-limit: 0.1666666667\n"
			  "x-ratelimit-remaining: 0\n"
			  "x-ratelimit-reset: 1\n"
			  "x-ratelimit: false\n"
			  "x-ratelimit-limit-tokens: 9\n",
	    &r));
	is_rate(&r.requests, 1, 0, SEC);
	is_rate(&r.tokens, 9, -1, -1);
	/* seconds since 1970; 64 bits; a policy behind the number */
	assert_true(parse("ratelimit-limit: 100, 100;w=60\n"
			  "ratelimit-remaining: 9223372036854767616\n"
			  "ratelimit-reset: 1795255205\n",
	    &r));
	is_rate(&r.requests, 100, 9223372036854767616, 5 * SEC);
	assert_true(parse("x-trial-endpoint-call-limit: 40\n"
			  "x-trial-endpoint-call-remaining: 39\n",
	    &r));
	is_rate(&r.requests, 40, 39, -1);
}

static void
test_nonsense(void **state)
{
	struct http_rates r;

	(void)state;
	assert_false(parse("content-type: a\nx-ratelimit: true\n"
			   "x-ratelimit-: 1\nx-ratelimit-requests: 1\n",
	    &r));
	is_rate(&r.requests, NONE);
	assert_false(parse("x-ratelimit-limit-requests: many\n"
			   "x-ratelimit-remaining-requests: -3\n"
			   "x-ratelimit-reset-requests: -1\n"
			   "x-ratelimit-reset-tokens: 1e99\n"
			   "x-ratelimit-limit-tokens:\n",
	    &r));
	assert_true(
	    parse("x-ratelimit-limit-requests: 99999999999999999999\n", &r));
	is_rate(&r.requests, INT64_MAX, -1, -1);
	/* an HTTP date is a date as well; a word is none */
	assert_true(parse("x-ratelimit-reset: Sat, 21 Nov 2026 10:00:09 GMT\n"
			  "x-ratelimit-reset-tokens: soon\n"
			  "x-ratelimit-remaining-requests-day:\n",
	    &r));
	is_rate(&r.requests, -1, -1, 9 * SEC);
	is_rate(&r.tokens, NONE);
	assert_false(http_rates_parse(NULL, now, &r));
	is_rate(&r.tokens, NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openai),
		cmocka_unit_test(test_azure),
		cmocka_unit_test(test_anthropic),
		cmocka_unit_test(test_groq_and_xai),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
