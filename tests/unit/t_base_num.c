#include "base/num.h"

#include <math.h>
#include <stdio.h>

#include "base/rand.h"

#include "check.h"

struct row {
	const char *text;
	enum err err;
	int64_t value;
};

static void
sums(void **state)
{
	size_t n = 1;

	(void)state;
	assert_true(num_add_size(2, 3, &n));
	assert_int_equal(n, 5);
	assert_false(num_add_size(SIZE_MAX, 1, &n));
	assert_true(num_mul_size(4, 5, &n));
	assert_int_equal(n, 20);
	assert_false(num_mul_size(SIZE_MAX / 2, 3, &n));
	assert_int_equal(num_add_i64_sat(1, -2), -1);
	assert_true(num_add_i64_sat(INT64_MAX, 1) == INT64_MAX);
	assert_true(num_add_i64_sat(INT64_MIN, -1) == INT64_MIN);
}

static void
integers(void **state)
{
	static const struct row rows[] = {
		{ "0", ERR_OK, 0 },
		{ "-0", ERR_OK, 0 },
		{ "+7", ERR_OK, 7 },
		{ "007", ERR_OK, 7 },
		{ "9223372036854775807", ERR_OK, INT64_MAX },
		{ "-9223372036854775808", ERR_OK, INT64_MIN },
		{ "9223372036854775808", ERR_RANGE, 0 },
		{ "-9223372036854775809", ERR_RANGE, 0 },
		{ "99999999999999999999999999", ERR_RANGE, 0 },
		{ "99999999999999999999999999x", ERR_SYNTAX, 0 },
		{ "", ERR_SYNTAX, 0 },
		{ "-", ERR_SYNTAX, 0 },
		{ "--1", ERR_SYNTAX, 0 },
		{ " 1", ERR_SYNTAX, 0 },
		{ "1 ", ERR_SYNTAX, 0 },
		{ "1.0", ERR_SYNTAX, 0 },
		{ "0x1", ERR_SYNTAX, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		int64_t v = 4711;

		assert_int_equal(
		    num_parse_i64(str_z(rows[i].text), &v), rows[i].err);
		assert_true(v == (rows[i].err ? 4711 : rows[i].value));
	}
}

static void
unsigned_and_hex(void **state)
{
	uint64_t v = 1;

	(void)state;
	assert_int_equal(
	    num_parse_u64(STR("18446744073709551615"), &v), ERR_OK);
	assert_true(v == UINT64_MAX);
	assert_int_equal(
	    num_parse_u64(STR("18446744073709551616"), &v), ERR_RANGE);
	assert_int_equal(num_parse_u64(STR("-1"), &v), ERR_SYNTAX);
	assert_int_equal(
	    num_parse_u64((struct str){ NULL, 0 }, &v), ERR_SYNTAX);
	assert_int_equal(num_parse_hex_u64(STR("fFfFffffffffffff"), &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(num_parse_hex_u64(STR("0000000000000000001a"), &v), 0);
	assert_int_equal(v, 0x1a);
	assert_int_equal(
	    num_parse_hex_u64(STR("10000000000000000"), &v), ERR_RANGE);
	assert_int_equal(num_parse_hex_u64(STR("0x1"), &v), ERR_SYNTAX);
	assert_int_equal(num_parse_hex_u64(STR("g"), &v), ERR_SYNTAX);
	assert_int_equal(num_parse_hex_u64(STR(""), &v), ERR_SYNTAX);
}

static void
doubles(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		double value;
	} rows[] = {
		{ "0", ERR_OK, 0.0 },
		{ "1.5", ERR_OK, 1.5 },
		{ "-.5", ERR_OK, -0.5 },
		{ "5.", ERR_OK, 5.0 },
		{ "+1e3", ERR_OK, 1000.0 },
		{ "1E-3", ERR_OK, 0.001 },
		{ "0e999999999999999999999", ERR_OK, 0.0 },
		{ "1e-99999999999999999999", ERR_OK, 0.0 },
		{ "1e309", ERR_RANGE, 0 },
		{ "1e99999999999999999999", ERR_RANGE, 0 },
		{ ".", ERR_SYNTAX, 0 },
		{ "", ERR_SYNTAX, 0 },
		{ "e5", ERR_SYNTAX, 0 },
		{ "1e", ERR_SYNTAX, 0 },
		{ "1e+", ERR_SYNTAX, 0 },
		{ "1.2.3", ERR_SYNTAX, 0 },
		{ "1,5", ERR_SYNTAX, 0 },
		{ "nan", ERR_SYNTAX, 0 },
		{ "inf", ERR_SYNTAX, 0 },
		{ "0x1p3", ERR_SYNTAX, 0 },
		{ " 1", ERR_SYNTAX, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		double v = 4711.0;
		double want = rows[i].err ? 4711.0 : rows[i].value;

		assert_int_equal(
		    num_parse_double(str_z(rows[i].text), &v), rows[i].err);
		assert_memory_equal(&v, &want, sizeof(v));
	}
}

/* Any finite value, printed with enough digits, is read as it was. */
static void
doubles_both_ways(void **state)
{
	char text[32];
	double v, back;

	(void)state;
	rand_init_fixed(12);
	for (int i = 0; i < 2000; i++) {
		uint64_t bits = rand_u64();

		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		snprintf(text, sizeof(text), "%.17g", v);
		assert_int_equal(num_parse_double(str_z(text), &back), ERR_OK);
		assert_memory_equal(&back, &v, sizeof(v));
	}
}

static void
durations(void **state)
{
	static const struct row rows[] = {
		{ "250ms", ERR_OK, 250000 },
		{ "5s", ERR_OK, 5000000 },
		{ "10m", ERR_OK, 600000000 },
		{ "2h", ERR_OK, 7200000000 },
		{ "7d", ERR_OK, 604800000000 },
		{ "0s", ERR_OK, 0 },
		{ "106751991d", ERR_OK, 9223372022400000000 },
		{ "106751992d", ERR_RANGE, 0 },
		{ "99999999999999999999s", ERR_RANGE, 0 },
		{ "99999999999999999999x", ERR_SYNTAX, 0 },
		{ "5", ERR_SYNTAX, 0 },
		{ "s", ERR_SYNTAX, 0 },
		{ "5 s", ERR_SYNTAX, 0 },
		{ "-5s", ERR_SYNTAX, 0 },
		{ "1.5s", ERR_SYNTAX, 0 },
		{ "5S", ERR_SYNTAX, 0 },
		{ "1m30s", ERR_SYNTAX, 0 },
		{ "", ERR_SYNTAX, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		usec_t v = 4711;

		assert_int_equal(
		    num_parse_duration(str_z(rows[i].text), &v), rows[i].err);
		assert_true(v == (rows[i].err ? 4711 : rows[i].value));
	}
}

static void
sizes(void **state)
{
	static const struct row rows[] = {
		{ "512", ERR_OK, 512 },
		{ "512B", ERR_OK, 512 },
		{ "64KiB", ERR_OK, 65536 },
		{ "8MiB", ERR_OK, 8388608 },
		{ "1GiB", ERR_OK, 1073741824 },
		{ "1KB", ERR_OK, 1000 },
		{ "2MB", ERR_OK, 2000000 },
		{ "3GB", ERR_OK, 3000000000 },
		{ "99999999GiB", ERR_OK, 107374181326258176 },
		{ "99999999999GiB", ERR_RANGE, 0 },
		{ "64kib", ERR_SYNTAX, 0 },
		{ "64K", ERR_SYNTAX, 0 },
		{ "KiB", ERR_SYNTAX, 0 },
		{ "", ERR_SYNTAX, 0 },
		{ "1.5MiB", ERR_SYNTAX, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		uint64_t v = 4711;

		assert_int_equal(
		    num_parse_size(str_z(rows[i].text), &v), rows[i].err);
		assert_true(
		    v == (rows[i].err ? 4711 : (uint64_t)rows[i].value));
	}
}

static void
go_durations(void **state)
{
	static const struct row rows[] = {
		{ "2ms", ERR_OK, 2000 },
		{ "1m30.951s", ERR_OK, 90951000 },
		{ "6m0s", ERR_OK, 360000000 },
		{ "1h2m3s", ERR_OK, 3723000000 },
		{ "20us", ERR_OK, 20 },
		{ "20\xc2\xb5s", ERR_OK, 20 },
		{ "20\xce\xbcs", ERR_OK, 20 },
		{ "1500ns", ERR_OK, 1 },
		{ "0s", ERR_OK, 0 },
		{ "0", ERR_OK, 0 },
		{ "7.66s", ERR_OK, 7660000 },
		{ "0.0000000000000000000001s", ERR_OK, 0 },
		{ "99999999999h", ERR_RANGE, 0 },
		{ "99999999999999999999h", ERR_RANGE, 0 },
		{ "1", ERR_SYNTAX, 0 },
		{ "1s2", ERR_SYNTAX, 0 },
		{ "s", ERR_SYNTAX, 0 },
		{ "1.s", ERR_SYNTAX, 0 },
		{ ".5s", ERR_SYNTAX, 0 },
		{ "-1s", ERR_SYNTAX, 0 },
		{ "1x", ERR_SYNTAX, 0 },
		{ "", ERR_SYNTAX, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		usec_t v = 4711;

		assert_int_equal(num_parse_go_duration(str_z(rows[i].text), &v),
		    rows[i].err);
		assert_true(v == (rows[i].err ? 4711 : rows[i].value));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums),
		cmocka_unit_test(integers),
		cmocka_unit_test(unsigned_and_hex),
		cmocka_unit_test(doubles),
		cmocka_unit_test(doubles_both_ways),
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes),
		cmocka_unit_test(go_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
