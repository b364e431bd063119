#ifndef GATE_LIMIT_INT_H
#define GATE_LIMIT_INT_H
/* Inside of the limits: counters of windows. */
#include "gate/limit.h"

/* Cells of a tally. */
enum {
	TALLY_COUNT, /* window and what is taken in it */
	TALLY_MARKS, /* window and what is below: GATE_MARK_* */
	TALLY_KNOWN, /* window and what the other hosts may know of it */
	TALLY_SEEDED, /* when, and of which window, the ledger was asked */
	TALLY_SPARE, /* window and what is reserved and nobody's (gate/lease.h) */
	TALLY_SHARED, /* window and what all hosts had reserved when last seen */
	TALLY_PACE /* how fast it is reserved (gate/lease.c) */
};

/* The generation of memcached's counter that TALLY_KNOWN is in; 0: none. */
#define GATE_MARK_GENERATION UINT64_C(0xff)
/* That the soft percentage is reached has been told. */
#define GATE_MARK_TOLD UINT64_C(0x100)

/* Where a moment lies. */
struct gate_window {
	int64_t number;
	usec_t start, end;
};

struct gate_window gate_window_of(struct gate_limit *l,
    const struct conf_limit *limit, const struct zone *zone, usec_t wall);

/* Bits of a cell that number its window; the others count. */
unsigned gate_tag_bits(const struct conf_limit *limit);

/* window: comes back as the one that was counted in. */
struct gate_take {
	int64_t window;
	int64_t add;
	int64_t max; /* INT64_MAX: none */
	int64_t count; /* out: after it */
};

/*
 * One cell holds window number and count together, so that a compare-and-swap
 * admits exactly. False and nothing added: there is no room.
 */
bool
gate_cell_take(_Atomic int64_t *cell, unsigned tag_bits, struct gate_take *t);
/* Only if `window` is still what the cell counts; never below 0. */
void gate_cell_add(
    _Atomic int64_t *cell, unsigned tag_bits, int64_t window, int64_t add);
/*
 * As gate_cell_add, but an older window ends by it. False and nothing done: the
 * next window has begun there.
 */
bool gate_cell_put(
    _Atomic int64_t *cell, unsigned tag_bits, int64_t window, int64_t add);
/* The count becomes that; the same about windows. */
void gate_cell_set(
    _Atomic int64_t *cell, unsigned tag_bits, int64_t window, int64_t count);
/*
 * The count becomes no less than that: what it was before. INT64_MAX: the next
 * window has begun there.
 */
int64_t gate_cell_raise(
    _Atomic int64_t *cell, unsigned tag_bits, int64_t window, int64_t least);
/* Subtracts up to `most` of what is counted in that very window: how much. */
int64_t gate_cell_draw(
    _Atomic int64_t *cell, unsigned tag_bits, int64_t window, int64_t most);
/*
 * Bits of the count become `to` if they are `from`; false: they are not, or the
 * next window has begun there.
 */
struct gate_mark {
	uint64_t mask, from, to;
};
bool gate_cell_mark(_Atomic int64_t *cell, unsigned tag_bits, int64_t window,
    const struct gate_mark *mark);
/* Subtracts that much, or nothing and false. 0: is there any? */
bool gate_cell_use(
    _Atomic int64_t *cell, unsigned tag_bits, int64_t window, int64_t want);
/* What is counted in that very window. */
int64_t
gate_cell_in(const _Atomic int64_t *cell, unsigned tag_bits, int64_t window);
/* What is counted in that window or the next one. */
int64_t
gate_cell_get(const _Atomic int64_t *cell, unsigned tag_bits, int64_t window);

/* Number i of the list, if it is for this ask; its counter; its calendar. */
const struct conf_limit *gate_limit_at(
    const struct gate_limits *list, uint32_t i, const struct gate_ask *ask);
uint64_t
gate_limit_identity(const struct conf_limit *l, const struct gate_ask *ask);
/* NULL: UTC */
const struct zone *
gate_limit_zone(const struct conf_limit *l, const struct gate_ask *ask);
/* Concurrency of the hold goes back; nothing for others. */
void gate_hold_leave(struct gate_limit *l, struct gate_hold *hold);
/* Tells in out (may be NULL) when the soft percentage is reached. */
void gate_hold_soft(
    const struct gate_hold *hold, int64_t count, struct gate_limit_result *out);

#endif
