#ifndef STORE_CHANGE_H
#define STORE_CHANGE_H
/*
 * The change log: what workers that keep copies ask every second. Numbers grow
 * in the order of commits: whoever adds a row has added to the audit in the
 * same transaction before (store/act.h does both), and that lock makes writers
 * stand in line. So a reader that has seen n never misses a smaller one.
 */
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

/* sort: tenant team user key grant limit secret price */
MUST_CHECK enum err
store_change_add(struct store *s, const char *sort, int64_t object_id);

/* The newest number; 0: there was none yet. */
MUST_CHECK enum err store_change_last(struct store *s, int64_t *seq);

/* The sort is borrowed for the call, in which the store must not be used. */
typedef enum err (*store_change_fn)(
    void *arg, int64_t seq, struct str sort, int64_t object_id);

/*
 * What is newer than `after`, oldest first, at most max rows (1..10000).
 * *gap: rows between `after` and the first one may have been pruned, or the
 * database is another than it was (its newest number is smaller): the reader
 * takes store_change_last and reads everything anew.
 */
MUST_CHECK enum err store_change_each(struct store *s, int64_t after,
    uint32_t max, bool *gap, store_change_fn fn, void *arg);

/*
 * Takes away what is older than `before` (wall), but never the newest row:
 * it keeps the count. At most max rows at a time; *n: how many.
 */
MUST_CHECK enum err
store_change_prune(struct store *s, usec_t before, uint32_t max, uint64_t *n);

extern const struct store_sql store_change_sql[];

#endif
