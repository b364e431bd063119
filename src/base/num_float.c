#include "base/num_float.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/*
 * Fast: up to 15 digits and a power of ten within 10^22 are both exact doubles,
 * so one multiplication or division rounds once (Clinger 1990). Else: the
 * quotient of two big integers, one bit at a time, which is exact.
 */

/* 768 digits * 10^310 or 2^1140 * 10^1100 stay below 2^6400. */
enum {
	BIG_WORDS = 200
};

struct big {
	unsigned n; /* words in use; the top one is not 0 */
	uint32_t w[BIG_WORDS];
};

static void
big_mul_add(struct big *b, uint32_t factor, uint32_t add)
{
	uint64_t carry = add;

	for (unsigned i = 0; i < b->n; i++) {
		carry += (uint64_t)b->w[i] * factor;
		b->w[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry) {
		ASSERT(b->n < BIG_WORDS);
		b->w[b->n++] = (uint32_t)carry;
	}
}

static void
big_mul_pow10(struct big *b, unsigned exp)
{
	for (; exp >= 9; exp -= 9)
		big_mul_add(b, 1000000000, 0);
	for (; exp; exp--)
		big_mul_add(b, 10, 0);
}

static void
big_shift(struct big *b, unsigned bits)
{
	unsigned words = bits / 32;

	big_mul_add(b, (uint32_t)1 << bits % 32, 0);
	if (b->n == 0 || words == 0)
		return;
	ASSERT(b->n + words <= BIG_WORDS);
	memmove(b->w + words, b->w, b->n * sizeof(b->w[0]));
	memset(b->w, 0, words * sizeof(b->w[0]));
	b->n += words;
}

static int
big_cmp(const struct big *a, const struct big *b)
{
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (unsigned i = a->n; i-- > 0;)
		if (a->w[i] != b->w[i])
			return a->w[i] < b->w[i] ? -1 : 1;
	return 0;
}

/* a -= b; a >= b */
static void
big_sub(struct big *a, const struct big *b)
{
	int64_t borrow = 0;

	for (unsigned i = 0; i < a->n; i++) {
		borrow += (int64_t)a->w[i] - (i < b->n ? b->w[i] : 0);
		a->w[i] = (uint32_t)borrow;
		borrow >>= 32;
	}
	while (a->n && a->w[a->n - 1] == 0)
		a->n--;
}

static int
big_bits(const struct big *b)
{
	if (b->n == 0)
		return 0;
	return (int)b->n * 32 - __builtin_clz(b->w[b->n - 1]);
}

/*
 * Rounds num/den * 2^exp2, with 1 <= num/den < 2, to a double: as many bits of
 * the quotient as the result's place can hold, then half-to-even.
 */
static double
divide(struct big *num, const struct big *den, int exp2)
{
	int bits = exp2 < -1022 ? 53 + 1022 + exp2 : 53;
	uint64_t m = 0;
	int rest;

	if (bits < 0)
		return 0.0;
	if (bits == 0) /* between 2^-1075 and 2^-1074: above half, or the tie */
		return big_cmp(num, den) > 0 ? 0x1p-1074 : 0.0;
	for (int i = 0; i < bits; i++) {
		m <<= 1;
		if (big_cmp(num, den) >= 0) {
			big_sub(num, den);
			m |= 1;
		}
		big_shift(num, 1);
	}
	/* num/den is now twice what is left below the last bit. */
	rest = big_cmp(num, den);
	if (rest > 0 || (rest == 0 && (m & 1)))
		m++;
	return ldexp((double)m, exp2 - bits + 1);
}

static double
make_exact(const struct num_float *f)
{
	struct big num = { .n = 0 }, den = { .n = 1, .w = { 1 } };
	int exp2;

	for (unsigned i = 0; i < f->n; i++)
		big_mul_add(&num, 10, f->digit[i]);
	if (f->has_more) /* just above: enough, since no tie is this long */
		big_mul_add(&num, 10, 1);
	int64_t exp10 = f->exp10 - f->has_more;
	if (exp10 >= 0)
		big_mul_pow10(&num, (unsigned)exp10);
	else
		big_mul_pow10(&den, (unsigned)-exp10);
	exp2 = big_bits(&num) - big_bits(&den);
	if (exp2 >= 0)
		big_shift(&den, (unsigned)exp2);
	else
		big_shift(&num, (unsigned)-exp2);
	if (big_cmp(&num, &den) < 0) {
		big_shift(&num, 1);
		exp2--;
	}
	return divide(&num, &den, exp2);
}

static bool
make_fast(const struct num_float *f, double *out)
{
	static const double pow10[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
		1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
		1e19, 1e20, 1e21, 1e22 };
	int64_t v = 0;

	if (f->n > 15 || f->exp10 < -22 || f->exp10 > 22)
		return false;
	for (unsigned i = 0; i < f->n; i++)
		v = v * 10 + f->digit[i];
	*out = f->exp10 < 0 ? (double)v / pow10[-f->exp10]
			    : (double)v * pow10[f->exp10];
	return true;
}

enum err
num_float_make(const struct num_float *f, double *out)
{
	double v = 0.0;
	int64_t top = f->exp10 + f->n; /* the value is below 10^top */

	if (f->n == 0 || top < -324) {
		v = 0.0;
	} else if (top > 310) {
		return ERR_RANGE;
	} else if (!make_fast(f, &v)) {
		v = make_exact(f);
		if (isinf(v))
			return ERR_RANGE;
	}
	*out = f->is_negative ? -v : v;
	return ERR_OK;
}
