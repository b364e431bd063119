#ifndef JOBS_BATCH_H
#define JOBS_BATCH_H
/*
 * What goes to the database in one transaction: rows, their sums, audit events,
 * and how far each file has been taken. So a position is there exactly when
 * its rows are.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "jobs/rollup.h"
#include "jobs/source.h"
#include "meter/price.h"
#include "meter/spool_read.h"
#include "store/ledger.h"
#include "store/store.h"

#define JOBS_BATCH_ROWS 2048u
#define JOBS_BATCH_EVENTS 128u

/*
 * An audit event out of the spool, within a transaction. ERR_DENIED: it is
 * there already.
 */
typedef enum err (*jobs_audit_fn)(
    struct store *s, void *arg, struct str payload);

struct jobs_batch {
	struct str node;
	const struct meter_prices *prices; /* for lost ones; may be NULL */
	const struct conf *conf; /* as well: targets' own prices */
	jobs_audit_fn audit; /* NULL: events are left out */
	void *audit_arg;

	/* Texts are borrowed from the files. */
	struct store_ledger rows[JOBS_BATCH_ROWS];
	uint32_t n_rows;
	struct str events[JOBS_BATCH_EVENTS];
	uint32_t n_events;
	int64_t unbooked;
	usec_t oldest; /* of what it holds; 0: nothing */
	struct jobs_rollup rollup;

	/* of the last one that was written */
	uint32_t n_new, n_lost;
};

/* ERR_NOMEM. The caller sets node, prices and audit. */
MUST_CHECK enum err jobs_batch_init(struct jobs_batch *b);
void jobs_batch_fini(struct jobs_batch *b);
bool jobs_batch_is_full(const struct jobs_batch *b);
/*
 * Takes a record in; there is room. False: it is of a newer version than this
 * program, and has to wait for one that knows it.
 */
MUST_CHECK bool
jobs_batch_take(struct jobs_batch *b, const struct spool_seen *seen);
/*
 * Writes it, with the positions of the sources where they have moved, and
 * empties it. Rows that are there already are left out of the sums. On an error
 * nothing was written or, where the connection broke at the end, all of it:
 * then writing it again does no harm.
 */
MUST_CHECK enum err jobs_batch_write(struct jobs_batch *b, struct store *s,
    struct jobs_source *sources, uint32_t n_sources);
void jobs_batch_clear(struct jobs_batch *b);

/* In a build with fault points, LLMGW_FAULT="NAME:n" is a kill -9 here. */
void jobs_crash_point(const char *name);

#endif
