#include "base/money.h"

#include <inttypes.h>

#include "base/num.h"

#define PICO_PER_NANO 1000

/* Room for sums: far beyond any amount, far below what 128 bits hold. */
#define WIDE_MAX ((money_wide_t)INT64_MAX * PICO_PER_NANO)

static void
add(struct money_sum *s, money_wide_t pico)
{
	if (pico > WIDE_MAX || s->pico > WIDE_MAX - pico) {
		s->failed = true;
		return;
	}
	s->pico += pico;
}

void
money_add_tokens(struct money_sum *s, int64_t n, picousd_t price)
{
	if (n < 0 || price < 0) {
		s->failed = true;
		return;
	}
	/* two factors of 63 bits: the product has its place */
	add(s, (money_wide_t)n * price);
}

void
money_add_nano(struct money_sum *s, nanousd_t amount)
{
	if (amount < 0) {
		s->failed = true;
		return;
	}
	add(s, (money_wide_t)amount * PICO_PER_NANO);
}

bool
money_total(const struct money_sum *s, nanousd_t *out)
{
	money_wide_t nano = (s->pico + PICO_PER_NANO / 2) / PICO_PER_NANO;

	if (s->failed || nano > INT64_MAX)
		return false;
	*out = (nanousd_t)nano;
	return true;
}

/* ---- reading ------------------------------------------------------------ */

#define DIGITS_MAX 36 /* what the mantissa holds */
#define EXPONENT_MAX 1000

struct decimal {
	money_wide_t mantissa;
	unsigned n_digits; /* without leading zeros */
	int64_t exp10;
	bool has_more; /* digits beyond DIGITS_MAX that are not 0 */
};

static void
put_digit(struct decimal *d, char c, bool after_point)
{
	if (d->n_digits == DIGITS_MAX) {
		d->has_more |= c != '0';
		d->exp10 += !after_point;
		return;
	}
	d->mantissa = d->mantissa * 10 + (c - '0');
	d->n_digits += d->mantissa != 0;
	d->exp10 -= after_point;
}

static enum err
read_decimal(struct str s, struct decimal *d)
{
	bool after_point = false, has_digit = false;
	int64_t exp = 0;
	size_t i = 0;

	if (s.n != 0 && s.p[0] == '-')
		return ERR_RANGE;
	for (; i < s.n && s.p[i] != 'e' && s.p[i] != 'E'; i++) {
		if (s.p[i] == '.' && !after_point) {
			after_point = true;
			continue;
		}
		if (s.p[i] < '0' || s.p[i] > '9')
			return ERR_SYNTAX;
		put_digit(d, s.p[i], after_point);
		has_digit = true;
	}
	if (!has_digit)
		return ERR_SYNTAX;
	if (i < s.n) {
		enum err e = num_parse_i64(str_skip(s, i + 1), &exp);

		if (e != ERR_OK)
			return e;
		if (exp < -EXPONENT_MAX || exp > EXPONENT_MAX)
			return ERR_RANGE;
	}
	d->exp10 += exp;
	return ERR_OK;
}

enum err
money_parse_decimal(struct str s, int scale, int64_t *out, bool *is_rounded)
{
	struct decimal d = { 0 };
	enum err e = read_decimal(s, &d);
	int last = 0;

	if (e != ERR_OK)
		return e;
	for (d.exp10 += scale; d.exp10 > 0 && d.mantissa != 0; d.exp10--) {
		if (d.mantissa > INT64_MAX)
			return ERR_RANGE;
		d.mantissa *= 10;
	}
	for (; d.exp10 < 0 && (d.mantissa != 0 || last != 0); d.exp10++) {
		d.has_more |= last != 0;
		last = (int)(d.mantissa % 10);
		d.mantissa /= 10;
	}
	if (last != 0 || d.has_more) {
		if (is_rounded == NULL)
			return ERR_LIMIT;
		*is_rounded = true;
		d.mantissa += last >= 5;
	}
	if (d.mantissa > INT64_MAX)
		return ERR_RANGE;
	*out = (int64_t)d.mantissa;
	return ERR_OK;
}

static struct str
without_dollar(struct str s)
{
	s = str_trim(s);
	return s.n != 0 && s.p[0] == '$' ? str_skip(s, 1) : s;
}

enum err
money_parse_usd(struct str s, nanousd_t *out)
{
	return money_parse_decimal(without_dollar(s), 9, out, NULL);
}

static const struct {
	struct str words;
	int scale; /* dollars in this unit -> pico-dollars a token */
} units[] = {
	{ { "per million tokens", 18 }, 6 },
	{ { "per million", 11 }, 6 },
	{ { "/M", 2 }, 6 },
	{ { "per token", 9 }, 12 },
};

enum err
money_parse_price(struct str s, picousd_t *out)
{
	int scale = 6;

	s = without_dollar(s);
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (str_ends(s, units[i].words)) {
			scale = units[i].scale;
			s.n -= units[i].words.n;
			break;
		}
	}
	return money_parse_decimal(str_trim(s), scale, out, NULL);
}

/* ---- printing ----------------------------------------------------------- */

static void
print(int64_t v, unsigned places, char out[MONEY_TEXT_SIZE])
{
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	uint64_t unit = 1;
	int n;

	for (unsigned i = 0; i < places; i++)
		unit *= 10;
	n = snprintf(out, MONEY_TEXT_SIZE, "%s%" PRIu64 ".%0*" PRIu64,
	    v < 0 ? "-" : "", u / unit, (int)places, u % unit);
	ASSERT(n > 0 && n < MONEY_TEXT_SIZE);
	while (out[n - 1] == '0')
		out[--n] = '\0';
	if (out[n - 1] == '.')
		out[n - 1] = '\0';
}

void
money_print_usd(nanousd_t amount, char out[MONEY_TEXT_SIZE])
{
	print(amount, 9, out);
}

void
money_print_price(picousd_t price, char out[MONEY_TEXT_SIZE])
{
	print(price, 6, out);
}
