#include "gate/remote.h"

#include <stdlib.h>

#include "base/fault.h"
#include "gate/remote_int.h"

/* ---- life ----------------------------------------------------------------- */

static bool
parts_new(struct gate_remote *r, const struct gate_remote_options *options)
{
	r->memcached = store_memcached_new(
	    options->servers, options->n_servers, GATE_REMOTE_TIMEOUT);
	r->leases = gate_leases_new();
	r->met = gate_met_new();
	return r->memcached && r->leases && r->met;
}

static void
parts_free(struct gate_remote *r)
{
	store_memcached_free(r->memcached);
	gate_leases_free(r->leases);
	gate_met_free(r->met);
	gate_batch_fini(&r->a);
	gate_batch_fini(&r->b);
	free(r);
}

struct gate_remote *
gate_remote_new(struct loop *loop, struct gate_limit *limit,
    const struct gate_remote_options *options)
{
	struct gate_remote *r =
	    fault("remote.new") ? NULL : calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	if (!parts_new(r, options)) {
		parts_free(r);
		return NULL;
	}
	r->loop = loop;
	r->limit = limit;
	r->options = *options;
	r->options.servers = NULL;
	gate_remote_breaker_init(r);
	gate_batch_reset(&r->a);
	gate_batch_reset(&r->b);
	r->gathering = &r->a;
	return r;
}

static void return_surplus(struct gate_remote *r, bool all);

void
gate_remote_free(struct gate_remote *r)
{
	if (!r)
		return;
	if (r->running)
		loop_finish_work(r->loop);
	ASSERT(!r->running);
	r->is_ending = true;
	if (!r->is_away)
		return_surplus(r, true);
	gate_remote_pay(r);
	gate_remote_flush(r);
	loop_defer_cancel(r->loop, &r->due);
	timer_stop(r->loop, &r->soon);
	timer_stop(r->loop, &r->scan);
	gate_met_stop(r);
	gate_remote_breaker_fini(r);
	parts_free(r);
}

uint32_t
gate_remote_pending(const struct gate_remote *r)
{
	return r->gathering->n + (r->running ? r->running->n + 1 : 0);
}

/* ---- what is reserved ahead ------------------------------------------------- */

/* If no job takes it, it stays here. */
static void
return_one(struct gate_remote *r, const struct gate_lease_surplus *s)
{
	const struct gate_entry e = { .sort = ENTRY_RETURN,
		.of = s->lease,
		.amount = -s->amount,
		.claim = s->claim };

	if (gate_batch_room(r->gathering, 1)) {
		gate_batch_add(r->gathering, &e, INT64_MAX);
		gate_remote_due(r);
		return;
	}
	if (!gate_lease_add(&s->lease, s->amount) ||
	    !gate_leases_watch(r->leases, &s->lease))
		gate_remote_owe(
		    r, &s->lease, gate_lease_draw(&s->lease, s->amount));
	gate_lease_end(&s->lease, s->claim);
}

static void
return_surplus(struct gate_remote *r, bool all)
{
	struct gate_lease_surplus s;
	uint32_t pos = 0;

	while (gate_leases_next(r->leases, &pos, clock_wall(), all, &s))
		return_one(r, &s);
}

static void
on_scan(void *arg)
{
	struct gate_remote *r = arg;

	if (!r->is_away)
		return_surplus(r, false);
	if (gate_leases_n(r->leases) > 0 &&
	    timer_set(r->loop, &r->scan, GATE_LEASE_SCAN, on_scan, r) != ERR_OK)
		timer_stop(r->loop, &r->scan); /* the next request sets it */
}

/* What is spare of it will not be forgotten. */
static bool
watch(struct gate_remote *r, const struct gate_lease *l)
{
	if (!gate_leases_watch(r->leases, l))
		return false;
	return timer_is_set(&r->scan) ||
	       timer_set(r->loop, &r->scan, GATE_LEASE_SCAN, on_scan, r) ==
		   ERR_OK;
}

/* Nobody waits for it: before what is spare has been used. */
static void
reserve_ahead(struct gate_remote *r, const struct gate_lease *l, int64_t want)
{
	struct gate_entry e = { .sort = ENTRY_AHEAD, .of = *l };

	if (r->is_away)
		return;
	e.amount = gate_lease_ahead(l, want, &e.claim);
	if (e.amount == 0)
		return;
	if (!watch(r, l) || !gate_batch_room(r->gathering, 1)) {
		gate_lease_end(l, e.claim);
		return;
	}
	gate_batch_add(r->gathering, &e, gate_lease_max(l));
	gate_remote_due(r);
}

