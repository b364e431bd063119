#include "route/headroom.h"

#include "base/hash.h"

/* Cells of a slot: three for each sort of limit. Times are clock_mono. */
enum {
	SORT_REQUESTS,
	SORT_TOKENS,
	SORT_INPUT,
	SORT_OUTPUT,
	SORT__MAX
};
enum {
	CELL_LIMIT,
	CELL_REMAINING,
	CELL_UNTIL,
	CELLS_PER_SORT
};

/* How long it holds when no reset was told. */
#define HOLDS_DEFAULT (60 * USEC_PER_SEC)
#define HOLDS_MAX (24 * 3600 * USEC_PER_SEC)
#define LATE (1 * USEC_PER_SEC)

uint64_t
headroom_identity(uint64_t target, uint64_t key)
{
	static const uint64_t sort = UINT64_C(0x68656164726f6f6d);
	uint64_t part[3] = { sort, target, key };
	uint64_t id = hash_stable(str_of((const char *)part, sizeof(part)));

	return id ? id : 1;
}

static void
set(struct shm_slot *slot, int sort, int cell, int64_t v)
{
	atomic_store_explicit(
	    &slot->cell[sort * CELLS_PER_SORT + cell], v, memory_order_relaxed);
}

static int64_t
get(const struct shm_slot *slot, int sort, int cell)
{
	return atomic_load_explicit(
	    &slot->cell[sort * CELLS_PER_SORT + cell], memory_order_relaxed);
}

/* What cannot be compared is not known: Hugging Face tells 2^63. */
static void
learn(struct shm_slot *slot, int sort, const struct http_rate *rate, usec_t now)
{
	usec_t holds = rate->reset < 0 ? HOLDS_DEFAULT : rate->reset;

	if (rate->remaining < 0 || rate->limit < 1 ||
	    rate->remaining > rate->limit)
		return;
	if (holds > HOLDS_MAX)
		holds = HOLDS_MAX;
	set(slot, sort, CELL_LIMIT, rate->limit);
	set(slot, sort, CELL_REMAINING, rate->remaining);
	set(slot, sort, CELL_UNTIL, now + holds);
}

void
headroom_learn(
    struct shm_slot *slot, const struct http_rates *rates, usec_t now)
{
	if (!slot)
		return;
	learn(slot, SORT_REQUESTS, &rates->requests, now);
	learn(slot, SORT_TOKENS, &rates->tokens, now);
	learn(slot, SORT_INPUT, &rates->input_tokens, now);
	learn(slot, SORT_OUTPUT, &rates->output_tokens, now);
}

static bool
holds(const struct shm_slot *slot, int sort, usec_t now)
{
	usec_t until = get(slot, sort, CELL_UNTIL);

	return until > now && until - now <= HOLDS_MAX + LATE;
}

void
headroom_count(struct shm_slot *slot, usec_t now)
{
	if (slot && holds(slot, SORT_REQUESTS, now) &&
	    get(slot, SORT_REQUESTS, CELL_REMAINING) > 0)
		atomic_fetch_sub_explicit(
		    &slot->cell[SORT_REQUESTS * CELLS_PER_SORT +
				CELL_REMAINING],
		    1, memory_order_relaxed);
}

double
headroom_used(const struct shm_slot *slot, usec_t now, usec_t *reset)
{
	double most = 0;

	if (reset)
		*reset = 0;
	for (int s = 0; slot && s < SORT__MAX; s++) {
		int64_t limit, remaining;
		double used;

		if (!holds(slot, s, now))
			continue;
		limit = get(slot, s, CELL_LIMIT);
		remaining = get(slot, s, CELL_REMAINING);
		/* The cells are three: they may be of two answers. */
		used = limit < 1 || remaining > limit ? 0
		       : remaining < 0		      ? 1
				       : 1 - (double)remaining / (double)limit;
		if (used <= most)
			continue;
		most = used;
		if (reset)
			*reset = get(slot, s, CELL_UNTIL) - now;
	}
	return most;
}

double
headroom_pressure(double used, double headroom)
{
	if (used <= headroom || headroom >= 1)
		return 0;
	return used >= 1 ? 1 : (used - headroom) / (1 - headroom);
}
