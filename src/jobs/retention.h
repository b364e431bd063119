#ifndef JOBS_RETENTION_H
#define JOBS_RETENTION_H
/*
 * What gets too old goes, and there is room for what comes: by day for the
 * ledger's rows (a partition is dropped, or rows are deleted some at a time),
 * by minute for the sums. Sums by hour and day stay. Of the change log, which
 * is for who has read a moment ago, a week is kept: who has not read for longer
 * reads all anew.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

#define JOBS_KEEP_CHANGES (7 * 24 * 3600 * USEC_PER_SEC)

struct jobs_retention {
	usec_t keep; /* of rows; 0: for ever */
	usec_t keep_minutes; /* of sums by minute; 0: for ever */
};

/*
 * One piece of the work, in short transactions. *more: there is another piece.
 * *n: rows of the ledger or partitions that went.
 */
MUST_CHECK enum err jobs_retention_run(struct store *s,
    const struct jobs_retention *r, usec_t now, bool *more, uint64_t *n);

#endif