/* True: it is spare now. Otherwise *left is to go back. */
static bool
stays_spare(struct gate_remote *r, const struct gate_lease *l, int64_t amount,
    int64_t *left)
{
	*left = amount;
	if (!gate_lease_return(l, amount))
		return false;
	if (watch(r, l))
		return true;
	*left = gate_lease_draw(l, amount);
	return *left == 0;
}

void
gate_remote_back(struct gate_remote *r, const struct gate_lease *l,
    int64_t amount, bool is_counted)
{
	struct gate_entry e = { .sort = ENTRY_RETURN, .of = *l };
	int64_t left;

	if (amount == 0)
		return;
	if (!stays_spare(r, l, amount, &left)) {
		e.amount = -left;
		if (r->is_away || !gate_batch_room(r->gathering, 1)) {
			gate_remote_owe(r, l, left);
		} else {
			if (is_counted && left == amount) {
				e.sort = ENTRY_BACK;
				is_counted = false;
			}
			gate_batch_add(r->gathering, &e, INT64_MAX);
			gate_remote_due_soon(r);
		}
	}
	if (is_counted)
		gate_remote_drop(l, amount);
}

/* ---- requests ------------------------------------------------------------- */

static bool
is_window(const struct gate_hold *h)
{
	return h->tally && h->is_taken;
}

static bool
has_windows(const struct gate_holds *holds)
{
	for (uint32_t i = 0; i < holds->n; i++)
		if (is_window(&holds->hold[i]))
			return true;
	return false;
}

/* Of what memcached has not been asked, or has refused. */
static bool
is_missing(const struct gate_hold *h)
{
	return is_window(h) && !h->is_reserved;
}

/* Takes what is spare; how many limits have not enough of it. */
static uint32_t
use_leases(struct gate_remote *r, struct gate_holds *holds)
{
	uint32_t missing = 0;

	for (uint32_t i = 0; i < holds->n; i++) {
		struct gate_hold *h = &holds->hold[i];
		const struct gate_lease l = gate_hold_lease(h);

		if (!is_window(h))
			continue;
		h->is_reserved = gate_lease_use(&l, h->took);
		missing += !h->is_reserved;
		reserve_ahead(r, &l, h->took);
	}
	return missing;
}

static enum gate_remote_verdict
take_here(const struct gate_holds *holds)
{
	for (uint32_t i = 0; i < holds->n; i++) {
		struct gate_hold *h = &holds->hold[i];
		const struct gate_lease l = gate_hold_lease(h);

		if (!is_missing(h))
			continue;
		gate_remote_known(&l, h->took);
		h->generation = gate_remote_generation_here(&l);
	}
	return GATE_REMOTE_ADMITTED;
}

/* Nothing can be refused: nobody waits. */
static enum gate_remote_verdict
take_shadows(struct gate_remote *r, struct gate_holds *holds)
{
	for (uint32_t i = 0; i < holds->n; i++) {
		struct gate_hold *h = &holds->hold[i];
		const struct gate_entry e = { .sort = ENTRY_MORE,
			.of = gate_hold_lease(h),
			.amount = h->took };

		if (!is_missing(h))
			continue;
		gate_batch_add(r->gathering, &e, INT64_MAX);
		h->is_reserved = true;
	}
	gate_remote_due(r);
	return GATE_REMOTE_ADMITTED;
}

static bool
are_shadows(const struct gate_holds *holds)
{
	for (uint32_t i = 0; i < holds->n; i++)
		if (is_missing(&holds->hold[i]) &&
		    !holds->hold[i].limit->is_shadow)
			return false;
	return true;
}

static struct gate_group *
group_new(struct gate_remote *r, const struct gate_holds *holds,
    struct gate_wait *wait, gate_remote_fn done, void *arg)
{
	struct gate_group *g =
	    fault("remote.group") ? NULL : calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	if (++r->next_group == 0)
		r->next_group = 1;
	*g = (struct gate_group){ .wait = wait,
		.holds = *holds,
		.done = done,
		.arg = arg,
		.since = clock_mono(),
		.until = clock_mono() + GATE_REMOTE_AGAIN,
		.number = r->next_group };
	*r->gathering->last = g;
	r->gathering->last = &g->next;
	wait->group = g;
	return g;
}

enum gate_remote_verdict
gate_remote_take(struct gate_remote *r, struct gate_holds *holds,
    struct gate_wait *wait, gate_remote_fn done, void *arg)
{
	struct gate_group *g;
	bool takes_unready;
	uint32_t missing;

