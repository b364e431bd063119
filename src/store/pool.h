#ifndef STORE_POOL_H
#define STORE_POOL_H
/*
 * Connections for the threads of a worker. Made after fork. Any thread may
 * take one for the length of a job and gives it back; they are opened when
 * first needed, kept, and opened again after they were lost.
 *
 * A database that is away costs one time-out: after a connection that was not
 * made, or was lost, store_pool_take is ERR_CLOSED at once until
 * STORE_POOL_RETRY has passed, then one caller tries while the others are
 * still refused. Works from any thread.
 *
 * A database that holds its connections and answers nobody costs that time-out
 * once a host, where the pools share memory (store_pool_share): who has waited
 * in vain for STORE_POOL_HELD tells the others, whose store_pool_take is
 * ERR_CLOSED at once; then one of all tries.
 */
#include <stdbool.h>

#include "base/clock.h"
#include "store/store.h"

#define STORE_POOL_RETRY USEC_PER_SEC
#define STORE_POOL_HELD USEC_PER_SEC
#define STORE_POOL_MAX 64u

struct store_pool;

/*
 * max: connections, 1..STORE_POOL_MAX. NULL: no memory. url is copied, options
 * (NULL: defaults) as well.
 */
struct store_pool *store_pool_new(
    struct str url, const struct store_options *options, unsigned max);
/* All connections are given back. NULL is allowed. */
void store_pool_free(struct store_pool *p);
/*
 * Blocks while it connects, and while all connections are taken: ERR_TIMEOUT
 * after the time-out of the options. ERR_CLOSED, ERR_UNSUPPORTED ... as
 * store_open; why may be NULL.
 */
MUST_CHECK enum err store_pool_take(
    struct store_pool *p, struct store **out, char why[STORE_WHY_SIZE]);
/*
 * The outcome of the last call on s tells the pool whether to keep it:
 * ERR_CLOSED is a lost one. A transaction that is still open is rolled back.
 */
void store_pool_give(struct store_pool *p, struct store *s, enum err outcome);
/*
 * The replica of this host (store/replica.h), for when store_pool_take fails.
 * path is copied; "" or never called: there is none. Before the first take.
 * ERR_NOMEM.
 */
MUST_CHECK enum err store_pool_replica(struct store_pool *p, const char *path);
/*
 * Opens it; the caller closes it with store_close. Reading only. ERR_NOT_FOUND:
 * there is none. Others as store_open. Blocks for a file, not for the network.
 */
MUST_CHECK enum err
store_pool_take_replica(struct store_pool *p, struct store **out);
struct shm;
/* With the pools of other workers. Borrowed; before the first take. */
void store_pool_share(struct store_pool *p, struct shm *shm);
/* Does it answer, as far as is known? False: the last try failed. */
bool store_pool_is_up(struct store_pool *p);

#endif
