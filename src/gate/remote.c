#include "gate/remote.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/hash.h"
#include "gate/limit_int.h"
#include "store/memcached.h"
#include "sys/stats.h"

/* Windows of memcached outlive their end: clocks of hosts differ. */
#define EXPIRES_AFTER 3600

enum entry_sort {
	ENTRY_TAKE,
	ENTRY_MORE, /* it was more than was taken; this host has it */
	ENTRY_BACK /* it was less; this host has it when memcached has */
};

/* One counter of a job, with what is to be done on this host. */
struct entry {
	enum entry_sort sort;
	struct shm_tally *tally;
	unsigned tag_bits;
	int64_t window;
	int64_t amount; /* BACK: negative */
	uint64_t identity; /* TAKE: for when it must be given back */
	usec_t end;
	struct gate_group *group; /* TAKE */
	uint32_t hold; /* TAKE: its index */
};

/* A request that waits. */
struct gate_group {
	struct gate_group *next; /* of the job */
	struct gate_wait *wait; /* NULL: it has gone */
	gate_remote_fn done;
	void *arg;
	enum gate_remote_verdict verdict;
	uint32_t hold; /* that refuses */
};

struct batch {
	struct entry *entry;
	struct store_count *count;
	uint32_t n, cap;
	struct gate_group *first, **last;
};

struct gate_remote {
	struct loop *loop;
	struct gate_limit *limit;
	struct store_memcached *memcached;
	struct gate_remote_options options;
	struct batch a, b;
	struct batch *gathering; /* one of them */
	struct batch *running; /* the other, or NULL */
	struct defer due;
	struct timer
	    soon; /* what is set right waits for a request to go with */
	uint32_t next_group;
	bool is_probe; /* what runs counts nothing */
	enum err outcome; /* of what has run */
	bool is_away; /* as far as this worker has looked */
	usec_t retry_after;
	/*
	 * The breaker of all workers of the host: 0, or when it may be tried
	 * again (clock_mono). own: where the shared table is full.
	 */
	_Atomic int64_t *away_until;
	_Atomic int64_t own;
	struct timer look;
};

/* ---- batches -------------------------------------------------------------- */

static void
batch_reset(struct batch *b)
{
	b->n = 0;
	b->first = NULL;
	b->last = &b->first;
}

static void
batch_fini(struct batch *b)
{
	free(b->entry);
	free(b->count);
}

