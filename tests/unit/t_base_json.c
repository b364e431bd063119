#include "base/json.h"

#include "base/buf.h"
#include "base/rand.h"

#include "check.h"

static struct json_problem problem;

static enum err
scan(struct str text, const struct json_limits *limits)
{
	struct arena *a = arena_new(64 << 20);
	/* A block of exactly this size, so that a sanitizer sees any excess. */
	char *copy = malloc(text.n ? text.n : 1);
	struct json j;
	enum err e;

	assert_non_null(copy);
	if (text.n)
		memcpy(copy, text.p, text.n);
	problem = (struct json_problem){ 0, "" };
	e = json_scan(&j, a, str_of(copy, text.n), limits, &problem);
	free(copy);
	arena_free(a);
	return e;
}

static void
good_texts(void **state)
{
	static const char *const text[] = { "null", "true", "false", "0", "-0",
		"12", "-1.5", "1e5", "1E+5", "0.0e-0", "123456789012345678901",
		"1e999999", "\"\"", "\"a\"", "[]", "{}", " [ ] ", "\t{\r\n}\n",
		"[1,2,[3]]", "{\"a\":{\"a\":1},\"b\":[{}]}",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDe00\"",
		"\"\\ud800\"", "\"\\u0000\"", "\"\x7f\"", "\"\xc3\xa9\"",
		"\"\xf4\x8f\xbf\xbf\"", "{\"\":1}", "{\"a\":1,\"A\":2}",
		"{\"a\":1,\"a \":2}", "[{\"a\":1},{\"a\":1}]" };

	(void)state;
	for (unsigned i = 0; i < COUNT(text); i++)
		if (scan(str_z(text[i]), NULL) != ERR_OK)
			fail_msg("%s: %s", text[i], problem.why);
}

static void
bad_texts(void **state)
{
	static const struct {
		const char *text;
		size_t pos;
		const char *why;
	} row[] = {
		{ "", 0, "unexpected end" },
		{ "  ", 2, "unexpected end" },
		{ "[", 1, "unexpected end" },
		{ "{", 1, "unexpected end" },
		{ "[1", 2, "unexpected end" },
		{ "[1,", 3, "unexpected end" },
		{ "{\"a\"", 4, "expected ':'" },
		{ "{\"a\":", 5, "unexpected end" },
		{ "{\"a\":1", 6, "unexpected end" },
		{ "{\"a\":1,", 7, "unexpected end" },
		{ "]", 0, "unexpected character" },
		{ "[1,]", 3, "unexpected character" },
		{ "[,1]", 1, "unexpected character" },
		{ "[1 2]", 3, "expected ',' or ']'" },
		{ "[1}", 2, "expected ',' or ']'" },
		{ "{\"a\":1]", 6, "expected ',' or '}'" },
		{ "{\"a\":1,}", 7, "expected a key" },
		{ "{a:1}", 1, "expected a key" },
		{ "{\"a\" 1}", 5, "expected ':'" },
		{ "nul", 0, "unexpected character" },
		{ "nulL", 0, "unexpected character" },
		{ "NaN", 0, "unexpected character" },
		{ "tru", 0, "unexpected character" },
		{ "truex", 4, "text after the value" },
		{ "+1", 0, "unexpected character" },
		{ ".5", 0, "unexpected character" },
		{ "01", 1, "text after the value" },
		{ "-", 1, "invalid number" },
		{ "-x", 1, "invalid number" },
		{ "1.", 2, "invalid number" },
		{ "1.e5", 2, "invalid number" },
		{ "1e", 2, "invalid number" },
		{ "1e+", 3, "invalid number" },
		{ "0x1", 1, "text after the value" },
		{ "1 1", 2, "text after the value" },
		{ "{} x", 3, "text after the value" },
		{ "'a'", 0, "unexpected character" },
		{ "\"a", 2, "unterminated string" },
		{ "\"a\\\"", 4, "unterminated string" },
		{ "\"a\nb\"", 2, "control character in a string" },
		{ "\"a\tb\"", 2, "control character in a string" },
		{ "\"\\x\"", 1, "invalid escape" },
		{ "\"\\u12g4\"", 1, "invalid escape" },
		{ "\"\\u123\"", 1, "invalid escape" },
		{ "\"\\", 1, "invalid escape" },
		{ "\"\\u", 1, "invalid escape" },
		{ "\"\xff\"", 1, "invalid UTF-8" },
		{ "\"\x80\"", 1, "invalid UTF-8" },
		{ "\"\xc3\"", 1, "invalid UTF-8" },
		{ "\"ab\xc3", 3, "invalid UTF-8" },
		{ "\"\xc0\xaf\"", 1, "invalid UTF-8" },
		{ "\"\xed\xa0\x80\"", 1, "invalid UTF-8" },
		{ "\"\xf4\x90\x80\x80\"", 1, "invalid UTF-8" },
		{ "\xef\xbb\xbf{}", 0, "byte order mark" },
		{ "\xef\xbb\xbf", 0, "byte order mark" },
		{ "\xc3\xa9", 0, "unexpected character" },
		{ "/**/1", 0, "unexpected character" },
		{ "\v1", 0, "unexpected character" },
		{ "{\"a\":1,\"a\":2}", 7, "duplicate key" },
		{ "{\"a\":1,\"\\u0061\":2}", 7, "duplicate key" },
		{ "{\"\\u0061\":1,\"a\":2}", 12, "duplicate key" },
		{ "{\"\":1,\"\":2}", 6, "duplicate key" },
		{ "{\"b\":{},\"c\":[{\"x\":1,\"y\":2,\"x\":3}]}", 26,
		    "duplicate key" },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(row); i++) {
		enum err e = scan(str_z(row[i].text), NULL);

		if (e != ERR_SYNTAX || problem.pos != row[i].pos ||
		    strcmp(problem.why, row[i].why) != 0)
			fail_msg("%s: %s, %s at %zu", row[i].text, err_word(e),
			    problem.why, problem.pos);
	}
	/* NUL bytes are bytes like others */
	assert_int_equal(scan(STR("\0"), NULL), ERR_SYNTAX);
	assert_int_equal(scan(STR("1\0"), NULL), ERR_SYNTAX);
	assert_int_equal(scan(STR("\"\0\""), NULL), ERR_SYNTAX);
	assert_int_equal(scan((struct str){ NULL, 0 }, NULL), ERR_SYNTAX);
}

