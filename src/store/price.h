#ifndef STORE_PRICE_H
#define STORE_PRICE_H
/*
 * Price lists. A version is a set of rows from one source and never changes, so
 * a row of the ledger that names it says for ever what priced it. Of a model
 * (provider and name) the newest version that has it counts, whole: rows of
 * older ones do not shine through.
 *
 * Sources: "hand" rows come before imported ones (base/price.h: is_hand);
 * "unset" takes a hand's row away again. All others are imports.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/price.h"
#include "store/store.h"

#define STORE_PRICE_HAND "hand"
#define STORE_PRICE_UNSET "unset"
#define STORE_PRICES_MAX 200000u /* rows in force, and of one version */

struct store_price_version {
	int64_t id;
	struct str source;
	struct str note;
	struct str digest;
	usec_t created;
	int64_t n_rows;
};

/*
 * Stores rows as a new version; they are sorted in place. When the newest
 * version of their sort (hand or import) has the same rows, nothing is stored
 * and *id is that version's, *is_new false. Rows are good (price_row_wrong) and
 * differ in their place.
 *
 * Inside the caller's transaction, which also notes the act (store/act.h; change
 * sort "price", the version's id). ERR_RANGE: no rows, too many, or a row that
 * is no good or there twice. Others as store_run.
 */
MUST_CHECK enum err
store_price_add(struct store *s, const char *source, struct str note,
    struct price_row *rows, size_t n, int64_t *id, bool *is_new);

/*
 * Rows in force, ordered by price_row_cmp (hand before imported): what
 * meter_prices_of takes. upto: as of this version; 0: now. Empty rows say
 * "unpriced" and are among them. ERR_LIMIT: more than STORE_PRICES_MAX.
 */
MUST_CHECK enum err store_price_rows(struct store *s, int64_t upto,
    struct arena *a, struct price_row **rows, size_t *n);

/* The newest max (1..10000) versions, newest first. */
MUST_CHECK enum err store_price_versions(struct store *s, uint32_t max,
    struct arena *a, struct store_price_version **out, size_t *n);
/* The newest version's number; 0: there is none. */
MUST_CHECK enum err store_price_newest(struct store *s, int64_t *id);

extern const struct store_sql store_price_sql[];

#endif
