#include "base/json.h"

#include "base/buf.h"

#include "check.h"

static const struct {
	const char *inner, *decoded;
	size_t n;
} row[] = {
	{ "", "", 0 },
	{ "abc", "abc", 3 },
	{ "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8 },
	{ "a\\nb", "a\nb", 3 },
	{ "\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac", 6 },
	{ "\\ud83d\\ude00", "\xf0\x9f\x98\x80", 4 },
	{ "\\u0000x", "\0x", 2 },
	{ "\\ud800", "\xef\xbf\xbd", 3 },
	{ "\\ud800x", "\xef\xbf\xbdx", 4 },
	{ "\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd", 6 },
	{ "\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7 },
	{ "\\ud83d\\n", "\xef\xbf\xbd\n", 4 },
	{ "\\ud83d\\u0041",
	    "\xef\xbf\xbd"
	    "A",
	    4 },
	{ "\\uffff\\udbff\\udfff", "\xef\xbf\xbf\xf4\x8f\xbf\xbf", 7 },
};

static void
all_forms_decode(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (unsigned i = 0; i < COUNT(row); i++) {
		struct str want = str_of(row[i].decoded, row[i].n), got;
		struct str text = arena_printf(a, "\"%s\"", row[i].inner);
		struct buf b = { .max = 100 };
		struct json j;

		assert_int_equal(json_scan(&j, a, text, NULL, NULL), ERR_OK);
		assert_int_equal(json_str(&j, 0, a, &got), ERR_OK);
		assert_true(str_eq(got, want));
		assert_true(str_eq(json_text(&j, 0, a), want));
		assert_str(json_inner(&j, 0), row[i].inner);
		json_unescape(&b, json_inner(&j, 0));
		assert_true(str_eq(buf_str(&b), want));
		buf_fini(&b);
		if (!memchr(row[i].decoded, 0, row[i].n)) {
			assert_true(json_str_is(&j, 0, row[i].decoded));
			assert_false(json_str_is(&j, 0, "other"));
		}
	}
	arena_free(a);
}

static void
plain_text_is_not_copied(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct str text = STR("\"plain\""), got;
	struct json j;

	(void)state;
	assert_int_equal(json_scan(&j, a, text, NULL, NULL), ERR_OK);
	assert_int_equal(json_str(&j, 0, a, &got), ERR_OK);
	assert_ptr_equal(got.p, text.p + 1);
	arena_free(a);
}

static void
comparing(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct json j;

	(void)state;
	assert_int_equal(
	    json_scan(&j, a, STR("[\"ab\",\"a\\u0062\",1]"), NULL, NULL), 0);
	for (json_ref v = 1; v <= 2; v++) {
		assert_true(json_str_is(&j, v, "ab"));
		assert_false(json_str_is(&j, v, "a"));
		assert_false(json_str_is(&j, v, "abc"));
		assert_false(json_str_is(&j, v, ""));
	}
	assert_false(json_str_is(&j, 3, "1"));
	arena_free(a);
}

static void
failures(void **state)
{
	struct arena *a = arena_new(5000), *none = arena_new(0);
	struct buf b = { .max = 3 };
	struct json j;
	struct str s = STR("untouched");

	(void)state;
	assert_int_equal(json_scan(&j, a, STR("\"\\n\""), NULL, NULL), ERR_OK);
	assert_int_equal(json_str(&j, 0, none, &s), ERR_NOMEM);
	assert_str(s, "untouched");
	assert_false(str_present(json_text(&j, 0, none)));
	json_unescape(&b, STR("ab\\ncd"));
	assert_true(b.failed);
	buf_fini(&b);
	/* what never passed the scanner ends, too, and within its bounds */
	b = (struct buf){ .max = 100 };
	json_unescape(&b, STR("x\\"));
	json_unescape(&b, STR("\\u12"));
	assert_false(b.failed);
	buf_fini(&b);
	arena_free(none);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_forms_decode),
		cmocka_unit_test(plain_text_is_not_copied),
		cmocka_unit_test(comparing),
		cmocka_unit_test(failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
