#ifndef SYS_TIMER_H
#define SYS_TIMER_H
/*
 * The heap of timers inside a loop; for sys/ only. Order: by time, then by the
 * order in which they were set, so that virtual time is repeatable.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "sys/loop.h"

#define TIMER_HEAP_MAX ((size_t)1 << 20)

struct timer_entry {
	usec_t due;
	uint64_t seq;
	struct timer *timer;
};

struct timer_heap {
	struct timer_entry *v; /* v[0] is not used: positions start at 1 */
	size_t n, cap;
	uint64_t seq;
};

void timer_heap_fini(struct timer_heap *h);
/* Adds t, or moves it when it is there. Its fn and arg are the caller's. */
MUST_CHECK enum err
timer_heap_put(struct timer_heap *h, struct timer *t, usec_t due);
/* t must be in the heap. */
void timer_heap_remove(struct timer_heap *h, struct timer *t);

/* NULL when empty. */
static inline const struct timer_entry *
timer_heap_top(const struct timer_heap *h)
{
	return h->n ? &h->v[1] : NULL;
}

#endif
