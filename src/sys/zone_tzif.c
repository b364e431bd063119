/* TZif files (RFC 8536) and the POSIX TZ rules that end them. */
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "sys/zone_int.h"

#define HOUR 3600
#define DAY (24 * HOUR)
/* RFC 8536 3.2: what an offset may be. */
#define OFFSET_MIN (-25 * HOUR)
#define OFFSET_MAX (26 * HOUR)
/* Far beyond what a usec_t can tell, so that sums of it stay small. */
#define AT_LIMIT (INT64_C(1) << 44)

/* ---- POSIX TZ: std offset dst [offset] , start [/time] , end [/time] ----- */

struct scan {
	struct str s;
	bool bad;
};

static char
peek(const struct scan *sc)
{
	return sc->s.n > 0 ? sc->s.p[0] : '\0';
}

static bool
eat(struct scan *sc, char c)
{
	if (peek(sc) != c || sc->s.n == 0)
		return false;
	sc->s = str_skip(sc->s, 1);
	return true;
}

static void
must(struct scan *sc, char c)
{
	if (!eat(sc, c))
		sc->bad = true;
}

static int
number(struct scan *sc, int min, int max)
{
	int v = 0, n = 0;

	while (peek(sc) >= '0' && peek(sc) <= '9' && n < 4) {
		v = v * 10 + (peek(sc) - '0');
		sc->s = str_skip(sc->s, 1);
		n++;
	}
	if (n == 0 || v < min || v > max)
		sc->bad = true;
	return sc->bad ? min : v;
}

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* EST or <-03>: only that it is one. */
static void
name(struct scan *sc)
{
	size_t n = 0;

	if (eat(sc, '<')) {
		n = str_chr(sc->s, '>');
		sc->bad |= n == 0 || n >= sc->s.n;
		sc->s = str_skip(sc->s, n + 1);
		return;
	}
	while (n < sc->s.n && is_letter(sc->s.p[n]))
		n++;
	sc->bad |= n < 3;
	sc->s = str_skip(sc->s, n);
}

/* [+-]hh[:mm[:ss]] in seconds. */
static int32_t
hours(struct scan *sc, int max)
{
	int sign = 1;
	int32_t v;

	if (eat(sc, '-'))
		sign = -1;
	else
		(void)eat(sc, '+');
	v = number(sc, 0, max) * HOUR;
	if (eat(sc, ':')) {
		v += number(sc, 0, 59) * 60;
		if (eat(sc, ':'))
			v += number(sc, 0, 59);
	}
	return sign * v;
}

static void
date(struct scan *sc, struct zone_date *d)
{
	*d = (struct zone_date){ .time = 2 * HOUR };
	if (eat(sc, 'M')) {
		d->sort = ZONE_DATE_WEEKDAY;
		d->month = number(sc, 1, 12);
		must(sc, '.');
		d->week = number(sc, 1, 5);
		must(sc, '.');
		d->weekday = number(sc, 0, 6);
	} else if (eat(sc, 'J')) {
		d->sort = ZONE_DATE_JULIAN;
		d->day = number(sc, 1, 365);
	} else {
		d->sort = ZONE_DATE_DAY;
		d->day = number(sc, 0, 365);
	}
	/* RFC 8536 3.3.1: up to a week away */
	if (eat(sc, '/'))
		d->time = hours(sc, 167);
}

enum err
zone_rule_parse(struct str text, struct zone_rule *rule)
{
	struct scan sc = { .s = text };
	struct zone_rule r = { .is_there = true };

	name(&sc);
	r.std = -hours(&sc, 24); /* POSIX counts west of Greenwich */
	if (!sc.bad && sc.s.n > 0) {
		r.has_dst = true;
		name(&sc);
		r.dst = peek(&sc) == ',' ? r.std + HOUR : -hours(&sc, 24);
		must(&sc, ',');
		date(&sc, &r.start);
		must(&sc, ',');
		date(&sc, &r.end);
	}
	if (sc.bad || sc.s.n > 0)
		return ERR_SYNTAX;
	*rule = r;
	return ERR_OK;
}

/* ---- TZif ---------------------------------------------------------------- */

#define HEADER_BYTES 44u

struct header {
	uint32_t isut, isstd, leap, times, types, chars;
};

