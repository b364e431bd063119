#ifndef JOBS_DRAIN_H
#define JOBS_DRAIN_H
/*
 * From the spool (meter/spool.h) to the database, each record once.
 *
 * A pass reads what is new in all segments, whether they are being written or
 * not, and writes it in batches: rows, sums and positions in one transaction. A
 * segment is deleted when all of it is in the database and nobody writes it.
 * When a writer is dead (its table can be locked) its segments are read to
 * the end, then its table: settles that waited there, and begins without an end,
 * which are booked as lost; then its files are deleted, the table last.
 *
 * A record that this version does not know stays where it is, with what comes
 * behind it in its file, until a newer one runs.
 *
 * It may be killed at any point. Before a commit nothing has happened; after it
 * the positions tell what need not be read again; and where a position was lost
 * with a deleted row, or a table is read twice, a row that is there (by its id)
 * is not added to the sums again.
 *
 * One at a time: flock on a file of the folder, for programs of this host; and
 * the lock of the store by the node's name, taken by the caller.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "jobs/batch.h"
#include "meter/price.h"
#include "store/store.h"

struct jobs_drain;

struct jobs_drain_options {
	const char *folder;
	const char *node; /* of rows; any text up to 128 bytes */
	const struct meter_prices *prices; /* may be NULL; borrowed */
	jobs_audit_fn audit; /* NULL: segments with events are stuck */
	void *audit_arg;
};

/* Sums since the start but for the last four. */
struct jobs_drain_report {
	uint64_t rows;
	uint64_t lost; /* of rows */
	uint64_t unbooked; /* as marks told */
	uint64_t damaged; /* bytes */
	uint64_t deleted; /* files */
	usec_t oldest; /* wall: of what is not in the database; 0: all is */
	uint64_t bytes; /* of the folder */
	/* files that wait for a newer llmgw-jobd: a newer worker wrote them */
	uint64_t stuck;
	bool is_behind; /* the pass has stopped before the end: another, now */
};

/* ERR_DENIED: another program drains this folder. ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err jobs_drain_new(
    const struct jobs_drain_options *options, struct jobs_drain **out);
void jobs_drain_free(struct jobs_drain *d);
/* Others from now on. Both are borrowed and may be NULL. */
void jobs_drain_prices(struct jobs_drain *d, const struct meter_prices *prices,
    const struct conf *conf);
/*
 * One pass. store NULL: only looks how much waits. An error of the store: what
 * was not written waits, and the positions are read again next time.
 */
MUST_CHECK enum err jobs_drain_pass(struct jobs_drain *d, struct store *store,
    struct jobs_drain_report *report);
/* The name of the store's lock for a node: [a-z0-9_]. */
void jobs_drain_lock_name(const char *node, char *out, size_t size);

#endif
