#ifndef GATE_LIMIT_H
#define GATE_LIMIT_H
/*
 * How much may be asked: limits of requests, tokens, requests at the same time
 * and money, of any combination of who asks and for what. Counted in the host's
 * shared memory by compare-and-swap, exact over all workers of the host:
 *
 * - never more than `amount` is taken in one window, nor less while more is
 *   wanted. Windows are fixed and begin where the clock is a multiple of them;
 *   periods are the calendar's, in a time zone;
 * - a request takes from all its limits or, when one refuses, from none;
 * - tokens and money are taken as estimates before the call (`reserve`) and set
 *   right after it (`settle`): what was too much is given back, what was too
 *   little is added. All of a request counts in the window in which it began: a
 *   window that has ended meanwhile is left as it is. So a window of tokens is
 *   passed by no more than the errors of the estimates under way in it;
 * - concurrent: held until settled; each worker counts in a cell of its own, so
 *   what a killed worker held is given back when the next one starts.
 *
 * A limit in shadow mode counts and refuses nothing; the result tells that it
 * would have. A limit whose place in the shared table cannot be had is not
 * enforced; the metrics tell how often (limits_unenforced_total), the result
 * which one.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/money.h"
#include "conf/conf.h"
#include "store/spent.h"
#include "sys/shm.h"
#include "sys/zone.h"

/* A limit from the database: who is told by ids; 0: all. */
struct gate_rule {
	struct conf_limit limit;
	int64_t tenant_id, team_id, user_id, key_id;
};

/* Some limits to ask; exactly one of file and rules, or none (n is 0). */
struct gate_limits {
	const struct conf_limit *file;
	const struct gate_rule *rules;
	uint32_t n;
	bool is_own; /* of the key or the provider asked: all of them match */
};

/* Who asks for what, and about how much it will be. */
struct gate_ask {
	int64_t tenant_id, team_id, user_id, key_id; /* 0: not known */
	/* names; absent: none */
	struct str tenant, team, user, key;
	struct str model; /* the alias */
	/*
	 * Absent: before a target is chosen; limits of one provider, or of each
	 * of them, are not asked. Present: only those are.
	 */
	struct str provider;
	const struct zone *zone; /* the tenant's; NULL: UTC */
	int64_t input, output; /* tokens, estimated; >= 0 */
	nanousd_t money; /* estimated; 0: not known */
};

/* What one limit has taken. */
struct gate_hold {
	const struct conf_limit *limit;
	struct shm_tally *tally; /* windows */
	struct shm_slot *slot; /* concurrent */
	uint64_t identity; /* of the counter */
	unsigned tag_bits; /* how the counter is packed */
	int64_t window; /* its number */
	usec_t end; /* of the window */
	int64_t took;
	bool is_taken;
	bool is_reserved; /* memcached has it, too (gate/remote.h) */
	uint32_t generation; /* otherwise: that of the counter which has not */
};

/* What a request has taken; all zero: nothing. */
struct gate_holds {
	struct gate_hold *hold; /* in the request's arena */
	uint32_t n;
};

#define GATE_EVENTS_MAX 8u /* of one request; more are not told */

/* A limit that has reached its soft_percent, once in its window. */
struct gate_event {
	const struct conf_limit *limit;
	int64_t used;
};

struct gate_limit_result {
	bool admitted;
	usec_t retry_after; /* refused: until the window ends */
	const struct conf_limit *limit; /* refused: which */
	usec_t end; /* of its window */
	/* It alone is more than the limit: coming again does not help. */
	bool is_too_large;
	/* In shadow mode, and would have refused; NULL: none */
	const struct conf_limit *shadow;
	/* The tightest of each sort, for x-ratelimit-*; limit < 0: none. */
	int64_t requests_limit, requests_remaining;
	usec_t requests_reset;
	int64_t tokens_limit, tokens_remaining;
	usec_t tokens_reset;
	struct gate_event event[GATE_EVENTS_MAX];
	uint32_t n_events;
	/* Let pass since there is no place to count it; NULL: none */
	const struct conf_limit *unenforced;
	usec_t unenforced_end; /* of its window; 0: it has none */
};
#define GATE_NOT_LIMITED             \
	((struct gate_limit_result){ \
	    .admitted = true, .requests_limit = -1, .tokens_limit = -1 })

/* A worker's hand on the counters. */
struct gate_limit {
	struct shm *shm;
	unsigned worker;
	/* Counters that hosts share are away, and refuse nothing meanwhile. */
	bool is_lenient;
	struct gate_period {
		const struct zone *zone;
		unsigned period; /* 0: not used yet */
		struct zone_span span;
		int64_t number;
	} period[8]; /* the latest */
	uint32_t next_period;
};

/*
 * Gives back what this worker's number, or numbers whose worker is dead, held
 * in all slots. Call when the number is taken (shm_worker_take).
 */
void gate_limit_init(struct gate_limit *l, struct shm *shm, unsigned worker);

