#include "gate/limit.h"

#include "base/hash.h"
#include "base/num.h"
#include "gate/limit_int.h"
#include "sys/stats.h"

/*
 * Marks slots that count what is held, beside the cells per worker. No other
 * use of a slot comes to this value by counting.
 */
#define CELL_IS_HELD (SHM_CELL_WORKER - 1)
#define IS_HELD INT64_C(0x6c6c6d67776c6d74)

/* Until the next of those under way may end. */
#define CONCURRENT_RETRY USEC_PER_SEC

void
gate_limit_init(struct gate_limit *l, struct shm *shm, unsigned worker)
{
	struct shm_slot *slot;
	uint32_t pos = 0;

	ASSERT(worker < SHM_WORKERS_MAX);
	*l = (struct gate_limit){ .shm = shm, .worker = worker };
	while ((slot = shm_next(shm, &pos)))
		if (atomic_load(&slot->cell[CELL_IS_HELD]) == IS_HELD)
			shm_slot_reclaim(shm, slot, worker);
}

/* ---- which limits -------------------------------------------------------- */

static bool
fits(struct str pattern, struct str s)
{
	return pattern.n == 0 || str_glob(pattern, s);
}

static bool
is_of_provider(const struct conf_limit *l)
{
	return l->provider.n > 0 || (l->each_of & CONF_EACH_PROVIDER) != 0;
}

static bool
matches(const struct conf_limit *l, const struct gate_ask *a)
{
	if (is_of_provider(l) != str_present(a->provider))
		return false;
	return fits(l->model, a->model) && fits(l->key, a->key) &&
	       fits(l->user, a->user) && fits(l->team, a->team) &&
	       fits(l->tenant, a->tenant) &&
	       (l->provider.n == 0 || str_eq(l->provider, a->provider));
}

static bool
is_id(int64_t wanted, int64_t id)
{
	return wanted == 0 || wanted == id;
}

static bool
rule_matches(const struct gate_rule *r, const struct gate_ask *a)
{
	return is_id(r->tenant_id, a->tenant_id) &&
	       is_id(r->team_id, a->team_id) && is_id(r->user_id, a->user_id) &&
	       is_id(r->key_id, a->key_id) && matches(&r->limit, a);
}

/* Number i of the list, if it is for this ask. */
const struct conf_limit *
gate_limit_at(
    const struct gate_limits *list, uint32_t i, const struct gate_ask *ask)
{
	const struct conf_limit *l;

	if (list->rules)
		return rule_matches(&list->rules[i], ask)
			   ? &list->rules[i].limit
			   : NULL;
	l = &list->file[i];
	if (list->is_own)
		return l;
	return matches(l, ask) ? l : NULL;
}

/* ---- which counter ------------------------------------------------------- */

static uint64_t
who(int64_t id, struct str name)
{
	return id > 0 ? (uint64_t)id : ~hash_stable(name);
}

uint64_t
gate_limit_identity(const struct conf_limit *l, const struct gate_ask *a)
{
	uint64_t of[7] = { l->identity };
	uint64_t id;

	if (l->each_of == 0)
		return l->identity;
	if (l->each_of & CONF_EACH_TENANT)
		of[1] = who(a->tenant_id, a->tenant);
	if (l->each_of & CONF_EACH_TEAM)
		of[2] = who(a->team_id, a->team);
	if (l->each_of & CONF_EACH_USER)
		of[3] = who(a->user_id, a->user);
	if (l->each_of & CONF_EACH_KEY)
		of[4] = who(a->key_id, a->key);
	if (l->each_of & CONF_EACH_MODEL)
		of[5] = hash_stable(a->model);
	if (l->each_of & CONF_EACH_PROVIDER)
		of[6] = hash_stable(a->provider);
	id = hash_stable(str_of((const char *)of, sizeof(of)));
	return id ? id : 1;
}

