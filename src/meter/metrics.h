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

/* What only flow knows, for the page. */
struct meter_page {
	const struct conf *conf; /* may be NULL */
	bool conf_ok; /* the newest file is in force */
	usec_t loop_longest_turn; /* of this worker; the page shows the most */
	/* 0 closed, 1 open, 2 half open */
	int (*breaker_state)(void *arg, const struct conf_target *t);
	void *arg;
};

/*
 * Appends the whole page. What belongs to all workers is read from shared
 * memory, so any worker may answer a scrape.
 */
void meter_metrics_print(
    struct meter_metrics *m, const struct meter_page *page, struct buf *out);

#endif
