#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/url.h"

#define assert_str(s, z)                                                     \
	do {                                                                 \
		struct str got_ = (s);                                       \
		if (!str_eqz(got_, z))                                       \
			fail_msg("got '%.*s', want '%s'", STR_ARG(got_), z); \
	} while (0)

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
test_parse(void **state)
{
	struct url u;

	assert_int_equal(
	    url_parse(&u, *state, STR("HTTPS://Api.Example.COM/v1/x?a=b#f")),
	    ERR_OK);
	assert_str(u.scheme, "https");
	assert_str(u.host, "api.example.com");
	assert_str(u.path, "/v1/x");
	assert_str(u.query, "a=b");
	assert_int_equal(u.port, 443);
	assert_false(u.host_is_ip);
	assert_int_equal(
	    url_parse(&u, *state, STR("http://127.0.0.1:11434")), ERR_OK);
	assert_str(u.path, "/");
	assert_false(str_present(u.query));
	assert_int_equal(u.port, 11434);
	assert_true(u.host_is_ip);
	assert_int_equal(
	    url_parse(&u, *state, STR("http://[::1]:80/?q")), ERR_OK);
	assert_str(u.host, "::1");
	assert_str(u.query, "q");
	assert_true(u.host_is_ip);
	assert_int_equal(url_parse(&u, *state, STR("http://h/?")), ERR_OK);
}

/* Spellings that hide an address. */
static void
test_numeric_hosts(void **state)
{
	static const char *const loopback[] = { "http://0x7f.1/",
		"http://2130706433/", "http://0177.0.0.1/", "http://127.0.0.1/",
		"http://%3127.0.0.1/" };
	struct url u;

	for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
		assert_int_equal(
		    url_parse(&u, *state, str_z(loopback[i])), ERR_OK);
		assert_str(u.host, "127.0.0.1");
		assert_true(u.host_is_ip);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text;
		enum err want;
	} cases[] = {
		{ "", ERR_SYNTAX },
		{ "example.com", ERR_SYNTAX },
		{ "/v1/x", ERR_SYNTAX },
		{ "http:/h/", ERR_SYNTAX },
		{ "http:///h/", ERR_SYNTAX },
		{ "http://", ERR_SYNTAX },
		{ "http://h h/", ERR_SYNTAX },
		{ "http://h/a b", ERR_SYNTAX },
		{ "http://h/a\\b", ERR_SYNTAX },
		{ "http://h/\x7f", ERR_SYNTAX },
		{ "http://h/a\r\nX: y", ERR_SYNTAX },
		{ "http://h:0/", ERR_SYNTAX },
		{ "http://h:65536/", ERR_SYNTAX },
		{ "http://h:x/", ERR_SYNTAX },
		{ "http://h%0d/", ERR_SYNTAX },
		{ "http://b\xc3\xbc"
		  "cher/",
		    ERR_SYNTAX },
		{ "http://[::g]/", ERR_SYNTAX },
		{ "ftp://h/", ERR_UNSUPPORTED },
		{ "file:///etc/passwd", ERR_SYNTAX },
		{ "gopher://h/", ERR_UNSUPPORTED },
		{ "javascript://h/", ERR_UNSUPPORTED },
		{ "http://user@h/", ERR_DENIED },
		{ "http://user:pw@h/", ERR_DENIED },
	};
	struct url u;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum err e = url_parse(&u, *state, str_z(cases[i].text));

		if (e != cases[i].want)
			fail_msg("%s: %s", cases[i].text, err_word(e));
	}
	assert_int_equal(
	    url_parse(&u, *state, STR("http://h/\0x")), ERR_SYNTAX);
}

