#ifndef ROUTE_HEADROOM_H
#define ROUTE_HEADROOM_H
/*
 * What is used of a provider's limits, as its answers tell it (wire.md 4.4),
 * for each target and key in shared memory: all workers see the newest.
 *
 * USED. Of requests, tokens, input and output tokens the one of which most is
 * used: 1 - remaining / limit. Each holds until the reset that was told with
 * it, a minute when none was told, a day at most; then nothing is known and
 * nothing used. Each request that goes out is taken from the remaining ones
 * at once, since its answer will tell only later. Retry-After of a 429 cools
 * the key (route/keys.h); on a 2xx it means nothing (wire.md 4.4).
 *
 * PRESSURE. From `balance.headroom` h on: p = (used - h) / (1 - h), 0 below, 1
 * at the limit. Load moves in proportion (route/order.h): within one priority
 * the share of a target is its weight * (1 - p); with round_robin and first it
 * is passed over with probability p. Where every target of that priority has
 * some, the request waits before it is sent: p * balance.slow_max, less up to
 * half of it by chance, never beyond the reset nor a quarter of the time that
 * the request has left.
 */
#include "base/clock.h"
#include "sys/shm.h"
#include "wire/http.h"

/* The slot's identity. Never 0. */
uint64_t headroom_identity(uint64_t target, uint64_t key);

/* An answer told it. slot may be NULL, as in all of these. */
void headroom_learn(
    struct shm_slot *slot, const struct http_rates *rates, usec_t now);
/* A request goes out. */
void headroom_count(struct shm_slot *slot, usec_t now);
/*
 * 0.0 .. 1.0; 0 where nothing is known. reset: how long that holds; may be
 * NULL.
 */
double headroom_used(const struct shm_slot *slot, usec_t now, usec_t *reset);
/* 0.0 .. 1.0 */
double headroom_pressure(double used, double headroom);

#endif
