#include "gate/lease.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/num.h"
#include "gate/limit_int.h"

struct gate_lease
gate_hold_lease(const struct gate_hold *h)
{
	return (struct gate_lease){ .tally = h->tally,
		.identity = h->identity,
		.tag_bits = h->tag_bits,
		.window = h->window,
		.end = h->end,
		.amount = h->limit->amount };
}

/* ---- what is spare -------------------------------------------------------- */

static _Atomic int64_t *
spare(const struct gate_lease *l)
{
	return &l->tally->cell[TALLY_SPARE];
}

bool
gate_lease_use(const struct gate_lease *l, int64_t want)
{
	return gate_cell_use(spare(l), l->tag_bits, l->window, want);
}

int64_t
gate_lease_draw(const struct gate_lease *l, int64_t most)
{
	return gate_cell_draw(spare(l), l->tag_bits, l->window, most);
}

bool
gate_lease_add(const struct gate_lease *l, int64_t amount)
{
	return gate_cell_put(spare(l), l->tag_bits, l->window, amount);
}

int64_t
gate_lease_max(const struct gate_lease *l)
{
	return l->amount - l->amount / 4;
}

void
gate_lease_seen(const struct gate_lease *l, int64_t shared)
{
	gate_cell_set(&l->tally->cell[TALLY_SHARED], l->tag_bits, l->window,
	    shared > 0 ? shared : 1);
}

/* The largest part of what is left that one step may reserve; 0: none. */
static int64_t
part(const struct gate_lease *l, int64_t want)
{
	int64_t shared =
	    gate_cell_in(&l->tally->cell[TALLY_SHARED], l->tag_bits, l->window);
	int64_t most;

	if (shared == 0 || shared >= gate_lease_max(l))
		return 0;
	most = (l->amount - shared) / GATE_LEASE_PART;
	return most / GATE_LEASE_LEAST >= want ? most : 0;
}

bool
gate_lease_return(const struct gate_lease *l, int64_t amount)
{
	int64_t most = part(l, 1);
	int64_t is = gate_cell_in(spare(l), l->tag_bits, l->window);

	return most > 0 && amount <= 2 * most - is && gate_lease_add(l, amount);
}

/* ---- its pace --------------------------------------------------------------- */

/*
 * The cell: milliseconds of the last step, whether it is under way, and how
 * often the first amount was doubled.
 */
#define DOUBLED_BITS 8
#define DOUBLED_MAX 40
#define IS_MOVING (INT64_C(1) << DOUBLED_BITS)
#define SINCE_SHIFT (DOUBLED_BITS + 1)

static _Atomic int64_t *
pace(const struct gate_lease *l)
{
	return &l->tally->cell[TALLY_PACE];
}

static int
doubled(int64_t cell)
{
	return (int)(cell & (IS_MOVING - 1));
}

/* A time ahead is of another boot's clock: long ago. */
static usec_t
age(int64_t cell, usec_t now)
{
	usec_t since = (cell >> SINCE_SHIFT) * USEC_PER_MSEC;

	return now >= since ? now - since : INT64_MAX;
}

static bool
is_moving(int64_t cell, usec_t now)
{
	return (cell & IS_MOVING) && age(cell, now) < GATE_LEASE_LOST;
}

bool
gate_lease_is_moving(const struct gate_lease *l)
{
	int64_t cell = atomic_load(pace(l));

	return (cell & IS_MOVING) && is_moving(cell, clock_mono());
}

static bool
claim_as(
    const struct gate_lease *l, int64_t seen, int n, usec_t now, int64_t *claim)
{
	int64_t to = now / USEC_PER_MSEC << SINCE_SHIFT | IS_MOVING | n;

	if (!atomic_compare_exchange_strong(pace(l), &seen, to))
		return false;
	*claim = to;
	return true;
}

void
gate_lease_end(const struct gate_lease *l, int64_t claim)
{
	/* Lost, and another's by now: left as it is. */
	atomic_compare_exchange_strong(pace(l), &claim, claim & ~IS_MOVING);
}

/* Twice as much for who comes soon again, half for each pause. */
static int
next_doubled(int64_t cell, usec_t now)
{
	usec_t pauses = age(cell, now) / (4 * GATE_LEASE_PACE);
	int n = doubled(cell);

	if (age(cell, now) < GATE_LEASE_PACE)
		return n < DOUBLED_MAX ? n + 1 : n;
	return pauses < n ? n - (int)pauses : 0;
}

