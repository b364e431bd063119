#ifndef STORE_USAGE_H
#define STORE_USAGE_H
/*
 * Reports: sums of the ledger's sums (store/rollup.h), by whatever is asked
 * for. The database groups: over the rows of the span and time, or over those
 * of folds (store/fold.h) where callers are asked for and no time.
 */
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/money.h"
#include "base/str.h"
#include "store/rollup.h"
#include "store/store.h"

/* Bits of `by`. */
enum store_usage_by {
	STORE_BY_TIME = 1, /* each minute, hour or day: the span */
	STORE_BY_TENANT = 2,
	STORE_BY_TEAM = 4,
	STORE_BY_USER = 8,
	STORE_BY_KEY = 16, /* key and client's name */
	STORE_BY_ALIAS = 32,
	STORE_BY_PROVIDER = 64,
	STORE_BY_MODEL = 128,
};

#define STORE_USAGE_MAX 1000000u /* rows of a report */

struct store_usage_ask {
	unsigned by;
	enum store_span span;
	usec_t from, to; /* to: not itself; both begin a span */
	int64_t tenant_id; /* 0: all */
	struct str provider, alias, model; /* absent: all */
	uint32_t max; /* rows, 1 .. STORE_USAGE_MAX */
};

/* What was not asked for is 0 or empty. */
struct store_usage {
	usec_t start;
	int64_t tenant_id, team_id, user_id, key_id;
	/* as they are called now; empty: it was deleted, or there was none */
	struct str tenant, team, user, key;
	struct str client, alias, provider, model;
	int64_t requests, failed, lost, estimated, unpriced;
	int64_t prompt, completion, cached, reasoning;
	nanousd_t cost;
};

/* The row is borrowed for the call, in which the store must not be used. */
typedef enum err (*store_usage_fn)(void *arg, const struct store_usage *row);

/* By time, then what cost most first. */
MUST_CHECK enum err store_usage_each(struct store *s,
    const struct store_usage_ask *ask, store_usage_fn fn, void *arg);

extern const struct store_sql store_usage_sql[];

#endif
