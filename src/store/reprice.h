#ifndef STORE_REPRICE_H
#define STORE_REPRICE_H
/*
 * The ledger's rows again, for another price: read by the day, and cost and
 * price version written anew together with the sums that they are part of.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/money.h"
#include "store/ledger.h"
#include "store/store.h"

/* row: as it is; borrowed for the call, in which the store must not be used. */
typedef enum err (*store_reprice_fn)(void *arg, const struct store_ledger *row);

/*
 * Finished rows of the day (from 1970 UTC) whose id is above `after` (NULL: all
 * of it), by id, at most max.
 */
MUST_CHECK enum err store_reprice_each(struct store *s, int64_t day,
    const unsigned char after[STORE_LEDGER_ID], uint32_t max,
    store_reprice_fn fn, void *arg);

/* A row that costs something else now; -1: unpriced. */
struct store_reprice {
	const struct store_ledger *row; /* as it was read */
	nanousd_t cost;
	int64_t version; /* where cost is known */
};

/*
 * Writes them, and the differences into those sums that are still there (old
 * minutes are not kept). Inside the caller's transaction.
 */
MUST_CHECK enum err store_reprice_write(
    struct store *s, const struct store_reprice *rows, uint32_t n);

extern const struct store_sql store_reprice_sql[];

#endif
