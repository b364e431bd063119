#ifndef STORE_MEMCACHED_H
#define STORE_MEMCACHED_H
/*
 * Counters that several hosts share, in memcached. Every call blocks: on the
 * thread pool only. One object belongs to one thread at a time.
 *
 * All commands of many requests go in one call, over one connection per server,
 * with one deadline. The first failure ends the call: what is left is not tried,
 * so that a server that is away costs one deadline. The connection is dropped
 * then and made anew by the next call; when to try again is the caller's
 * business (gate/remote.h has the breaker).
 *
 * Binary protocol, since only there "increment, or create with" is one command.
 * Several servers share the counters by ketama; one that is away is not
 * replaced by another, whose counters would begin at nothing.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

struct store_memcached;

#define STORE_COUNT_KEY_MAX 64u

/* One counter of one request. */
struct store_count {
	char key[STORE_COUNT_KEY_MAX]; /* no blanks, no control characters */
	uint32_t key_n;
	/*
	 * Those of one group stand together and are taken all or none. 0: on
	 * its own.
	 */
	uint32_t group;
	int64_t add; /* negative: give back; never below 0 */
	int64_t max; /* what it may come to; INT64_MAX: anything */
	int64_t seed; /* what it is, without add, when nobody has it */
	int64_t
	    least; /* first of all it becomes no less than that; 0: as it is */
	int64_t expires; /* seconds since 1970 */
	/* out: ERR_OK; ERR_DENIED: it or its group is refused; else not done */
	enum err err;
	bool is_full; /* ERR_DENIED: this one refuses */
	int64_t value; /* ERR_OK: after it */
	bool is_new; /* nobody had it */
	/* Of a call that failed, and of what it refused: is it counted? */
	enum store_counted {
		STORE_COUNTED_NO,
		STORE_COUNTED_UNSURE, /* the command that failed */
		STORE_COUNTED_YES
	} counted;
};

/*
 * servers: "unix:/PATH", "HOST:PORT" (checked by conf); copied. timeout: for
 * connecting, and for each call. NULL: no memory. Nothing is connected yet.
 */
struct store_memcached *
store_memcached_new(const struct str *servers, uint32_t n, usec_t timeout);
/* NULL is allowed. */
void store_memcached_free(struct store_memcached *m);
/*
 * Decides them in order, after `least`; each counter is asked once, for all that want it, and
 * what was refused is undone in one more command. ERR_OK: all were done or
 * refused. ERR_TIMEOUT, ERR_CLOSED, ERR_NOMEM: some were not asked, or what was
 * refused is not undone: `counted` tells of each what memcached has.
 */
MUST_CHECK enum err store_memcached_count(
    struct store_memcached *m, struct store_count *counts, uint32_t n);
/* Do all servers answer? */
MUST_CHECK enum err store_memcached_probe(struct store_memcached *m);

#endif
