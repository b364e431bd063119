#ifndef GATE_REMOTE_H
#define GATE_REMOTE_H
/*
 * Limits over several hosts: what gate/limit.h has taken on this one is counted
 * in memcached too, where the others count. The host's table refuses first;
 * memcached adds the others.
 *
 * All that the requests of one turn of the loop have to count goes to the
 * thread pool as one job; while it is away the next gathers. What is taken
 * waits for the answer. What is set right afterwards (gate_remote_settle) does
 * not, and goes with the next request or some milliseconds later; what is given
 * back is there again on this host only when memcached has it, so that the
 * shared count is never above this host's own for no reason.
 *
 * Of hosts that take the last of a limit at the same moment all may be refused,
 * since a refusal counts until it is undone; never is one too many admitted.
 *
 * A counter that memcached has not (lost, flushed, new) begins with what this
 * host knows of it.
 *
 * Away: one job in vain, which takes GATE_REMOTE_TIMEOUT at most, opens a
 * breaker for all workers of the host; nothing waits then, and one probe at a
 * time, that no request waits for, finds out when it is back. Meanwhile the
 * policy counts (limits_when_away).
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
};

/*
 * Counts what has been taken. WAIT: done tells, from the loop; wait belongs to
 * the request until then. Otherwise the verdict is this, and done is not called.
 * Refused or closed: the holds are to be given back by gate_limit_settle (with
 * is_refused).
 */
MUST_CHECK enum gate_remote_verdict
gate_remote_take(struct gate_remote *r, const struct gate_holds *holds,
    struct gate_wait *wait, gate_remote_fn done, void *arg);
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
