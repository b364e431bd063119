#include "sys/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/zone_int.h"

#define HOUR 3600
#define DAY (24 * HOUR)
/* No clock is further from UTC (zone_tzif.c). */
#define OFFSET_FAR (26 * HOUR)

const char *const zone_period_words[ZONE_PERIOD__MAX] = {
	[ZONE_DAY] = "day",
	[ZONE_WEEK] = "week",
	[ZONE_MONTH] = "month",
	[ZONE_QUARTER] = "quarter",
};

enum err
zone_period_parse(struct str word, enum zone_period *out)
{
	for (int i = 0; i < ZONE_PERIOD__MAX; i++) {
		if (str_eqz(word, zone_period_words[i])) {
			*out = (enum zone_period)i;
			return ERR_OK;
		}
	}
	return ERR_RANGE;
}

/* ---- the calendar, days counted from 1970-01-01 ------------------------- */

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Years begin in March here, so that the odd day is the last one. */
static int64_t
days_of(int64_t year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = floor_div(y, 400);
	int64_t of_era = y - era * 400;
	int64_t of_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static void
date_of(int64_t days, struct zone_civil *out)
{
	int64_t z = days + 719468;
	int64_t era = floor_div(z, 146097);
	int64_t of_era = z - era * 146097;
	int64_t y =
	    (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int month = (int)((5 * of_year + 2) / 153);

	out->day = (int)(of_year - (153 * month + 2) / 5) + 1;
	out->month = month < 10 ? month + 3 : month - 9;
	out->year = era * 400 + y + (out->month <= 2);
	/* 1970-01-01 was a Thursday */
	out->weekday = (int)(days + 3 - floor_div(days + 3, 7) * 7);
}

static int64_t
year_of(int64_t sec)
{
	struct zone_civil c;

	date_of(floor_div(sec, DAY), &c);
	return c.year;
}

/* ---- rules --------------------------------------------------------------- */

static bool
is_leap(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Seconds since 1970 as the clocks of the zone show them. */
static int64_t
date_in(const struct zone_date *d, int64_t year)
{
	int64_t days = days_of(year, 1, 1), last;
	struct zone_civil c;

	switch (d->sort) {
	case ZONE_DATE_DAY:
		days += d->day;
		break;
	case ZONE_DATE_JULIAN:
		days += d->day - 1 + (is_leap(year) && d->day >= 60);
		break;
	case ZONE_DATE_WEEKDAY:
		days = days_of(year, d->month, 1);
		last = d->month == 12 ? days + 30
				      : days_of(year, d->month + 1, 1) - 1;
		date_of(days, &c);
		days += (d->weekday + 6 - c.weekday) % 7 + (d->week - 1) * 7;
		if (days > last)
			days -= 7;
		break;
	}
	return days * DAY + d->time;
}

/*
 * A year's two changes in order of time. Where the end of one year meets the
 * start of the next (daylight saving time all year) the later year's counts.
 */
static void
rule_changes(const struct zone_rule *r, int64_t year, struct zone_change out[2])
{
	struct zone_change on = { date_in(&r->start, year) - r->std, r->dst };
	struct zone_change off = { date_in(&r->end, year) - r->dst, r->std };

	out[0] = on.at <= off.at ? on : off;
	out[1] = on.at <= off.at ? off : on;
}

static int32_t
rule_offset(const struct zone_rule *r, int64_t sec)
{
	int64_t year = year_of(sec + r->std);
	struct zone_change c[2];
	int32_t offset = r->std;

	if (!r->has_dst)
		return r->std;
	for (int64_t y = year - 1; y <= year + 1; y++) {
		rule_changes(r, y, c);
		for (int i = 0; i < 2; i++)
			if (c[i].at <= sec)
				offset = c[i].offset;
	}
	return offset;
}

/* The first change after sec, or INT64_MAX. */
static int64_t
rule_next(const struct zone_rule *r, int64_t sec)
{
	int64_t year = year_of(sec + r->std);
	struct zone_change c[2];

	if (!r->is_there || !r->has_dst)
		return INT64_MAX;
	for (int64_t y = year - 1; y <= year + 1; y++) {
		rule_changes(r, y, c);
		for (int i = 0; i < 2; i++)
			if (c[i].at > sec)
				return c[i].at;
	}
	return INT64_MAX;
}

/* ---- changes ------------------------------------------------------------- */

/* How many changes are not after sec. */
static uint32_t
changes_until(const struct zone *z, int64_t sec)
{
	uint32_t low = 0, high = z->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (z->change[mid].at <= sec)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int32_t
offset_at(const struct zone *z, int64_t sec)
{
	uint32_t n = changes_until(z, sec);

	if (n == z->n && z->rule.is_there)
		return rule_offset(&z->rule, sec);
	return n > 0 ? z->change[n - 1].offset : z->first;
}

static int64_t
next_change(const struct zone *z, int64_t sec)
{
	uint32_t n = changes_until(z, sec);

	return n < z->n ? z->change[n].at : rule_next(&z->rule, sec);
}

/* The first moment at which the clocks show `local` or more. */
static int64_t
first_at(const struct zone *z, int64_t local)
{
	int64_t t = local - OFFSET_FAR;

	for (;;) {
		int64_t want = local - offset_at(z, t);
		int64_t change = next_change(z, t);

		if (want < t)
			want = t;
		if (want < change)
			return want;
		t = change;
	}
}

/* ---- asking -------------------------------------------------------------- */

int32_t
zone_offset(const struct zone *z, usec_t wall)
{
	return offset_at(z, floor_div(wall, USEC_PER_SEC));
}

void
zone_civil(const struct zone *z, usec_t wall, struct zone_civil *out)
{
	int64_t sec = floor_div(wall, USEC_PER_SEC);
	int32_t offset = offset_at(z, sec);
	int64_t days = floor_div(sec + offset, DAY);
	int rest = (int)(sec + offset - days * DAY);

	date_of(days, out);
	out->hour = rest / HOUR;
	out->minute = rest / 60 % 60;
	out->second = rest % 60;
	out->offset = offset;
}

/* First days of the period that has this date, and of the next one. */
static void
period_days(const struct zone_civil *c, enum zone_period p, int64_t *first,
    int64_t *next)
{
	int month = c->month, months = 1;

	*first = days_of(c->year, c->month, c->day);
	switch (p) {
	case ZONE_DAY:
		*next = *first + 1;
		return;
	case ZONE_WEEK:
		*first -= c->weekday;
		*next = *first + 7;
		return;
	case ZONE_QUARTER:
		month = (c->month - 1) / 3 * 3 + 1;
		months = 3;
		break;
	case ZONE_MONTH:
	case ZONE_PERIOD__MAX:
		break;
	}
	*first = days_of(c->year, month, 1);
	*next = month + months > 12
		    ? days_of(c->year + 1, month + months - 12, 1)
		    : days_of(c->year, month + months, 1);
}

struct zone_span
zone_span_of(const struct zone *z, enum zone_period period, usec_t wall)
{
	struct zone_civil c;
	struct zone_span s;
	int64_t first, next;

	zone_civil(z, wall, &c);
	period_days(&c, period, &first, &next);
	s.start = first_at(z, first * DAY) * USEC_PER_SEC;
	s.end = first_at(z, next * DAY) * USEC_PER_SEC;
	/* Clocks that went back over midnight show yesterday again. */
	if (wall >= s.end) {
		date_of(next, &c);
		period_days(&c, period, &first, &next);
		s.start = s.end;
		s.end = first_at(z, next * DAY) * USEC_PER_SEC;
	}
	return s;
}

/* ---- by name ------------------------------------------------------------- */

/* Kept for ever: the rest of the process may point at them. */
static struct known {
	char name[ZONE_NAME_MAX + 1];
	struct zone *zone;
} known[ZONES_MAX];
static uint32_t n_known;
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct zone utc = { .rule = { .is_there = true } };

const struct zone *
zone_utc(void)
{
	return &utc;
}

bool
zone_name_valid(struct str name)
{
	if (name.n == 0 || name.n > ZONE_NAME_MAX || name.p[0] == '/' ||
	    name.p[name.n - 1] == '/')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    !(c >= '0' && c <= '9') && !(c && strchr("_+-/", c)))
			return false;
	}
	return true;
}

static enum err
read_all(int fd, char *to, size_t max, size_t *n)
{
	*n = 0;
	while (*n < max) {
		ssize_t got = read(fd, to + *n, max - *n);

		if (got < 0 && errno == EINTR)
			continue;
		/* a folder is no zone */
		if (got < 0)
			return errno == EISDIR ? ERR_NOT_FOUND : ERR_IO;
		if (got == 0)
			break;
		*n += (size_t)got;
	}
	return ERR_OK;
}

static enum err
zone_load(struct str name, struct zone **out)
{
	char path[sizeof(ZONE_DIR) + 1 + ZONE_NAME_MAX];
	char *text;
	size_t n = 0;
	enum err e;
	int fd;

	snprintf(path, sizeof(path), "%s/%.*s", ZONE_DIR, STR_ARG(name));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND
							   : ERR_IO;
	text = malloc(ZONE_FILE_MAX + 1);
	e = text ? read_all(fd, text, ZONE_FILE_MAX + 1, &n) : ERR_NOMEM;
	close(fd);
	if (e == ERR_OK)
		e = zone_parse(str_of(text, n), out);
	free(text);
	return e == ERR_UNSUPPORTED ? ERR_SYNTAX : e;
}

static const struct zone *
known_find(struct str name)
{
	for (uint32_t i = 0; i < n_known; i++)
		if (str_eqz(name, known[i].name))
			return known[i].zone;
	return NULL;
}

/* With the lock. */
static enum err
known_add(struct str name, const struct zone **out)
{
	struct known *k = &known[n_known];
	enum err e;

	if (n_known == ZONES_MAX)
		return ERR_LIMIT;
	e = zone_load(name, &k->zone);
	if (e != ERR_OK)
		return e;
	memcpy(k->name, name.p, name.n);
	k->name[name.n] = '\0';
	n_known++;
	*out = k->zone;
	return ERR_OK;
}

enum err
zone_find(struct str name, const struct zone **out)
{
	const struct zone *z;
	enum err e = ERR_OK;

	if (!zone_name_valid(name))
		return ERR_SYNTAX;
	if (str_eqz(name, "UTC")) {
		*out = &utc;
		return ERR_OK;
	}
	pthread_mutex_lock(&known_lock);
	z = known_find(name);
	if (!z)
		e = known_add(name, &z);
	pthread_mutex_unlock(&known_lock);
	if (e == ERR_OK)
		*out = z;
	return e;
}
