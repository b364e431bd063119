/* Counters of windows: a number of the window and a count in one word. */
#include "gate/limit_int.h"

#define HOUR (3600 * USEC_PER_SEC)

/*
 * Bits of the window's number. The rest counts: 2^40 in windows below an hour,
 * 2^51 in longer ones, 2^53 in periods (nine million dollars). A counter that
 * rests for as many windows as the number tells apart, to the very window, would
 * be taken for the present one: 194 days, 341 days, five years and more.
 */
unsigned
gate_tag_bits(const struct conf_limit *l)
{
	if (l->period > 0)
		return 11;
	return l->per < HOUR ? 24 : 13;
}

static uint64_t
tag_mask(unsigned bits)
{
	return (UINT64_C(1) << bits) - 1;
}

static uint64_t
count_max(unsigned bits)
{
	return (UINT64_C(1) << (64 - bits)) - 1;
}

static uint64_t
tag_of(unsigned bits, uint64_t packed)
{
	return packed >> (64 - bits);
}

static uint64_t
pack(unsigned bits, int64_t window, uint64_t count)
{
	return ((uint64_t)window & tag_mask(bits)) << (64 - bits) | count;
}

/*
 * The window to count in. A worker reads the clock before it comes here, so it
 * may be late by a moment when another has begun the next window already: it
 * counts into that one. Going back would forget what was counted there. A clock
 * that was set back is followed.
 */
static int64_t
window_now(unsigned bits, uint64_t packed, int64_t window)
{
	uint64_t ahead =
	    (tag_of(bits, packed) - (uint64_t)window) & tag_mask(bits);

	return packed != 0 && ahead == 1 ? window + 1 : window;
}

static uint64_t
count_in(unsigned bits, uint64_t packed, int64_t window)
{
	return tag_of(bits, packed) == ((uint64_t)window & tag_mask(bits))
		   ? packed & count_max(bits)
		   : 0;
}

bool
gate_cell_take(_Atomic int64_t *cell, unsigned bits, struct gate_take *t)
{
	int64_t seen = atomic_load(cell);
	uint64_t add = (uint64_t)(t->add > 0 ? t->add : 0);
	uint64_t max = (uint64_t)t->max;
	uint64_t count;
	int64_t window;

	do {
		window = window_now(bits, (uint64_t)seen, t->window);
		count = count_in(bits, (uint64_t)seen, window);
		if (t->max < INT64_MAX && (count >= max || add > max - count)) {
			t->count = (int64_t)count;
			return false;
		}
		count = add > count_max(bits) - count ? count_max(bits)
						      : count + add;
	} while (!atomic_compare_exchange_weak(
	    cell, &seen, (int64_t)pack(bits, window, count)));
	t->window = window;
	t->count = (int64_t)count;
	return true;
}

void
gate_cell_add(_Atomic int64_t *cell, unsigned bits, int64_t window, int64_t add)
{
	int64_t seen = atomic_load(cell);
	uint64_t by = (uint64_t)(add < 0 ? -add : add), count;

	do {
		if (tag_of(bits, (uint64_t)seen) !=
		    ((uint64_t)window & tag_mask(bits)))
			return;
		count = (uint64_t)seen & count_max(bits);
		if (add < 0)
			count = by > count ? 0 : count - by;
		else
			count = by > count_max(bits) - count ? count_max(bits)
							     : count + by;
	} while (!atomic_compare_exchange_weak(
	    cell, &seen, (int64_t)pack(bits, window, count)));
}

/* Has the next window begun there? */
static bool
is_ahead(unsigned bits, uint64_t packed, int64_t window)
{
	return window_now(bits, packed, window) != window;
}

bool
gate_cell_put(_Atomic int64_t *cell, unsigned bits, int64_t window, int64_t add)
{
	int64_t seen = atomic_load(cell);
	uint64_t by = (uint64_t)(add > 0 ? add : 0), count;

	do {
		if (is_ahead(bits, (uint64_t)seen, window))
			return false;
		count = count_in(bits, (uint64_t)seen, window);
		count =
		    by > count_max(bits) - count ? count_max(bits) : count + by;
	} while (!atomic_compare_exchange_weak(
	    cell, &seen, (int64_t)pack(bits, window, count)));
	return true;
}

void
gate_cell_set(
    _Atomic int64_t *cell, unsigned bits, int64_t window, int64_t count)
{
	int64_t seen = atomic_load(cell);
	uint64_t to = (uint64_t)(count > 0 ? count : 0);

	if (to > count_max(bits))
		to = count_max(bits);
	do {
		if (is_ahead(bits, (uint64_t)seen, window))
			return;
	} while (!atomic_compare_exchange_weak(
	    cell, &seen, (int64_t)pack(bits, window, to)));
}

