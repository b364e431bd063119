#ifndef METER_METRICS_H
#define METER_METRICS_H
/*
 * Counters and histograms of all workers of the host, in shared memory, and
 * their Prometheus text (promtool clean; OpenTelemetry's GenAI names where they
 * exist). Labels come from the snapshot (provider, model, alias, outcome): no
 * label has text of a client's.
 */
#include "base/buf.h"
#include "conf/conf.h"
#include "meter/record.h"
#include "sys/shm.h"

struct meter_metrics;

/* NULL: no memory. worker: number of this worker. */
struct meter_metrics *meter_metrics_new(struct shm *shm, unsigned worker);
void meter_metrics_free(struct meter_metrics *m);

void meter_metrics_begin(struct meter_metrics *m); /* a request came */
void meter_metrics_end(struct meter_metrics *m, const struct meter_record *rec);

/* State of this worker that only flow knows, set before printing. */
struct meter_gauges {
	uint64_t upstream_opened;
	uint64_t upstream_reused;
	uint64_t log_lost;
	bool conf_ok; /* the newest file is in force */
	usec_t loop_longest_turn;
};

/*
 * Appends the whole page. What belongs to all workers is read from shared
 * memory, so any worker may answer a scrape.
 */
void meter_metrics_print(struct meter_metrics *m, const struct conf *conf,
    const struct meter_gauges *gauges, struct buf *out);

#endif