static int64_t
amount_of(int64_t first, int n, int64_t most)
{
	return first > most >> n ? most : first << n;
}

/* For another such request, and half of the last step. */
static bool
is_enough(const struct gate_lease *l, int64_t first, int64_t step)
{
	int64_t is = gate_cell_in(spare(l), l->tag_bits, l->window);

	return is >= first && is > step / 2;
}

int64_t
gate_lease_ahead(const struct gate_lease *l, int64_t want, int64_t *claim)
{
	int64_t first = want > 0 ? want : 1, most = part(l, first);
	int64_t cell = atomic_load(pace(l));
	usec_t now;
	int n;

	if (most == 0 ||
	    is_enough(l, first, amount_of(first, doubled(cell), most)))
		return 0;
	now = clock_mono();
	n = next_doubled(cell, now);
	if (is_moving(cell, now) || !claim_as(l, cell, n, now, claim))
		return 0;
	return amount_of(first, n, most);
}

/* ---- what this worker watches ----------------------------------------------- */

#define WAYS 4u
#define SETS (GATE_LEASES_MAX / WAYS)

struct watched {
	struct gate_lease lease; /* tally NULL: free */
	int64_t count; /* when it was last looked at */
	int64_t used; /* in the half second before that */
};

struct gate_leases {
	struct watched at[GATE_LEASES_MAX];
	uint32_t n;
};

struct gate_leases *
gate_leases_new(void)
{
	return fault("lease.new") ? NULL
				  : calloc(1, sizeof(struct gate_leases));
}

void
gate_leases_free(struct gate_leases *w)
{
	free(w);
}

uint32_t
gate_leases_n(const struct gate_leases *w)
{
	return w->n;
}

static int64_t
count_now(const struct gate_lease *l)
{
	return gate_cell_in(
	    &l->tally->cell[TALLY_COUNT], l->tag_bits, l->window);
}

static void
begin_watch(struct watched *s, const struct gate_lease *l)
{
	s->lease = *l;
	s->count = count_now(l);
	s->used = 0;
}

bool
gate_leases_watch(struct gate_leases *w, const struct gate_lease *l)
{
	struct watched *set = &w->at[l->identity % SETS * WAYS], *place = NULL;

	for (uint32_t i = 0; i < WAYS; i++) {
		if (set[i].lease.tally == l->tally) {
			if (set[i].lease.window != l->window)
				begin_watch(&set[i], l);
			set[i].lease.amount = l->amount;
			return true;
		}
		if (!set[i].lease.tally && !place)
			place = &set[i];
	}
	if (!place)
		return false;
	begin_watch(place, l);
	w->n++;
	return true;
}

static void
forget(struct gate_leases *w, struct watched *s)
{
	s->lease.tally = NULL;
	w->n--;
}

/* How much of what is spare is to go back. */
static int64_t
too_much(struct watched *s, int64_t is, bool all)
{
	int64_t count = count_now(&s->lease);
	int64_t used = count > s->count ? count - s->count : 0;
	int64_t keep = num_add_i64_sat(used, s->used);

	s->count = count;
	s->used = used;
	if (all || part(&s->lease, 1) == 0)
		return is;
	return is / 2 > keep || keep == 0 ? is - keep : 0;
}

static bool
surplus_of(struct watched *s, bool all, struct gate_lease_surplus *out)
{
	const struct gate_lease *l = &s->lease;
	int64_t is = gate_cell_in(spare(l), l->tag_bits, l->window);
	int64_t back = too_much(s, is, all), cell = atomic_load(pace(l));
	usec_t now = clock_mono();

	int n = doubled(cell);

	/* Of what another has under way the next look will tell. */
	if (back == 0 || is_moving(cell, now) ||
	    !claim_as(l, cell, n > 0 ? n - 1 : 0, now, &out->claim))
		return false;
	out->lease = *l;
	out->amount = gate_lease_draw(l, back);
	if (out->amount == 0)
		gate_lease_end(l, out->claim);
	return out->amount > 0;
}

bool
gate_leases_next(struct gate_leases *w, uint32_t *pos, usec_t wall, bool all,
    struct gate_lease_surplus *out)
{
	while (*pos < GATE_LEASES_MAX && w->n > 0) {
		struct watched *s = &w->at[(*pos)++];
		bool found;

		if (!s->lease.tally)
			continue;
		found = surplus_of(s, all, out);
		if (s->lease.end <= wall ||
		    (s->used == 0 && !gate_lease_use(&s->lease, 0)))
			forget(w, s);
		if (found)
			return true;
	}
	return false;
}