int64_t
gate_cell_raise(
    _Atomic int64_t *cell, unsigned bits, int64_t window, int64_t least)
{
	int64_t seen = atomic_load(cell);
	uint64_t to = (uint64_t)(least > 0 ? least : 0), count;

	if (to > count_max(bits))
		to = count_max(bits);
	do {
		if (is_ahead(bits, (uint64_t)seen, window))
			return INT64_MAX;
		count = count_in(bits, (uint64_t)seen, window);
		if (count >= to)
			return (int64_t)count;
	} while (!atomic_compare_exchange_weak(
	    cell, &seen, (int64_t)pack(bits, window, to)));
	return (int64_t)count;
}

int64_t
gate_cell_draw(
    _Atomic int64_t *cell, unsigned bits, int64_t window, int64_t most)
{
	int64_t seen = atomic_load(cell);
	uint64_t want = (uint64_t)(most > 0 ? most : 0), count, drawn;

	do {
		count = count_in(bits, (uint64_t)seen, window);
		drawn = want < count ? want : count;
		if (drawn == 0)
			return 0;
	} while (!atomic_compare_exchange_weak(
	    cell, &seen, (int64_t)pack(bits, window, count - drawn)));
	return (int64_t)drawn;
}

bool
gate_cell_mark(_Atomic int64_t *cell, unsigned bits, int64_t window,
    const struct gate_mark *m)
{
	int64_t seen = atomic_load(cell);
	uint64_t count;

	do {
		if (is_ahead(bits, (uint64_t)seen, window))
			return false;
		count = count_in(bits, (uint64_t)seen, window);
		if ((count & m->mask) != m->from)
			return false;
		count = (count & ~m->mask) | m->to;
	} while (!atomic_compare_exchange_weak(
	    cell, &seen, (int64_t)pack(bits, window, count)));
	return true;
}

bool
gate_cell_use(
    _Atomic int64_t *cell, unsigned bits, int64_t window, int64_t want)
{
	int64_t seen = atomic_load(cell);
	uint64_t count;

	do {
		count = count_in(bits, (uint64_t)seen, window);
		if (want <= 0)
			return count > 0;
		if ((uint64_t)want > count)
			return false;
	} while (!atomic_compare_exchange_weak(
	    cell, &seen, (int64_t)pack(bits, window, count - (uint64_t)want)));
	return true;
}

int64_t
gate_cell_in(const _Atomic int64_t *cell, unsigned bits, int64_t window)
{
	return (int64_t)count_in(bits, (uint64_t)atomic_load(cell), window);
}

int64_t
gate_cell_get(const _Atomic int64_t *cell, unsigned bits, int64_t window)
{
	uint64_t seen = (uint64_t)atomic_load(cell);

	return (int64_t)count_in(bits, seen, window_now(bits, seen, window));
}

/* ---- which window -------------------------------------------------------- */

/* Periods are numbered one after the other, each in its zone. */
static int64_t
period_number(const struct zone *z, enum zone_period p, usec_t start)
{
	usec_t local = start + zone_offset(z, start) * USEC_PER_SEC;
	int64_t day = local / (24 * HOUR);
	struct zone_civil c;

	zone_civil(z, start, &c);
	switch (p) {
	case ZONE_WEEK:
		return (day + 3) / 7;
	case ZONE_MONTH:
		return c.year * 12 + c.month;
	case ZONE_QUARTER:
		return c.year * 4 + (c.month - 1) / 3;
	case ZONE_DAY:
	case ZONE_PERIOD__MAX:
		break;
	}
	return day;
}

static const struct gate_period *
period_of(
    struct gate_limit *l, unsigned period, const struct zone *zone, usec_t wall)
{
	const size_t n = sizeof(l->period) / sizeof(l->period[0]);
	struct gate_period *p;

	for (size_t i = 0; i < n; i++) {
		p = &l->period[i];
		if (p->period == period && p->zone == zone &&
		    wall >= p->span.start && wall < p->span.end)
			return p;
	}
	p = &l->period[l->next_period++ % n];
	p->zone = zone;
	p->period = period;
	p->span = zone_span_of(zone, (enum zone_period)(period - 1), wall);
	p->number =
	    period_number(zone, (enum zone_period)(period - 1), p->span.start);
	return p;
}

struct gate_window
gate_window_of(struct gate_limit *l, const struct conf_limit *limit,
    const struct zone *zone, usec_t wall)
{
	const struct gate_period *p;
	int64_t number;

	if (limit->sort == CONF_LIMIT_CONCURRENT)
		return (struct gate_window){ 0 };
	if (limit->period > 0) {
		p = period_of(l, limit->period, zone ? zone : zone_utc(), wall);
		return (struct gate_window){ p->number, p->span.start,
			p->span.end };
	}
	number = wall / limit->per;
	return (struct gate_window){ number, number * limit->per,
		(number + 1) * limit->per };
}
