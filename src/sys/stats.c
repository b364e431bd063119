#include "sys/stats.h"

#include <stdatomic.h>

/* Where each sort lives in the array of shared counters. */
enum {
	AT_COUNTERS = 0,
	COUNTERS_MAX = 256,
	AT_HISTOGRAMS = AT_COUNTERS + COUNTERS_MAX,
	HISTOGRAM_CELLS = 32, /* buckets, then the sum */
	HISTOGRAMS_MAX = 16,
	CELL_SUM = HISTOGRAM_CELLS - 1,
	AT_GAUGES = AT_HISTOGRAMS + HISTOGRAM_CELLS * HISTOGRAMS_MAX,
	GAUGES_MAX = 16, /* per worker */
	AT_VALUES = AT_GAUGES + GAUGES_MAX * SHM_WORKERS_MAX,
	VALUES_MAX = 32,
};

_Static_assert((int)STATS_COUNTER__MAX <= COUNTERS_MAX, "");
_Static_assert((int)STATS_HISTOGRAM__MAX <= HISTOGRAMS_MAX, "");
_Static_assert(STATS_BOUNDS + 1 <= CELL_SUM, "");
_Static_assert((int)STATS_GAUGE__MAX <= GAUGES_MAX, "");
_Static_assert((int)STATS_VALUE__MAX <= VALUES_MAX, "");
_Static_assert(AT_VALUES + VALUES_MAX <= SHM_COUNTERS, "");

const struct stats_row stats_counters[STATS_COUNTER__MAX] = {
	[STATS_WORKER_STARTS] = { "worker_starts_total",
	    "Workers started by the parent." },
	[STATS_WORKER_CRASHES] = { "worker_crashes_total",
	    "Workers that ended without being told to." },
	[STATS_CONNECTIONS] = { "fcgi_connections_total",
	    "FastCGI connections accepted from the web server." },
	[STATS_CONNECTIONS_REFUSED] = { "fcgi_connections_refused_total",
	    "FastCGI connections closed for lack of descriptors or memory." },
	[STATS_CONNECTION_ERRORS] = { "fcgi_connection_errors_total",
	    "FastCGI connections closed for an error of the protocol." },
	[STATS_REQUESTS] = { "fcgi_requests_total",
	    "Requests that came through the FastCGI doors." },
	[STATS_REQUESTS_ABORTED] = { "fcgi_requests_aborted_total",
	    "Requests whose client or web server went away." },
	[STATS_REQUESTS_BAD] = { "fcgi_requests_bad_total",
	    "Requests whose CGI variables were refused by the door." },
	[STATS_LIMITS_UNENFORCED] = { "limits_unenforced_total",
	    "Limits let pass since the shared memory table was full." },
	[STATS_LEDGER_REFUSED] = { "ledger_refused_total",
	    "Requests refused since they could not be booked (spool full)." },
	[STATS_LEDGER_UNBOOKED] = { "ledger_unbooked_total",
	    "Calls to providers that were made without a booking." },
	[STATS_LEDGER_ROWS] = { "ledger_rows_total",
	    "Rows that llmgw-jobd has booked." },
	[STATS_LEDGER_LOST] = { "ledger_lost_total",
	    "Of them those of workers that died meanwhile." },
	[STATS_LEDGER_DAMAGED] = { "ledger_damaged_bytes_total",
	    "Bytes of spool segments that held no valid record." },
	[STATS_CREDENTIALS_REFUSED] = { "credentials_refused_total",
	    "Requests refused for who asked; the log says why." },
	[STATS_CREDENTIALS_LOOKED_UP] = { "credentials_looked_up_total",
	    "Requests that waited for the database to tell who asks." },
	[STATS_LIMITS_REFUSED] = { "limits_refused_total",
	    "Requests refused by a limit." },
	[STATS_LIMITS_SHADOW] = { "limits_shadow_denied_total",
	    "Times that a limit in shadow mode would have refused." },
	[STATS_LIMITS_SOFT] = { "limits_soft_total",
	    "Windows of limits that reached their soft percentage." },
	[STATS_AUDIT_LOST] = { "audit_lost_total",
	    "Events that could not be written for the audit (spool full)." },
	[STATS_MEMCACHED_CALLS] = { "memcached_calls_total",
	    "Jobs that counted limits in memcached." },
	[STATS_MEMCACHED_FAILURES] = { "memcached_failures_total",
	    "Of them those that memcached did not answer in time." },
};

