#ifndef METER_TALLY_H
#define METER_TALLY_H
/*
 * Bounds how many events of one sort from one place a worker writes: guessing
 * keys must not fill the disk, nor hide what else happens. In a window of a
 * minute the first `max` of a sort (action, result, address) pass, and of all
 * sorts together METER_TALLY_ALL times as many; the rest is counted and told in
 * one event for each sort when the window is over. Sorts beyond
 * METER_TALLY_ROWS are counted together.
 *
 * For the loop's thread. Times are clock_mono.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/str.h"

#define METER_TALLY_WINDOW (60 * USEC_PER_SEC)
#define METER_TALLY_ROWS 512u
#define METER_TALLY_ALL 20u

struct meter_tally;

struct meter_tally_row {
	char action[32], result[48], address[48]; /* cut to their room */
	uint64_t count; /* that were not written */
	bool is_others; /* of many sorts: action is all that is known */
};

/* NULL: no memory. */
struct meter_tally *meter_tally_new(void);
/* NULL is allowed. */
void meter_tally_free(struct meter_tally *t);

/*
 * May it be written? False: it is counted, and meter_tally_take will tell. The
 * window must not be over (meter_tally_due).
 */
bool meter_tally_add(struct meter_tally *t, struct str action,
    struct str result, struct str address, uint32_t max, usec_t now);
/* When the window is over; 0: there is none open. */
usec_t meter_tally_due(const struct meter_tally *t);
/* One sort of which some were not written; then the window is closed. */
bool meter_tally_take(struct meter_tally *t, struct meter_tally_row *out);

#endif
