/*
 * Counters that memcached had lost: each host adds its own part to the new one,
 * once.
 */
#include <stdlib.h>

#include "base/fault.h"
#include "base/rand.h"
#include "gate/remote_int.h"

/* ---- generations ------------------------------------------------------------ */

uint32_t
gate_remote_generation_here(const struct gate_lease *l)
{
	int64_t marks =
	    gate_cell_in(&l->tally->cell[TALLY_MARKS], l->tag_bits, l->window);

	return (uint32_t)((uint64_t)marks & GATE_MARK_GENERATION);
}

void
gate_remote_generation(const struct gate_lease *l, struct store_count *c)
{
	c->was = gate_remote_generation_here(l);
	c->next = 1 + (uint32_t)rand_below(c->was ? 254 : 255);
	c->next += c->was && c->next >= c->was;
}

/* It is not in TALLY_KNOWN any more, but under way. */
static void
join(struct gate_remote *r, const struct gate_lease *l)
{
	struct gate_entry e = { .sort = ENTRY_RETURN, .of = *l };

	e.amount = gate_cell_draw(
	    &l->tally->cell[TALLY_KNOWN], l->tag_bits, l->window, INT64_MAX);
	if (e.amount == 0)
		return;
	if (!gate_batch_room(r->gathering, 1)) {
		gate_remote_owe(r, l, -e.amount);
		return;
	}
	gate_batch_add(r->gathering, &e, INT64_MAX);
	r->gathering->is_urgent = true;
}

/*
 * What other hosts have counted may be lost, too. The ledger is asked for this
 * one at once, and others may be lost as well.
 */
static void
note_lost(struct gate_remote *r, const struct gate_lease *l)
{
	shm_lost(r->limit->shm, clock_wall());
	atomic_store(&l->tally->cell[TALLY_SEEDED], 0);
	gate_remote_look_at_all(r);
}

void
gate_remote_meet(
    struct gate_remote *r, struct gate_entry *e, const struct store_count *c)
{
	const struct gate_lease *l = &e->of;
	uint32_t here = gate_remote_generation_here(l);
	const struct gate_mark m = { GATE_MARK_GENERATION, here,
		c->generation };

	if (c->generation == 0)
		return;
	e->until = gate_remote_met(r, l, c);
	e->generation = c->generation;
	if (e->sort == ENTRY_TAKE && e->group->wait && c->was &&
	    c->was != c->generation && !e->takes_unready)
		e->group->wait->is_lost = true;
	if (here == c->generation)
		return;
	/* another worker knows already that this one is lost */
	e->is_stale = here != 0 && here != c->was && c->was == c->generation;
	if (e->is_stale || !gate_cell_mark(&l->tally->cell[TALLY_MARKS],
			       l->tag_bits, l->window, &m))
		return;
	join(r, l);
	if (here != 0)
		note_lost(r, l);
}

/*
 * Given back to one that is new, while what it is part of is under way to it:
 * this host knows of that much less when that is there.
 */
static void
known_less(struct gate_remote *r, const struct gate_entry *e,
    const struct store_count *c, int64_t less)
{
	const struct gate_lease *l = &e->of;
	struct gate_entry rest = { .sort = ENTRY_RETURN, .of = *l };

	rest.less = less - gate_cell_draw(&l->tally->cell[TALLY_KNOWN],
			       l->tag_bits, l->window, less);
	if (rest.less == 0 || c->was == 0 || c->generation == 0 ||
	    c->was == c->generation || !gate_batch_room(r->gathering, 1))
		return;
	gate_batch_add(r->gathering, &rest, INT64_MAX);
	gate_remote_due_soon(r);
}

void
gate_remote_counted(struct gate_remote *r, const struct gate_entry *e,
    const struct store_count *c, int64_t amount)
{
	const struct gate_lease *l = &e->of;
	uint32_t here;

	if (e->is_stale) {
		gate_remote_owe(r, l, -amount);
		return;
	}
	if (amount < 0) {
		known_less(r, e, c, -amount);
		return;
	}
	gate_remote_known(l, amount);
	here = gate_remote_generation_here(l);
	if (amount == 0 || c->generation == 0 || here == 0 ||
	    here == c->generation)
		return;
	/* lost in this moment: added again, if nobody else does */
	amount = gate_cell_draw(
	    &l->tally->cell[TALLY_KNOWN], l->tag_bits, l->window, amount);
	if (amount > 0)
		gate_remote_owe(r, l, -amount);
}

/* ---- what this worker looks at ---------------------------------------------- */

#define WAYS 4u
#define SETS (GATE_REMOTE_MET_MAX / WAYS)
#define LOOK_LOST (10 * USEC_PER_MSEC)

