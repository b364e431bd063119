#include "wire/http.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define DAY_SEC 86400
#define YEAR_USEC (365 * DAY_SEC * USEC_PER_SEC)

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct civil {
	int64_t year, month, day, hour, min, sec;
};

/* -- the calendar -------------------------------------------------------- */

static bool
is_leap(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Days from 1970-01-01 to the first of that month; year >= 1. */
static int64_t
days_to(int64_t year, int64_t month)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243,
		273, 304, 334 };
	int64_t y = year - 1;
	int64_t days = y * 365 + y / 4 - y / 100 + y / 400 - 719162;

	days += before[month - 1];
	return days + (month > 2 && is_leap(year) ? 1 : 0);
}

static enum err
civil_to_usec(const struct civil *c, usec_t *out)
{
	int64_t last;

	if (c->year < 1 || c->year > 9999 || c->month < 1 || c->month > 12)
		return ERR_RANGE;
	last = c->month == 12 ? 31
			      : days_to(c->year, c->month + 1) -
				    days_to(c->year, c->month);
	if (c->day < 1 || c->day > last || c->hour > 23 || c->min > 59 ||
	    c->sec > 60)
		return ERR_RANGE;
	*out = ((days_to(c->year, c->month) + c->day - 1) * DAY_SEC +
		   c->hour * 3600 + c->min * 60 + c->sec) *
	       USEC_PER_SEC;
	return ERR_OK;
}

/* -- reading ------------------------------------------------------------- */

/* Text that is being eaten from the front; `bad` is sticky. */
struct scan {
	struct str s;
	bool bad;
};

/* Exactly n digits. */
static int64_t
digits(struct scan *sc, size_t n)
{
	int64_t v = 0;

	if (sc->s.n < n)
		sc->bad = true;
	for (size_t i = 0; i < n && !sc->bad; i++) {
		if (sc->s.p[i] < '0' || sc->s.p[i] > '9')
			sc->bad = true;
		v = v * 10 + (sc->s.p[i] - '0');
	}
	sc->s = str_skip(sc->s, n);
	return sc->bad ? 0 : v;
}

static void
literal(struct scan *sc, struct str want)
{
	if (!str_starts(sc->s, want))
		sc->bad = true;
	sc->s = str_skip(sc->s, want.n);
}

static int64_t
month_name(struct scan *sc)
{
	struct str name = str_of(sc->s.p, sc->s.n < 3 ? sc->s.n : 3);

	sc->s = str_skip(sc->s, 3);
	for (int64_t m = 0; m < 12; m++) {
		if (str_eq(name, str_of(months + 3 * m, 3)))
			return m + 1;
	}
	sc->bad = true;
	return 0;
}

static void
letters(struct scan *sc)
{
	size_t n = 0;

	while (n < sc->s.n && ((sc->s.p[n] >= 'A' && sc->s.p[n] <= 'Z') ||
				  (sc->s.p[n] >= 'a' && sc->s.p[n] <= 'z')))
		n++;
	if (n < 3)
		sc->bad = true;
	sc->s = str_skip(sc->s, n);
}

static void
clock_part(struct scan *sc, struct civil *c)
{
	c->hour = digits(sc, 2);
	literal(sc, STR(":"));
	c->min = digits(sc, 2);
	literal(sc, STR(":"));
	c->sec = digits(sc, 2);
}

/* Behind the comma: "06 Nov 1994 ..." or "06-Nov-94 ..." */
static void
date_comma(struct scan *sc, struct civil *c)
{
	bool is_old;

	literal(sc, STR(", "));
	c->day = digits(sc, 2);
	is_old = str_starts(sc->s, STR("-"));
	literal(sc, is_old ? STR("-") : STR(" "));
	c->month = month_name(sc);
	literal(sc, is_old ? STR("-") : STR(" "));
	c->year = digits(sc, is_old ? 2 : 4);
	if (is_old)
		c->year += c->year < 70 ? 2000 : 1900;
	literal(sc, STR(" "));
	clock_part(sc, c);
	literal(sc, STR(" GMT"));
}

/* " Nov  6 08:49:37 1994" */
static void
date_asctime(struct scan *sc, struct civil *c)
{
	literal(sc, STR(" "));
	c->month = month_name(sc);
	literal(sc, STR(" "));
	if (str_starts(sc->s, STR(" "))) {
		literal(sc, STR(" "));
		c->day = digits(sc, 1);
	} else {
		c->day = digits(sc, 2);
	}
	literal(sc, STR(" "));
	clock_part(sc, c);
	literal(sc, STR(" "));
	c->year = digits(sc, 4);
}

enum err
http_date_parse(struct str s, usec_t *out)
{
	struct scan sc = { str_trim(s), false };
	struct civil c = { 0 };

	letters(&sc);
	if (str_starts(sc.s, STR(",")))
		date_comma(&sc, &c);
	else
		date_asctime(&sc, &c);
	if (sc.bad || sc.s.n)
		return ERR_SYNTAX;
	return civil_to_usec(&c, out);
}