	gate_remote_look(r);
	if (r->is_away && r->options.when_away == CONF_AWAY_CLOSED)
		return has_windows(holds) ? GATE_REMOTE_CLOSED
					  : GATE_REMOTE_ADMITTED;
	missing = use_leases(r, holds);
	if (missing == 0)
		return GATE_REMOTE_ADMITTED;
	if (r->is_away || !gate_batch_room(r->gathering, missing))
		return take_here(holds);
	if (are_shadows(holds))
		return take_shadows(r, holds);
	g = group_new(r, holds, wait, done, arg);
	if (!g)
		return take_here(holds);
	takes_unready = gate_remote_is_just_back(r);
	for (uint32_t i = 0; i < holds->n; i++) {
		const struct gate_hold *h = &holds->hold[i];
		const struct gate_entry e = { .sort = ENTRY_TAKE,
			.of = gate_hold_lease(h),
			.amount = h->took,
			.group = g,
			.hold = i,
			.takes_unready = takes_unready };

		if (is_missing(h))
			gate_batch_add(r->gathering, &e,
			    h->limit->is_shadow ? INT64_MAX : h->limit->amount);
	}
	r->gathering->is_urgent = true;
	gate_remote_due(r);
	return GATE_REMOTE_WAIT;
}

void
gate_remote_cancel(
    struct gate_remote *r, struct gate_wait *wait, struct gate_holds *holds)
{
	if (!wait->group)
		return;
	for (uint32_t i = 0; i < holds->n; i++) {
		struct gate_hold *h = &holds->hold[i];
		const struct gate_lease l = gate_hold_lease(h);

		gate_hold_leave(r->limit, h);
		if (h->is_reserved)
			gate_remote_back(r, &l, h->took, true);
	}
	wait->group->wait = NULL;
	wait->group = NULL;
	*holds = (struct gate_holds){ 0 };
}

/* It was more than was taken. */
static void
use_more(struct gate_remote *r, const struct gate_lease *l, int64_t more)
{
	const struct gate_entry e = { .sort = ENTRY_MORE,
		.of = *l,
		.amount = more - gate_lease_draw(l, more) };

	if (e.amount == 0)
		return;
	if (r->is_away || !gate_batch_room(r->gathering, 1)) {
		gate_remote_known(l, e.amount);
		return;
	}
	gate_batch_add(r->gathering, &e, INT64_MAX);
	gate_remote_due_soon(r);
}

/* Has it by now: all that this host knew was added to another counter. */
static bool
is_joined(const struct gate_hold *h, const struct gate_lease *l)
{
	uint32_t here = gate_remote_generation_here(l);

	return here != 0 && here != h->generation;
}

/* It was less. */
static void
use_less(struct gate_remote *r, const struct gate_hold *h,
    const struct gate_lease *l, int64_t less)
{
	if (h->is_reserved || is_joined(h, l)) {
		gate_remote_back(r, l, less, true);
		return;
	}
	gate_remote_known(l, -less);
	gate_remote_drop(l, less);
}

void
gate_remote_settle(struct gate_remote *r, struct gate_holds *holds,
    const struct gate_use *use, struct gate_limit_result *out)
{
	gate_remote_look(r);
	for (uint32_t i = 0; i < holds->n; i++) {
		struct gate_hold *h = &holds->hold[i];
		struct gate_lease l;
		int64_t more;

		gate_hold_leave(r->limit, h);
		if (!h->is_taken)
			continue;
		l = gate_hold_lease(h);
		more = gate_limit_used(h->limit, use) - h->took;
		if (more < 0)
			use_less(r, h, &l, -more);
		if (more <= 0)
			continue;
		gate_hold_add(h, more);
		gate_hold_soft(h,
		    gate_cell_get(
			&h->tally->cell[TALLY_COUNT], h->tag_bits, h->window),
		    out);
		use_more(r, &l, more);
	}
	*holds = (struct gate_holds){ 0 };
}

/* Nobody waits for it: the host's own count is no lower. */
void
gate_remote_raise(
    struct gate_remote *r, const struct gate_seed *s, int64_t amount)
{
	const struct gate_entry e = { .sort = ENTRY_RAISE,
		.of = { .tally = s->tally,
		    .identity = s->identity,
		    .tag_bits = s->tag_bits,
		    .window = s->window,
		    .end = s->end,
		    .amount = s->limit->amount },
		.amount = amount };

	if (amount <= 0 || str_present(s->provider) || r->is_away ||
	    !gate_batch_room(r->gathering, 1))
		return;
	gate_batch_add(r->gathering, &e, INT64_MAX);
	/* what others take until then is among what it is raised to */
	r->gathering->is_urgent = true;
	gate_remote_due(r);
}
