#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H
/*
 * The ledger: one row for each call to a provider. Rows are added by
 * llmgw-jobd alone, with their sums (store/rollup.h) in the same transaction.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/money.h"
#include "base/str.h"
#include "store/store.h"

#define STORE_LEDGER_ID 16

struct store_ledger {
	unsigned char id[STORE_LEDGER_ID];
	usec_t began, ended; /* wall; ended 0: not known */
	uint32_t attempt;
	int64_t tenant_id, team_id, user_id, key_id; /* 0: none */
	int status; /* 0: none came */
	bool is_estimated;
	/* -1: not known */
	int64_t prompt, completion, cached, cache_write, cache_write_1h;
	int64_t reasoning, audio_in, audio_out, image_in, image_out;
	nanousd_t cost; /* -1: unpriced */
	int64_t price_version; /* where cost is known */
	const char *state; /* "ok" ... */
	struct str node, request_id, client, surface, alias, provider, model;
};

/* Days since 1970 UTC. */
static inline int64_t
store_ledger_day(usec_t began)
{
	return began / (86400 * USEC_PER_SEC);
}

/*
 * All rows, in as few round trips as can be. ERR_DENIED: one of them is there
 * already; what became of the others is not known: roll back. In a transaction
 * of the caller's.
 */
MUST_CHECK enum err
store_ledger_add(struct store *s, const struct store_ledger *rows, uint32_t n);
/* One row. *is_new: it was not there. */
MUST_CHECK enum err store_ledger_add_new(
    struct store *s, const struct store_ledger *row, bool *is_new);

extern const struct store_sql store_ledger_sql[];

#endif