const struct stats_row stats_gauges[STATS_GAUGE__MAX] = {
	[STATS_G_CONNECTIONS] = { "fcgi_connections",
	    "Open FastCGI connections." },
	[STATS_G_REQUESTS] = { "fcgi_requests", "Requests under way." },
	[STATS_G_STORE_AWAY] = { "store_away",
	    "Workers that the database does not answer." },
	[STATS_G_MEMCACHED_AWAY] = { "memcached_away",
	    "Workers that find memcached away." },
};

const struct stats_row stats_histograms[STATS_HISTOGRAM__MAX] = {
	[STATS_H_REQUEST] = { "fcgi_request_seconds",
	    "From the first record of a request to the end of its answer." },
};

const usec_t stats_bounds[STATS_BOUNDS] = { 100, 250, 500, 1000, 2500, 5000,
	10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
	10000000, 30000000, 60000000, 120000000, 600000000 };

static _Atomic int64_t *
gauge(struct shm *s, enum stats_gauge g, unsigned worker)
{
	return shm_counter(s, AT_GAUGES + worker * GAUGES_MAX + (uint32_t)g);
}

static _Atomic int64_t *
cell(struct shm *s, enum stats_histogram h, uint32_t i)
{
	return shm_counter(
	    s, AT_HISTOGRAMS + (uint32_t)h * HISTOGRAM_CELLS + i);
}

static void
add(_Atomic int64_t *c, int64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static int64_t
get(_Atomic int64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

void
stats_add(struct shm *s, enum stats_counter c, int64_t n)
{
	add(shm_counter(s, AT_COUNTERS + (uint32_t)c), n);
}

int64_t
stats_get(struct shm *s, enum stats_counter c)
{
	return get(shm_counter(s, AT_COUNTERS + (uint32_t)c));
}

void
stats_worker_begin(struct shm *s)
{
	for (int g = 0; g < STATS_GAUGE__MAX; g++)
		atomic_store(gauge(s, (enum stats_gauge)g, shm_worker(s)), 0);
}

void
stats_gauge_add(struct shm *s, enum stats_gauge g, int64_t n)
{
	add(gauge(s, g, shm_worker(s)), n);
}

int64_t
stats_gauge_of(struct shm *s, enum stats_gauge g, unsigned worker)
{
	return shm_worker_pid(s, worker) ? get(gauge(s, g, worker)) : 0;
}

int64_t
stats_gauge_sum(struct shm *s, enum stats_gauge g)
{
	int64_t sum = 0;

	for (unsigned w = 0; w < SHM_WORKERS_MAX; w++)
		sum += stats_gauge_of(s, g, w);
	return sum;
}

void
stats_set(struct shm *s, enum stats_value v, int64_t n)
{
	atomic_store(shm_counter(s, AT_VALUES + (uint32_t)v), n);
}

int64_t
stats_value(struct shm *s, enum stats_value v)
{
	return get(stats_value_cell(s, v));
}

_Atomic int64_t *
stats_value_cell(struct shm *s, enum stats_value v)
{
	return shm_counter(s, AT_VALUES + (uint32_t)v);
}

void
stats_observe(struct shm *s, enum stats_histogram h, usec_t v)
{
	uint32_t i = 0;

	while (i < STATS_BOUNDS && v > stats_bounds[i])
		i++;
	add(cell(s, h, i), 1);
	add(cell(s, h, CELL_SUM), v);
}

void
stats_view(struct shm *s, enum stats_histogram h, struct stats_view *out)
{
	*out = (struct stats_view){ 0 };
	for (uint32_t i = 0; i <= STATS_BOUNDS; i++) {
		out->bucket[i] = get(cell(s, h, i));
		out->count += out->bucket[i];
	}
	out->sum_usec = get(cell(s, h, CELL_SUM));
}
