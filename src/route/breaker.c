#include "route/breaker.h"

/*
 * Cells of a target's slot. All times are clock_mono; it starts anew at boot
 * while the file may not, so a time too far ahead counts as past.
 */
enum {
	CELL_STATE,
	CELL_IN_A_ROW,
	CELL_WINDOW_START,
	CELL_WINDOW_REQUESTS,
	CELL_WINDOW_FAILURES,
	CELL_OPEN_UNTIL,
	CELL_OPENINGS,
	CELL_PROBE_SINCE,
	CELL_COOL_UNTIL,
};

/* No cool-down may be longer, see wire.md 4.4 on Retry-After. */
#define COOL_MAX (60 * USEC_PER_SEC)

static int64_t
cell_get(const struct shm_slot *slot, int cell)
{
	return atomic_load_explicit(&slot->cell[cell], memory_order_acquire);
}

static void
cell_set(struct shm_slot *slot, int cell, int64_t v)
{
	atomic_store_explicit(&slot->cell[cell], v, memory_order_release);
}

static int64_t
cell_add(struct shm_slot *slot, int cell, int64_t v)
{
	return atomic_fetch_add_explicit(
		   &slot->cell[cell], v, memory_order_acq_rel) +
	       v;
}

static bool
cell_swap(struct shm_slot *slot, int cell, int64_t from, int64_t to)
{
	return atomic_compare_exchange_strong_explicit(&slot->cell[cell], &from,
	    to, memory_order_acq_rel, memory_order_acquire);
}

static bool
time_is_ahead(usec_t t, usec_t now, usec_t max_ahead)
{
	return t > now && t - now <= max_ahead;
}

static usec_t
open_length(const struct conf_breaker *cfg, int64_t openings)
{
	usec_t len = cfg->open_for;

	while (openings-- > 1 && len < cfg->open_max)
		len *= 2;
	return len < cfg->open_max ? len : cfg->open_max;
}

static void
breaker_open(struct shm_slot *slot, const struct conf_breaker *cfg, usec_t now)
{
	int64_t openings = cell_add(slot, CELL_OPENINGS, 1);

	cell_set(slot, CELL_OPEN_UNTIL, now + open_length(cfg, openings));
	cell_set(slot, CELL_STATE, BREAKER_OPEN);
}

static void
breaker_close(struct shm_slot *slot, usec_t now)
{
	cell_set(slot, CELL_IN_A_ROW, 0);
	cell_set(slot, CELL_WINDOW_START, now);
	cell_set(slot, CELL_WINDOW_REQUESTS, 0);
	cell_set(slot, CELL_WINDOW_FAILURES, 0);
	cell_set(slot, CELL_OPENINGS, 0);
	cell_set(slot, CELL_STATE, BREAKER_CLOSED);
}

bool
breaker_is_open(
    const struct shm_slot *slot, const struct conf_breaker *cfg, usec_t now)
{
	if (!slot)
		return false;
	switch (breaker_state(slot)) {
	case BREAKER_CLOSED:
		return false;
	case BREAKER_OPEN:
		return time_is_ahead(
		    cell_get(slot, CELL_OPEN_UNTIL), now, cfg->open_max);
	case BREAKER_HALF_OPEN:
		return time_is_ahead(
		    cell_get(slot, CELL_PROBE_SINCE) + cfg->open_max, now,
		    cfg->open_max);
	}
	return false;
}

enum breaker_pass
breaker_ask(struct shm_slot *slot, const struct conf_breaker *cfg, usec_t now)
{
	int64_t since;

	if (!slot || breaker_state(slot) == BREAKER_CLOSED)
		return BREAKER_PASS;
	if (breaker_is_open(slot, cfg, now))
		return BREAKER_DENY;
	/* Whoever moves the probe's time owns the probe. */
	since = cell_get(slot, CELL_PROBE_SINCE);
	if (!cell_swap(
		slot, CELL_PROBE_SINCE, since, now == since ? now + 1 : now))
		return BREAKER_DENY;
	cell_set(slot, CELL_STATE, BREAKER_HALF_OPEN);
	return BREAKER_PROBE;
}

/* Counts into the present window, beginning a new one when it is over. */
static void
window_count(struct shm_slot *slot, const struct conf_breaker *cfg, usec_t now,
    bool hurt)
{
	usec_t start = cell_get(slot, CELL_WINDOW_START);

	if (!(start <= now && now - start < cfg->window) &&
	    cell_swap(slot, CELL_WINDOW_START, start, now)) {
		cell_set(slot, CELL_WINDOW_REQUESTS, 0);
		cell_set(slot, CELL_WINDOW_FAILURES, 0);
	}
	cell_add(slot, CELL_WINDOW_REQUESTS, 1);
	if (hurt)
		cell_add(slot, CELL_WINDOW_FAILURES, 1);
}

static bool
must_open(const struct shm_slot *slot, const struct conf_breaker *cfg)
{
	int64_t n = cell_get(slot, CELL_WINDOW_REQUESTS);
	int64_t failed = cell_get(slot, CELL_WINDOW_FAILURES);

	if (cell_get(slot, CELL_IN_A_ROW) >= cfg->failures)
		return true;
	return n >= cfg->min_requests &&
	       (double)failed >= cfg->failure_ratio * (double)n;
}

bool
breaker_report(struct shm_slot *slot, const struct conf_breaker *cfg,
    usec_t now, bool was_probe, bool hurt)
{
	if (!slot)
		return false;
	if (was_probe) {
		if (hurt)
			breaker_open(slot, cfg, now);
		else
			breaker_close(slot, now);
		return true;
	}
	/* Attempts that began before it opened tell nothing new. */
	if (breaker_state(slot) != BREAKER_CLOSED)
		return false;
	window_count(slot, cfg, now, hurt);
	if (!hurt) {
		if (cell_get(slot, CELL_IN_A_ROW) != 0)
			cell_set(slot, CELL_IN_A_ROW, 0);
		return false;
	}
	cell_add(slot, CELL_IN_A_ROW, 1);
	if (!must_open(slot, cfg))
		return false;
	breaker_open(slot, cfg, now);
	return true;
}

void
breaker_release(struct shm_slot *slot, bool was_probe)
{
	/* The next one to ask is the probe. */
	if (slot && was_probe) {
		cell_set(slot, CELL_OPEN_UNTIL, 0);
		cell_set(slot, CELL_STATE, BREAKER_OPEN);
	}
}

enum breaker_state
breaker_state(const struct shm_slot *slot)
{
	return slot ? (enum breaker_state)cell_get(slot, CELL_STATE)
		    : BREAKER_CLOSED;
}

void
breaker_cool(struct shm_slot *slot, usec_t until)
{
	if (slot)
		cell_set(slot, CELL_COOL_UNTIL, until);
}

bool
breaker_is_cool(const struct shm_slot *slot, usec_t now)
{
	return slot &&
	       time_is_ahead(cell_get(slot, CELL_COOL_UNTIL), now, COOL_MAX);
}

usec_t
breaker_wait(const struct shm_slot *slot, usec_t now)
{
	usec_t wait = 0;

	if (!slot)
		return 0;
	if (breaker_state(slot) == BREAKER_OPEN &&
	    cell_get(slot, CELL_OPEN_UNTIL) > now)
		wait = cell_get(slot, CELL_OPEN_UNTIL) - now;
	if (breaker_is_cool(slot, now) &&
	    cell_get(slot, CELL_COOL_UNTIL) - now > wait)
		wait = cell_get(slot, CELL_COOL_UNTIL) - now;
	return wait;
}
