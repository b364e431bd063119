#include "gate/rate.h"

#include "base/num.h"

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

static struct shm_slot *
limit_slot(struct gate_rate *rate, uint64_t owner, const struct conf_limit *l)
{
	struct {
		uint64_t owner;
		int64_t sort;
		int64_t per;
	} key = { owner, limit_sort(l), l->per };
	uint64_t id = hash_stable(str_of((const char *)&key, sizeof(key)));
	struct shm_slot *slot = shm_slot(rate->shm, id ? id : 1);

	if (!slot)
		rate->unenforced++;
	else if (!atomic_load_explicit(
		     &slot->cell[CELL_IS_LIMIT], memory_order_relaxed))
		atomic_store(&slot->cell[CELL_IS_LIMIT], 1);
	return slot;
}

static int64_t
window_number(const struct conf_limit *l, usec_t wall)
{
	return (wall / l->per) & WINDOW_MASK;
}

static usec_t
window_rest(const struct conf_limit *l, usec_t wall)
{
	return l->per - wall % l->per;
}

/* The count within the window that wall lies in. */
static int64_t
window_count(int64_t packed, int64_t window)
{
	return packed >> COUNT_BITS == window ? packed & COUNT_MAX : 0;
}

/*
 * Adds `add` to the window if the count stays within `max`; *count is the
 * count after (or, refused, as it is).
 */
static bool
window_take(struct shm_slot *slot, int64_t window, int64_t add, int64_t max,
    int64_t *count)
{
	_Atomic int64_t *cell = &slot->cell[CELL_WINDOW];
	int64_t seen = atomic_load(cell);
	int64_t next;

	do {
		*count = window_count(seen, window);
		if (*count + add > max || *count + add > COUNT_MAX)
			return false;
		next = window << COUNT_BITS | (*count + add);
	} while (!atomic_compare_exchange_weak(cell, &seen, next));
	*count += add;
	return true;
}

static void
window_give_back(struct shm_slot *slot, int64_t window)
{
	_Atomic int64_t *cell = &slot->cell[CELL_WINDOW];
	int64_t seen = atomic_load(cell);

	while (window_count(seen, window) > 0)
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

static void
note_requests(struct gate_rate_result *out, int64_t limit, int64_t remaining,
    usec_t reset)
{
	if (out->requests_limit >= 0 && out->requests_remaining <= remaining)
		return;
	out->requests_limit = limit;
	out->requests_remaining = remaining;
	out->requests_reset = reset;
}

static void
note_tokens(struct gate_rate_result *out, int64_t limit, int64_t remaining,
    usec_t reset)
{
	if (out->tokens_limit >= 0 && out->tokens_remaining <= remaining)
		return;
	out->tokens_limit = limit;
	out->tokens_remaining = remaining;
	out->tokens_reset = reset;
}

static bool
limit_take(struct gate_rate *rate, struct shm_slot *slot,
    const struct conf_limit *l, usec_t wall, struct gate_rate_result *out)
{
	int64_t count;
	bool ok;

	switch (limit_sort(l)) {
	case LIMIT_CONCURRENT:
		ok = concurrent_take(rate, slot, l->concurrent);
		out->retry_after = ok ? 0 : USEC_PER_SEC;
		return ok;
	case LIMIT_REQUESTS:
		ok = window_take(
		    slot, window_number(l, wall), 1, l->requests, &count);
		note_requests(out, l->requests, l->requests - count,
		    window_rest(l, wall));
		out->retry_after = ok ? 0 : window_rest(l, wall);
		return ok;
	case LIMIT_TOKENS:
		count = window_count(atomic_load(&slot->cell[CELL_WINDOW]),
		    window_number(l, wall));
		ok = count < l->tokens;
		note_tokens(out, l->tokens,
		    count < l->tokens ? l->tokens - count : 0,
		    window_rest(l, wall));
		out->retry_after = ok ? 0 : window_rest(l, wall);
		return ok;
	}
	return false;
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
		window_give_back(slot, window_number(l, wall));
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
			atomic_store(&slot->cell[SHM_CELL_WORKER + worker], 0);
}

void
gate_rate_admit(struct gate_rate *rate, uint64_t owner,
    const struct conf_limit *limits, uint32_t n, usec_t wall,
    struct gate_rate_result *out)
{
	struct shm_slot *slot;
	uint32_t i;

	*out = (struct gate_rate_result){
		.admitted = true, .requests_limit = -1, .tokens_limit = -1
	};
	for (i = 0; i < n; i++) {
		slot = limit_slot(rate, owner, &limits[i]);
		if (slot && !limit_take(rate, slot, &limits[i], wall, out))
			break;
	}
	if (i == n)
		return;
	out->admitted = false;
	out->limit = &limits[i];
	while (i-- > 0) {
		slot = limit_slot(rate, owner, &limits[i]);
		if (slot)
			limit_give_back(rate, slot, &limits[i], wall);
	}
}

void
gate_rate_settle(struct gate_rate *rate, uint64_t owner,
    const struct conf_limit *limits, uint32_t n, usec_t wall, int64_t tokens)
{
	struct shm_slot *slot;
	int64_t count;

	for (uint32_t i = 0; i < n; i++) {
		const struct conf_limit *l = &limits[i];

		slot = limit_slot(rate, owner, l);
		if (!slot)
			continue;
		if (l->concurrent > 0)
			limit_give_back(rate, slot, l, wall);
		else if (l->tokens > 0 && tokens > 0)
			(void)window_take(slot, window_number(l, wall), tokens,
			    COUNT_MAX, &count);
	}
}
