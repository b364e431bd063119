#ifndef SYS_STATS_H
#define SYS_STATS_H
/*
 * Counters, gauges and histograms of the machinery (not of models and
 * providers: those have labels and belong to meter). All live in shared
 * memory, so any worker can print them for the whole host.
 *
 * A gauge has a cell per worker (shm_worker); cells of dead workers do not
 * count. Names are Prometheus names without the "llmgw_" in front.
 */
#include <stdint.h>

#include "base/clock.h"
#include "sys/shm.h"

enum stats_counter {
	STATS_WORKER_STARTS,
	STATS_WORKER_CRASHES,
	STATS_CONNECTIONS,
	STATS_CONNECTIONS_REFUSED,
	STATS_CONNECTION_ERRORS,
	STATS_REQUESTS,
	STATS_REQUESTS_ABORTED,
	STATS_REQUESTS_BAD,
	STATS_LIMITS_UNENFORCED,
	STATS_LEDGER_REFUSED,
	STATS_LEDGER_UNBOOKED,
	STATS_LEDGER_ROWS,
	STATS_LEDGER_LOST,
	STATS_LEDGER_DAMAGED,
	STATS_CREDENTIALS_REFUSED,
	STATS_CREDENTIALS_LOOKED_UP,
	STATS_LIMITS_REFUSED,
	STATS_LIMITS_SHADOW,
	STATS_LIMITS_SOFT,
	STATS_AUDIT_LOST,
	STATS_MEMCACHED_CALLS,
	STATS_MEMCACHED_FAILURES,
	STATS_COUNTER__MAX
};

enum stats_gauge {
	STATS_G_CONNECTIONS,
	STATS_G_REQUESTS,
	STATS_G_STORE_AWAY,
	STATS_G_MEMCACHED_AWAY,
	STATS_GAUGE__MAX
};

/* What one process of the host finds out for all. */
enum stats_value {
	STATS_V_SPOOL_BYTES,
	STATS_V_SPOOL_OLDEST, /* wall, usec; 0: all is taken over */
	STATS_V_JOBD_SEEN, /* wall, usec; 0: never */
	STATS_V_STORE_HELD, /* mono, usec: store/pool.h; 0: it answers */
	STATS_VALUE__MAX
};

enum stats_histogram {
	STATS_H_REQUEST,
	STATS_HISTOGRAM__MAX
};

struct stats_row {
	const char *name;
	const char *help;
};

/* Rows by the enums above. */
extern const struct stats_row stats_counters[STATS_COUNTER__MAX];
extern const struct stats_row stats_gauges[STATS_GAUGE__MAX];
extern const struct stats_row stats_histograms[STATS_HISTOGRAM__MAX];

void stats_add(struct shm *s, enum stats_counter c, int64_t n);
int64_t stats_get(struct shm *s, enum stats_counter c);

/* At the start of a worker: its gauges become 0. */
void stats_worker_begin(struct shm *s);
void stats_gauge_add(struct shm *s, enum stats_gauge g, int64_t n);
/* Sum over all live workers. */
int64_t stats_gauge_sum(struct shm *s, enum stats_gauge g);
int64_t stats_gauge_of(struct shm *s, enum stats_gauge g, unsigned worker);

void stats_set(struct shm *s, enum stats_value v, int64_t n);
int64_t stats_value(struct shm *s, enum stats_value v);
/* For who must not pass over what another has written meanwhile. */
_Atomic int64_t *stats_value_cell(struct shm *s, enum stats_value v);

/* Upper bounds in microseconds; values above the last count as +Inf. */
#define STATS_BOUNDS 20
extern const usec_t stats_bounds[STATS_BOUNDS];

void stats_observe(struct shm *s, enum stats_histogram h, usec_t v);
struct stats_view {
	int64_t bucket[STATS_BOUNDS + 1]; /* not cumulative; last: +Inf */
	int64_t count; /* sum of the buckets */
	int64_t sum_usec;
};
void stats_view(struct shm *s, enum stats_histogram h, struct stats_view *out);

#endif