/*
 * Asks the limits of all lists that match and takes from each, or from none
 * when one refuses. wall: clock_wall(). Limits and their names must outlive
 * *holds. ERR_NOMEM: the arena is full; nothing is taken.
 */
MUST_CHECK enum err gate_limit_take(struct gate_limit *l, struct arena *arena,
    const struct gate_limits *lists, uint32_t n_lists,
    const struct gate_ask *ask, usec_t wall, struct gate_holds *holds,
    struct gate_limit_result *out);

/*
 * What is counted on this host may have been raised since (gate_limit_seed).
 * False: by that it would have been refused; *hold: by which.
 */
bool gate_holds_fit(const struct gate_holds *holds, uint32_t *hold);

/* What it was in the end; unknown is 0. */
struct gate_use {
	int64_t input, output;
	nanousd_t money;
	bool is_refused; /* it never was: requests are given back too */
};
/*
 * Sets right what was taken; *holds is empty then. Limits that reach their soft
 * percentage by it are told in out (may be NULL).
 */
void gate_limit_settle(struct gate_limit *l, struct gate_holds *holds,
    const struct gate_use *use, struct gate_limit_result *out);

/* ---- what was used before this host counted ------------------------------ */

/*
 * A counter that has seen nothing of its window yet: a new host, or its shared
 * memory was lost; or memcached was (shm_lost). What the ledger has is counted
 * first (store/spent.h), and again some time later, while spools may still have
 * held some of it: a count is raised to what the ledger has and never lowered,
 * so nothing counts twice.
 *
 * So begin all that count money or tokens over a period, or over a window of
 * GATE_SEED_PER and more that is older than the host's table. Not requests (the
 * ledger has calls), but those of a provider, which are calls. Shorter windows
 * begin at nothing.
 */
#define GATE_SEED_PER (3600 * USEC_PER_SEC)

/* What it points to is borrowed from the lists and the ask. */
struct gate_seed {
	struct shm_tally *tally;
	uint64_t identity; /* of the counter */
	unsigned tag_bits;
	int64_t window;
	usec_t start, end; /* of the window */
	const struct conf_limit *limit;
	const struct gate_rule *rule; /* whose limit it is; NULL: of the file */
	bool is_own; /* of the key or the provider asked */
	struct str provider; /* absent: a limit of the client's */
};

/*
 * May any of them want it, for an ask with a provider or without? Cheap, for
 * each request and each of its model's providers.
 */
bool gate_limits_may_seed(
    const struct gate_limits *lists, uint32_t n_lists, bool has_provider);
/* Up to max of the limits that the ask must take from and that want it. */
uint32_t
gate_limit_unseeded(struct gate_limit *l, const struct gate_limits *lists,
    uint32_t n_lists, const struct gate_ask *ask, usec_t wall,
    struct gate_seed *out, uint32_t max);
/*
 * What to ask the ledger for a seed of this ask. The rows come to more than is
 * counted: gate_seed_counts tells.
 */
void gate_seed_ask(const struct gate_seed *seed, const struct gate_ask *ask,
    struct store_spent_ask *out);
/*
 * How much of a row the seed's counter counts: it does if a request of those
 * in the row would be counted there today. conf: whose keys the file's are.
 */
int64_t
gate_seed_counts(const struct gate_seed *seed, const struct gate_ask *ask,
    const struct conf *conf, const struct store_spent *row);
/* amount: what the ledger has of it. */
void gate_limit_seed(const struct gate_seed *seed, int64_t amount, usec_t wall);

/* ---- for those who count for several hosts, and for showing ------------- */

/* What the settled amount of a hold is: sort by sort. */
int64_t gate_limit_used(const struct conf_limit *l, const struct gate_use *use);
/* Adds (or gives back) in the hold's own window, if it is still the present. */
void gate_hold_add(const struct gate_hold *hold, int64_t add);
/* Puts the refusal by that hold's limit into the result. */
void gate_limit_refused(
    const struct gate_hold *hold, usec_t wall, struct gate_limit_result *out);

/* How much of some limits is in use, for the balancer. */
struct gate_share {
	double share; /* 0.0 .. 1.0 of the most used one */
	double window; /* the same without concurrency */
	usec_t reset; /* until that window ends; 0: none */
};
/* Takes and claims nothing: what was never counted is unused. */
void gate_limit_share(struct gate_limit *l, const struct gate_limits *list,
    const struct gate_ask *ask, usec_t wall, struct gate_share *out);

/* A counter's state now: which window, and how much is used. */
struct gate_count {
	bool is_known; /* something was counted since the table was made */
	usec_t start, end; /* 0 with concurrent */
	int64_t used;
};
/*
 * The counter that the ask would use; rule's ids must match if given. Claims
 * nothing.
 */
void gate_limit_look(struct gate_limit *l, const struct conf_limit *limit,
    const struct gate_ask *ask, usec_t wall, struct gate_count *out);

#endif