/* One counter has one period: the tenant's only where it is one tenant's. */
const struct zone *
gate_limit_zone(const struct conf_limit *l, const struct gate_ask *a)
{
	const unsigned one =
	    CONF_EACH_TENANT | CONF_EACH_TEAM | CONF_EACH_USER | CONF_EACH_KEY;

	if (l->zone)
		return l->zone;
	return (l->each_of & one) || l->tenant.n > 0 || l->team.n > 0 ||
		       l->user.n > 0 || l->key.n > 0
		   ? a->zone
		   : NULL;
}

/* How much to take; *too_large: never fits. */
static int64_t
wanted(const struct conf_limit *l, const struct gate_ask *a, bool *is_too_large)
{
	int64_t n = 0;

	*is_too_large = false;
	switch (l->sort) {
	case CONF_LIMIT_REQUESTS:
	case CONF_LIMIT_CONCURRENT:
		return 1;
	case CONF_LIMIT_TOKENS:
		*is_too_large = a->input > l->amount;
		n = num_add_i64_sat(a->input, a->output);
		break;
	case CONF_LIMIT_INPUT:
		*is_too_large = a->input > l->amount;
		n = a->input;
		break;
	case CONF_LIMIT_OUTPUT:
		n = a->output;
		break;
	case CONF_LIMIT_MONEY:
		n = a->money;
		break;
	case CONF_LIMIT_SORT__MAX:
		break;
	}
	/* A guess that is too high must not shut an empty window. */
	return n < l->amount ? n : l->amount;
}

int64_t
gate_limit_used(const struct conf_limit *l, const struct gate_use *use)
{
	switch (l->sort) {
	case CONF_LIMIT_REQUESTS:
		return use->is_refused ? 0 : 1;
	case CONF_LIMIT_TOKENS:
		return num_add_i64_sat(use->input, use->output);
	case CONF_LIMIT_INPUT:
		return use->input;
	case CONF_LIMIT_OUTPUT:
		return use->output;
	case CONF_LIMIT_MONEY:
		return use->money;
	case CONF_LIMIT_CONCURRENT:
	case CONF_LIMIT_SORT__MAX:
		break;
	}
	return 0;
}

/* ---- one hold ------------------------------------------------------------ */

void
gate_hold_soft(
    const struct gate_hold *h, int64_t count, struct gate_limit_result *o)
{
	const struct conf_limit *l = h->limit;
	static const struct gate_mark told = { GATE_MARK_TOLD, 0,
		GATE_MARK_TOLD };

	if (l->soft_percent == 0 || !o ||
	    count < l->amount / 100 * l->soft_percent +
			l->amount % 100 * l->soft_percent / 100)
		return;
	if (gate_cell_mark(
		&h->tally->cell[TALLY_MARKS], h->tag_bits, h->window, &told) &&
	    o->n_events < GATE_EVENTS_MAX)
		o->event[o->n_events++] = (struct gate_event){ l, count };
}

/*
 * Own cell first, then the sum: two that pass the sum at once may both be
 * refused, but never both be admitted beyond the limit.
 */
static int64_t
held(const struct shm_slot *slot)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < SHM_WORKERS_MAX; i++)
		sum += atomic_load(&slot->cell[SHM_CELL_WORKER + i]);
	return sum;
}

static bool
concurrent_take(struct gate_limit *l, struct gate_hold *h, bool may_refuse)
{
	_Atomic int64_t *own = &h->slot->cell[SHM_CELL_WORKER + l->worker];

	if (atomic_load_explicit(
		&h->slot->cell[CELL_IS_HELD], memory_order_relaxed) != IS_HELD)
		atomic_store(&h->slot->cell[CELL_IS_HELD], IS_HELD);
	atomic_fetch_add(own, 1);
	h->is_taken = true;
	if (held(h->slot) <= h->limit->amount)
		return true;
	if (may_refuse) {
		atomic_fetch_sub(own, 1);
		h->is_taken = false;
	}
	return false;
}

