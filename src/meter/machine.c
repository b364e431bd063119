#include "meter/machine.h"

#include "meter/family.h"
#include "sys/stats.h"

static void
print_value(const struct stats_row *row, const char *type, int64_t value,
    struct buf *out)
{
	buf_printf(out,
	    "# HELP llmgw_%s %s\n# TYPE llmgw_%s %s\nllmgw_%s %lld\n",
	    row->name, row->help, row->name, type, row->name, (long long)value);
}

static void
print_histogram(struct shm *shm, enum stats_histogram h, struct buf *out)
{
	const struct stats_row *row = &stats_histograms[h];
	struct stats_view v;
	int64_t below = 0;

	stats_view(shm, h, &v);
	buf_printf(out, "# HELP llmgw_%s %s\n# TYPE llmgw_%s histogram\n",
	    row->name, row->help, row->name);
	for (int i = 0; i < STATS_BOUNDS; i++) {
		below += v.bucket[i];
		buf_printf(out, "llmgw_%s_bucket{le=\"%.10g\"} %lld\n",
		    row->name, (double)stats_bounds[i] / USEC_PER_SEC,
		    (long long)below);
	}
	buf_printf(out,
	    "llmgw_%s_bucket{le=\"+Inf\"} %lld\n"
	    "llmgw_%s_sum %.6f\nllmgw_%s_count %lld\n",
	    row->name, (long long)v.count, row->name,
	    (double)v.sum_usec / USEC_PER_SEC, row->name, (long long)v.count);
}

static double
seconds_since(int64_t wall)
{
	usec_t age = wall > 0 ? clock_wall() - wall : 0;

	return age > 0 ? (double)age / USEC_PER_SEC : 0;
}

/* What llmgw-jobd has found. An age goes on while nobody looks. */
static void
print_ledger(struct shm *shm, struct buf *out)
{
	family_gauge(out, "llmgw_ledger_spool_bytes",
	    "Size of the spool's files.",
	    (double)stats_value(shm, STATS_V_SPOOL_BYTES));
	family_gauge(out, "llmgw_ledger_oldest_undrained_seconds",
	    "Age of the oldest record that is not in the database yet.",
	    seconds_since(stats_value(shm, STATS_V_SPOOL_OLDEST)));
	if (stats_value(shm, STATS_V_JOBD_SEEN) > 0)
		family_gauge(out, "llmgw_jobd_last_seen_seconds",
		    "Since llmgw-jobd last looked at the spool.",
		    seconds_since(stats_value(shm, STATS_V_JOBD_SEEN)));
}

void
machine_print(struct shm *shm, struct buf *out)
{
	const struct stats_row refused = { "shared_slots_refused_total",
		"How often the shared memory table was full." };

	for (int i = 0; i < STATS_COUNTER__MAX; i++)
		print_value(&stats_counters[i], "counter",
		    stats_get(shm, (enum stats_counter)i), out);
	for (int i = 0; i < STATS_GAUGE__MAX; i++)
		print_value(&stats_gauges[i], "gauge",
		    stats_gauge_sum(shm, (enum stats_gauge)i), out);
	for (int i = 0; i < STATS_HISTOGRAM__MAX; i++)
		print_histogram(shm, (enum stats_histogram)i, out);
	print_ledger(shm, out);
	print_value(&refused, "counter", (int64_t)shm_refused(shm), out);
}
