#ifndef METER_FAMILY_H
#define METER_FAMILY_H
/*
 * Metric families in Prometheus text form. Histograms lie in consecutive cells
 * of shared memory: one per bucket, one for what is above, one for the sum.
 * Bounds are those that OpenTelemetry's GenAI conventions advise.
 */
#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "conf/conf.h"

#define FAMILY_BOUNDS_MAX 16
#define FAMILY_CELLS_MAX (FAMILY_BOUNDS_MAX + 2)

struct family_histogram {
	const char *name;
	const char *help;
	double unit; /* values are counted in 1/unit: 1e6 for microseconds */
	uint32_t n_bounds;
	double bounds[FAMILY_BOUNDS_MAX]; /* ascending */
};

/* gen_ai_client_operation_duration_seconds; values in usec */
extern const struct family_histogram family_duration;
/* gen_ai_server_time_to_first_token_seconds; values in usec */
extern const struct family_histogram family_first_byte;
/* gen_ai_client_token_usage; values in tokens */
extern const struct family_histogram family_tokens;

/* Counts one value (>= 0). */
void family_observe(
    const struct family_histogram *h, _Atomic int64_t *cells, int64_t value);

/* "# HELP" and "# TYPE". */
void family_head(
    struct buf *out, const char *name, const char *type, const char *help);
void family_histogram_head(const struct family_histogram *h, struct buf *out);
/* Head and one value without labels. */
void
family_gauge(struct buf *out, const char *name, const char *help, double value);
/* gen_ai_provider_name="...",gen_ai_request_model="..." */
void family_target_labels(struct buf *out, const struct conf_target *t);
/* All lines of one target; label: one more, finished. */
void
family_histogram(const struct family_histogram *h, const _Atomic int64_t *cells,
    const struct conf_target *t, const char *label, struct buf *out);

#endif