/* False: it counts on this host only. */
static bool
batch_room(struct batch *b, uint32_t n)
{
	uint32_t cap = b->cap ? b->cap : 64;
	struct store_count *count;
	struct entry *entry;

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

/* There is room. group: number of the request, or 0. */
static void
batch_add(struct batch *b, const struct entry *e, int64_t max, uint32_t group)
{
	struct store_count *c = &b->count[b->n];

	b->entry[b->n++] = *e;
	*c = (struct store_count){ .group = group,
		.add = e->amount,
		.max = max,
		.expires = e->end / USEC_PER_SEC + EXPIRES_AFTER };
	c->key_n =
	    (uint32_t)snprintf(c->key, sizeof(c->key), "llmgw:%016llx:%llx",
		(unsigned long long)e->identity, (unsigned long long)e->window);
}

static struct entry
entry_of(const struct gate_hold *h, enum entry_sort sort, int64_t amount)
{
	return (struct entry){ .sort = sort,
		.tally = h->tally,
		.tag_bits = h->tag_bits,
		.window = h->window,
		.amount = amount,
		.identity = h->identity,
		.end = h->end };
}

/* ---- this host ------------------------------------------------------------ */

/* The other hosts may know of it now, or never will. */
static void
known(const struct entry *e)
{
	_Atomic int64_t *cell = &e->tally->cell[TALLY_KNOWN];
	struct gate_take t = { e->window, e->amount, INT64_MAX, 0 };

	if (e->amount < 0)
		gate_cell_add(cell, e->tag_bits, e->window, e->amount);
	else
		(void)gate_cell_take(cell, e->tag_bits, &t);
}

static void
local_back(const struct entry *e, int64_t amount)
{
	gate_cell_add(
	    &e->tally->cell[TALLY_COUNT], e->tag_bits, e->window, amount);
}

/* As if memcached had done it. */
static void
settled(const struct entry *e)
{
	known(e);
	if (e->sort == ENTRY_BACK)
		local_back(e, e->amount);
}

/* ---- the breaker ---------------------------------------------------------- */

static void on_look(void *arg);

void
gate_remote_look(struct gate_remote *r)
{
	bool is_away = atomic_load(r->away_until) != 0;

	if (is_away == r->is_away)
		return;
	r->is_away = is_away;
	r->limit->is_lenient =
	    is_away && r->options.when_away == CONF_AWAY_OPEN;
	if (!is_away)
		timer_stop(r->loop, &r->look);
	else if (timer_set(r->loop, &r->look, GATE_REMOTE_RETRY, on_look, r) !=
		 ERR_OK)
		timer_stop(r->loop, &r->look); /* requests look, too */
	if (r->options.on_away)
		r->options.on_away(r->options.arg, is_away);
}

static void
away_set(struct gate_remote *r, bool is_away)
{
	usec_t until = is_away ? clock_mono() + r->retry_after : 0;

	r->retry_after = is_away ? r->retry_after * 2 : GATE_REMOTE_RETRY;
	if (r->retry_after > GATE_REMOTE_RETRY_MAX)
		r->retry_after = GATE_REMOTE_RETRY_MAX;
	atomic_store(r->away_until, until);
	gate_remote_look(r);
}

bool
gate_remote_is_away(const struct gate_remote *r)
{
	return r->is_away;
}

void
gate_remote_policy(struct gate_remote *r, enum conf_away when_away)
{
	r->options.when_away = when_away;
	r->limit->is_lenient = r->is_away && when_away == CONF_AWAY_OPEN;
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

static void submit(void *arg);

static void
due(struct gate_remote *r)
{
	if (!r->running)
		loop_defer(r->loop, &r->due, submit, r);
}

/*
 * Nobody waits for it, and the next request mostly counts the same: together
 * they are one command. A worker that is not asked sends it by itself.
 */
#define SETTLE_WITHIN (5 * USEC_PER_MSEC)

static void
on_soon(void *arg)
{
	due(arg);
}

static void
due_soon(struct gate_remote *r)
{
	if (r->running || timer_is_set(&r->soon))
		return;
	if (timer_set(r->loop, &r->soon, SETTLE_WITHIN, on_soon, r) != ERR_OK)
		due(r);
}

/* What a request took and will not use. */
static void
take_back(struct gate_remote *r, const struct entry *took)
{
	struct entry e = *took;

	e.sort = ENTRY_BACK;
	e.amount = -took->amount;
	e.group = NULL;
	if (r->is_away || !batch_room(r->gathering, 1)) {
		settled(&e);
		return;
	}
	batch_add(r->gathering, &e, INT64_MAX, 0);
	due(r);
}

static void
judge_entry(
    struct gate_remote *r, const struct entry *e, const struct store_count *c)
{
	struct gate_group *g = e->group;

	if (e->sort != ENTRY_TAKE) {
		settled(e);
		return;
	}
	if (c->err == ERR_DENIED) {
		if (c->is_full) {
			g->verdict = GATE_REMOTE_REFUSED;
			g->hold = e->hold;
		}
		return;
	}
	if (c->err != ERR_OK && r->options.when_away == CONF_AWAY_CLOSED)
		g->verdict = GATE_REMOTE_CLOSED;
	else
		known(e);
}

/* Its request has gone: nobody else will give back what it took. */
static void
drop_entry(
    struct gate_remote *r, const struct entry *e, const struct store_count *c)
{
	if (e->sort != ENTRY_TAKE || e->group->wait)
		return;
	if (e->group->verdict == GATE_REMOTE_ADMITTED || c->err == ERR_OK)
		take_back(r, e);
	else
		local_back(e, -e->amount);
}

static void
tell_groups(struct batch *b)
{
	struct gate_group *g;

	while ((g = b->first)) {
		struct gate_wait *wait = g->wait;
		struct gate_group copy = *g;

		b->first = g->next;
		free(g);
		if (!wait)
			continue;
		wait->group = NULL;
		copy.done(copy.arg, copy.verdict, copy.hold);
	}
}

static void
finish(struct gate_remote *r, struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		judge_entry(r, &b->entry[i], &b->count[i]);
	for (uint32_t i = 0; i < b->n; i++)
		drop_entry(r, &b->entry[i], &b->count[i]);
	tell_groups(b);
	batch_reset(b);
}

static void
on_done(void *arg)
{
	struct gate_remote *r = arg;
	struct batch *b = r->running;

	stats_add(r->limit->shm, STATS_MEMCACHED_CALLS, 1);
	if (r->outcome != ERR_OK)
		stats_add(r->limit->shm, STATS_MEMCACHED_FAILURES, 1);
	away_set(r, r->outcome != ERR_OK);
	r->is_probe = false;
	finish(r, b);
	r->running = NULL;
	if (r->gathering->first)
		due(r);
	else if (r->gathering->n > 0)
		due_soon(r);
}

/* Nothing was asked: as if it were away. */
static void
give_up(struct gate_remote *r, struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		b->count[i].err = ERR_CLOSED;
	finish(r, b);
}

/* What memcached has not begins with what this host knows. */
static void
seed(struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		const struct entry *e = &b->entry[i];

		b->count[i].seed = gate_cell_get(
		    &e->tally->cell[TALLY_KNOWN], e->tag_bits, e->window);
	}
}

static void
swap(struct gate_remote *r)
{
	r->running = r->gathering;
	r->gathering = r->running == &r->a ? &r->b : &r->a;
	seed(r->running);
}

static void
submit(void *arg)
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
	give_up(r, r->running);
	r->running = NULL;
	if (r->gathering->n > 0)
		due(r);
}

