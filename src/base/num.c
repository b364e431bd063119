#include "base/num.h"

#include "base/num_float.h"

int64_t
num_add_i64_sat(int64_t a, int64_t b)
{
	int64_t sum;

	if (!__builtin_add_overflow(a, b, &sum))
		return sum;
	return a < 0 ? INT64_MIN : INT64_MAX;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

enum err
num_parse_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;
	bool fits = true;

	if (s.n == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return ERR_SYNTAX;
		fits = fits && !__builtin_mul_overflow(v, 10, &v) &&
		       !__builtin_add_overflow(v, s.p[i] - '0', &v);
	}
	if (!fits)
		return ERR_RANGE;
	*out = v;
	return ERR_OK;
}

enum err
num_parse_i64(struct str s, int64_t *out)
{
	bool is_negative = s.n && s.p[0] == '-';
	uint64_t v, max = (uint64_t)INT64_MAX + is_negative;
	enum err e;

	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		s = str_skip(s, 1);
	e = num_parse_u64(s, &v);
	if (e != ERR_OK)
		return e;
	if (v > max)
		return ERR_RANGE;
	*out = (int64_t)(is_negative ? 0 - v : v);
	return ERR_OK;
}

int
num_hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum err
num_parse_hex_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;
	bool fits = true;

	if (s.n == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		int d = num_hex_digit(s.p[i]);

		if (d < 0)
			return ERR_SYNTAX;
		fits = fits && v >> 60 == 0;
		v = v << 4 | (uint64_t)d;
	}
	if (!fits)
		return ERR_RANGE;
	*out = v;
	return ERR_OK;
}

/* Beyond any exponent that matters, within what cannot overflow. */
#define FLOAT_EXP ((int64_t)1 << 60)

/* One digit of the mantissa: leading zeros are dropped, too many noted. */
static void
float_digit(struct num_float *f, char c)
{
	if (f->n == 0 && c == '0')
		return;
	if (f->n < FLOAT_DIGITS) {
		f->digit[f->n++] = (unsigned char)(c - '0');
		return;
	}
	f->exp10++;
	f->has_more = f->has_more || c != '0';
}

/* The exponent behind the 'e', clamped to what cannot overflow. */
static enum err
float_exp(struct str s, int64_t *exp)
{
	bool is_down = s.n && s.p[0] == '-';
	enum err e = num_parse_i64(s, exp);

	if (e == ERR_SYNTAX)
		return e;
	if (e == ERR_RANGE || *exp < -FLOAT_EXP || *exp > FLOAT_EXP)
		*exp = is_down ? -FLOAT_EXP : FLOAT_EXP;
	return ERR_OK;
}

/* Splits "12.50e-3" into its significant digits and a power of ten. */
static enum err
float_split(struct str s, struct num_float *f)
{
	size_t i = 0, n_seen = 0;
	int64_t exp = 0;
	bool after_point = false;

	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		f->is_negative = s.p[i++] == '-';
	for (; i < s.n; i++) {
		if (s.p[i] == '.' && !after_point) {
			after_point = true;
		} else if (is_digit(s.p[i])) {
			n_seen++;
			f->exp10 -= after_point;
			float_digit(f, s.p[i]);
		} else {
			break;
		}
	}
	if (n_seen == 0)
		return ERR_SYNTAX;
	if (i < s.n) {
		if (s.p[i] != 'e' && s.p[i] != 'E')
			return ERR_SYNTAX;
		if (float_exp(str_skip(s, i + 1), &exp) != ERR_OK)
			return ERR_SYNTAX;
	}
	f->exp10 += exp;
	return ERR_OK;
}

enum err
num_parse_double(struct str s, double *out)
{
	struct num_float f = { .n = 0 };
	enum err e = float_split(s, &f);

	return e == ERR_OK ? num_float_make(&f, out) : e;
}

/* A word and what it multiplies by. */
struct unit {
	const char *name;
	uint64_t factor;
};

