#ifndef GATE_LEASE_H
#define GATE_LEASE_H
/*
 * Leases: what this host has reserved of a counter in memcached before anyone
 * wants it. It lies in the host's table, beside the count; a request of any
 * worker takes from it by compare-and-swap. Each unit of the shared counter is
 * one request's, or spare on one host, or under way to either: so there is
 * never one too many, and what is spare is nobody else's.
 *
 * How much, so that other hosts miss little and not for long:
 *
 * - nothing while it is not known what all hosts have reserved, beyond three
 *   quarters of the limit, or of limits so small that a part of what is left is
 *   no more than a few requests;
 * - about what this host takes in 100 ms, and never more than 1/64 of what was
 *   left; unused estimates that come back may bring it to 1/32;
 * - what is more than twice the last second's use goes back within half a
 *   second; so what is spare on a host that rests is back after 1.5 s.
 *
 * It belongs to its window and ends with it. What a killed worker had under way
 * stays reserved until the window ends; what was spare is there for the others,
 * but goes back only when one of them has to do with that counter again.
 */
#include <stdbool.h>
#include <stdint.h>

#include "gate/limit.h"

/* Of what is left: 1/64 at a time, if that is at least eight requests. */
#define GATE_LEASE_PART 64
#define GATE_LEASE_LEAST 8
/* Reserved so soon again: more of it. */
#define GATE_LEASE_PACE (100 * USEC_PER_MSEC)
/* What is under way for longer is lost. */
#define GATE_LEASE_LOST (200 * USEC_PER_MSEC)
#define GATE_LEASE_SCAN (500 * USEC_PER_MSEC)
/* Counters that a worker may reserve ahead; others are asked for each time. */
#define GATE_LEASES_MAX 4096u

/* One window of one counter. */
struct gate_lease {
	struct shm_tally *tally;
	uint64_t identity;
	unsigned tag_bits;
	int64_t window;
	usec_t end;
	int64_t amount; /* the limit's */
};

/* Of a hold on a window (not of one on requests at the same time). */
struct gate_lease gate_hold_lease(const struct gate_hold *h);

/* Takes it of what is spare; all or nothing. 0: is anything spare? */
bool gate_lease_use(const struct gate_lease *l, int64_t want);
/* Takes up to that much: how much. */
int64_t gate_lease_draw(const struct gate_lease *l, int64_t most);
/* Reserved ahead. False: the window is over here. */
MUST_CHECK bool gate_lease_add(const struct gate_lease *l, int64_t amount);
/* Not used after all. False: it is not to stay here. */
MUST_CHECK bool gate_lease_return(const struct gate_lease *l, int64_t amount);
/* What all hosts have reserved. */
void gate_lease_seen(const struct gate_lease *l, int64_t shared);
/* What that may come to by reserving ahead. */
int64_t gate_lease_max(const struct gate_lease *l);

/*
 * Something is under way between memcached and what is spare: one worker at a
 * time. *claim: for gate_lease_end.
 */
bool gate_lease_is_moving(const struct gate_lease *l);
void gate_lease_end(const struct gate_lease *l, int64_t claim);
/*
 * What to reserve now for one who wants that much; 0: nothing, and no claim.
 */
MUST_CHECK int64_t gate_lease_ahead(
    const struct gate_lease *l, int64_t want, int64_t *claim);

/* ---- what this worker watches ------------------------------------------- */

struct gate_leases;

/* NULL: no memory. */
struct gate_leases *gate_leases_new(void);
void gate_leases_free(struct gate_leases *w); /* NULL is allowed */
/* False: no place, and nothing may be spare because of this worker. */
MUST_CHECK bool
gate_leases_watch(struct gate_leases *w, const struct gate_lease *l);
uint32_t gate_leases_n(const struct gate_leases *w);

/* What goes back: it is not spare any more. */
struct gate_lease_surplus {
	struct gate_lease lease;
	int64_t amount;
	int64_t claim;
};
/*
 * Every GATE_LEASE_SCAN, with *pos from 0 until false: the next that has more
 * than it needs. Forgets what is over. all: at the end, everything.
 */
MUST_CHECK bool gate_leases_next(struct gate_leases *w, uint32_t *pos,
    usec_t wall, bool all, struct gate_lease_surplus *out);

#endif
