#ifndef ROUTE_BREAKER_H
#define ROUTE_BREAKER_H
/*
 * Circuit breaker of a target, in shared memory so that all workers agree.
 *
 * CLOSED counts failures; it opens after `failures` in a row, or when of at
 * least `min_requests` in the present window the share `failure_ratio` failed.
 * OPEN lets nothing pass until its time is over (doubling with each opening up
 * to open_max); then exactly one request of all workers is let through as the
 * probe. The probe's success closes, its failure opens again. A probe that
 * never reports (its worker died) is given up after open_max.
 *
 * Apart from that a target may be cooling: it said 429 or 503 with Retry-After;
 * until then others are preferred, but it is no failure of health.
 *
 * A NULL slot (table full) behaves as closed and never opens.
 */
#include <stdbool.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "sys/shm.h"

enum breaker_state {
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_HALF_OPEN
};

enum breaker_pass {
	BREAKER_PASS,
	BREAKER_PROBE, /* pass, and the outcome decides */
	BREAKER_DENY,
};

/* Asks for passage of one attempt. PROBE claims the probe. */
enum breaker_pass
breaker_ask(struct shm_slot *slot, const struct conf_breaker *cfg, usec_t now);
/* Would ask say DENY? Claims nothing. */
bool breaker_is_open(
    const struct shm_slot *slot, const struct conf_breaker *cfg, usec_t now);
/*
 * The attempt's outcome: hurt tells whether it counts against the target.
 * Returns true when this report opened or closed the breaker.
 */
bool breaker_report(struct shm_slot *slot, const struct conf_breaker *cfg,
    usec_t now, bool was_probe, bool hurt);
/* The attempt ended without telling anything (client left). */
void breaker_release(struct shm_slot *slot, bool was_probe);

enum breaker_state breaker_state(const struct shm_slot *slot);

/* Prefer others until `until`. */
void breaker_cool(struct shm_slot *slot, usec_t until);
bool breaker_is_cool(const struct shm_slot *slot, usec_t now);
/* When the target may be asked again, for Retry-After; 0: now. */
usec_t breaker_wait(
    const struct shm_slot *slot, const struct conf_breaker *cfg, usec_t now);

#endif