static void
test_long(void **state)
{
	char text[URL_MAX_BYTES + 1];
	struct url u;
	struct str out;

	memset(text, 'x', sizeof(text));
	memcpy(text, "http://h/", 9);
	assert_int_equal(
	    url_parse(&u, *state, str_of(text, sizeof(text))), ERR_LIMIT);
	assert_int_equal(
	    url_parse(&u, *state, str_of(text, sizeof(text) - 1)), ERR_OK);
	assert_int_equal(
	    url_join(*state, str_of(text, sizeof(text) - 1), STR("/x"), &out),
	    ERR_LIMIT);
}

static void
joins(struct arena *a, const char *base, const char *path, const char *want)
{
	struct str out = STR("");

	assert_int_equal(url_join(a, str_z(base), str_z(path), &out), ERR_OK);
	assert_str(out, want);
}

/* wire.md 1: a base with and without version and slash gives the same URL */
static void
test_join_same(void **state)
{
	static const char *const bases[] = { "https://api.openai.com",
		"https://api.openai.com/", "https://api.openai.com/v1",
		"https://api.openai.com/v1/", "https://api.openai.com/v1//",
		"https://api.openai.com/v1#x",
		"https://api.openai.com/v1/chat/completions" };

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		joins(*state, bases[i], "/v1/chat/completions",
		    "https://api.openai.com/v1/chat/completions");
}

static void
test_join_makers(void **state)
{
	struct arena *a = *state;

	joins(a, "https://api.groq.com/openai/v1", "/v1/chat/completions",
	    "https://api.groq.com/openai/v1/chat/completions");
	joins(a, "https://openrouter.ai/api", "/v1/chat/completions",
	    "https://openrouter.ai/api/v1/chat/completions");
	joins(a, "https://r.openai.azure.com/openai/v1/",
	    "/openai/v1/chat/completions",
	    "https://r.openai.azure.com/openai/v1/chat/completions");
	joins(a, "https://r.openai.azure.com/openai",
	    "/openai/deployments/d/chat/completions?api-version=2024-10-21",
	    "https://r.openai.azure.com/openai/deployments/d/chat/completions"
	    "?api-version=2024-10-21");
	joins(a, "https://generativelanguage.googleapis.com/v1",
	    "/v1beta/models/g:generateContent",
	    "https://generativelanguage.googleapis.com/v1/models/"
	    "g:generateContent");
	joins(a, "https://generativelanguage.googleapis.com/v1beta/openai",
	    "/v1/chat/completions",
	    "https://generativelanguage.googleapis.com/v1beta/openai/chat/"
	    "completions");
	joins(a, "https://api.deepseek.com/beta", "/v1/chat/completions",
	    "https://api.deepseek.com/beta/chat/completions");
	joins(a, "https://api.deepseek.com/anthropic", "/v1/messages",
	    "https://api.deepseek.com/anthropic/v1/messages");
	joins(a, "https://api.z.ai/api/paas/v4", "/v1/chat/completions",
	    "https://api.z.ai/api/paas/v4/chat/completions");
	joins(a, "https://api.perplexity.ai", "/chat/completions",
	    "https://api.perplexity.ai/chat/completions");
	joins(a, "http://[::1]:8000", "/v1/models",
	    "http://[::1]:8000/v1/models");
	joins(a, "http://h/vone", "/v1/x", "http://h/vone/v1/x");
	joins(a, "http://h/v1x", "/v1/x", "http://h/v1x/v1/x");
	joins(a, "http://h/v1", "/v1", "http://h/v1");
	joins(a, "http://h/chat", "/chatty", "http://h/chat/chatty");
	joins(a, "http://h/v1beta1", "/v1alpha/x", "http://h/v1beta1/x");
}

