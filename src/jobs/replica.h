#ifndef JOBS_REPLICA_H
#define JOBS_REPLICA_H
/*
 * Keeps the replica of this host (store/replica.h), a look a second. Where the
 * store is a file of this host itself, there is none.
 */
#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

#define JOBS_REPLICA_EVERY USEC_PER_SEC
/* After a failure of the file. */
#define JOBS_REPLICA_PAUSE (10 * USEC_PER_SEC)

struct jobs_replica {
	char path[1024]; /* STATE_DIR/replica.db; "": none is kept */
	struct store *to; /* NULL: not open */
	usec_t next; /* mono */
	char why[STORE_WHY_SIZE]; /* of the file's last failure; "": none */
};

/*
 * Once a round. A failure of the file is in r->why and no failure here; the
 * result is the store's, as of store_run.
 */
MUST_CHECK enum err
jobs_replica_run(struct jobs_replica *r, struct store *from);
void jobs_replica_end(struct jobs_replica *r);

#endif
