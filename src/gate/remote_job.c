/* Jobs of the thread pool that count in memcached, and what comes of them. */
#include <stdlib.h>

#include "base/fault.h"
#include "base/num.h"
#include "gate/remote_int.h"
#include "sys/stats.h"

/* Windows of memcached outlive their end: clocks of hosts differ. */
#define EXPIRES_AFTER 3600

/* ---- batches -------------------------------------------------------------- */

void
gate_batch_reset(struct gate_batch *b)
{
	b->n = 0;
	b->first = NULL;
	b->last = &b->first;
	b->is_urgent = false;
}

void
gate_batch_fini(struct gate_batch *b)
{
	free(b->entry);
	free(b->count);
}

bool
gate_batch_room(struct gate_batch *b, uint32_t n)
{
	uint32_t cap = b->cap ? b->cap : 64;
	struct store_count *count;
	struct gate_entry *entry;

	if (b->n + n <= b->cap)
		return true;
	while (cap < b->n + n)
		cap *= 2;
	if (cap > GATE_REMOTE_BATCH_MAX || fault("remote.batch"))
		return false;
	entry = realloc(b->entry, cap * sizeof(*entry));
	if (entry)
		b->entry = entry;
	count = realloc(b->count, cap * sizeof(*count));
	if (count)
		b->count = count;
	if (!entry || !count)
		return false;
	b->cap = cap;
	return true;
}

void
gate_batch_add(struct gate_batch *b, const struct gate_entry *e, int64_t max)
{
	struct store_count *c = &b->count[b->n];

	b->entry[b->n] = *e;
	b->entry[b->n].is_stale = false;
	b->entry[b->n++].max = max;
	*c = (struct store_count){ .max = max,
		.make_ready =
		    e->until != 0 && !e->is_waiting && !e->takes_unready,
		.takes_unready = e->takes_unready,
		.expires = e->of.end / USEC_PER_SEC + EXPIRES_AFTER };
	c->key_n = (uint32_t)snprintf(c->key, sizeof(c->key),
	    "llmgw1:%016llx:%llx", (unsigned long long)e->of.identity,
	    (unsigned long long)e->of.window);
	if (e->sort == ENTRY_RAISE) {
		c->least = e->amount;
	} else if (e->is_waiting) {
		c->max = INT64_MAX;
	} else {
		c->add = e->amount;
		c->group = e->group ? e->group->number : 0;
	}
}

/* ---- this host ------------------------------------------------------------ */

void
gate_remote_known(const struct gate_lease *l, int64_t amount)
{
	_Atomic int64_t *cell = &l->tally->cell[TALLY_KNOWN];
	struct gate_take t = { l->window, amount, INT64_MAX, 0 };

	if (amount < 0)
		gate_cell_add(cell, l->tag_bits, l->window, amount);
	else
		(void)gate_cell_take(cell, l->tag_bits, &t);
}

void
gate_remote_drop(const struct gate_lease *l, int64_t amount)
{
	gate_cell_add(
	    &l->tally->cell[TALLY_COUNT], l->tag_bits, l->window, -amount);
}

/* ---- what is owed ----------------------------------------------------------- */

void
gate_remote_owe(
    struct gate_remote *r, const struct gate_lease *l, int64_t amount)
{
	for (uint32_t i = 0; i < r->n_owed; i++) {
		struct gate_entry *e = &r->owed[i];

		if (e->of.tally != l->tally || e->of.window != l->window)
			continue;
		e->amount = num_add_i64_sat(e->amount, -amount);
		return;
	}
	if (r->n_owed == GATE_REMOTE_OWED_MAX) {
		gate_remote_known(l, -amount);
		return;
	}
	r->owed[r->n_owed++] = (struct gate_entry){
		.sort = ENTRY_RETURN, .of = *l, .amount = -amount
	};
}

void
gate_remote_pay(struct gate_remote *r)
{
	usec_t wall = clock_wall();

	while (r->n_owed > 0 && !r->is_away) {
		const struct gate_entry *e = &r->owed[r->n_owed - 1];

		if (e->of.end > wall) {
			if (!gate_batch_room(r->gathering, 1))
				return;
			gate_batch_add(r->gathering, e, INT64_MAX);
			gate_remote_due_soon(r);
		}
		r->n_owed--;
	}
}

