#ifndef METER_RECOMPUTE_H
#define METER_RECOMPUTE_H
/*
 * What rows of the ledger cost by other prices than those that priced them. The
 * same rules as when they were booked (flow/ledger.c): a call that was not sent,
 * or failed without tokens, costs nothing; the rest goes by its tokens.
 *
 * A row's provider is a name of the configuration. One that is not there any
 * more is looked up in the price lists as if it were a vendor's name.
 */
#include "base/arena.h"
#include "conf/conf.h"
#include "meter/price.h"
#include "store/ledger.h"

/* Of one provider's model. */
struct meter_recompute_sum {
	struct str provider, model;
	int64_t rows, changed;
	/* over the changed rows */
	nanousd_t before, after;
	int64_t unpriced_before, unpriced_after;
};

#define METER_RECOMPUTE_MODELS_MAX 100000u

struct meter_recompute;

/* Both are borrowed and outlive it. NULL: no memory. */
struct meter_recompute *
meter_recompute_new(const struct conf *c, const struct meter_prices *prices);
void meter_recompute_free(struct meter_recompute *r);

/*
 * One row: is it another price, or another version of the same? *cost -1:
 * unpriced. ERR_LIMIT: too many models; ERR_NOMEM.
 */
MUST_CHECK enum err
meter_recompute_row(struct meter_recompute *r, const struct store_ledger *row,
    bool *is_changed, nanousd_t *cost, int64_t *version);

/* What came of all rows so far, in the order in which models came. */
uint32_t meter_recompute_count(const struct meter_recompute *r);
const struct meter_recompute_sum *
meter_recompute_sum(const struct meter_recompute *r, uint32_t i);

#endif