/* False: it is beyond the limit. Taken all the same unless may_refuse. */
static bool
hold_take(struct gate_limit *l, struct gate_hold *h, int64_t want,
    bool may_refuse, struct gate_limit_result *out)
{
	struct gate_take t = { h->window, want, h->limit->amount, 0 };
	bool fitted;

	if (h->slot)
		return concurrent_take(l, h, may_refuse);
	fitted = gate_cell_take(&h->tally->cell[TALLY_COUNT], h->tag_bits, &t);
	if (!fitted && may_refuse)
		return false;
	if (!fitted) {
		t = (struct gate_take){ h->window, want, INT64_MAX, 0 };
		(void)gate_cell_take(
		    &h->tally->cell[TALLY_COUNT], h->tag_bits, &t);
	}
	h->window = t.window;
	h->took = want;
	h->is_taken = true;
	gate_hold_soft(h, t.count, out);
	return fitted;
}

void
gate_hold_add(const struct gate_hold *h, int64_t add)
{
	if (h->tally && add != 0)
		gate_cell_add(
		    &h->tally->cell[TALLY_COUNT], h->tag_bits, h->window, add);
}

void
gate_hold_leave(struct gate_limit *l, struct gate_hold *h)
{
	if (!h->is_taken || !h->slot)
		return;
	atomic_fetch_sub(&h->slot->cell[SHM_CELL_WORKER + l->worker], 1);
	h->is_taken = false;
}

static void
hold_give_back(struct gate_limit *l, struct gate_hold *h)
{
	gate_hold_leave(l, h);
	if (h->is_taken)
		gate_hold_add(h, -h->took);
	h->is_taken = false;
}

/* Is there room now? Asked of all before any is taken. */
static bool
has_room(const struct gate_hold *h, int64_t want)
{
	int64_t count;

	if (h->slot)
		return held(h->slot) < h->limit->amount;
	count =
	    gate_cell_get(&h->tally->cell[TALLY_COUNT], h->tag_bits, h->window);
	return count < h->limit->amount && want <= h->limit->amount - count;
}

/* ---- all holds of an ask ------------------------------------------------- */

static uint32_t
count_matches(const struct gate_limits *lists, uint32_t n_lists,
    const struct gate_ask *ask)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < n_lists; k++)
		for (uint32_t i = 0; i < lists[k].n; i++)
			n += gate_limit_at(&lists[k], i, ask) != NULL;
	return n;
}

static void
hold_make(struct gate_limit *l, const struct conf_limit *limit,
    const struct gate_ask *ask, usec_t wall, struct gate_hold *h)
{
	struct gate_window w =
	    gate_window_of(l, limit, gate_limit_zone(limit, ask), wall);

	*h = (struct gate_hold){ .limit = limit,
		.identity = gate_limit_identity(limit, ask),
		.tag_bits = gate_tag_bits(limit),
		.window = w.number,
		.end = w.end };
	if (limit->sort == CONF_LIMIT_CONCURRENT)
		h->slot = shm_slot(l->shm, h->identity);
	else
		h->tally = shm_tally(l->shm, h->identity);
}

static void
let_pass(struct gate_limit *l, const struct gate_hold *h,
    struct gate_limit_result *out)
{
	stats_add(l->shm, STATS_LIMITS_UNENFORCED, 1);
	out->unenforced = h->limit;
	out->unenforced_end = h->end;
}

/* Those with a place to count in; others are not enforced. */
static enum err
holds_make(struct gate_limit *l, struct arena *arena,
    const struct gate_limits *lists, uint32_t n_lists,
    const struct gate_ask *ask, usec_t wall, struct gate_holds *holds,
    struct gate_limit_result *out)
{
	uint32_t n = count_matches(lists, n_lists, ask);

