#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "prov/common.h"

static struct prov_http http;
static struct arena *arena;
static struct prov_target target = { .provider = STR("p") };

static int
setup(void **state)
{
	(void)state;
	target.on_unsupported = PROV_DROP_TUNING;
	target.kind = prov_kind_find(STR("openai"));
	target.base_url = str_of(NULL, 0);
	arena = arena_new(1 << 20);
	prov_http_init(&http, 100);
	return arena == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	prov_http_fini(&http);
	arena_free(arena);
	return 0;
}

static void
dropped_once_each(void **state)
{
	(void)state;
	prov_dropped(&http, "seed");
	prov_dropped(&http, "tools[%d].strict", 2);
	prov_dropped(&http, "seed");
	prov_dropped(&http, "see");
	assert_true(
	    str_eq(buf_str(&http.dropped), STR("seed,tools[2].strict,see")));
}

static void
dropped_cannot_forge_a_header(void **state)
{
	(void)state;
	prov_dropped(&http, "a\r\nset-cookie: x,b\xc3\xb6");
	assert_true(
	    str_eq(buf_str(&http.dropped), STR("a__set-cookie:_x_b__")));
}

static void
dropped_says_when_it_is_full(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		prov_dropped(&http, "field-%d", i);
	assert_false(http.dropped.failed);
	assert_true(http.dropped.n <= PROV_DROPPED_MAX);
	assert_true(str_ends(buf_str(&http.dropped), STR(",...")));
}

static void
losses(void **state)
{
	struct prov_call call = { NULL, &target, arena, false };
	struct msg_fail fail = { .class = MSG_FAIL_NONE };

	(void)state;
	assert_int_equal(
	    prov_lose(&call, &http, &fail, PROV_LOSS_TUNING, "seed"), ERR_OK);
	assert_int_equal(
	    prov_lose(&call, &http, &fail, PROV_LOSS_CONTRACT, "n"),
	    ERR_UNSUPPORTED);
	assert_int_equal(fail.class, MSG_FAIL_INVALID);
	assert_string_equal(fail.param, "n");
	assert_string_equal(fail.code, "unsupported_parameter");
	target.on_unsupported = PROV_DROP_ALL;
	assert_int_equal(
	    prov_lose(&call, &http, &fail, PROV_LOSS_CONTRACT, "n"), ERR_OK);
	target.on_unsupported = PROV_REFUSE_ALL;
	assert_int_equal(
	    prov_lose(&call, &http, &fail, PROV_LOSS_TUNING, "seed"),
	    ERR_UNSUPPORTED);
	assert_true(str_eq(buf_str(&http.dropped), STR("seed,n")));
}

static void
refusals(void **state)
{
	struct msg_fail fail = { .class = MSG_FAIL_NONE };

	(void)state;
	assert_int_equal(prov_refuse(&fail, "tools[3].function.name",
			     "%s: too %s", "the name", "long"),
	    ERR_SYNTAX);
	assert_int_equal(fail.class, MSG_FAIL_INVALID);
	assert_string_equal(fail.param, "tools[3].function.name");
	assert_string_equal(fail.message, "the name: too long");
}

static void
a_request_begins_and_ends(void **state)
{
	struct prov_call call = { NULL, &target, arena, true };
	struct msg_fail fail = { .class = MSG_FAIL_NONE };

	(void)state;
	assert_int_equal(
	    prov_http_begin(&call, &http, STR("/v1/chat/completions"), &fail),
	    ERR_OK);
	assert_string_equal(http.method, "POST");
	assert_true(str_eq(
	    http.url, STR("https://api.openai.com/v1/chat/completions")));
	assert_true(str_eq(http_headers_find(&http.headers, "Accept"),
	    STR("text/event-stream")));
	assert_true(str_eq(http_headers_find(&http.headers, "content-type"),
	    STR("application/json")));
	buf_addz(&http.body, "{}");
	assert_int_equal(prov_http_done(&call, &http, &fail), ERR_OK);
	for (int i = 0; i < 60; i++)
		buf_addz(&http.body, "0123456789");
	assert_int_equal(prov_http_done(&call, &http, &fail), ERR_LIMIT);
	assert_int_equal(fail.class, MSG_FAIL_TOO_LARGE);
}

static void
a_base_that_cannot_be(void **state)
{
	struct prov_call call = { NULL, &target, arena, true };
	struct msg_fail fail = { .class = MSG_FAIL_NONE };

	(void)state;
	target.base_url = STR("ftp://h");
	assert_int_not_equal(
	    prov_http_begin(&call, &http, STR("/v1/x"), &fail), ERR_OK);
	assert_int_equal(fail.class, MSG_FAIL_INTERNAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    dropped_once_each, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    dropped_cannot_forge_a_header, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    dropped_says_when_it_is_full, setup, teardown),
		cmocka_unit_test_setup_teardown(losses, setup, teardown),
		cmocka_unit_test(refusals),
		cmocka_unit_test_setup_teardown(
		    a_request_begins_and_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_base_that_cannot_be, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
