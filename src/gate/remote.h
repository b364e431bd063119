#ifndef GATE_REMOTE_H
#define GATE_REMOTE_H
/*
 * Limits over several hosts: what gate/limit.h has taken on this one is counted
 * in memcached too, where the others count. The host's table refuses first;
 * memcached adds the others.
 *
 * Where a limit is large and far, the host reserves some of it ahead
 * (gate/lease.h): a request that fits into that is admitted at once, and what
 * it took too much or too little is set right there, too. The others, and all
 * of a small or nearly used up limit, wait for memcached: all that the requests
 * of one turn of the loop have to count goes to the thread pool as one job;
 * while it is away the next gathers. What is set right afterwards
 * (gate_remote_settle) waits for nobody, and goes with the next request or some
 * milliseconds later; what is given back is there again on this host only when
 * memcached has it, so that the shared count is never above this host's own for
 * no reason.
 *
 * Never is one too many admitted, over all hosts, while memcached answers (what
 * it loses: below). One too few:
 *
 * - never on one host, while more is wanted: who is refused by memcached is
 *   admitted by what is spare, and tried again while another worker has
 *   something under way (for GATE_REMOTE_AGAIN);
 * - of several hosts that take the last of a limit at the same moment all may be
 *   refused, since a refusal counts until it is undone;
 * - what is spare on one host is refused by the others: gate/lease.h says how
 *   much that is, and for how long;
 * - what a killed worker had under way stays taken until the window ends.
 *
 * A counter that memcached has lost (flushed, evicted, begun anew) is rebuilt by
 * those who have counted in it, and nobody is admitted by it before it is whole:
 *
 * - the one that is made instead is another generation (store/memcached.h); a
 *   host that knew another adds its own part to it, once, whichever of its
 *   workers meets it first. A host that nobody asks meets it, too: each worker
 *   looks every GATE_REMOTE_LOOK at some of the counters that it has counted in
 *   and that nobody has asked since, and at all of them when one was lost or
 *   memcached is back;
 * - nothing is taken from a generation that this host's part is not in;
 * - made by a host that knew another, it is being rebuilt. Whoever wants of it
 *   waits until GATE_REMOTE_REBUILD after its worker has met it first, says that
 *   it is whole then, and takes its verdict; where nobody wants of it, a worker
 *   that looks at it says so. What is reserved on a host, and a part of its
 *   share already, is used meanwhile; nothing more is reserved;
 * - the host notes that counts were lost (shm_lost), and the ledger is asked
 *   for what hosts that are not there any more knew (gate_limit_unseeded);
 *   gate_remote_raise tells memcached when the counter is whole.
 *
 * So it is exact again for all hosts that live and reach memcached within
 * GATE_REMOTE_REBUILD. What it does not do:
 *
 * - wait where memcached was away, as far as this host knows, and is back with
 *   nothing: each host counted for itself then (unless the policy is closed:
 *   such a host waits), and does so, as far as the others have not added their
 *   parts, until GATE_REMOTE_REBUILD after that;
 * - wait for a host whose breaker finds out later that memcached is back: up to
 *   GATE_REMOTE_RETRY_MAX and a look after the first, when it was away for long.
 *   What that host has counted is added then;
 * - the part of a host that has ended, or of a worker that was killed while the
 *   part was under way, is what the ledger has of it (the request that finds the
 *   counter lost waits for that, too: gate_holds_fit), or lost;
 * - a host that has counted nothing of the window cannot tell a counter that
 *   was lost from one that nobody has had yet, and waits for nobody: what it
 *   admits until the others look counts beside theirs. It takes one of 255
 *   generations at random: as often it is the old one, and then the others'
 *   parts are not missed;
 * - a worker looks at GATE_REMOTE_MET_MAX counters, GATE_REMOTE_LOOK_AT of them
 *   at a time: of one of several servers that has lost its own it may learn
 *   later, and what a counter that rests beyond them has lost is added when it
 *   is asked for again;
 * - a worker that is stopped for longer adds its part when it goes on.
 *
 * Away: one job in vain, which takes GATE_REMOTE_TIMEOUT at most, opens a
 * breaker for all workers of the host; nothing waits then, and one probe at a
 * time, that no request waits for, finds out when it is back. Meanwhile the
 * policy counts (limits_when_away), and what memcached is certain to have too
 * much is kept in mind by the worker, to be given back when it answers again.
 * Not the one command that failed: nobody knows whether it was done, so it
 * counts until the window ends.
 *
 * Requests at the same time are counted per host, and so are the limits of
 * providers: they are asked when a target is chosen, where nothing waits.
 */