	*holds = (struct gate_holds){ 0 };
	if (n == 0)
		return ERR_OK;
	holds->hold = arena_calloc(arena, n, sizeof(*holds->hold));
	if (!holds->hold)
		return ERR_NOMEM;
	for (uint32_t k = 0; k < n_lists; k++) {
		for (uint32_t i = 0; i < lists[k].n; i++) {
			const struct conf_limit *limit =
			    gate_limit_at(&lists[k], i, ask);
			struct gate_hold *h = &holds->hold[holds->n];

			if (!limit)
				continue;
			hold_make(l, limit, ask, wall, h);
			if (h->slot || h->tally)
				holds->n++;
			else
				let_pass(l, h, out);
		}
	}
	return ERR_OK;
}

/* Puts the limit into the result if it is the tightest of its sort. */
static void
note(const struct gate_hold *h, usec_t wall, struct gate_limit_result *out)
{
	const struct conf_limit *l = h->limit;
	bool is_requests = l->sort == CONF_LIMIT_REQUESTS;
	int64_t *limit =
	    is_requests ? &out->requests_limit : &out->tokens_limit;
	int64_t *remaining =
	    is_requests ? &out->requests_remaining : &out->tokens_remaining;
	int64_t left;

	if (l->is_shadow || (!is_requests && l->sort != CONF_LIMIT_TOKENS))
		return;
	left = l->amount - gate_cell_get(&h->tally->cell[TALLY_COUNT],
			       h->tag_bits, h->window);
	if (left < 0)
		left = 0;
	if (*limit >= 0 && left >= *remaining)
		return;
	*limit = l->amount;
	*remaining = left;
	*(is_requests ? &out->requests_reset : &out->tokens_reset) =
	    h->end > wall ? h->end - wall : 0;
}

void
gate_limit_refused(
    const struct gate_hold *h, usec_t wall, struct gate_limit_result *out)
{
	out->admitted = false;
	out->limit = h->limit;
	out->end = h->end;
	out->retry_after = h->slot	   ? CONCURRENT_RETRY
			   : h->end > wall ? h->end - wall
					   : 1;
}

/* What other hosts count too, and they are away; the host's own it is not. */
static bool
is_lenient(const struct gate_limit *l, const struct gate_hold *h,
    const struct gate_ask *ask)
{
	return l->is_lenient && h->tally && !str_present(ask->provider);
}

/* False: hold i refuses. */
static bool
take_one(struct gate_limit *l, struct gate_hold *h, const struct gate_ask *ask,
    struct gate_limit_result *out)
{
	bool lenient = is_lenient(l, h, ask);
	bool may_refuse = !h->limit->is_shadow && !lenient;
	bool is_too_large;
	int64_t want = wanted(h->limit, ask, &is_too_large);
	bool fitted = !is_too_large;

	if (fitted || !may_refuse)
		fitted = hold_take(l, h, want, may_refuse, out) && fitted;
	if (fitted)
		return true;
	if (h->limit->is_shadow) {
		if (!out->shadow)
			out->shadow = h->limit;
		stats_add(l->shm, STATS_LIMITS_SHADOW, 1);
		return true;
	}
	out->is_too_large = is_too_large;
	return lenient;
}

/* The first that has no room, or n: most refusals end here, with no trace. */
static uint32_t
first_full(struct gate_limit *l, const struct gate_holds *holds,
    const struct gate_ask *ask)
{
	uint32_t i = 0;

	for (; i < holds->n && holds->n > 1; i++) {
		const struct gate_hold *h = &holds->hold[i];
		bool is_too_large;
		int64_t want = wanted(h->limit, ask, &is_too_large);

		if (!h->limit->is_shadow && !is_lenient(l, h, ask) &&
		    !is_too_large && !has_room(h, want))
			return i;
	}
	return holds->n;
}

enum err
gate_limit_take(struct gate_limit *l, struct arena *arena,
    const struct gate_limits *lists, uint32_t n_lists,
    const struct gate_ask *ask, usec_t wall, struct gate_holds *holds,
    struct gate_limit_result *out)
{
	enum err e;
	uint32_t i;

