#include "jobs/retention.h"

#include "store/ledger.h"
#include "store/logday.h"
#include "store/rollup.h"

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
	return e;
}