/* ".123456789", digits beyond the sixth cut off */
static usec_t
fraction(struct scan *sc)
{
	usec_t unit = USEC_PER_SEC, v = 0;
	size_t n = 1;

	if (!str_starts(sc->s, STR(".")))
		return 0;
	while (n < sc->s.n && sc->s.p[n] >= '0' && sc->s.p[n] <= '9') {
		unit /= 10;
		v += unit * (sc->s.p[n] - '0');
		n++;
	}
	if (n == 1)
		sc->bad = true;
	sc->s = str_skip(sc->s, n);
	return v;
}

static usec_t
zone(struct scan *sc)
{
	bool is_west = str_starts(sc->s, STR("-"));
	int64_t h, m;

	if (str_starts(sc->s, STR("Z")) || str_starts(sc->s, STR("z"))) {
		sc->s = str_skip(sc->s, 1);
		return 0;
	}
	literal(sc, is_west ? STR("-") : STR("+"));
	h = digits(sc, 2);
	literal(sc, STR(":"));
	m = digits(sc, 2);
	if (h > 23 || m > 59)
		sc->bad = true;
	m = (h * 60 + m) * 60 * USEC_PER_SEC;
	return is_west ? -m : m;
}

enum err
http_rfc3339_parse(struct str s, usec_t *out)
{
	struct scan sc = { str_trim(s), false };
	struct civil c = { 0 };
	usec_t t, frac, offset;
	enum err e;

	c.year = digits(&sc, 4);
	literal(&sc, STR("-"));
	c.month = digits(&sc, 2);
	literal(&sc, STR("-"));
	c.day = digits(&sc, 2);
	if (!str_starts(sc.s, STR("T")) && !str_starts(sc.s, STR("t")) &&
	    !str_starts(sc.s, STR(" ")))
		sc.bad = true;
	sc.s = str_skip(sc.s, 1);
	clock_part(&sc, &c);
	frac = fraction(&sc);
	offset = zone(&sc);
	if (sc.bad || sc.s.n)
		return ERR_SYNTAX;
	e = civil_to_usec(&c, &t);
	if (e == ERR_OK)
		*out = t + frac - offset;
	return e;
}

/* -- writing ------------------------------------------------------------- */

/* Not snprintf: two of these go with each answer that has limits. */
static char *
put_number(char *out, int64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	memcpy(out, digits + at, sizeof(digits) - at);
	return out + (sizeof(digits) - at);
}

/* ".5", ".051"; nothing for 0 */
static char *
put_fraction(char *out, int ms)
{
	if (ms == 0)
		return out;
	*out++ = '.';
	for (int unit = 100; ms > 0; ms %= unit, unit /= 10)
		*out++ = (char)('0' + ms / unit);
	return out;
}

void
http_duration_print(usec_t d, char out[HTTP_DURATION_SIZE])
{
	int64_t ms = d <= 0 ? 0 : d / 1000 + (d % 1000 != 0);
	int64_t h = ms / 3600000, m = ms / 60000 % 60, s = ms / 1000 % 60;

	if (ms > 0 && ms < 1000) {
		out = put_number(out, ms);
		*out++ = 'm';
	} else {
		if (h) {
			out = put_number(out, h);
			*out++ = 'h';
		}
		if (h || m) {
			out = put_number(out, m);
			*out++ = 'm';
		}
		out = put_fraction(put_number(out, s), (int)(ms % 1000));
	}
	*out++ = 's';
	*out = '\0';
}

/* -- Retry-After --------------------------------------------------------- */

usec_t
http_retry_wait(usec_t asked)
{
	if (asked <= 0)
		return HTTP_RETRY_FLOOR;
	return asked < HTTP_RETRY_CAP ? asked : HTTP_RETRY_CAP;
}

/* A count of units, not negative; anything huge is a year. */
static bool
read_count(struct str s, usec_t unit, usec_t *out)
{
	double v;

	if (num_parse_double(str_trim(s), &v) != ERR_OK || !(v >= 0))
		return false;
	*out = v >= (double)YEAR_USEC / (double)unit
		   ? YEAR_USEC
		   : (usec_t)(v * (double)unit + 0.5);
	return true;
}

enum err
http_retry_after(const struct http_headers *h, int status, usec_t now_wall,
    struct http_retry *out)
{
	struct str ms = http_headers_find(h, "retry-after-ms");
	struct str text = http_headers_find(h, "retry-after");
	usec_t asked, when;

	if (status >= 200 && status < 300)
		return ERR_NOT_FOUND;
	if (!read_count(ms, USEC_PER_MSEC, &asked) &&
	    !read_count(text, USEC_PER_SEC, &asked)) {
		if (!str_present(text) ||
		    http_date_parse(text, &when) != ERR_OK)
			return ERR_NOT_FOUND;
		asked = when > now_wall ? when - now_wall : 0;
		if (asked > YEAR_USEC)
			asked = YEAR_USEC;
	}
	out->asked = asked;
	out->wait = http_retry_wait(asked);
	return ERR_OK;
}
