#include "base/json.h"

#include "check.h"

static struct arena *a;
static struct json j;

static int
setup(void **state)
{
	(void)state;
	a = arena_new(1 << 20);
	return a ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static void
read_text(const char *text)
{
	assert_int_equal(json_scan(&j, a, str_z(text), NULL, NULL), ERR_OK);
}

static void
members(void **state)
{
	(void)state;
	read_text(
	    "{\"a\":1,\"b\":null,\"c\":{\"d\":[true,\"x\"]},\"\\u0065\":2,"
	    "\"ab\":3}");
	assert_int_equal(json_type(&j, 0), JSON_T_OBJECT);
	assert_int_equal(json_count(&j, 0), 5);
	assert_str(json_raw(&j, json_get(&j, 0, "a")), "1");
	assert_str(json_raw(&j, json_get(&j, 0, "ab")), "3");
	assert_str(json_raw(&j, json_get(&j, 0, "e")), "2");
	assert_int_equal(json_get(&j, 0, "x"), JSON_NONE);
	assert_int_equal(json_get(&j, 0, ""), JSON_NONE);
	assert_int_equal(json_type(&j, json_get(&j, 0, "b")), JSON_T_NULL);
	assert_int_equal(json_get_set(&j, 0, "b"), JSON_NONE);
	assert_int_equal(json_get_set(&j, 0, "x"), JSON_NONE);
	assert_str(json_raw(&j, json_get_set(&j, 0, "a")), "1");
	/* d is no member of the root, nor anything of a number */
	assert_int_equal(json_get(&j, 0, "d"), JSON_NONE);
	assert_int_equal(json_get(&j, json_get(&j, 0, "a"), "a"), JSON_NONE);
}

static void
paths_and_elements(void **state)
{
	json_ref d;

	(void)state;
	read_text("{\"c\":{\"d\":[true,[1,2],\"x\"]}}");
	d = json_at(&j, 0, "c", "d", NULL);
	assert_int_equal(json_type(&j, d), JSON_T_ARRAY);
	assert_int_equal(json_at(&j, 0, "c", "x", "y", NULL), JSON_NONE);
	assert_int_equal(json_at(&j, 0, NULL), 0);
	assert_true(json_is_true(&j, json_elem(&j, d, 0)));
	assert_str(json_raw(&j, json_elem(&j, d, 1)), "[1,2]");
	assert_str(json_raw(&j, json_elem(&j, d, 2)), "\"x\"");
	assert_int_equal(json_elem(&j, d, 3), JSON_NONE);
	assert_int_equal(json_elem(&j, 0, 0), JSON_NONE);
}

static void
iteration(void **state)
{
	char seen[64];
	size_t n = 0;

	(void)state;
	read_text("{\"a\":[1,[2,3],{\"x\":9},4],\"b\":{},\"c\":[]}");
	json_each (&j, 0, k) {
		struct str key = json_inner(&j, k);

		memcpy(seen + n, key.p, key.n);
		n += key.n;
		json_each (&j, json_value(&j, k), e) {
			seen[n++] = '.';
			seen[n++] = json_raw(&j, e).p[0];
		}
	}
	assert_str(str_of(seen, n), "a.1.[.{.4bc");
}

static void
absent_is_accepted_everywhere(void **state)
{
	int64_t v = 5;
	double d = 6.0;
	struct str s;

	(void)state;
	read_text("[]");
	for (json_ref r = 1; r; r = r == 1 ? JSON_NONE : 0) {
		assert_int_equal(json_type(&j, r), JSON_T_NONE);
		assert_false(str_present(json_raw(&j, r)));
		assert_false(str_present(json_inner(&j, r)));
		assert_int_equal(json_count(&j, r), 0);
		assert_int_equal(json_get(&j, r, "a"), JSON_NONE);
		assert_int_equal(json_elem(&j, r, 0), JSON_NONE);
		assert_int_equal(json_first(&j, r), JSON_NONE);
		assert_int_equal(json_next(&j, r, r), JSON_NONE);
		assert_int_equal(json_value(&j, r), JSON_NONE);
		assert_false(json_is_true(&j, r));
		assert_false(json_str_is(&j, r, ""));
		assert_int_equal(json_i64(&j, r, &v), ERR_RANGE);
		assert_int_equal(json_double(&j, r, &d), ERR_RANGE);
		assert_int_equal(json_str(&j, r, a, &s), ERR_RANGE);
		assert_false(str_present(json_text(&j, r, a)));
		assert_int_equal(json_i64_or(&j, r, -7), -7);
	}
	assert_int_equal(v, 5);
	assert_true(d > 5.5);
}

static void
integers(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		int64_t value;
	} row[] = {
		{ "12", ERR_OK, 12 },
		{ "-3", ERR_OK, -3 },
		{ "0", ERR_OK, 0 },
		{ "-0", ERR_OK, 0 },
		{ "1.0", ERR_OK, 1 },
		{ "1.50", ERR_RANGE, 0 },
		{ "1.5e1", ERR_OK, 15 },
		{ "15e-1", ERR_RANGE, 0 },
		{ "150e-1", ERR_OK, 15 },
		{ "1e3", ERR_OK, 1000 },
		{ "-1.25E+2", ERR_OK, -125 },
		{ "0e99999999999999999999", ERR_OK, 0 },
		{ "0.000", ERR_OK, 0 },
		{ "0.001e3", ERR_OK, 1 },
		{ "1e18", ERR_OK, 1000000000000000000 },
		{ "1e19", ERR_RANGE, 0 },
		{ "1e99999999999999999999", ERR_RANGE, 0 },
		{ "1e-99999999999999999999", ERR_RANGE, 0 },
		{ "9223372036854775807", ERR_OK, INT64_MAX },
		{ "9223372036854775808", ERR_RANGE, 0 },
		{ "-9223372036854775808", ERR_OK, INT64_MIN },
		{ "-9223372036854775809", ERR_RANGE, 0 },
		{ "9223372036854775807.000000000000000000000000", ERR_OK,
		    INT64_MAX },
		{ "92233720368547758070e-1", ERR_OK, INT64_MAX },
		{ "10000000000000000000000000000e-28", ERR_OK, 1 },
		{ "123456789012345678901234567890", ERR_RANGE, 0 },
		{ "\"12\"", ERR_RANGE, 0 },
		{ "true", ERR_RANGE, 0 },
		{ "null", ERR_RANGE, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(row); i++) {
		int64_t v = 4711;
		enum err e;

		read_text(row[i].text);
		e = json_i64(&j, 0, &v);
		if (e != row[i].err || v != (e ? 4711 : row[i].value))
			fail_msg("%s: %s %lld", row[i].text, err_word(e),
			    (long long)v);
		assert_true(json_i64_or(&j, 0, 4711) == v);
	}
}

static void
doubles(void **state)
{
	double v = 0.0;

	(void)state;
	read_text("-1.5e3");
	assert_int_equal(json_double(&j, 0, &v), ERR_OK);
	assert_true(v > -1500.1 && v < -1499.9);
	read_text("1e999");
	assert_int_equal(json_double(&j, 0, &v), ERR_RANGE);
	read_text("\"1\"");
	assert_int_equal(json_double(&j, 0, &v), ERR_RANGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members),
		cmocka_unit_test(paths_and_elements),
		cmocka_unit_test(iteration),
		cmocka_unit_test(absent_is_accepted_everywhere),
		cmocka_unit_test(integers),
		cmocka_unit_test(doubles),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
