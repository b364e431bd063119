#include "gate/rate.h"

#include "base/num.h"
#include "sys/stats.h"

/*
 * One cell holds window number and count together, so that a compare-and-swap
 * admits exactly: the window's low 24 bits above 39 bits of count.
 */
enum {
	CELL_WINDOW = 0,
	CELL_IS_LIMIT = SHM_CELL_WORKER - 1
};
#define COUNT_BITS 39
#define COUNT_MAX (((int64_t)1 << COUNT_BITS) - 1)
#define WINDOW_MASK (((int64_t)1 << 24) - 1)

enum limit_sort {
	LIMIT_REQUESTS,
	LIMIT_TOKENS,
	LIMIT_CONCURRENT
};

static enum limit_sort
limit_sort(const struct conf_limit *l)
{
	if (l->concurrent > 0)
		return LIMIT_CONCURRENT;
	return l->tokens > 0 ? LIMIT_TOKENS : LIMIT_REQUESTS;
}

/* How many before limits[i] count the same: each of them counts for itself. */
static int64_t
twins_before(const struct conf_limit *limits, uint32_t i)
{
	int64_t n = 0;

	for (uint32_t k = 0; k < i; k++)
		if (limit_sort(&limits[k]) == limit_sort(&limits[i]) &&
		    limits[k].per == limits[i].per)
			n++;
	return n;
}

static struct shm_slot *
limit_slot(struct gate_rate *rate, uint64_t owner,
    const struct conf_limit *limits, uint32_t i)
{
	const struct conf_limit *l = &limits[i];
	struct {
		uint64_t owner;
		int64_t sort;
		int64_t per;
		int64_t twin;
	} key = { owner, limit_sort(l), l->per, twins_before(limits, i) };
	uint64_t id = hash_stable(str_of((const char *)&key, sizeof(key)));
	struct shm_slot *slot = shm_slot(rate->shm, id ? id : 1);

	if (slot && !atomic_load_explicit(
			&slot->cell[CELL_IS_LIMIT], memory_order_relaxed))
		atomic_store(&slot->cell[CELL_IS_LIMIT], 1);
	return slot;
}

/*
 * The window to count in. A worker reads the clock before it comes here, so it
 * may be late by a moment when another has begun the next window already: it
 * counts into that one. Going back would forget what was counted there.
 */
static int64_t
window_number(int64_t packed, const struct conf_limit *l, usec_t wall)
{
	int64_t window = (wall / l->per) & WINDOW_MASK;
	int64_t seen = packed >> COUNT_BITS;

	return ((seen - window) & WINDOW_MASK) == 1 ? seen : window;
}

static usec_t
window_rest(const struct conf_limit *l, usec_t wall)
{
	return l->per - wall % l->per;
}

/* The count within that window. */
static int64_t
window_count(int64_t packed, int64_t window)
{
	return packed >> COUNT_BITS == window ? packed & COUNT_MAX : 0;
}

static int64_t
window_get(struct shm_slot *slot, const struct conf_limit *l, usec_t wall)
{
	int64_t seen = atomic_load(&slot->cell[CELL_WINDOW]);

	return window_count(seen, window_number(seen, l, wall));
}

/*
 * Adds to the window. False and nothing added: it has reached `max`. Never
 * counts beyond COUNT_MAX.
 */
static bool
window_take(struct shm_slot *slot, const struct conf_limit *l, usec_t wall,
    int64_t add, int64_t max)
{
	_Atomic int64_t *cell = &slot->cell[CELL_WINDOW];
	int64_t seen = atomic_load(cell);
	int64_t window, count;

	do {
		window = window_number(seen, l, wall);
		count = window_count(seen, window);
		if (count >= max)
			return false;
		count = add > COUNT_MAX - count ? COUNT_MAX : count + add;
	} while (!atomic_compare_exchange_weak(
	    cell, &seen, window << COUNT_BITS | count));
	return true;
}

static void
window_give_back(struct shm_slot *slot, const struct conf_limit *l, usec_t wall)
{
	_Atomic int64_t *cell = &slot->cell[CELL_WINDOW];
	int64_t seen = atomic_load(cell);

	while (window_count(seen, window_number(seen, l, wall)) > 0)
		if (atomic_compare_exchange_weak(cell, &seen, seen - 1))
			return;
}

/*
 * Concurrency: own cell first, then the sum: two that pass the sum at once may
 * both be refused, but never both be admitted beyond the limit.
 */
static bool
concurrent_take(struct gate_rate *rate, struct shm_slot *slot, int64_t max)
{
	int64_t sum = 0;

	atomic_fetch_add(&slot->cell[SHM_CELL_WORKER + rate->worker], 1);
	for (unsigned i = 0; i < SHM_WORKERS_MAX; i++)
		sum += atomic_load(&slot->cell[SHM_CELL_WORKER + i]);
	if (sum <= max)
		return true;
	atomic_fetch_sub(&slot->cell[SHM_CELL_WORKER + rate->worker], 1);
	return false;
}

static bool
limit_take(struct gate_rate *rate, struct shm_slot *slot,
    const struct conf_limit *l, usec_t wall)
{
	switch (limit_sort(l)) {
	case LIMIT_CONCURRENT:
		return concurrent_take(rate, slot, l->concurrent);
	case LIMIT_REQUESTS:
		return window_take(slot, l, wall, 1, l->requests);
	case LIMIT_TOKENS:
		return window_get(slot, l, wall) < l->tokens;
	}
	return false;
}

