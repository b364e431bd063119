/*
 * What reports cost when the ledger is large: fills a database with calls of 90
 * days and their sums, as llmgw-jobd writes both, then times reports and a look
 * at other prices. Nothing is asserted but that it works.
 *
 *	tests/bench/usage_bench URL [CALLS]	10 000 000 without a number
 *
 * The database may be the one that keys_bench has filled with 100 000 keys.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/rand.h"
#include "jobs/rollup.h"
#include "meter/recompute.h"
#include "store/ledger.h"
#include "store/logday.h"
#include "store/reprice.h"
#include "store/schema.h"
#include "store/usage.h"

#define DAY (86400 * USEC_PER_SEC)

enum {
	DAYS = 90,
	MINUTE_DAYS = 31, /* so long minutes are kept */
	KEYS = 100000,
	MODELS = 20,
	BATCH = 20000, /* calls in a transaction */
	PAGE = 2000,
	ROUNDS = 5
};

static const char *const providers[] = { "openai", "anthropic", "gemini",
	"groq", "own" };

static struct store *store;
static char models[MODELS][24];
static char clients[BATCH][32];

static void
must(enum err e, const char *what)
{
	if (e == ERR_OK)
		return;
	(void)fprintf(stderr, "%s: %s: %s\n", what, err_word(e),
	    store != NULL ? store_why(store) : "");
	exit(1);
}

/* Few keys do most: the square of a die. */
static int64_t
some_key(void)
{
	int64_t n = (int64_t)rand_below(KEYS);

	return 1 + n * n / KEYS * n / KEYS;
}

static struct store_ledger
a_call(usec_t began, unsigned i)
{
	int64_t key = some_key();
	unsigned model = (unsigned)rand_below(MODELS);
	uint64_t id[2] = { rand_u64(), rand_u64() };
	struct store_ledger r = { .began = began,
		.ended = began + USEC_PER_SEC,
		.attempt = 1,
		.tenant_id = 1 + key % 5,
		.team_id = 1 + key % 100,
		.user_id = 1 + key % 2000,
		.key_id = key,
		.status = 200,
		.prompt = (int64_t)rand_below(8000),
		.completion = (int64_t)rand_below(1000),
		.cached = -1,
		.cache_write = -1,
		.cache_write_1h = -1,
		.reasoning = -1,
		.audio_in = -1,
		.audio_out = -1,
		.cost = (int64_t)rand_below(20000000),
		.price_version = 1,
		.state = "ok",
		.node = STR("node-1"),
		.request_id = STR("req_0123456789abcdefghij"),
		.client = str_z(clients[i]),
		.surface = STR("chat.completions"),
		.alias = STR("default-chat"),
		.provider = str_z(providers[model % 5]),
		.model = str_z(models[model]) };

	(void)snprintf(
	    clients[i], sizeof(clients[i]), "key-%lld", (long long)key);
	r.client = str_z(clients[i]);
	memcpy(r.id, id, sizeof(r.id));
	return r;
}

/* Old minutes are gone: retention took them. */
static void
drop_minutes(struct jobs_rollup *sums, usec_t oldest)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < sums->n; i++) {
		if (sums->rows[i].span != STORE_MINUTE ||
		    sums->rows[i].start >= oldest)
			sums->rows[n++] = sums->rows[i];
	}
	sums->n = n;
}

static void
add_batch(usec_t began, usec_t step, uint32_t n, usec_t oldest_minute,
    struct jobs_rollup *sums)
{
	static struct store_ledger rows[BATCH];

	jobs_rollup_clear(sums);
	for (uint32_t i = 0; i < n; i++) {
		rows[i] = a_call(began + i * step, i);
		jobs_rollup_add(sums, &rows[i]);
	}
	jobs_rollup_finish(sums);
	drop_minutes(sums, oldest_minute);
	must(store_begin(store), "begin");
	must(store_ledger_add(store, rows, n), "add to the ledger");
	must(store_rollup_add(store, sums->rows, sums->n), "add to the sums");
	must(store_commit(store), "commit");
}

static void
fill(int64_t calls, usec_t end)
{
	usec_t start = clock_mono(), step = DAYS * DAY / calls;
	usec_t first = end - DAYS * DAY;
	struct jobs_rollup sums;

	must(jobs_rollup_init(&sums, BATCH), "memory");
	/* a call makes at most STORE_LOGDAY_STEP days */
	for (int i = 0; i < DAYS + 1; i += STORE_LOGDAY_STEP)
		must(store_logday_make(store, STORE_LEDGER,
			 store_ledger_day(first) + i + STORE_LOGDAY_STEP - 1),
		    "days");
	for (int64_t i = 0; i < calls; i += BATCH) {
		uint32_t n = calls - i < BATCH ? (uint32_t)(calls - i) : BATCH;

		add_batch(
		    first + i * step, step, n, end - MINUTE_DAYS * DAY, &sums);
		if (i / BATCH % 10 == 0) {
			(void)printf("\r%lld calls", (long long)i);
			(void)fflush(stdout);
		}
	}
	(void)printf("\rfilled %lld calls in %.1f s: %.0f a second\n",
	    (long long)calls, (double)(clock_mono() - start) / USEC_PER_SEC,
	    (double)calls * USEC_PER_SEC / (double)(clock_mono() - start + 1));
	jobs_rollup_fini(&sums);
}