/* Every place of a special byte in every length: no blind spot in blocks. */
static void
string_bytes_at_every_place(void **state)
{
	char text[80];

	(void)state;
	for (size_t n = 2; n < 70; n++) {
		for (size_t at = 1; at + 1 < n; at++) {
			memset(text, 'x', n);
			text[0] = text[n - 1] = '"';
			assert_int_equal(scan(str_of(text, n), NULL), ERR_OK);
			text[at] = '\n';
			assert_int_equal(
			    scan(str_of(text, n), NULL), ERR_SYNTAX);
			assert_int_equal(problem.pos, at);
			text[at] = (char)0x80;
			assert_int_equal(
			    scan(str_of(text, n), NULL), ERR_SYNTAX);
			assert_int_equal(problem.pos, at);
			text[at] = '"';
			assert_int_equal(
			    scan(str_of(text, n), NULL), ERR_SYNTAX);
			assert_int_equal(problem.pos, at + 1);
			text[at] = '\\';
			assert_int_equal(
			    scan(str_of(text, n), NULL), ERR_SYNTAX);
			if (at + 2 < n) {
				text[at + 1] = 'n';
				assert_int_equal(
				    scan(str_of(text, n), NULL), ERR_OK);
			}
		}
	}
}

static void
limits(void **state)
{
	struct json_limits l = { 3, 6, 2 };

	(void)state;
	assert_int_equal(scan(STR("[[[]]]"), &l), ERR_OK);
	assert_int_equal(scan(STR("[[[[]]]]"), &l), ERR_LIMIT);
	assert_int_equal(problem.pos, 3);
	assert_string_equal(problem.why, "nested too deeply");
	assert_int_equal(scan(STR("[1,2,3,4,5]"), &l), ERR_OK);
	assert_int_equal(scan(STR("[1,2,3,4,5,6]"), &l), ERR_LIMIT);
	assert_int_equal(problem.pos, 11);
	assert_string_equal(problem.why, "too many values");
	assert_int_equal(scan(STR("{\"a\":1,\"b\":2}"), &l), ERR_OK);
	assert_int_equal(scan(STR("{\"a\":1,\"b\":2,\"c\":3}"), &l), ERR_LIMIT);
	assert_int_equal(problem.pos, 13);
	assert_string_equal(problem.why, "too many keys in an object");
	/* siblings do not add up to depth */
	assert_int_equal(scan(STR("[[[]],[]]"), &l), ERR_OK);
	l.depth = 0;
	assert_int_equal(scan(STR("[]"), &l), ERR_LIMIT);
	assert_int_equal(scan(STR("1"), &l), ERR_OK);
	l.nodes = 0;
	assert_int_equal(scan(STR("1"), &l), ERR_LIMIT);
}

