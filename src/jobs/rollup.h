#ifndef JOBS_ROLLUP_H
#define JOBS_ROLLUP_H
/*
 * Rows of the ledger -> what they add to the sums (store/rollup.h): rows of one
 * minute, hour or day and of the same client, model ... become one, in an order
 * that is the same for all (two hosts that add to the same sums then wait for
 * one another, and do not deadlock).
 *
 * How a row counts: each is a request; failed are failed, cut and not_sent;
 * lost and estimated are what they say; unpriced has no cost. What is not
 * known adds nothing.
 */
#include <stdint.h>

#include "base/err.h"
#include "store/ledger.h"
#include "store/rollup.h"

struct jobs_rollup {
	struct store_rollup *rows; /* texts are borrowed from the ledger's */
	uint32_t n, max;
	/* Where in rows the alike are: by hash, 1 more than the index; 0: free */
	uint32_t *slots;
	uint32_t n_slots; /* a power of 2 above max */
	uint32_t last; /* of rows: what was added to */
};

/* For at most max_rows of the ledger. ERR_NOMEM. */
MUST_CHECK enum err jobs_rollup_init(struct jobs_rollup *r, uint32_t max_rows);
/* A zeroed one is allowed. */
void jobs_rollup_fini(struct jobs_rollup *r);
void jobs_rollup_clear(struct jobs_rollup *r);
/* Not after jobs_rollup_finish, but for jobs_rollup_clear. */
void jobs_rollup_add(struct jobs_rollup *r, const struct store_ledger *row);
/* Makes hours and days of the minutes, and sorts. After all are added. */
void jobs_rollup_finish(struct jobs_rollup *r);

#endif
