#ifndef STORE_ROLLUP_H
#define STORE_ROLLUP_H
/*
 * Sums of the ledger by minute, hour and day (UTC), for each tenant, team,
 * user, key, client, alias, provider and model. They are added to in the
 * transaction that adds the rows, so they are always the sums of the rows.
 * Folds (store/fold.h) are sums of several days.
 */
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/money.h"
#include "base/str.h"
#include "store/store.h"

enum store_span {
	STORE_MINUTE,
	STORE_HOUR,
	STORE_DAY_SPAN,
	/*
	 * Days again, without user, key and client: few rows, so that reports
	 * by model or team need not read those of every key.
	 */
	STORE_DAY_MODEL,
	STORE_HOUR_MODEL, /* hours, the same way */
	STORE_SPAN__MAX
};

struct store_rollup {
	enum store_span span;
	usec_t start;
	int64_t tenant_id, team_id, user_id, key_id; /* 0: none */
	struct str client, alias, provider, model;
	/* what is added */
	int64_t requests, failed, lost, estimated, unpriced;
	int64_t prompt, completion, cached, reasoning;
	nanousd_t cost;
};

/* "minute", "hour", "day", "daymodel", "hourmodel" */
const char *store_span_word(enum store_span span);
/* False: its rows have no user, key and client. */
bool store_span_has_callers(enum store_span span);
/* The begin of the span that t is in. */
usec_t store_span_start(enum store_span span, usec_t t);

/* Adds to rows that are there, makes the others. In a transaction. */
MUST_CHECK enum err
store_rollup_add(struct store *s, const struct store_rollup *rows, uint32_t n);
/*
 * Deletes the oldest rows of a span that began before `before`, at most those
 * of an hour; *more: there may be others. A transaction of its own.
 */
MUST_CHECK enum err store_rollup_prune(
    struct store *s, enum store_span span, usec_t before, bool *more);

extern const struct store_sql store_rollup_sql[];

#endif