/* Neither recursion nor memory by depth: a million brackets. */
static void
depth_costs_nothing(void **state)
{
	struct json_limits l = { UINT32_MAX, UINT32_MAX, UINT32_MAX };
	size_t n = 1 << 20;
	char *text = malloc(2 * n);

	(void)state;
	assert_non_null(text);
	memset(text, '[', n);
	memset(text + n, ']', n);
	assert_int_equal(scan(str_of(text, 2 * n), &l), ERR_OK);
	assert_int_equal(scan(str_of(text, 2 * n), NULL), ERR_LIMIT);
	assert_int_equal(problem.pos, 64);
	free(text);
}

/* reliability.md, figure 17: at most 8 times the body and 256 KiB. */
static void
memory_is_bounded(void **state)
{
	static const char *const unit[] = { "1,", "{},", "[],", "\"\",",
		"{\"a\":{}},", "\"\\n\",", "[[[[]]]],", "null,",
		"{\"a\":1,\"b\":2},",
		"\"a longer text without any structure\"," };
	struct json_limits l = { 64, UINT32_MAX, UINT32_MAX };

	(void)state;
	for (unsigned i = 0; i < COUNT(unit); i++) {
		for (size_t want = 1000; want < 2000000; want *= 11) {
			struct arena *a = arena_new(64 << 20);
			struct buf b = { .max = 4 << 20 };
			struct json j;

			buf_addc(&b, '[');
			while (b.n < want)
				buf_addz(&b, unit[i]);
			b.p[b.n - 1] = ']';
			assert_int_equal(
			    json_scan(&j, a, buf_str(&b), &l, NULL), ERR_OK);
			assert_true(arena_bytes(a) <= 8 * b.n + 262144);
			buf_fini(&b);
			arena_free(a);
		}
	}
}

/* The arena's maximum is met, and what it holds stays usable. */
static void
no_memory(void **state)
{
	struct arena *a = arena_new(5000);
	char text[4001];
	struct json j;

	(void)state;
	memset(text, ',', sizeof(text));
	for (size_t i = 1; i < sizeof(text); i += 2)
		text[i] = '1';
	text[0] = '[';
	text[sizeof(text) - 1] = ']';
	assert_int_equal(
	    json_scan(&j, a, str_of(text, sizeof(text)), NULL, &problem),
	    ERR_NOMEM);
	assert_true(arena_failed(a));
	arena_free(a);
}

static void
tape_is_used_again(void **state)
{
	struct json_tok *tok = NULL, *was;
	struct json_limits l = { 64, 1000, 100 };
	uint32_t cap = 0;
	struct json j;

	(void)state;
	assert_int_equal(
	    json_scan_reuse(&j, &tok, &cap, STR("[1,2]"), NULL, NULL), ERR_OK);
	assert_int_equal(j.n_tok, 3);
	was = tok;
	for (int i = 0; i < 100; i++)
		assert_int_equal(json_scan_reuse(&j, &tok, &cap,
				     STR("{\"a\":[]}"), NULL, NULL),
		    ERR_OK);
	assert_ptr_equal(tok, was);
	assert_int_equal(j.n_tok, 3);
	/* a smaller limit than the tape at hand */
	l.nodes = 2;
	assert_int_equal(
	    json_scan_reuse(&j, &tok, &cap, STR("[1,2]"), &l, NULL), ERR_LIMIT);
	free(tok);
}

static void
spans_and_links(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct str text =
	    STR(" {\"a\" : [1, {\"b\":\"x\\n\"}] , \"c\":-1.5e3 } ");
	struct json j;

	(void)state;
	assert_int_equal(json_scan(&j, a, text, NULL, NULL), ERR_OK);
	assert_int_equal(j.n_tok, 9);
	assert_str(
	    json_raw(&j, 0), "{\"a\" : [1, {\"b\":\"x\\n\"}] , \"c\":-1.5e3 }");
	assert_str(json_raw(&j, 2), "[1, {\"b\":\"x\\n\"}]");
	assert_str(json_raw(&j, 4), "{\"b\":\"x\\n\"}");
	assert_str(json_raw(&j, 6), "\"x\\n\"");
	assert_str(json_raw(&j, 7), "\"c\"");
	assert_int_equal(j.tok[0].next, 9);
	assert_int_equal(j.tok[2].next, 7);
	assert_int_equal(j.tok[4].next, 7);
	assert_int_equal(j.tok[0].count, 2);
	assert_int_equal(j.tok[2].count, 2);
	assert_true(j.tok[6].escaped);
	assert_false(j.tok[5].escaped);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts),
		cmocka_unit_test(bad_texts),
		cmocka_unit_test(string_bytes_at_every_place),
		cmocka_unit_test(limits),
		cmocka_unit_test(depth_costs_nothing),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(tape_is_used_again),
		cmocka_unit_test(spans_and_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