struct met {
	struct gate_lease of; /* tally NULL: free */
	usec_t asked;
	uint32_t generation; /* as it was last seen */
	bool is_rebuilding; /* likewise */
	usec_t since; /* it was first seen then, or memcached was back */
	usec_t seen; /* last */
};

struct gate_met {
	struct met at[GATE_REMOTE_MET_MAX];
	uint32_t n, next;
	uint32_t lost; /* so many are to be looked at soon */
	struct timer timer;
};

struct gate_met *
gate_met_new(void)
{
	return fault("remote.met") ? NULL : calloc(1, sizeof(struct gate_met));
}

void
gate_met_free(struct gate_met *m)
{
	free(m);
}

void
gate_met_stop(struct gate_remote *r)
{
	timer_stop(r->loop, &r->met->timer);
}

static bool
look_at(struct gate_remote *r, struct met *s, usec_t now)
{
	/* those who have something to add have done so: it is whole */
	bool is_over =
	    s->is_rebuilding && now - s->since >= GATE_REMOTE_REBUILD;
	const struct gate_entry e = { .sort = ENTRY_MORE,
		.of = s->of,
		.until = is_over ? now : 0,
		.generation = s->generation };

	if (!s->of.tally)
		return false;
	if (s->of.end <= clock_wall()) {
		s->of.tally = NULL;
		r->met->n--;
		return false;
	}
	if ((r->met->lost == 0 && now - s->asked < GATE_REMOTE_LOOK) ||
	    gate_cell_in(&s->of.tally->cell[TALLY_KNOWN], s->of.tag_bits,
		s->of.window) == 0 ||
	    !gate_batch_room(r->gathering, 1))
		return false;
	gate_batch_add(r->gathering, &e, INT64_MAX);
	s->asked = now;
	return true;
}

static void
look_at_some(struct gate_remote *r)
{
	struct gate_met *m = r->met;
	uint32_t n = m->lost ? GATE_REMOTE_LOOK_AT_LOST : GATE_REMOTE_LOOK_AT;
	usec_t now = clock_mono();

	for (uint32_t i = 0; i < GATE_REMOTE_MET_MAX && n > 0; i++) {
		bool was_lost = m->lost > 0;

		n -= look_at(r, &m->at[m->next], now);
		m->next = (m->next + 1) % GATE_REMOTE_MET_MAX;
		m->lost -= was_lost;
		if (was_lost && m->lost == 0)
			break;
	}
	if (r->gathering->n > 0)
		gate_remote_due(r);
}

static void
on_timer(void *arg)
{
	struct gate_remote *r = arg;

	if (!r->is_away)
		look_at_some(r);
	if (r->met->n > 0 &&
	    timer_set(r->loop, &r->met->timer,
		r->met->lost && !r->is_away ? LOOK_LOST : GATE_REMOTE_LOOK,
		on_timer, r) != ERR_OK)
		timer_stop(r->loop, &r->met->timer); /* the next request sets */
}

void
gate_remote_look_at_all(struct gate_remote *r)
{
	r->met->lost = GATE_REMOTE_MET_MAX;
	if (timer_set(r->loop, &r->met->timer, 0, on_timer, r) != ERR_OK)
		timer_stop(r->loop, &r->met->timer);
}

/* Its place; one that nobody has, or that rests longest. */
static struct met *
place_of(struct gate_met *m, const struct gate_lease *l)
{
	struct met *set = &m->at[l->identity % SETS * WAYS], *place = set;

	for (uint32_t i = 0; i < WAYS; i++)
		if (set[i].of.tally == l->tally)
			return &set[i];
	for (uint32_t i = 0; i < WAYS; i++)
		if (!set[i].of.tally)
			return &set[i];
	for (uint32_t i = 1; i < WAYS; i++)
		if (set[i].asked < place->asked)
			place = &set[i];
	return place;
}

usec_t
gate_remote_met(struct gate_remote *r, const struct gate_lease *l,
    const struct store_count *c)
{
	struct met *s = place_of(r->met, l);
	usec_t now = clock_mono();
	bool is_it = s->of.tally == l->tally && s->of.window == l->window;

	if (!is_it || s->generation != c->generation) {
		s->generation = c->generation;
		/* seen since memcached is back, it was lost later */
		s->since = is_it && gate_remote_is_just_back(r) &&
				   s->seen < atomic_load(r->back_at)
			       ? atomic_load(r->back_at)
			       : now;
	}
	s->seen = now;
	s->is_rebuilding = c->is_rebuilding;
	r->met->n += !s->of.tally;
	s->of = *l;
	s->asked = now;
	if (!timer_is_set(&r->met->timer) &&
	    timer_set(r->loop, &r->met->timer, GATE_REMOTE_LOOK, on_timer, r) !=
		ERR_OK)
		timer_stop(r->loop, &r->met->timer);
	return c->is_rebuilding ? s->since + GATE_REMOTE_REBUILD : 0;
}
