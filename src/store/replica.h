#ifndef STORE_REPLICA_H
#define STORE_REPLICA_H
/*
 * The replica: a copy of what decides about requests (people, keys, grants,
 * limits, prices, sealed keys of providers) in a SQLite file of this host.
 * llmgw-jobd keeps it, at most about a second behind the change log. A worker
 * that starts while the database is away, or meets a key that it has not seen
 * yet, asks here: known is what is known on the host.
 *
 * It has the schema of a store, so all that reads a store reads it. Hashes and
 * sealed bytes are copied as they are: who has the file has no more than who
 * may read those tables.
 */
#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

/*
 * For who keeps it: the file is made when it is not there, and anew when it is
 * of another release. ERR_IO ...; why tells.
 */
MUST_CHECK enum err store_replica_open(
    const char *path, struct store **out, char why[STORE_WHY_SIZE]);

/*
 * Brings `to` up to what `from` has now (wall: clock_wall). One key or user
 * that changed is copied alone, anything else all in all: about 6 us a row. When
 * nothing has changed only the time is noted, every STORE_REPLICA_NOTE.
 *
 * *is_to: the failure is of `to`. Otherwise as store_run on `from`.
 */
#define STORE_REPLICA_NOTE (5 * USEC_PER_SEC)
MUST_CHECK enum err store_replica_update(
    struct store *from, struct store *to, usec_t wall, bool *is_to);

/* When it was known to be right; 0: never. For readers, too. */
MUST_CHECK enum err store_replica_confirmed(struct store *s, usec_t *wall);

extern const struct store_sql store_replica_sql[];

#endif