/* ---- verdicts --------------------------------------------------------------- */

static void
reserved_ahead(struct gate_remote *r, const struct gate_entry *e,
    const struct store_count *c)
{
	const struct gate_lease *l = &e->of;

	if (e->is_stale)
		return;
	if (c->err == ERR_OK && !c->is_rebuilding)
		gate_lease_seen(l, c->value);
	else if (c->err == ERR_DENIED)
		gate_lease_seen(l, gate_lease_max(l));
	if (c->counted != STORE_COUNTED_YES)
		return;
	gate_remote_counted(r, e, c, e->amount);
	if (c->err == ERR_DENIED || c->is_rebuilding ||
	    !gate_lease_add(l, e->amount))
		gate_remote_owe(r, l, e->amount);
}

/* What the ledger has may be part of what is not added yet. */
static void
raised(struct gate_remote *r, struct gate_entry *e, const struct store_count *c)
{
	if (c->err != ERR_OK || !c->is_rebuilding || r->is_ending ||
	    e->of.end <= clock_wall())
		return;
	e->is_waiting = clock_mono() < e->until;
	if (gate_batch_room(r->gathering, 1))
		gate_batch_add(r->gathering, e, INT64_MAX);
}

/* It was given back before what it is part of was there. */
static void
less_known(struct gate_remote *r, const struct gate_entry *e,
    const struct store_count *c)
{
	bool is_lost = c->generation != 0 && c->generation != c->was;

	if (e->is_stale || is_lost)
		gate_remote_owe(r, &e->of, e->less);
	else
		gate_remote_known(&e->of, -e->less);
}

/* Nobody waits for these. */
static void
judge_other(
    struct gate_remote *r, struct gate_entry *e, const struct store_count *c)
{
	bool is_lost = c->err != ERR_OK && c->counted == STORE_COUNTED_NO;

	switch (e->sort) {
	case ENTRY_TAKE:
		return;
	case ENTRY_RAISE:
		raised(r, e, c);
		return;
	case ENTRY_AHEAD:
		reserved_ahead(r, e, c);
		break;
	case ENTRY_MORE:
		gate_remote_counted(r, e, c, e->amount);
		break;
	case ENTRY_BACK:
		gate_remote_drop(&e->of, -e->amount);
		/* fall through */
	case ENTRY_RETURN:
		if (is_lost)
			gate_remote_owe(r, &e->of, -e->amount);
		else
			gate_remote_counted(r, e, c, e->amount);
		if (e->less)
			less_known(r, e, c);
		break;
	}
	if (e->claim)
		gate_lease_end(&e->of, e->claim);
}

/* Refused, but another worker has something of it under way. */
static bool
may_yet_be(const struct gate_entry *e)
{
	return gate_lease_is_moving(&e->of) && clock_mono() < e->group->until;
}

static void
undo(struct gate_remote *r, const struct gate_entry *e,
    const struct store_count *c)
{
	if (c->counted != STORE_COUNTED_YES || e->is_stale)
		return;
	gate_remote_counted(r, e, c, e->amount);
	gate_remote_owe(r, &e->of, e->amount);
}

/* No verdict comes of a counter that is not whole. */
static bool
is_rebuilding(
    struct gate_remote *r, struct gate_entry *e, const struct store_count *c)
{
	struct gate_group *g = e->group;
	usec_t most = g->since + GATE_REMOTE_REBUILD_MAX;

	if (e->takes_unready || (c->err != ERR_OK && c->err != ERR_DENIED))
		return false;
	if (!c->is_rebuilding && !e->is_waiting)
		return false;
	if (!e->is_waiting)
		undo(r, e, c);
	e->is_waiting = clock_mono() < e->until;
	e->is_missing = true;
	if (++g->n_missing == 1)
		g->hold = e->hold;
	if (g->until < e->until + GATE_REMOTE_REBUILD)
		g->until = e->until + GATE_REMOTE_REBUILD;
	if (g->until > most)
		g->until = most;
	return true;
}

static void
judge_refused(
    struct gate_remote *r, struct gate_entry *e, const struct store_count *c)
{
	struct gate_group *g = e->group;

