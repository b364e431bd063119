#include "base/json_out.h"

#include "base/json.h"
#include "base/rand.h"

#include "check.h"

static struct buf b = { .max = 1 << 20 };
static struct json_out o;

static int
setup(void **state)
{
	(void)state;
	buf_reset(&b);
	json_out_init(&o, &b);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_fini(&b);
	return 0;
}

static void
commas_and_colons(void **state)
{
	(void)state;
	json_out_obj(&o);
	json_out_kv_str(&o, "s", STR("x"));
	json_out_key(&o, "a");
	json_out_arr(&o);
	json_out_i64(&o, 1);
	json_out_obj(&o);
	json_out_end(&o);
	json_out_arr(&o);
	json_out_end(&o);
	json_out_null(&o);
	json_out_end(&o);
	json_out_kv_bool(&o, "t", true);
	json_out_kv_bool(&o, "f", false);
	json_out_kv_i64(&o, "n", INT64_MIN);
	json_out_kv_raw(&o, "r", STR("[1, 2]"));
	json_out_kv_raw(&o, "none", (struct str){ NULL, 0 });
	json_out_kv_inner(&o, "i", STR("a\\nb"));
	json_out_key_str(&o, STR("k\"\n"));
	json_out_strz(&o, NULL);
	json_out_end(&o);
	assert_str(buf_str(&b),
	    "{\"s\":\"x\",\"a\":[1,{},[],null],\"t\":true,\"f\":false,"
	    "\"n\":-9223372036854775808,\"r\":[1, 2],\"none\":null,"
	    "\"i\":\"a\\nb\",\"k\\\"\\n\":\"\"}");
}

static void
spliced_members(void **state)
{
	(void)state;
	json_out_obj(&o);
	json_out_members(&o, STR(""));
	json_out_members(&o, STR("\"a\":1,\"b\":2"));
	json_out_members(&o, (struct str){ NULL, 0 });
	json_out_kv_i64(&o, "c", 3);
	json_out_members(&o, STR("\"d\":4"));
	json_out_end(&o);
	assert_str(buf_str(&b), "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}");
}

static void
depth(void **state)
{
	(void)state;
	for (int i = 0; i < 64; i++) {
		if (i % 2)
			json_out_key(&o, "k");
		if (i % 2 == 0)
			json_out_obj(&o);
		else
			json_out_arr(&o);
		if (i % 2)
			json_out_i64(&o, i);
	}
	for (int i = 0; i < 64; i++)
		json_out_end(&o);
	assert_false(b.failed);
	assert_int_equal(b.p[0], '{');
	assert_int_equal(b.p[b.n - 1], '}');
	assert_true(str_contains(buf_str(&b), STR("[63]}]}")));
}

static void
escaping(void **state)
{
	(void)state;
	json_out_str(&o, STR("\"\\/\b\f\n\r\t\x01\x1f\x7f"));
	assert_str(
	    buf_str(&b), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
	buf_reset(&b);
	json_out_str(&o, STR("\0"));
	assert_str(buf_str(&b), "\"\\u0000\"");
	buf_reset(&b);
	json_out_str(
	    &o, STR("\xc3\xa9 \xff \xe2\x82 \xed\xa0\x80 \xf0\x9f\x98\x80"));
	assert_str(buf_str(&b),
	    "\"\xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd "
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xf0\x9f\x98\x80\"");
}

/* Any bytes: valid JSON comes out, and decodes to the same when UTF-8. */
static void
any_bytes_scan(void **state)
{
	struct arena *a;
	char text[90];
	struct json j;

	(void)state;
	rand_init_fixed(11);
	for (int i = 0; i < 3000; i++) {
		size_t n = rand_below(sizeof(text));
		bool is_ascii = i % 2;
		struct str s = str_of(text, n);

		for (size_t k = 0; k < n; k++)
			text[k] = (char)(rand_below(4) ? 'a' + rand_below(26)
					 : is_ascii    ? rand_below(128)
						       : rand_below(256));
		a = arena_new(100000);
		buf_reset(&b);
		json_out_str(&o, s);
		assert_int_equal(
		    json_scan(&j, a, buf_str(&b), NULL, NULL), ERR_OK);
		if (is_ascii)
			assert_true(str_eq(json_text(&j, 0, a), s));
		arena_free(a);
	}
}

static void
failure_sticks(void **state)
{
	struct buf small = { .max = 10 };

	(void)state;
	json_out_init(&o, &small);
	json_out_obj(&o);
	json_out_kv_str(&o, "key", STR("value"));
	json_out_end(&o);
	assert_true(small.failed);
	assert_true(small.n <= 10);
	buf_fini(&small);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(commas_and_colons),
		T(spliced_members),
		T(depth),
		T(escaping),
		T(any_bytes_scan),
		T(failure_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