/* One of the host's workers, and nobody waits for it. */
static void
probe(struct gate_remote *r)
{
	usec_t now = clock_mono();
	int64_t until = atomic_load(r->away_until);

	if (until == 0 || r->running || r->is_probe || r->gathering->n > 0)
		return;
	/* Further off than anyone sets it: of another boot's clock. */
	if (now < until && until - now <= GATE_REMOTE_RETRY_MAX)
		return;
	if (!atomic_compare_exchange_strong(
		r->away_until, &until, now + GATE_REMOTE_RETRY))
		return;
	r->is_probe = true;
	submit(r);
}

static void
on_look(void *arg)
{
	struct gate_remote *r = arg;

	gate_remote_look(r);
	if (!r->is_away)
		return;
	probe(r);
	if (timer_set(r->loop, &r->look, GATE_REMOTE_RETRY, on_look, r) !=
	    ERR_OK)
		timer_stop(r->loop, &r->look);
}

/* ---- life ----------------------------------------------------------------- */

static _Atomic int64_t *
shared_breaker(struct gate_remote *r)
{
	struct shm_tally *t =
	    shm_tally(r->limit->shm, UINT64_C(0x6d656d6361636865));

	return t ? &t->cell[TALLY_COUNT] : &r->own;
}

struct gate_remote *
gate_remote_new(struct loop *loop, struct gate_limit *limit,
    const struct gate_remote_options *options)
{
	struct gate_remote *r =
	    fault("remote.new") ? NULL : calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->memcached = store_memcached_new(
	    options->servers, options->n_servers, GATE_REMOTE_TIMEOUT);
	if (!r->memcached) {
		free(r);
		return NULL;
	}
	r->loop = loop;
	r->limit = limit;
	r->options = *options;
	r->options.servers = NULL;
	r->retry_after = GATE_REMOTE_RETRY;
	r->away_until = shared_breaker(r);
	batch_reset(&r->a);
	batch_reset(&r->b);
	r->gathering = &r->a;
	return r;
}

void
gate_remote_free(struct gate_remote *r)
{
	if (!r)
		return;
	if (r->running)
		loop_finish_work(r->loop);
	loop_defer_cancel(r->loop, &r->due);
	timer_stop(r->loop, &r->soon);
	ASSERT(!r->running);
	/* What is given back by it comes after it. */
	while (r->gathering->n > 0) {
		swap(r);
		r->outcome = ERR_CLOSED;
		if (!r->is_away)
			on_work(r);
		if (r->outcome != ERR_OK)
			away_set(r, true);
		finish(r, r->running);
		r->running = NULL;
	}
	timer_stop(r->loop, &r->look);
	/* this worker finds nothing any more */
	if (r->is_away && r->options.on_away)
		r->options.on_away(r->options.arg, false);
	store_memcached_free(r->memcached);
	batch_fini(&r->a);
	batch_fini(&r->b);
	free(r);
}

uint32_t
gate_remote_pending(const struct gate_remote *r)
{
	return r->gathering->n + (r->running ? r->running->n + 1 : 0);
}

/* ---- requests ------------------------------------------------------------- */