static uint32_t
be32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 |
	       (uint32_t)u[2] << 8 | u[3];
}

static int64_t
be64(const char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* Takes the header from *s. */
static enum err
header_take(struct str *s, struct header *h)
{
	const char *p = s->p;

	if (s->n < HEADER_BYTES || memcmp(p, "TZif", 4) != 0)
		return ERR_SYNTAX;
	if (p[4] < '2')
		return ERR_UNSUPPORTED;
	*h = (struct header){ be32(p + 20), be32(p + 24), be32(p + 28),
		be32(p + 32), be32(p + 36), be32(p + 40) };
	if (h->isut > ZONE_TYPES_MAX || h->isstd > ZONE_TYPES_MAX ||
	    h->leap > ZONE_CHANGES_MAX || h->times > ZONE_CHANGES_MAX ||
	    h->types > ZONE_TYPES_MAX || h->chars > ZONE_FILE_MAX)
		return ERR_SYNTAX;
	*s = str_skip(*s, HEADER_BYTES);
	return ERR_OK;
}

/* Bytes of the data that follow a header; wide: bytes of a time. */
static size_t
data_bytes(const struct header *h, size_t wide)
{
	return h->times * (wide + 1) + h->types * 6u + h->chars +
	       h->leap * (wide + 4) + h->isstd + h->isut;
}

/* The offset of type number i. */
static enum err
type_offset(const struct header *h, const char *types, uint32_t i, int32_t *out)
{
	int32_t v;

	if (i >= h->types)
		return ERR_SYNTAX;
	v = (int32_t)be32(types + (size_t)i * 6);
	if (v < OFFSET_MIN || v > OFFSET_MAX)
		return ERR_SYNTAX;
	*out = v;
	return ERR_OK;
}

/* Times, which type each begins, types. */
static enum err
changes_fill(const struct header *h, const char *data, struct zone *z)
{
	const char *which = data + (size_t)h->times * 8;
	const char *types = which + h->times;
	enum err e = type_offset(h, types, 0, &z->first);

	for (uint32_t i = 0; i < h->times && e == ERR_OK; i++) {
		struct zone_change *c = &z->change[i];

		c->at = be64(data + (size_t)i * 8);
		if (c->at < -AT_LIMIT) /* "since ever": -2^59 in old files */
			c->at = -AT_LIMIT + i;
		if (c->at > AT_LIMIT || (i > 0 && c->at <= z->change[i - 1].at))
			return ERR_SYNTAX;
		e = type_offset(h, types, (unsigned char)which[i], &c->offset);
	}
	z->n = h->times;
	return e;
}

/* LF rule LF; an empty rule means that nothing is known of the future. */
static enum err
footer_parse(struct str s, struct zone_rule *rule)
{
	struct str text;

	if (s.n < 2 || s.p[0] != '\n')
		return ERR_SYNTAX;
	s = str_skip(s, 1);
	if (!memchr(s.p, '\n', s.n))
		return ERR_SYNTAX;
	text = str_cut(&s, '\n');
	return text.n > 0 ? zone_rule_parse(text, rule) : ERR_OK;
}

enum err
zone_parse(struct str tzif, struct zone **out)
{
	struct header h;
	struct zone *z;
	struct str s = tzif;
	enum err e = s.n > ZONE_FILE_MAX ? ERR_SYNTAX : header_take(&s, &h);

	if (e == ERR_OK && s.n < data_bytes(&h, 4))
		e = ERR_SYNTAX;
	if (e != ERR_OK)
		return e;
	s = str_skip(s, data_bytes(&h, 4));
	e = header_take(&s, &h);
	if (e == ERR_OK &&
	    (s.n < data_bytes(&h, 8) || h.types == 0 || h.leap > 0))
		e = ERR_SYNTAX;
	if (e != ERR_OK)
		return e;
	z = fault("zone.new")
		? NULL
		: calloc(1, sizeof(*z) + h.times * sizeof(z->change[0]));
	if (!z)
		return ERR_NOMEM;
	e = changes_fill(&h, s.p, z);
	if (e == ERR_OK)
		e = footer_parse(str_skip(s, data_bytes(&h, 8)), &z->rule);
	if (e == ERR_OK)
		*out = z;
	else
		zone_free(z);
	return e;
}

void
zone_free(struct zone *z)
{
	free(z);
}
