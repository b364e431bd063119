#ifndef SYS_SLICE_H
#define SYS_SLICE_H
/*
 * How soon the scheduler gives a process its turn. One that asks for short
 * slices goes before those that are in the middle of a long one, and gets no
 * more of the processor than before: right for a process that has little to do
 * at a time, and that others wait for. Linux 6.12 and later (sched(7), EEVDF);
 * elsewhere nothing changes.
 *
 * THREADS: of the calling one, and of those that it makes later.
 */
#include "base/clock.h"

/* Of a process that passes streams on. The kernel's own is 1 to 3 ms. */
#define SLICE_SHORT ((usec_t)400)

/* Only a wish: a kernel or sandbox that refuses it is no reason to stop. */
void slice_ask(usec_t slice);

#endif
