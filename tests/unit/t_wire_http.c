#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/http.h"

#define assert_str(s, z) assert_true(str_eqz((s), (z)) && str_present(s))

static int
setup(void **state)
{
	*state = arena_new(1 << 20);
	return *state ? 0 : -1;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void
test_add_and_find(void **state)
{
	struct http_headers h;

	http_headers_init(&h, *state);
	assert_false(str_present(http_headers_find(&h, "A")));
	assert_false(str_present(http_headers_find(NULL, "A")));
	assert_int_equal(
	    http_headers_add(&h, STR("Content-Type"), STR("a")), ERR_OK);
	assert_int_equal(http_headers_add(&h, STR("X-Two"), STR("1")), ERR_OK);
	assert_int_equal(http_headers_add(&h, STR("x-two"), STR("2")), ERR_OK);
	assert_int_equal(http_headers_add(&h, STR("Empty"), STR("")), ERR_OK);
	assert_str(http_headers_find(&h, "content-TYPE"), "a");
	assert_str(http_headers_find(&h, "X-TWO"), "1");
	assert_str(http_headers_find(&h, "empty"), "");
	assert_int_equal(h.n, 4);
	assert_str(h.v[2].name, "x-two");
}

static void
test_set(void **state)
{
	struct http_headers h;
	uint32_t bytes;

	http_headers_init(&h, *state);
	assert_int_equal(http_headers_add(&h, STR("A"), STR("1")), ERR_OK);
	assert_int_equal(http_headers_add(&h, STR("B"), STR("2")), ERR_OK);
	assert_int_equal(http_headers_add(&h, STR("a"), STR("3")), ERR_OK);
	assert_int_equal(http_headers_add(&h, STR("C"), STR("4")), ERR_OK);
	bytes = h.bytes;
	assert_int_equal(http_headers_set(&h, STR("A"), STR("55")), ERR_OK);
	assert_int_equal(h.n, 3);
	assert_int_equal(h.bytes, bytes - 1);
	assert_str(h.v[0].value, "55");
	assert_str(h.v[1].value, "2");
	assert_str(h.v[2].value, "4");
	assert_int_equal(http_headers_set(&h, STR("D"), STR("6")), ERR_OK);
	assert_int_equal(h.n, 4);
	assert_str(h.v[3].value, "6");
	assert_int_equal(
	    http_headers_set(&h, STR("D"), STR("6\r\nX: 1")), ERR_DENIED);
	assert_str(http_headers_find(&h, "d"), "6");
}

static void
test_unsafe(void **state)
{
	struct http_headers h;

	http_headers_init(&h, *state);
	assert_int_equal(
	    http_headers_add(&h, STR("A"), STR("x\ry")), ERR_DENIED);
	assert_int_equal(
	    http_headers_add(&h, STR("A"), STR("x\ny")), ERR_DENIED);
	assert_int_equal(
	    http_headers_add(&h, STR("A"), STR("x\0y")), ERR_DENIED);
	assert_int_equal(http_headers_add(&h, STR(""), STR("x")), ERR_DENIED);
	assert_int_equal(
	    http_headers_add(&h, STR("A B"), STR("x")), ERR_DENIED);
	assert_int_equal(http_headers_add(&h, STR("A:"), STR("x")), ERR_DENIED);
	assert_int_equal(
	    http_headers_add(&h, STR("A\0"), STR("x")), ERR_DENIED);
	assert_int_equal(
	    http_headers_add(&h, STR("A\xc3"), STR("x")), ERR_DENIED);
	assert_int_equal(h.n, 0);
	assert_true(http_value_is_safe(STR("tab\tand \xc3\xa9")));
	assert_true(http_value_is_safe(STR("")));
	assert_true(http_name_is_safe(STR("X-A_b.c~1")));
}

static void
test_line(void **state)
{
	struct http_headers h;

	http_headers_init(&h, *state);
	assert_int_equal(
	    http_headers_add_line(&h, STR("Content-Type:  text/plain \r\n")),
	    ERR_OK);
	assert_str(http_headers_find(&h, "content-type"), "text/plain");
	assert_int_equal(http_headers_add_line(&h, STR("a:b:c")), ERR_OK);
	assert_str(http_headers_find(&h, "a"), "b:c");
	assert_int_equal(http_headers_add_line(&h, STR("e:\r\n")), ERR_OK);
	assert_str(http_headers_find(&h, "e"), "");
	assert_int_equal(
	    http_headers_add_line(&h, STR("HTTP/1.1 200 OK\r\n")), ERR_SYNTAX);
	assert_int_equal(
	    http_headers_add_line(&h, STR("HTTP/2 200 a:b\r\n")), ERR_SYNTAX);
	assert_int_equal(http_headers_add_line(&h, STR("\r\n")), ERR_SYNTAX);
	assert_int_equal(http_headers_add_line(&h, STR("")), ERR_SYNTAX);
	assert_int_equal(http_headers_add_line(&h, STR(":x")), ERR_SYNTAX);
}

static void
test_limits(void **state)
{
	static char big[HTTP_HEADERS_MAX_BYTES];
	struct http_headers h;
	struct arena *small;

	http_headers_init(&h, *state);
	for (unsigned i = 0; i < HTTP_HEADERS_MAX; i++)
		assert_int_equal(
		    http_headers_add(&h, STR("N"), STR("v")), ERR_OK);
	assert_int_equal(http_headers_add(&h, STR("N"), STR("v")), ERR_LIMIT);
	assert_int_equal(h.n, HTTP_HEADERS_MAX);
	memset(big, 'x', sizeof(big));
	http_headers_init(&h, *state);
	assert_int_equal(
	    http_headers_add(&h, STR("N"), str_of(big, sizeof(big))),
	    ERR_LIMIT);
	assert_int_equal(
	    http_headers_add(&h, STR("N"), str_of(big, sizeof(big) - 1)),
	    ERR_OK);
	assert_int_equal(http_headers_add(&h, STR("N"), STR("")), ERR_LIMIT);
	small = arena_new(4096);
	assert_non_null(small);
	http_headers_init(&h, small);
	assert_int_equal(
	    http_headers_add(&h, STR("N"), str_of(big, 8000)), ERR_NOMEM);
	assert_int_equal(h.n, 0);
	arena_free(small);
}

static void
test_types(void **state)
{
	struct str t = STR("Application/JSON ; Charset=\"utf-8\"; b=c");

	(void)state;
	assert_true(http_type_is(t, "application/json"));
	assert_false(http_type_is(t, "application/jso"));
	assert_false(http_type_is(STR(""), "application/json"));
	assert_false(http_type_is(str_z(NULL), "application/json"));
	assert_true(http_type_is_json(t));
	assert_true(http_type_is_json(STR("application/problem+json")));
	assert_false(http_type_is_json(STR("text/json")));
	assert_false(http_type_is_json(STR("application/jsonl")));
	assert_false(http_type_is_json(STR("+json")));
	assert_false(http_type_is_json(str_z(NULL)));
}

static void
test_reason(void **state)
{
	(void)state;
	assert_string_equal(http_reason(200), "OK");
	assert_string_equal(http_reason(404), "Not Found");
	assert_string_equal(http_reason(429), "Too Many Requests");
	assert_string_equal(http_reason(418), "Client Error");
	assert_string_equal(http_reason(599), "Server Error");
	assert_string_equal(http_reason(0), "Unknown");
	assert_string_equal(http_reason(-5), "Unknown");
	assert_string_equal(http_reason(1000), "Unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_add_and_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsafe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
