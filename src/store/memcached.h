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
 *
 * A counter tells which one it is. Its word, from the top: a bit that is 0; one
 * that tells that it is being rebuilt; 8 bits that whoever makes it has drawn,
 * its generation; 54 bits of what is counted, from 2^53 on, so that what is
 * given back before it was added borrows nothing. A counter that was flushed or
 * evicted and made again has another generation: whose part is not in it adds
 * that. Who makes it and knew another one makes it as being rebuilt; it is so
 * until somebody says make_ready.
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
	 * its own. A group is refused, without is_full, by a counter that is
	 * being rebuilt (unless it takes_unready) or of another generation than
	 * the one that was known.
	 */
	uint32_t group;
	int64_t add; /* negative: give back */
	int64_t max; /* what it may come to; INT64_MAX: anything */
	/*
	 * First of all it becomes no less than that; 0: as it is. Not while it
	 * is being rebuilt.
	 */
	int64_t least;
	uint32_t was; /* the generation that was known; 0: none */
	uint32_t next; /* 1 .. 255, not `was`: if it is made now */
	bool make_ready; /* first of all, if it is the generation `was` */
	bool takes_unready; /* not refused because it is being rebuilt */
	int64_t expires; /* seconds since 1970 */
	/* out: ERR_OK; ERR_DENIED: it or its group is refused; else not done */
	enum err err;
	bool is_full; /* ERR_DENIED: this one refuses */
	int64_t value; /* ERR_OK: after it */
	bool is_new; /* nobody had it */
	uint32_t generation; /* 1 .. 255; 0: there is none */
	bool is_rebuilding;
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