static enum err
on_usage(void *arg, const struct store_usage *row)
{
	(void)row;
	++*(unsigned *)arg;
	return ERR_OK;
}

static void
report(const char *what, unsigned by, enum store_span span, usec_t end,
    int days, uint32_t max)
{
	const struct store_usage_ask ask = { .by = by,
		.span = span,
		.from = store_span_start(STORE_DAY_SPAN, end) - days * DAY,
		.to = store_span_start(STORE_DAY_SPAN, end) + DAY,
		.max = max };
	usec_t best = INT64_MAX, worst = 0;
	unsigned n = 0;

	for (int i = 0; i < ROUNDS; i++) {
		usec_t start = clock_mono(), took;

		n = 0;
		must(store_usage_each(store, &ask, on_usage, &n), "report");
		took = clock_mono() - start;
		best = took < best ? took : best;
		worst = took > worst ? took : worst;
	}
	(void)printf("%-36s %7u rows  best %6lld ms  worst %6lld ms\n", what, n,
	    (long long)(best / USEC_PER_MSEC),
	    (long long)(worst / USEC_PER_MSEC));
}

struct page {
	struct meter_recompute *r;
	unsigned char last[STORE_LEDGER_ID];
	unsigned n, changed;
};

static enum err
on_row(void *arg, const struct store_ledger *row)
{
	struct page *p = arg;
	nanousd_t cost;
	int64_t version;
	bool is_changed;
	enum err e =
	    meter_recompute_row(p->r, row, &is_changed, &cost, &version);

	memcpy(p->last, row->id, sizeof(p->last));
	p->n++;
	p->changed += is_changed;
	return e;
}

static void
recompute(usec_t end)
{
	static const struct conf nothing;
	struct page p = { .r = meter_recompute_new(&nothing, NULL) };
	int64_t day = store_ledger_day(end) - 1;
	usec_t start = clock_mono();
	unsigned all = 0;

	ASSERT(p.r != NULL);
	do {
		unsigned char after[STORE_LEDGER_ID];

		memcpy(after, p.last, sizeof(after));
		p.n = 0;
		must(store_reprice_each(
			 store, day, all > 0 ? after : NULL, PAGE, on_row, &p),
		    "recompute");
		all += p.n;
	} while (p.n == PAGE);
	(void)printf("%-36s %7u calls in %lld ms\n", "look at a day's prices",
	    all, (long long)((clock_mono() - start) / USEC_PER_MSEC));
	meter_recompute_free(p.r);
}

static void
reports(usec_t end)
{
	report("by model, 30 days", STORE_BY_MODEL, STORE_DAY_SPAN, end, 30,
	    10000);
	report("by day and model, 90 days", STORE_BY_TIME | STORE_BY_MODEL,
	    STORE_DAY_SPAN, end, 90, 10000);
	report(
	    "by team, 30 days", STORE_BY_TEAM, STORE_DAY_SPAN, end, 30, 10000);
	report("by key, 30 days, the first 100", STORE_BY_KEY, STORE_DAY_SPAN,
	    end, 30, 100);
	report("by key, 1 day", STORE_BY_KEY, STORE_DAY_SPAN, end, 0, 10000);
	report("by hour, 2 days", STORE_BY_TIME, STORE_HOUR, end, 1, 10000);
	report("by minute, 1 day", STORE_BY_TIME, STORE_MINUTE, end, 0, 10000);
	recompute(end);
}

int
main(int argc, char **argv)
{
	struct store_options o = { .create = true,
		.any_schema = true,
		.timeout = 600 * USEC_PER_SEC };
	char why[STORE_WHY_SIZE] = "";
	int64_t calls = 10000000;
	usec_t end = clock_wall();
	enum err e;

	if (argc < 2 ||
	    (argc > 2 && (num_parse_i64(str_z(argv[2]), &calls) != ERR_OK ||
			     calls < 1))) {
		(void)fprintf(stderr, "usage: usage_bench URL [CALLS]\n");
		return 2;
	}
	rand_init();
	for (int i = 0; i < MODELS; i++)
		(void)snprintf(models[i], sizeof(models[i]), "model-%d", i);
	e = store_open(str_z(argv[1]), &o, &store, why);
	if (e == ERR_OK) {
		e = store_schema_init(store, NULL, NULL, why);
		if (e == ERR_DENIED) /* there is one */
			e = ERR_OK;
	}
	if (e != ERR_OK) {
		(void)fprintf(stderr, "%s\n", why);
		return 1;
	}
	fill(calls, end);
	reports(end);
	store_close(store);
	return 0;
}