static enum err
parse_unit(struct str s, const struct unit *units, size_t n, uint64_t *out)
{
	size_t digits = 0;
	uint64_t v;
	enum err e;

	while (digits < s.n && is_digit(s.p[digits]))
		digits++;
	e = num_parse_u64(str_of(s.p, digits), &v);
	if (e == ERR_SYNTAX)
		return e;
	for (size_t i = 0; i < n; i++) {
		if (!str_eqz(str_skip(s, digits), units[i].name))
			continue;
		if (e != ERR_OK ||
		    __builtin_mul_overflow(v, units[i].factor, &v))
			return ERR_RANGE;
		*out = v;
		return ERR_OK;
	}
	return ERR_SYNTAX;
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum err
num_parse_duration(struct str s, usec_t *out)
{
	static const struct unit units[] = {
		{ "ms", 1000 },
		{ "s", 1000000 },
		{ "m", 60000000 },
		{ "h", 3600000000 },
		{ "d", 86400000000 },
	};
	uint64_t v;
	enum err e = parse_unit(s, units, COUNT(units), &v);

	if (e != ERR_OK)
		return e;
	if (v > INT64_MAX)
		return ERR_RANGE;
	*out = (usec_t)v;
	return ERR_OK;
}

enum err
num_parse_size(struct str s, uint64_t *out)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "B", 1 },
		{ "KiB", 1ULL << 10 },
		{ "MiB", 1ULL << 20 },
		{ "GiB", 1ULL << 30 },
		{ "TiB", 1ULL << 40 },
		{ "KB", 1000 },
		{ "MB", 1000000 },
		{ "GB", 1000000000 },
		{ "TB", 1000000000000 },
	};

	return parse_unit(s, units, COUNT(units), out);
}

/* Takes digits from the front of *s; false when there are none. */
static bool
take_digits(struct str *s, struct str *digits)
{
	size_t n = 0;

	while (n < s->n && is_digit(s->p[n]))
		n++;
	*digits = str_of(s->p, n);
	*s = str_skip(*s, n);
	return n > 0;
}

static bool
take_go_unit(struct str *s, uint64_t *nsec)
{
	/* "ms" before "m": the first that fits wins. */
	static const struct unit units[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "\u00b5s", 1000 }, /* micro sign */
		{ "\u03bcs", 1000 }, /* Greek mu */
		{ "ms", 1000000 },
		{ "s", 1000000000 },
		{ "m", 60000000000 },
		{ "h", 3600000000000 },
	};

	for (size_t i = 0; i < COUNT(units); i++) {
		struct str name = str_z(units[i].name);

		if (str_starts(*s, name)) {
			*s = str_skip(*s, name.n);
			*nsec = units[i].factor;
			return true;
		}
	}
	return false;
}

/* One "30.951s" from the front of *s, added to *nsec. */
static enum err
take_go_term(struct str *s, unsigned __int128 *nsec)
{
	struct str whole, part = { NULL, 0 };
	uint64_t v, unit, scale;
	enum err e;

	if (!take_digits(s, &whole))
		return ERR_SYNTAX;
	if (s->n && s->p[0] == '.') {
		*s = str_skip(*s, 1);
		if (!take_digits(s, &part))
			return ERR_SYNTAX;
	}
	if (!take_go_unit(s, &unit))
		return ERR_SYNTAX;
	e = num_parse_u64(whole, &v);
	if (e != ERR_OK)
		return e;
	*nsec += (unsigned __int128)v * unit;
	for (scale = unit / 10; part.n && scale; scale /= 10) {
		*nsec += scale * (uint64_t)(part.p[0] - '0');
		part = str_skip(part, 1);
	}
	return ERR_OK;
}

enum err
num_parse_go_duration(struct str s, usec_t *out)
{
	unsigned __int128 nsec = 0;
	enum err e;

	if (str_eq(s, STR("0"))) {
		*out = 0;
		return ERR_OK;
	}
	if (s.n == 0)
		return ERR_SYNTAX;
	while (s.n) {
		e = take_go_term(&s, &nsec);
		if (e != ERR_OK)
			return e;
		if (nsec / 1000 > INT64_MAX)
			return ERR_RANGE;
	}
	*out = (usec_t)(nsec / 1000);
	return ERR_OK;
}