	undo(r, e, c); /* what could not be undone */
	/* Spare by now; nobody is refused while anything is. */
	e->is_owned = gate_lease_use(&e->of, e->amount);
	if (e->is_owned)
		return;
	e->is_missing = true;
	g->n_missing++;
	if (c->is_full || g->n_missing == 1)
		g->hold = e->hold;
	if (c->is_full && !may_yet_be(e))
		g->verdict = GATE_REMOTE_REFUSED;
}

static void
judge_take(
    struct gate_remote *r, struct gate_entry *e, const struct store_count *c)
{
	struct gate_group *g = e->group;

	if (is_rebuilding(r, e, c))
		return;
	e->is_waiting = false;
	if (c->err == ERR_DENIED) {
		judge_refused(r, e, c);
		return;
	}
	e->is_owned = c->counted == STORE_COUNTED_YES;
	if (c->err == ERR_OK && !c->is_rebuilding)
		gate_lease_seen(&e->of, c->value);
	else if (c->err != ERR_OK && r->options.when_away == CONF_AWAY_CLOSED)
		g->verdict = GATE_REMOTE_CLOSED;
	/* Counted, or on this host only, if there is still who wants it. */
	if (e->is_owned)
		gate_remote_counted(r, e, c, e->amount);
	else if (g->wait && r->options.when_away != CONF_AWAY_CLOSED)
		gate_remote_known(&e->of, e->amount);
}

/*
 * Nothing refuses it, but what was undone with its group, or is under way, is
 * missing: once more.
 */
static void
judge_group(struct gate_remote *r, struct gate_group *g)
{
	if (g->is_judged)
		return;
	g->is_judged = true;
	if (g->verdict != GATE_REMOTE_ADMITTED || g->n_missing == 0)
		return;
	if (!g->wait || r->is_ending || clock_mono() >= g->until ||
	    !gate_batch_room(r->gathering, g->n_missing)) {
		g->verdict = GATE_REMOTE_REFUSED;
		return;
	}
	g->is_again = true;
	if (++r->next_group == 0)
		r->next_group = 1;
	g->number = r->next_group;
}

static void
end_take(struct gate_remote *r, struct gate_entry *e)
{
	struct gate_group *g = e->group;

	judge_group(r, g);
	if (g->is_again && e->is_missing) {
		e->is_missing = false;
		gate_batch_add(r->gathering, e, e->max);
	} else if (g->wait) {
		struct gate_hold *h = &g->holds.hold[e->hold];

		h->is_reserved = e->is_owned;
		h->generation = gate_remote_generation_here(&e->of);
	} else if (e->is_owned) {
		/* Nobody else will give back what it took. */
		gate_remote_back(r, &e->of, e->amount, true);
	} else {
		gate_remote_drop(&e->of, e->amount);
	}
}

/* What a refused request has of its other limits. */
static void
unreserve(struct gate_remote *r, const struct gate_holds *holds)
{
	for (uint32_t i = 0; i < holds->n; i++) {
		struct gate_hold *h = &holds->hold[i];
		const struct gate_lease l = gate_hold_lease(h);

		if (h->is_reserved)
			gate_remote_back(r, &l, h->took, false);
		h->is_reserved = false;
	}
}

static void
wait_on(struct gate_remote *r, struct gate_group *g)
{
	g->next = NULL;
	g->n_missing = 0;
	g->is_judged = g->is_again = false;
	*r->gathering->last = g;
	r->gathering->last = &g->next;
}

static void
tell_groups(struct gate_remote *r, struct gate_batch *b)
{
	struct gate_group *g;

	while ((g = b->first)) {
		struct gate_wait *wait = g->wait;
		struct gate_group copy = *g;

		b->first = g->next;
		if (g->is_again) {
			wait_on(r, g);
			continue;
		}
		free(g);
		if (!wait)
			continue;
		wait->group = NULL;
		if (copy.verdict != GATE_REMOTE_ADMITTED)
			unreserve(r, &copy.holds);
		copy.done(copy.arg, copy.verdict, copy.hold);
	}
}