#include <stdbool.h>
#include <stdint.h>

#include "gate/limit.h"
#include "sys/loop.h"

#define GATE_REMOTE_TIMEOUT (50 * USEC_PER_MSEC)
/* The breaker: first, doubling, at most. */
#define GATE_REMOTE_RETRY (500 * USEC_PER_MSEC)
#define GATE_REMOTE_RETRY_MAX (5 * USEC_PER_SEC)
/* A request that is refused while something is under way is tried again. */
#define GATE_REMOTE_AGAIN (200 * USEC_PER_MSEC)
/*
 * A request that meets a counter which is being rebuilt waits so long for the
 * other hosts, and if it is lost again meanwhile, at most so long.
 */
#define GATE_REMOTE_REBUILD USEC_PER_SEC
#define GATE_REMOTE_REBUILD_MAX (4 * GATE_REMOTE_REBUILD)
/* So often a worker looks at what it has counted and nobody asks for. */
#define GATE_REMOTE_LOOK (250 * USEC_PER_MSEC)
#define GATE_REMOTE_MET_MAX 2048u
/* In one job, and when one is lost: at its time-out it is taken for away. */
#define GATE_REMOTE_LOOK_AT 32u
#define GATE_REMOTE_LOOK_AT_LOST 128u
/* Counters of which something is to be given back; of more it is forgotten. */
#define GATE_REMOTE_OWED_MAX 256u
/* Counters in one job; what is more is counted on this host only. */
#define GATE_REMOTE_BATCH_MAX 8192u

struct gate_remote;

struct gate_remote_options {
	const struct str *servers; /* as conf->memcached; copied */
	uint32_t n_servers;
	enum conf_away when_away;
	/* This worker has found it away, or back; may be NULL. */
	void (*on_away)(void *arg, bool is_away);
	void *arg;
};

/* loop and limit are borrowed. NULL: no memory. */
struct gate_remote *gate_remote_new(struct loop *loop, struct gate_limit *limit,
    const struct gate_remote_options *options);
/* Nobody may wait any more. What is under way is counted first. NULL: fine. */
void gate_remote_free(struct gate_remote *r);
void gate_remote_policy(struct gate_remote *r, enum conf_away when_away);
bool gate_remote_is_away(const struct gate_remote *r);
/* Is it away by what other workers found? Before gate_limit_take. */
void gate_remote_look(struct gate_remote *r);
/* Not 0: something is not counted yet; for a worker that drains. */
uint32_t gate_remote_pending(const struct gate_remote *r);

enum gate_remote_verdict {
	GATE_REMOTE_ADMITTED,
	GATE_REMOTE_REFUSED, /* by one of the holds */
	GATE_REMOTE_CLOSED, /* away, and the policy is closed */
	GATE_REMOTE_WAIT /* of gate_remote_take only: told later */
};

/* hold: which refuses, an index into the holds. */
typedef void (*gate_remote_fn)(
    void *arg, enum gate_remote_verdict verdict, uint32_t hold);

/* A request that waits; zeroed before. */
struct gate_wait {
	struct gate_group *group;
	bool
	    is_lost; /* memcached had lost one of its counters: it has waited */
};

/*
 * Counts what has been taken. WAIT: done tells, from the loop; wait belongs to
 * the request until then, and the array of holds must stay. Otherwise the
 * verdict is this, and done is not called. Refused or closed: the holds are to
 * be given back by gate_limit_settle (with is_refused).
 */
MUST_CHECK enum gate_remote_verdict
gate_remote_take(struct gate_remote *r, struct gate_holds *holds,
    struct gate_wait *wait, gate_remote_fn done, void *arg);
/* What the ledger has of it: it is counted no lower by anyone. */
void gate_remote_raise(
    struct gate_remote *r, const struct gate_seed *seed, int64_t amount);
/*
 * The request has gone while it waited: all that *holds has is given back when
 * it is known what memcached has. *holds is empty then.
 */
void gate_remote_cancel(
    struct gate_remote *r, struct gate_wait *wait, struct gate_holds *holds);
/* As gate_limit_settle, in memcached too. */
void gate_remote_settle(struct gate_remote *r, struct gate_holds *holds,
    const struct gate_use *use, struct gate_limit_result *out);

#endif
