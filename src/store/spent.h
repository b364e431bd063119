#ifndef STORE_SPENT_H
#define STORE_SPENT_H
/*
 * What has been used since a moment, from the sums of the ledger: for budgets
 * that a host has no count of (a new host, lost shared memory). What spools
 * still hold is not among it.
 */
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/money.h"
#include "base/str.h"
#include "store/store.h"

struct store_spent_ask {
	usec_t from; /* a full minute */
	int64_t tenant_id, team_id, user_id, key_id; /* 0: any */
	struct str client; /* absent: any */
};

/* Texts are borrowed for the call. */
struct store_spent {
	struct str client, alias;
	int64_t prompt, completion;
	nanousd_t cost;
};

typedef enum err (*store_spent_fn)(void *arg, const struct store_spent *row);

/* Some rows for each client and alias; they add up. Errors as store_run. */
MUST_CHECK enum err store_spent_each(struct store *s,
    const struct store_spent_ask *ask, store_spent_fn fn, void *arg);

extern const struct store_sql store_spent_sql[];

#endif