static void
finish(struct gate_remote *r, struct gate_batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		gate_remote_meet(r, &b->entry[i], &b->count[i]);
	for (uint32_t i = 0; i < b->n; i++)
		judge_other(r, &b->entry[i], &b->count[i]);
	for (uint32_t i = 0; i < b->n; i++)
		if (b->entry[i].sort == ENTRY_TAKE)
			judge_take(r, &b->entry[i], &b->count[i]);
	for (uint32_t i = 0; i < b->n; i++)
		if (b->entry[i].sort == ENTRY_TAKE)
			end_take(r, &b->entry[i]);
	tell_groups(r, b);
	gate_batch_reset(b);
}

/* ---- jobs ----------------------------------------------------------------- */

static void
on_work(void *arg)
{
	struct gate_remote *r = arg;

	r->outcome = r->is_probe ? store_memcached_probe(r->memcached)
				 : store_memcached_count(r->memcached,
				       r->running->count, r->running->n);
}

void
gate_remote_due(struct gate_remote *r)
{
	if (!r->running)
		loop_defer(r->loop, &r->due, gate_remote_submit, r);
}

/*
 * Nobody waits for it, and the next request mostly counts the same: together
 * they are one command. A worker that is not asked sends it by itself.
 */
#define SETTLE_WITHIN (5 * USEC_PER_MSEC)

static void
on_soon(void *arg)
{
	gate_remote_due(arg);
}

void
gate_remote_due_soon(struct gate_remote *r)
{
	if (r->running || timer_is_set(&r->soon))
		return;
	if (timer_set(r->loop, &r->soon, SETTLE_WITHIN, on_soon, r) != ERR_OK)
		gate_remote_due(r);
}

static void
next(struct gate_remote *r)
{
	if (r->gathering->is_urgent)
		gate_remote_due(r);
	else if (r->gathering->n > 0)
		gate_remote_due_soon(r);
}

static void
on_done(void *arg)
{
	struct gate_remote *r = arg;
	struct gate_batch *b = r->running;

	stats_add(r->limit->shm, STATS_MEMCACHED_CALLS, 1);
	if (r->outcome != ERR_OK)
		stats_add(r->limit->shm, STATS_MEMCACHED_FAILURES, 1);
	r->is_probe = false;
	gate_remote_away(r, r->outcome != ERR_OK);
	finish(r, b);
	r->running = NULL;
	if (r->outcome == ERR_OK)
		gate_remote_pay(r);
	next(r);
}

/* Nothing was asked: as if it were away. */
static void
give_up(struct gate_remote *r)
{
	struct gate_batch *b = r->running;

	r->outcome = ERR_CLOSED;
	for (uint32_t i = 0; i < b->n; i++) {
		b->count[i].err = ERR_CLOSED;
		b->count[i].is_new = b->count[i].is_rebuilding = false;
		b->count[i].generation = 0;
		b->count[i].counted = STORE_COUNTED_NO;
	}
}

static void
swap(struct gate_remote *r)
{
	r->running = r->gathering;
	r->gathering = r->running == &r->a ? &r->b : &r->a;
	for (uint32_t i = 0; i < r->running->n; i++) {
		const struct gate_entry *e = &r->running->entry[i];
		struct store_count *c = &r->running->count[i];

		gate_remote_generation(&e->of, c);
		/* what it is said of is lost, too: its time begins anew */
		c->make_ready = c->make_ready && c->was == e->generation;
	}
}

void
gate_remote_submit(void *arg)
{
	struct gate_remote *r = arg;

	if (r->running || (r->gathering->n == 0 && !r->is_probe))
		return;
	timer_stop(r->loop, &r->soon);
	swap(r);
	/* Others have waited for the time-out already. */
	if ((!r->is_away || r->is_probe) &&
	    loop_work(r->loop, on_work, on_done, r) == ERR_OK)
		return;
	r->is_probe = false;
	give_up(r);
	finish(r, r->running);
	r->running = NULL;
	next(r);
}

void
gate_remote_flush(struct gate_remote *r)
{
	/* What is given back by it comes after it. */
	while (r->gathering->n > 0) {
		swap(r);
		if (r->is_away)
			give_up(r);
		else
			on_work(r);
		if (r->outcome != ERR_OK)
			gate_remote_away(r, true);
		finish(r, r->running);
		r->running = NULL;
		gate_remote_pay(r);
	}
}
