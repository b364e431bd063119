#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
/*
 * The only clock of the program. Everything else asks here (lint), so that the
 * scenario runner can own time.
 */
#include <stdint.h>

typedef int64_t usec_t; /* microseconds */

#define USEC_PER_MSEC ((usec_t)1000)
#define USEC_PER_SEC ((usec_t)1000000)

/* Monotonic: for durations, deadlines, timers. */
usec_t clock_mono(void);
/* Since 1970-01-01 UTC: for logs and for what goes over the wire. */
usec_t clock_wall(void);

/* Text of a wall time, UTC: "2026-11-21T10:44:25.123456Z" (27 + NUL). */
#define CLOCK_ISO_SIZE 28
void clock_iso(usec_t wall, char out[CLOCK_ISO_SIZE]);

/*
 * Tests only: both clocks stand still at the given values until set again;
 * clock_real() gives them back to the system.
 */
void clock_set(usec_t mono, usec_t wall);
void clock_real(void);

#endif
