#ifndef STORE_LOGDAY_H
#define STORE_LOGDAY_H
/*
 * Tables that grow by the day and are cleared by the day. MariaDB has a
 * partition for each: to drop one takes no time, whatever is in it. SQLite
 * deletes rows. For llmgw-jobd: room for today and tomorrow, once an hour or
 * so, and what is older than it is kept. Days count from 1970 UTC.
 *
 * Not in a transaction. ERR_AGAIN: a long statement on the table is in the way
 * (try again later); others as store_run.
 */
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

enum store_log {
	STORE_LEDGER,
	STORE_AUDIT,
};

#define STORE_DAY (86400 * USEC_PER_SEC)

/*
 * Partitions up to this day, at most STORE_LOGDAY_STEP new ones in a call.
 * Rows need none to be accepted, but then go with the day that comes next.
 */
#define STORE_LOGDAY_STEP 40
MUST_CHECK enum err
store_logday_make(struct store *s, enum store_log log, int64_t day);
/*
 * Drops what is older than this day; *n: partitions, or rows of SQLite.
 * MariaDB refuses the last seven days of the audit (ERR_IO): the account that
 * runs this is the one that may not change the audit.
 */
MUST_CHECK enum err store_logday_drop(
    struct store *s, enum store_log log, int64_t before, uint64_t *n);

#endif
