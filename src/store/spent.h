#ifndef STORE_SPENT_H
#define STORE_SPENT_H
/*
 * What has been used since a moment, from the sums of the ledger: for limits
 * that a host has no count of (a new host, lost shared memory). What spools
 * still hold is not among it.
 *
 * Whole days and hours (UTC) are read as sums, without callers where nobody
 * asks for them; the part of the first hour by minutes where those are kept,
 * else row by row.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/money.h"
#include "base/str.h"
#include "store/store.h"
#include "store/usage.h"

struct store_spent_ask {
	usec_t from;
	usec_t to; /* days (UTC) from here on are not wanted; 0: all */
	/* Sums by minute are there from here on; 0: all of them. */
	usec_t minutes_from;
	/* What is to be told apart (store/usage.h), but for time and model. */
	unsigned by;
	int64_t tenant_id, team_id, user_id, key_id; /* 0: any */
	/*
	 * key_id or user_id is given, and with it whose that is: the tenant and
	 * user (0: none) of all its rows, with key_id the team as well. A key's
	 * never change, nor a user's tenant. Then nobody else's rows are read.
	 */
	bool is_one;
	struct str client, alias, provider; /* absent: any */
};

/* Texts are borrowed for the call. What was not asked for is 0 or empty. */
struct store_spent {
	int64_t tenant_id, team_id, user_id, key_id; /* 0: none */
	/* as they are called now; empty: there is none */
	struct str tenant, team, user, key;
	struct str client, alias, provider;
	int64_t requests; /* calls to providers */
	int64_t prompt, completion;
	nanousd_t cost;
};

typedef enum err (*store_spent_fn)(void *arg, const struct store_spent *row);

/* Some rows for each; they add up. Errors as store_run. */
MUST_CHECK enum err store_spent_each(struct store *s,
    const struct store_spent_ask *ask, store_spent_fn fn, void *arg);

extern const struct store_sql store_spent_sql[];

#endif