/* Puts the limit into the result if it is the tightest of its sort. */
static void
limit_note(struct shm_slot *slot, const struct conf_limit *l, usec_t wall,
    struct gate_rate_result *out)
{
	int64_t max = l->tokens > 0 ? l->tokens : l->requests;
	int64_t count = window_get(slot, l, wall);
	int64_t remaining = count < max ? max - count : 0;

	if (limit_sort(l) == LIMIT_REQUESTS &&
	    (out->requests_limit < 0 || remaining < out->requests_remaining)) {
		out->requests_limit = max;
		out->requests_remaining = remaining;
		out->requests_reset = window_rest(l, wall);
	}
	if (limit_sort(l) == LIMIT_TOKENS &&
	    (out->tokens_limit < 0 || remaining < out->tokens_remaining)) {
		out->tokens_limit = max;
		out->tokens_remaining = remaining;
		out->tokens_reset = window_rest(l, wall);
	}
}

static void
limit_give_back(struct gate_rate *rate, struct shm_slot *slot,
    const struct conf_limit *l, usec_t wall)
{
	switch (limit_sort(l)) {
	case LIMIT_CONCURRENT:
		atomic_fetch_sub(
		    &slot->cell[SHM_CELL_WORKER + rate->worker], 1);
		break;
	case LIMIT_REQUESTS:
		window_give_back(slot, l, wall);
		break;
	case LIMIT_TOKENS:
		break;
	}
}

void
gate_rate_init(struct gate_rate *rate, struct shm *shm, unsigned worker)
{
	struct shm_slot *slot;
	uint32_t pos = 0;

	ASSERT(worker < SHM_WORKERS_MAX);
	*rate = (struct gate_rate){ .shm = shm, .worker = worker };
	while ((slot = shm_next(shm, &pos)))
		if (atomic_load(&slot->cell[CELL_IS_LIMIT]))
			shm_slot_reclaim(shm, slot, worker);
}

static void
give_back_before(struct gate_rate *rate, uint64_t owner,
    const struct conf_limit *limits, uint32_t i, usec_t wall)
{
	while (i-- > 0) {
		struct shm_slot *slot = limit_slot(rate, owner, limits, i);

		if (slot)
			limit_give_back(rate, slot, &limits[i], wall);
	}
}

static void
note_all(struct gate_rate *rate, uint64_t owner,
    const struct conf_limit *limits, uint32_t n, usec_t wall,
    struct gate_rate_result *out)
{
	for (uint32_t i = 0; i < n; i++) {
		struct shm_slot *slot;

		if (limit_sort(&limits[i]) == LIMIT_CONCURRENT)
			continue;
		slot = limit_slot(rate, owner, limits, i);
		if (slot)
			limit_note(slot, &limits[i], wall, out);
	}
}

void
gate_rate_admit(struct gate_rate *rate, uint64_t owner,
    const struct conf_limit *limits, uint32_t n, usec_t wall,
    struct gate_rate_result *out)
{
	uint32_t i;

	*out = (struct gate_rate_result){
		.admitted = true, .requests_limit = -1, .tokens_limit = -1
	};
	for (i = 0; i < n; i++) {
		struct shm_slot *slot = limit_slot(rate, owner, limits, i);

		if (!slot)
			stats_add(rate->shm, STATS_LIMITS_UNENFORCED, 1);
		else if (!limit_take(rate, slot, &limits[i], wall))
			break;
	}
	if (i < n) {
		out->admitted = false;
		out->limit = &limits[i];
		out->retry_after = limits[i].concurrent > 0
				       ? USEC_PER_SEC
				       : window_rest(&limits[i], wall);
		give_back_before(rate, owner, limits, i, wall);
	}
	/* Only now, since a refusal has given back what was taken. */
	note_all(rate, owner, limits, n, wall, out);
}

void
gate_rate_settle(struct gate_rate *rate, uint64_t owner,
    const struct conf_limit *limits, uint32_t n, usec_t wall, int64_t tokens)
{
	for (uint32_t i = 0; i < n; i++) {
		struct shm_slot *slot = limit_slot(rate, owner, limits, i);
		const struct conf_limit *l = &limits[i];

		if (!slot)
			continue;
		if (limit_sort(l) == LIMIT_CONCURRENT)
			limit_give_back(rate, slot, l, wall);
		else if (limit_sort(l) == LIMIT_TOKENS && tokens > 0)
			(void)window_take(slot, l, wall, tokens, COUNT_MAX);
	}
}

static double
limit_share(struct shm_slot *slot, const struct conf_limit *l, usec_t wall)
{
	int64_t sum = 0;

	if (limit_sort(l) == LIMIT_REQUESTS)
		return (double)window_get(slot, l, wall) / (double)l->requests;
	if (limit_sort(l) == LIMIT_TOKENS)
		return (double)window_get(slot, l, wall) / (double)l->tokens;
	for (unsigned i = 0; i < SHM_WORKERS_MAX; i++)
		sum += atomic_load(&slot->cell[SHM_CELL_WORKER + i]);
	return sum > 0 ? (double)sum / (double)l->concurrent : 0;
}

void
gate_rate_used(struct gate_rate *rate, uint64_t owner,
    const struct conf_limit *limits, uint32_t n, usec_t wall,
    struct gate_rate_used *out)
{
	*out = (struct gate_rate_used){ 0 };
	for (uint32_t i = 0; i < n; i++) {
		struct shm_slot *slot = limit_slot(rate, owner, limits, i);
		double share = slot ? limit_share(slot, &limits[i], wall) : 0;

		if (share > 1)
			share = 1;
		if (share > out->share)
			out->share = share;
		if (limit_sort(&limits[i]) == LIMIT_CONCURRENT ||
		    share <= out->window)
			continue;
		out->window = share;
		out->reset = window_rest(&limits[i], wall);
	}
}
