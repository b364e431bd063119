#ifndef METER_PRICE_H
#define METER_PRICE_H
/*
 * What a call costs. A set of prices is immutable and counted, and holds all
 * lists of the installation. For a call the first row counts that is found in
 *
 *	1. the configuration's own rows (prices: and a target's price:)
 *	2. the database's rows that were set by hand
 *	3. the database's imported rows, a model's newest version
 *	4. the catalogue of the package
 *
 * and within each list: the model as it is named, then the '*' pattern with
 * the most literal characters; at each of the two the provider as it is named
 * before "*". A model with a date in its name ("gpt-4o-2024-08-06") has a row
 * or a pattern of its own: nothing is cut off a name.
 *
 * Of a row's tiers the one with the largest `above` that the prompt exceeds
 * prices the whole request; what it does not say, the tier below it does; then
 * parents count (base/price.h). For batch processing, rows of their own, or
 * the others where there are none.
 *
 * The tokens of a call fall into disjoint parts: of the prompt, cached first,
 * then written, audio, images, the rest input; of the answer reasoning, audio,
 * images, the rest output. A part is never more than what is left of its whole.
 *
 * UNPRICED IS NOT FREE. No row, tokens of a part that has no price, no usage
 * told, a sum beyond nanousd_t: the functions answer false.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/msg.h"
#include "base/money.h"
#include "base/price.h"
#include "conf/conf.h"

struct meter_prices;

enum meter_price_list {
	METER_PRICE_OWN,
	METER_PRICE_HAND,
	METER_PRICE_IMPORTED,
	METER_PRICE_CATALOGUE,
	METER_PRICE_LIST__MAX
};

/*
 * What priced a call, for the ledger: a price_version of the database (> 0), 0:
 * the configuration, below 0: the catalogue of that day, -20261121.
 */
#define METER_PRICE_VERSION_OWN INT64_C(0)

#define METER_PRICES_MAX 200000u /* rows over all lists */

struct meter_price_source {
	const struct price_row *rows; /* borrowed for the call */
	size_t n;
	/* IMPORTED: rows with is_hand go to HAND. */
	enum meter_price_list list;
	/* for rows whose own is 0 */
	int64_t version;
};

/*
 * Of rows of one list for one place (price_row_cmp 0) that of the highest
 * version counts. Rows that are no good (price_row_wrong) are left out. On
 * ERR_OK *out is to be freed. ERR_LIMIT: more than METER_PRICES_MAX;
 * ERR_NOMEM.
 */
MUST_CHECK enum err meter_prices_new(const struct meter_price_source *sources,
    size_t n, struct meter_prices **out);
/*
 * All lists of an installation: the configuration's own rows, stored (those of
 * the database; may be NULL with n 0), the catalogue that was loaded with it.
 */
MUST_CHECK enum err meter_prices_of(const struct conf *c,
    const struct price_row *stored, size_t n, struct meter_prices **out);
/* NULL is allowed. */
void meter_prices_free(struct meter_prices *p);
size_t meter_prices_count(const struct meter_prices *p);

struct meter_price_ask {
	struct str provider; /* vendor or kind: conf_provider's price_as */
	struct str model;
	/* Where that has no row, priced as this model; may be absent. */
	struct str family;
	bool is_batch;
	const struct price_row *own; /* a target's price:; may be NULL */
};

/* One row, with what it does not say filled in from its tiers and parents. */
struct meter_price {
	struct price_row row; /* spans live as long as the set */
	enum meter_price_list list;
	int64_t version;
};
/* False: there is none. p may be NULL. */
bool meter_price_find(const struct meter_prices *p,
    const struct meter_price_ask *ask, int64_t prompt_tokens,
    struct meter_price *out);

/*
 * No call costs more, whatever its provider tells of it: ten thousand dollars.
 * So many such calls as could ever be are a sum of 64 bits, nearly a million.
 */
#define METER_COST_MAX (10000 * NANOUSD_PER_USD)
/*
 * The cost of a call by its usage, at most METER_COST_MAX. False: unpriced (or
 * a number that is none), nothing is written.
 * version may be NULL; p may be NULL.
 */
MUST_CHECK bool meter_price_cost_of(const struct meter_prices *p,
    const struct meter_price_ask *ask, const struct msg_usage *usage,
    nanousd_t *cost, int64_t *version);
MUST_CHECK bool meter_price_cost(const struct meter_prices *p,
    struct str provider_kind, struct str model, const struct msg_usage *usage,
    nanousd_t *cost, int64_t *version);
/* By a target of the configuration: its price:, its family. */
MUST_CHECK bool meter_price_target_cost(const struct meter_prices *p,
    const struct conf_target *target, const struct msg_usage *usage,
    nanousd_t *cost, int64_t *version);
/*
 * The target of a provider's name and model, the first of several; NULL: the
 * configuration has none (any more). c may be NULL.
 */
const struct conf_target *meter_price_target_find(
    const struct conf *c, struct str provider, struct str model);
/*
 * Of a call as it was booked: by its target, or where there is none by price_as
 * and model.
 */
MUST_CHECK bool
meter_price_booked_cost(const struct meter_prices *p, const struct conf *c,
    struct str provider, struct str price_as, struct str model,
    const struct msg_usage *usage, nanousd_t *cost, int64_t *version);
/* What so many tokens would cost, all of them plain input and output. */
MUST_CHECK bool meter_price_estimate(const struct meter_prices *p,
    const struct conf_target *target, int64_t prompt, int64_t completion,
    nanousd_t *cost);

#endif