	*out = GATE_NOT_LIMITED;
	e = holds_make(l, arena, lists, n_lists, ask, wall, holds, out);
	if (e != ERR_OK || holds->n == 0)
		return e;
	i = first_full(l, holds, ask);
	if (i == holds->n)
		for (i = 0; i < holds->n; i++)
			if (!take_one(l, &holds->hold[i], ask, out))
				break;
	if (i < holds->n) {
		gate_limit_refused(&holds->hold[i], wall, out);
		while (i-- > 0)
			hold_give_back(l, &holds->hold[i]);
	}
	/* Only now, since a refusal has given back what was taken. */
	for (i = 0; i < holds->n; i++)
		if (holds->hold[i].tally)
			note(&holds->hold[i], wall, out);
	if (!out->admitted)
		*holds = (struct gate_holds){ 0 };
	return ERR_OK;
}

bool
gate_holds_fit(const struct gate_holds *holds, uint32_t *hold)
{
	for (uint32_t i = 0; i < holds->n; i++) {
		const struct gate_hold *h = &holds->hold[i];

		if (!h->tally || !h->is_taken || h->limit->is_shadow ||
		    gate_cell_in(&h->tally->cell[TALLY_COUNT], h->tag_bits,
			h->window) <= h->limit->amount)
			continue;
		*hold = i;
		return false;
	}
	return true;
}

void
gate_limit_settle(struct gate_limit *l, struct gate_holds *holds,
    const struct gate_use *use, struct gate_limit_result *out)
{
	for (uint32_t i = 0; i < holds->n; i++) {
		struct gate_hold *h = &holds->hold[i];
		int64_t more;

		if (!h->is_taken)
			continue;
		if (h->slot) {
			hold_give_back(l, h);
			continue;
		}
		more = gate_limit_used(h->limit, use) - h->took;
		gate_hold_add(h, more);
		if (more > 0)
			gate_hold_soft(h,
			    gate_cell_get(&h->tally->cell[TALLY_COUNT],
				h->tag_bits, h->window),
			    out);
	}
	*holds = (struct gate_holds){ 0 };
}

void
gate_limit_look(struct gate_limit *l, const struct conf_limit *limit,
    const struct gate_ask *ask, usec_t wall, struct gate_count *out)
{
	struct gate_window w =
	    gate_window_of(l, limit, gate_limit_zone(limit, ask), wall);
	uint64_t id = gate_limit_identity(limit, ask);
	struct shm_tally *t;

	*out = (struct gate_count){ .start = w.start, .end = w.end };
	if (limit->sort == CONF_LIMIT_CONCURRENT) {
		struct shm_slot *slot = shm_find(l->shm, id);

		out->is_known = slot != NULL;
		out->used = slot ? held(slot) : 0;
		return;
	}
	t = shm_tally_find(l->shm, id);
	out->is_known = t != NULL;
	out->used = t ? gate_cell_get(&t->cell[TALLY_COUNT],
			    gate_tag_bits(limit), w.number)
		      : 0;
}

void
gate_limit_share(struct gate_limit *l, const struct gate_limits *list,
    const struct gate_ask *ask, usec_t wall, struct gate_share *out)
{
	*out = (struct gate_share){ 0 };
	for (uint32_t i = 0; i < list->n; i++) {
		const struct conf_limit *limit = gate_limit_at(list, i, ask);
		struct gate_count c;
		double share;

		if (!limit || limit->is_shadow)
			continue;
		gate_limit_look(l, limit, ask, wall, &c);
		share = (double)c.used / (double)limit->amount;
		share = share > 1 ? 1 : share;
		if (share > out->share)
			out->share = share;
		if (limit->sort == CONF_LIMIT_CONCURRENT ||
		    share <= out->window)
			continue;
		out->window = share;
		out->reset = c.end - wall;
	}
}