static void
test_join_query(void **state)
{
	struct arena *a = *state;
	struct str out = STR("kept");

	joins(a, "http://h/v1?a=1", "/v1/x?b=2", "http://h/v1/x?a=1&b=2");
	joins(a, "http://h?a=1", "/x", "http://h/x?a=1");
	joins(a, "http://h/?", "/x", "http://h/x");
	joins(a, "http://h/?a=/v1", "/v1/x", "http://h/v1/x?a=/v1");
	assert_int_equal(
	    url_join(a, STR("http://h"), STR("x"), &out), ERR_SYNTAX);
	assert_int_equal(
	    url_join(a, STR("http://h"), STR(""), &out), ERR_SYNTAX);
	assert_int_equal(
	    url_join(a, STR("http://h"), STR("/a b"), &out), ERR_SYNTAX);
	assert_int_equal(url_join(a, STR("h"), STR("/x"), &out), ERR_SYNTAX);
	assert_int_equal(
	    url_join(a, STR("http://u:p@h"), STR("/x"), &out), ERR_DENIED);
	assert_str(out, "kept");
}

static void
test_segment(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	assert_int_equal(
	    url_put_segment(&b, STR("claude-v2:0/a b\xc3\xa9~._-")), ERR_OK);
	assert_str(buf_str(&b), "claude-v2%3A0%2Fa%20b%C3%A9~._-");
	assert_int_equal(url_put_segment(&b, STR("")), ERR_RANGE);
	assert_int_equal(url_put_segment(&b, STR(".")), ERR_DENIED);
	assert_int_equal(url_put_segment(&b, STR("..")), ERR_DENIED);
	buf_reset(&b);
	assert_int_equal(url_put_segment(&b, STR("...")), ERR_OK);
	assert_int_equal(
	    url_put_segment(&b, STR("////////////////////////////////")),
	    ERR_NOMEM);
	buf_fini(&b);
}

static void
test_decode(void **state)
{
	struct str out = STR("kept"), plain = STR("a+b");

	assert_int_equal(url_decode(*state, plain, &out), ERR_OK);
	assert_ptr_equal(out.p, plain.p);
	assert_int_equal(
	    url_decode(*state, STR("%41%2f%c3%A9+"), &out), ERR_OK);
	assert_str(out, "A/\xc3\xa9+");
	assert_int_equal(url_decode(*state, STR("x%4"), &out), ERR_SYNTAX);
	assert_int_equal(url_decode(*state, STR("x%"), &out), ERR_SYNTAX);
	assert_int_equal(url_decode(*state, STR("%4g"), &out), ERR_SYNTAX);
	assert_int_equal(url_decode(*state, STR("%00"), &out), ERR_SYNTAX);
	assert_int_equal(url_decode(*state, STR("a\0b"), &out), ERR_SYNTAX);
	assert_str(out, "A/\xc3\xa9+");
	assert_int_equal(url_decode(*state, STR(""), &out), ERR_OK);
	assert_int_equal(out.n, 0);
}

/* What url_join takes without libcurl, libcurl takes; and the other way. */
static void
test_join_refuses_as_parse(void **state)
{
	static const char *const bases[] = { "http://h", "http://h.", "http://",
		"http://.h", "http://a..b/v1", "http://-h", "http://h-/",
		"http://h:0", "http://h:65535/v1", "http://h:65536",
		"http://h:", "http://h:8a", "http://h:000080", "http://0x7f.1",
		"http://1.2.3.4.5", "http://999.1.1.1", "http://h/a b",
		"http://h/%41", "http://H/v1", "http://h/../v1", "http://h//",
		"http://u@h/", "http:///h", "http:/h", "ftp://h", "h",
		"http://a_b/v1", "http://[::1]:80/v1", "http://h?x=1",
		"http://h/#f", "https://api.example.com:8443/v1/" };

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		struct str made = STR("kept");
		struct url u;
		enum err e = url_parse(&u, *state, str_z(bases[i]));

		assert_int_equal(
		    url_join(*state, str_z(bases[i]), STR("/v1/x"), &made), e);
		assert_true(e == ERR_OK || str_eqz(made, "kept"));
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_parse),
		CASE(test_numeric_hosts),
		CASE(test_refused),
		CASE(test_long),
		CASE(test_join_same),
		CASE(test_join_makers),
		CASE(test_join_query),
		CASE(test_join_refuses_as_parse),
		CASE(test_segment),
		CASE(test_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
