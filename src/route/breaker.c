#include "route/breaker.h"

/*
 * Cells of a target's slot. All times are clock_mono; it starts anew at boot
 * while the file may not, so a time too far ahead counts as past.
 */
enum {
	/*
	 * State and its time in one word, so that each change is one
	 * compare-and-swap that exactly one worker wins. OPEN: until when;
	 * HALF_OPEN: since when the probe is under way; CLOSED: 0.
	 */
	CELL_STATE,
	CELL_IN_A_ROW,
	CELL_WINDOW_START,
	CELL_WINDOW_REQUESTS,
	CELL_WINDOW_FAILURES,
	CELL_OPENINGS,
	CELL_COOL_UNTIL,
};

/* So long ago at most a worker has read the clock that it comes here with. */
#define LATE (1 * USEC_PER_SEC)
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
	return t > now && t - now <= max_ahead + LATE;
}

static usec_t
open_length(const struct conf_breaker *cfg, int64_t openings)
{
	usec_t len = cfg->open_for;

	while (openings-- > 1 && len < cfg->open_max)
		len *= 2;
	return len < cfg->open_max ? len : cfg->open_max;
}

static int64_t
pack(enum breaker_state state, usec_t t)
{
	return t * 4 + (int64_t)state;
}

static enum breaker_state
state_of(int64_t word)
{
	return (enum breaker_state)(word & 3);
}

static usec_t
time_of(int64_t word)
{
	return word >> 2;
}

/* From that very word; false: somebody else changed it first. */
static bool
open_from(struct shm_slot *slot, const struct conf_breaker *cfg, usec_t now,
    int64_t word)
{
	int64_t openings = cell_get(slot, CELL_OPENINGS) + 1;
	usec_t until = now + open_length(cfg, openings);

	if (!cell_swap(slot, CELL_STATE, word, pack(BREAKER_OPEN, until)))
		return false;
	cell_set(slot, CELL_OPENINGS, openings);
	return true;
}

static void
breaker_close(struct shm_slot *slot, usec_t now)
{
	cell_set(slot, CELL_IN_A_ROW, 0);
	cell_set(slot, CELL_WINDOW_START, now);
	cell_set(slot, CELL_WINDOW_REQUESTS, 0);
	cell_set(slot, CELL_WINDOW_FAILURES, 0);
	cell_set(slot, CELL_OPENINGS, 0);
	cell_set(slot, CELL_STATE, pack(BREAKER_CLOSED, 0));
}

static bool
is_barred(int64_t word, const struct conf_breaker *cfg, usec_t now)
{
	switch (state_of(word)) {
	case BREAKER_CLOSED:
		return false;
	case BREAKER_OPEN:
		return time_is_ahead(time_of(word), now, cfg->open_max);
	case BREAKER_HALF_OPEN:
		return time_is_ahead(
		    time_of(word) + cfg->open_max, now, cfg->open_max);
	}
	return false;
}

bool
breaker_is_open(
    const struct shm_slot *slot, const struct conf_breaker *cfg, usec_t now)
{
	return slot && is_barred(cell_get(slot, CELL_STATE), cfg, now);
}

enum breaker_pass
breaker_ask(struct shm_slot *slot, const struct conf_breaker *cfg, usec_t now)
{
	int64_t word;

	if (!slot)
		return BREAKER_PASS;
	do {
		word = cell_get(slot, CELL_STATE);
		if (state_of(word) == BREAKER_CLOSED)
			return BREAKER_PASS;
		if (is_barred(word, cfg, now))
			return BREAKER_DENY;
	} while (
	    !cell_swap(slot, CELL_STATE, word, pack(BREAKER_HALF_OPEN, now)));
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

/* A probe that was given up may report late, when another is under way. */
static bool
report_probe(struct shm_slot *slot, const struct conf_breaker *cfg, usec_t now,
    bool hurt)
{
	int64_t word = cell_get(slot, CELL_STATE);

	if (hurt)
		return state_of(word) == BREAKER_HALF_OPEN &&
		       open_from(slot, cfg, now, word);
	if (state_of(word) == BREAKER_CLOSED)
		return false;
	breaker_close(slot, now);
	return true;
}

bool
breaker_report(struct shm_slot *slot, const struct conf_breaker *cfg,
    usec_t now, bool was_probe, bool hurt)
{
	int64_t word;

	if (!slot)
		return false;
	if (was_probe)
		return report_probe(slot, cfg, now, hurt);
	word = cell_get(slot, CELL_STATE);
	/* Attempts that began before it opened tell nothing new. */
	if (state_of(word) != BREAKER_CLOSED)
		return false;
	window_count(slot, cfg, now, hurt);
	if (!hurt) {
		if (cell_get(slot, CELL_IN_A_ROW) != 0)
			cell_set(slot, CELL_IN_A_ROW, 0);
		return false;
	}
	cell_add(slot, CELL_IN_A_ROW, 1);
	return must_open(slot, cfg) && open_from(slot, cfg, now, word);
}

void
breaker_release(struct shm_slot *slot, bool was_probe)
{
	int64_t word;

	if (!slot || !was_probe)
		return;
	/* The next one to ask is the probe. */
	word = cell_get(slot, CELL_STATE);
	if (state_of(word) == BREAKER_HALF_OPEN)
		cell_swap(slot, CELL_STATE, word, pack(BREAKER_OPEN, 0));
}

enum breaker_state
breaker_state(const struct shm_slot *slot)
{
	return slot ? state_of(cell_get(slot, CELL_STATE)) : BREAKER_CLOSED;
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
breaker_wait(
    const struct shm_slot *slot, const struct conf_breaker *cfg, usec_t now)
{
	usec_t wait = 0, cool;
	int64_t word;

	if (!slot)
		return 0;
	word = cell_get(slot, CELL_STATE);
	if (state_of(word) == BREAKER_OPEN && is_barred(word, cfg, now))
		wait = time_of(word) - now;
	cool = cell_get(slot, CELL_COOL_UNTIL) - now;
	return breaker_is_cool(slot, now) && cool > wait ? cool : wait;
}