static uint32_t
count_tallies(const struct gate_holds *holds)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < holds->n; i++)
		n += holds->hold[i].tally && holds->hold[i].is_taken;
	return n;
}

static enum gate_remote_verdict
take_here(struct gate_remote *r, const struct gate_holds *holds)
{
	if (r->is_away && r->options.when_away == CONF_AWAY_CLOSED)
		return GATE_REMOTE_CLOSED;
	for (uint32_t i = 0; i < holds->n; i++) {
		const struct gate_hold *h = &holds->hold[i];
		struct entry e = entry_of(h, ENTRY_TAKE, h->took);

		if (h->tally && h->is_taken)
			known(&e);
	}
	return GATE_REMOTE_ADMITTED;
}

/* Nothing can be refused: nobody waits. */
static enum gate_remote_verdict
take_shadows(struct gate_remote *r, const struct gate_holds *holds)
{
	for (uint32_t i = 0; i < holds->n; i++) {
		struct entry e =
		    entry_of(&holds->hold[i], ENTRY_MORE, holds->hold[i].took);

		if (e.tally)
			batch_add(r->gathering, &e, INT64_MAX, 0);
	}
	due(r);
	return GATE_REMOTE_ADMITTED;
}

static bool
are_shadows(const struct gate_holds *holds)
{
	for (uint32_t i = 0; i < holds->n; i++)
		if (holds->hold[i].tally && !holds->hold[i].limit->is_shadow)
			return false;
	return true;
}

enum gate_remote_verdict
gate_remote_take(struct gate_remote *r, const struct gate_holds *holds,
    struct gate_wait *wait, gate_remote_fn done, void *arg)
{
	uint32_t n = count_tallies(holds);
	struct gate_group *g;

	if (n == 0)
		return GATE_REMOTE_ADMITTED;
	gate_remote_look(r);
	if (r->is_away || !batch_room(r->gathering, n))
		return take_here(r, holds);
	if (are_shadows(holds))
		return take_shadows(r, holds);
	g = fault("remote.group") ? NULL : calloc(1, sizeof(*g));
	if (!g)
		return take_here(r, holds);
	*g = (struct gate_group){ .wait = wait, .done = done, .arg = arg };
	*r->gathering->last = g;
	r->gathering->last = &g->next;
	wait->group = g;
	if (++r->next_group == 0)
		r->next_group = 1;
	for (uint32_t i = 0; i < holds->n; i++) {
		const struct gate_hold *h = &holds->hold[i];
		struct entry e = entry_of(h, ENTRY_TAKE, h->took);

		if (!h->tally || !h->is_taken)
			continue;
		e.group = g;
		e.hold = i;
		batch_add(r->gathering, &e,
		    h->limit->is_shadow ? INT64_MAX : h->limit->amount,
		    r->next_group);
	}
	due(r);
	return GATE_REMOTE_WAIT;
}

void
gate_remote_cancel(
    struct gate_remote *r, struct gate_wait *wait, struct gate_holds *holds)
{
	if (!wait->group)
		return;
	for (uint32_t i = 0; i < holds->n; i++)
		gate_hold_leave(r->limit, &holds->hold[i]);
	wait->group->wait = NULL;
	wait->group = NULL;
	*holds = (struct gate_holds){ 0 };
}

void
gate_remote_settle(struct gate_remote *r, struct gate_holds *holds,
    const struct gate_use *use, struct gate_limit_result *out)
{
	gate_remote_look(r);
	for (uint32_t i = 0; i < holds->n; i++) {
		struct gate_hold *h = &holds->hold[i];
		struct entry e;
		int64_t more;

		gate_hold_leave(r->limit, h);
		if (!h->is_taken)
			continue;
		more = gate_limit_used(h->limit, use) - h->took;
		if (more == 0)
			continue;
		e = entry_of(h, more > 0 ? ENTRY_MORE : ENTRY_BACK, more);
		if (more > 0) {
			gate_hold_add(h, more);
			gate_hold_soft(h,
			    gate_cell_get(&h->tally->cell[TALLY_COUNT],
				h->tag_bits, h->window),
			    out);
		}
		if (r->is_away || !batch_room(r->gathering, 1)) {
			settled(&e);
			continue;
		}
		batch_add(r->gathering, &e, INT64_MAX, 0);
		due_soon(r);
	}
	*holds = (struct gate_holds){ 0 };
}
