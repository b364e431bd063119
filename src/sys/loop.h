#ifndef SYS_LOOP_H
#define SYS_LOOP_H
/*
 * The event loop of a worker: descriptors (sys/pollset.h), timers that can run
 * in virtual time, deferred calls; from libuv signals and a thread pool. One
 * loop per process, used by its one thread; only the work function of loop_work
 * runs elsewhere.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/err.h"

struct loop;
struct pollset;
struct uv_loop_s;

/* Call after fork. NULL: no memory or no descriptors. */
struct loop *loop_new(void);
/*
 * A loop without libuv for scenarios: no descriptors, no threads (loop_work
 * runs at once, in loop_turn); time is moved with clock_set by the caller, who
 * then calls loop_turn.
 */
struct loop *loop_new_virtual(void);
/* All timers must be stopped. NULL is allowed. */
void loop_free(struct loop *l);

/* Runs until loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* One turn that does not wait; for tests. */
void loop_poll(struct loop *l);
/* Readable when a turn would find something. -1 if virtual. */
int loop_fd(const struct loop *l);
/*
 * Virtual loops: runs timers that are due and deferred calls until none is
 * left for the present time.
 */
void loop_turn(struct loop *l);
/* When the next timer is due (clock_mono), or -1. */
usec_t loop_next_due(const struct loop *l);
/*
 * For handles of libuv's, by sys/ alone. Ask again for each that is started:
 * only then is it watched from the next turn on. NULL if virtual.
 */
struct uv_loop_s *loop_uv(struct loop *l);
/* For everybody's sockets. NULL if virtual. */
struct pollset *loop_pollset(struct loop *l);

/* ---- timers: embedded, in a heap -------------------------------------- */

struct timer {
	usec_t due;
	size_t pos; /* in the heap, 1-based; 0: not set */
	void (*fn)(void *arg);
	void *arg;
};

/* (Re)arms t to call fn(arg) once, delay from now (>= 0). A zeroed t is fine.
 * ERR_NOMEM. */
MUST_CHECK enum err timer_set(struct loop *l, struct timer *t, usec_t delay,
    void (*fn)(void *arg), void *arg);
/* Allowed on a timer that is not set. */
void timer_stop(struct loop *l, struct timer *t);
static inline bool
timer_is_set(const struct timer *t)
{
	return t->pos != 0;
}

/* ---- deferred calls ------------------------------------------------------ */

/*
 * Once, at the end of this turn of the loop; or earlier in it, when descriptors
 * that go first were served (sys/pollset.h), and never from within a call.
 */
struct defer {
	struct defer *next;
	bool queued;
	void (*fn)(void *arg);
	void *arg;
};
/* Queuing a queued one again does nothing. */
void
loop_defer(struct loop *l, struct defer *d, void (*fn)(void *arg), void *arg);
/* Allowed on one that is not queued. */
void loop_defer_cancel(struct loop *l, struct defer *d);

/* ---- thread pool ------------------------------------------------------- */

/*
 * Runs work(arg) on the pool, then done(arg) on the loop. ERR_NOMEM: neither
 * will be called.
 */
MUST_CHECK enum err loop_work(struct loop *l, void (*work)(void *arg),
    void (*done)(void *arg), void *arg);

/*
 * Turns the loop until nothing that was handed to the pool is left. Blocks; for
 * whoever is about to free what jobs point to.
 */
void loop_finish_work(struct loop *l);

/* Longest single turn so far, for metrics (reliability 3.4 #19). */
usec_t loop_longest_turn(const struct loop *l);

#endif
