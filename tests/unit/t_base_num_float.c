#include <math.h>

#include "base/num.h"
#include "base/rand.h"

#include "check.h"

/*
 * The oracle is the C library's scanner of numbers in the C locale, reached
 * through sscanf.
 */
static double
oracle(const char *text)
{
	double v = 0.0;

	assert_int_equal(sscanf(text, "%lf", &v), 1);
	return v;
}

static void
same(const char *text)
{
	double want = oracle(text), got = 0.0;
	enum err e = num_parse_double(str_z(text), &got);

	if (isinf(want)) {
		if (e != ERR_RANGE)
			fail_msg("%s: accepted", text);
		return;
	}
	if (e != ERR_OK || memcmp(&got, &want, sizeof(got)) != 0)
		fail_msg("%s: %a, not %a", text, got, want);
}

static void
edges(void **state)
{
	static const char *const text[] = {
		"1.7976931348623157e308", /* DBL_MAX */
		"1.7976931348623158e308", /* rounds down to it */
		"1.7976931348623159e308", /* rounds up to infinity */
		"2.2250738585072014e-308", /* least normal */
		"2.2250738585072011e-308", /* hung PHP and Java once */
		"4.9406564584124654e-324", /* least subnormal */
		"2.4703282292062327e-324", /* just below its half */
		"2.4703282292062328e-324", /* just above */
		"1e-324", "1e-400", "1e308", "1e309", "0e5", "-0", "-0.0",
		"9007199254740992", "9007199254740993", "9007199254740994",
		"9007199254740993.0000000000000000000000000000000000000001",
		"9223372036854775807", "18446744073709551616", "0.1", "0.3",
		"123456789012345678901234567890", "1e22", "1e23", "8.5e22",
		"6929495644600919.5", "3.518437208883201171875e13",
		"0.000000000000000000000000000000000000001e39",
		"100000000000000000000000000000000000000e-38"
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(text); i++)
		same(text[i]);
}

static void
any_bits_survive_text(void **state)
{
	char text[64];

	(void)state;
	rand_init_fixed(1);
	for (int i = 0; i < 20000; i++) {
		uint64_t bits = rand_u64();
		double v;

		if (i % 4 == 0) /* subnormal */
			bits &= 0x800fffffffffffff;
		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		snprintf(text, sizeof(text), "%.*e", (int)(i % 20), v);
		same(text);
	}
}

/* The middle between two neighbours, written out in full: a tie. */
static void
exact_ties(void **state)
{
	static char text[2000];

	(void)state;
	rand_init_fixed(2);
	for (int i = 0; i < 500; i++) {
		uint64_t bits = rand_u64() & 0x3fffffffffffffff;
		double v;
		int n;

		memcpy(&v, &bits, sizeof(v));
		/* long double has room for one more bit: the half */
		long double half =
		    ((long double)v + (long double)nextafter(v, INFINITY)) / 2;
		n = snprintf(text, sizeof(text) - 8, "%.1200Le", half);
		assert_true(n > 0 && (size_t)n < sizeof(text) - 8);
		same(text);
	}
}

static void
digits_beyond_the_kept_ones_count(void **state)
{
	static char text[3000];
	size_t n;

	(void)state;
	/* 2^53 + 1 is a tie; a 1 after thousand zeros lifts it above */
	memcpy(text, "9007199254740993.", 17);
	n = 17;
	memset(text + n, '0', 1000);
	n += 1000;
	text[n] = '\0';
	same(text);
	text[n] = '1';
	text[n + 1] = '\0';
	same(text);
	memset(text, '9', 2000);
	memcpy(text + 2000, "e-1990", 7);
	same(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges),
		cmocka_unit_test(any_bits_survive_text),
		cmocka_unit_test(exact_ties),
		cmocka_unit_test(digits_beyond_the_kept_ones_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
