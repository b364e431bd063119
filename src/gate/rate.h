#ifndef GATE_RATE_H
#define GATE_RATE_H
/*
 * Limits of keys and providers, counted in the host's shared memory: exact
 * over all workers of the host.
 *
 * requests, tokens: fixed windows aligned to the clock (a window of 1m begins
 * at each full minute). A request is counted when it is admitted. Tokens are
 * counted when they are known, so a window of tokens may be passed by what was
 * under way when it filled. concurrent: held from admission to release; each
 * worker counts in a cell of its own, so what a killed worker held is given back
 * when the next one starts.
 *
 * A limit whose slot cannot be had (shared table full) is not enforced; the
 * metrics tell how often (limits_unenforced_total).
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "sys/shm.h"

struct gate_rate {
	struct shm *shm;
	unsigned worker;
};

/*
 * Gives back what this worker's number, or numbers whose worker is dead, held
 * in all slots. Call when the number is taken (shm_worker_take).
 */
void gate_rate_init(struct gate_rate *rate, struct shm *shm, unsigned worker);

struct gate_rate_result {
	bool admitted;
	usec_t retry_after; /* refused: until the window ends */
	const struct conf_limit *limit; /* refused: which */
	/* The tightest of each sort, for x-ratelimit-*; limit < 0: none. */
	int64_t requests_limit, requests_remaining;
	usec_t requests_reset;
	int64_t tokens_limit, tokens_remaining;
	usec_t tokens_reset;
};

/*
 * Asks all limits of one owner (a key, a provider) and takes from each, or
 * from none when one refuses. owner: stable identity. wall: clock_wall().
 */
void gate_rate_admit(struct gate_rate *rate, uint64_t owner,
    const struct conf_limit *limits, uint32_t n, usec_t wall,
    struct gate_rate_result *out);
/* How much of an owner's limits is in use, for the balancer. */
struct gate_rate_used {
	double share; /* 0.0 .. 1.0 of the most used one */
	double window; /* the same without concurrency */
	usec_t reset; /* until that window ends; 0: none */
};
/* Takes nothing. What the shared table has no room for counts as unused. */
void gate_rate_used(struct gate_rate *rate, uint64_t owner,
    const struct conf_limit *limits, uint32_t n, usec_t wall,
    struct gate_rate_used *out);
/* The request has ended: concurrency back, tokens counted. Once per admit. */
void gate_rate_settle(struct gate_rate *rate, uint64_t owner,
    const struct conf_limit *limits, uint32_t n, usec_t wall, int64_t tokens);

#endif
