#include "jobs/retention.h"

#include "store/change.h"
#include "store/ledger.h"
#include "store/logday.h"
#include "store/rollup.h"

/* So many go in one statement, which writers wait for. */
#define CHANGES_MAX 1000u

static enum err
drop_changes(struct store *s, usec_t now, bool *more)
{
	uint64_t n = 0;
	enum err e =
	    store_change_prune(s, now - JOBS_KEEP_CHANGES, CHANGES_MAX, &n);

	if (e == ERR_OK && n == CHANGES_MAX)
		*more = true;
	return e;
}

enum err
jobs_retention_run(struct store *s, const struct jobs_retention *r, usec_t now,
    bool *more, uint64_t *n)
{
	enum err e =
	    store_logday_make(s, STORE_LEDGER, store_ledger_day(now) + 1);

	*more = false;
	*n = 0;
	if (e == ERR_OK && r->keep > 0)
		e = store_logday_drop(
		    s, STORE_LEDGER, store_ledger_day(now - r->keep), n);
	if (e == ERR_OK && r->keep_minutes > 0)
		e = store_rollup_prune(
		    s, STORE_MINUTE, now - r->keep_minutes, more);
	if (e == ERR_OK && *n > 0)
		*more = true;
	if (e == ERR_OK)
		e = drop_changes(s, now, more);
	return e;
}
