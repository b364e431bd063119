#include "base/money.h"

#include "check.h"

static void
sums_round_once(void **state)
{
	struct money_sum s = { 0 };
	nanousd_t n = 4711;

	(void)state;
	assert_true(money_total(&s, &n));
	assert_true(n == 0);
	/* three parts of 0.499 nano: each alone would be nothing */
	for (int i = 0; i < 3; i++)
		money_add_tokens(&s, 1, 499);
	assert_true(money_total(&s, &n));
	assert_true(n == 1);
	/* 1.497 + 0.003: exactly half is rounded up */
	money_add_tokens(&s, 3, 1);
	assert_true(money_total(&s, &n));
	assert_true(n == 2);
	money_add_nano(&s, 5);
	assert_true(money_total(&s, &n));
	assert_true(n == 7);
}

static void
sums_are_checked(void **state)
{
	struct money_sum s = { 0 };
	nanousd_t n = 4711;

	(void)state;
	money_add_nano(&s, INT64_MAX);
	assert_true(money_total(&s, &n));
	assert_true(n == INT64_MAX);
	money_add_tokens(&s, 1, 1);
	assert_true(s.failed);
	n = 4711;
	assert_false(money_total(&s, &n));
	assert_true(n == 4711);
	/* it does not become right again */
	s.pico = 0;
	assert_false(money_total(&s, &n));

	s = (struct money_sum){ 0 };
	money_add_tokens(&s, INT64_MAX, INT64_MAX);
	assert_false(money_total(&s, &n));
	s = (struct money_sum){ 0 };
	money_add_tokens(&s, -1, 1);
	assert_false(money_total(&s, &n));
	s = (struct money_sum){ 0 };
	money_add_tokens(&s, 1, -1);
	assert_false(money_total(&s, &n));
	s = (struct money_sum){ 0 };
	money_add_nano(&s, -1);
	assert_false(money_total(&s, &n));
}

struct row {
	const char *text;
	enum err err;
	int64_t value;
};

static void
check(
    const struct row *rows, size_t n, enum err (*parse)(struct str, int64_t *))
{
	for (size_t i = 0; i < n; i++) {
		int64_t v = 4711;
		enum err e = parse(str_z(rows[i].text), &v);

		if (e != rows[i].err || v != (e ? 4711 : rows[i].value))
			fail_msg("'%s': %s, %lld", rows[i].text, err_word(e),
			    (long long)v);
	}
}

static void
amounts(void **state)
{
	static const struct row rows[] = {
		{ "0", ERR_OK, 0 },
		{ "12.50", ERR_OK, 12500000000 },
		{ "$12.5", ERR_OK, 12500000000 },
		{ " $0.1 ", ERR_OK, 100000000 },
		{ ".5", ERR_OK, 500000000 },
		{ "5.", ERR_OK, 5000000000 },
		{ "0.000000001", ERR_OK, 1 },
		{ "0.0000000010000000000000000000000000000000000000000000",
		    ERR_OK, 1 },
		{ "0.0000000010000000000000000000000000000000000000000001",
		    ERR_LIMIT, 0 },
		{ "0.0000000001", ERR_LIMIT, 0 },
		{ "1e-9", ERR_OK, 1 },
		{ "1E3", ERR_OK, 1000000000000 },
		{ "1e+3", ERR_OK, 1000000000000 },
		{ "9223372036.854775807", ERR_OK, INT64_MAX },
		{ "9223372036.854775808", ERR_RANGE, 0 },
		{ "1e30", ERR_RANGE, 0 },
		{ "1e99999999", ERR_RANGE, 0 },
		{ "0e900", ERR_OK, 0 },
		{ "100000000000000000000000000000000000000000000e-44", ERR_OK,
		    1000000000 },
		{ "-1", ERR_RANGE, 0 },
		{ "", ERR_SYNTAX, 0 },
		{ "$", ERR_SYNTAX, 0 },
		{ ".", ERR_SYNTAX, 0 },
		{ "1.2.3", ERR_SYNTAX, 0 },
		{ "1,5", ERR_SYNTAX, 0 },
		{ "1e", ERR_SYNTAX, 0 },
		{ "0x1", ERR_SYNTAX, 0 },
		{ "nan", ERR_SYNTAX, 0 },
	};

	(void)state;
	check(rows, COUNT(rows), money_parse_usd);
}

static void
prices(void **state)
{
	static const struct row rows[] = {
		{ "0.15", ERR_OK, 150000 },
		{ "$0.15 per million", ERR_OK, 150000 },
		{ "$0.15 per million tokens", ERR_OK, 150000 },
		{ "0.15/M", ERR_OK, 150000 },
		{ "1.5e-07 per token", ERR_OK, 150000 },
		{ "0.00000015 per token", ERR_OK, 150000 },
		{ "75", ERR_OK, 75000000 },
		{ "0.000001", ERR_OK, 1 },
		{ "0.0000001", ERR_LIMIT, 0 },
		{ "0.15 per thousand", ERR_SYNTAX, 0 },
		{ "per million", ERR_SYNTAX, 0 },
		{ "-1", ERR_RANGE, 0 },
	};

	(void)state;
	check(rows, COUNT(rows), money_parse_price);
}

static void
rounding_is_told(void **state)
{
	int64_t v = 0;
	bool rounded = false;

	(void)state;
	/* what a program that computes in doubles writes for 0.1 */
	assert_int_equal(
	    money_parse_decimal(STR("9.999999999999999e-08"), 12, &v, &rounded),
	    ERR_OK);
	assert_true(rounded);
	assert_true(v == 100000);
	rounded = false;
	assert_int_equal(
	    money_parse_decimal(STR("0.25e-11"), 12, &v, &rounded), ERR_OK);
	assert_true(rounded);
	assert_true(v == 3);
	rounded = false;
	assert_int_equal(
	    money_parse_decimal(STR("2.499"), 0, &v, &rounded), ERR_OK);
	assert_true(rounded);
	assert_true(v == 2);
	rounded = false;
	assert_int_equal(
	    money_parse_decimal(STR("1e-900"), 12, &v, &rounded), ERR_OK);
	assert_true(rounded);
	assert_true(v == 0);
	rounded = false;
	assert_int_equal(
	    money_parse_decimal(STR("2.50"), 1, &v, &rounded), ERR_OK);
	assert_false(rounded);
	assert_true(v == 25);
}

static void
printed(void **state)
{
	static const struct {
		int64_t v;
		const char *usd, *price;
	} rows[] = {
		{ 0, "0", "0" },
		{ 1, "0.000000001", "0.000001" },
		{ 150000, "0.00015", "0.15" },
		{ 1000000000, "1", "1000" },
		{ 12500000000, "12.5", "12500" },
		{ -12500000000, "-12.5", "-12500" },
		{ INT64_MAX, "9223372036.854775807", "9223372036854.775807" },
		{ INT64_MIN, "-9223372036.854775808", "-9223372036854.775808" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[MONEY_TEXT_SIZE];

		money_print_usd(rows[i].v, text);
		assert_string_equal(text, rows[i].usd);
		money_print_price(rows[i].v, text);
		assert_string_equal(text, rows[i].price);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_round_once),
		cmocka_unit_test(sums_are_checked),
		cmocka_unit_test(amounts),
		cmocka_unit_test(prices),
		cmocka_unit_test(rounding_is_told),
		cmocka_unit_test(printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
