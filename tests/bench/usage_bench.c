/*
 * What reports cost when the ledger is large: fills a database with calls of 30
 * days and their sums, as llmgw-jobd writes both, makes the folds, then times
 * reports beside one pass over the ledger itself. Each report's sum must be
 * the ledger's; else it ends with 1.
 *
 *	tests/bench/usage_bench URL [CALLS]	10 000 000 without a number
 *
 * The database may be the one that keys_bench has filled with 100 000 keys. A
 * database that has a ledger is not filled again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/rand.h"
#include "jobs/rollup.h"
#include "meter/recompute.h"
#include "store/fold.h"
#include "store/ledger.h"
#include "store/logday.h"
#include "store/reprice.h"
#include "store/schema.h"
#include "store/usage.h"

#define DAY (86400 * USEC_PER_SEC)

enum {
	DAYS = 30, /* the last of them is today and is not over */
	MINUTE_DAYS = 2, /* so long minutes are kept */
	KEYS = 100000,
	USERS = 20000,
	TEAMS = 100,
	MODELS = 20,
	PAGE = 2000,
	ROUNDS = 3
};

static const char *const providers[] = { "openai", "anthropic", "gemini",
	"groq", "own" };

static const struct store_sql sql[] = {
	{ "SELECT COUNT(*) FROM (SELECT 1 AS n FROM ledger LIMIT 1) l", NULL },
	{ "SELECT COUNT(*), SUM(prompt), SUM(completion), SUM(cost)"
	  " FROM ledger WHERE day >= ? AND day < ?",
	    NULL },
	STORE_SQL_END,
};

static struct store *store;
static char models[MODELS][24];
static char clients[KEYS + 1][16];
static bool is_wrong;

static void
must(enum err e, const char *what)
{
	if (e == ERR_OK)
		return;
	(void)fprintf(stderr, "%s: %s: %s\n", what, err_word(e),
	    store != NULL ? store_why(store) : "");
	exit(1);
}

/* ---- filling -------------------------------------------------------------- */

/* Few keys do most: the cube of a die. */
static int64_t
some_key(void)
{
	int64_t n = (int64_t)rand_below(KEYS);

	return 1 + n * n / KEYS * n / KEYS;
}

static struct store_ledger
a_call(usec_t began, char id[24])
{
	int64_t key = some_key();
	uint64_t bits[2] = { rand_u64(), rand_u64() };
	/* a team has four models, a key of it one to three of them */
	unsigned model =
	    (unsigned)(key % TEAMS * 7 +
		       (int64_t)rand_below((uint64_t)(1 + key / TEAMS % 3))) %
	    MODELS;
	struct store_ledger r = { .began = began,
		.ended = began + USEC_PER_SEC,
		.attempt = 1,
		.tenant_id = 1 + key % 5,
		.team_id = 1 + key % TEAMS,
		.user_id = 1 + key % USERS,
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
		.image_in = -1,
		.image_out = -1,
		.cost = (int64_t)rand_below(20000000),
		.price_version = 1,
		.state = "ok",
		.node = STR("node-1"),
		.client = str_z(clients[key]),
		.surface = STR("chat.completions"),
		.alias = STR("default-chat"),
		.provider = str_z(providers[model % 5]),
		.model = str_z(models[model]) };

	(void)snprintf(id, 24, "req_%016llx", (unsigned long long)began);
	r.request_id = str_z(id);
	memcpy(r.id, bits, sizeof(r.id));
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

static int
by_id(const void *a, const void *b)
{
	const struct store_ledger *x = a, *y = b;

	return memcmp(x->id, y->id, sizeof(x->id));
}

/* The calls of some hours in one transaction, in the order of the tables. */
struct bulk {
	struct store_ledger *rows;
	char (*ids)[24];
	uint32_t max;
	struct jobs_rollup sums;
};

static void
add_bulk(
    struct bulk *b, usec_t began, usec_t step, uint32_t n, usec_t oldest_minute)
{
	jobs_rollup_clear(&b->sums);
	for (uint32_t i = 0; i < n; i++) {
		b->rows[i] = a_call(began + i * step, b->ids[i]);
		jobs_rollup_add(&b->sums, &b->rows[i]);
	}
	qsort(b->rows, n, sizeof(*b->rows), by_id);
	jobs_rollup_finish(&b->sums);
	drop_minutes(&b->sums, oldest_minute);
	must(store_begin(store), "begin");
	must(store_ledger_add(store, b->rows, n), "add to the ledger");
	must(store_rollup_add(store, b->sums.rows, b->sums.n),
	    "add to the sums");
	must(store_commit(store), "commit");
}

static void
fill(int64_t calls, usec_t first)
{
	usec_t start = clock_mono(), step = DAYS * DAY / calls;
	usec_t end = first + DAYS * DAY;
	struct bulk b = { .max = (uint32_t)(DAY / 4 / step) };
	int64_t left = calls;

	ASSERT(b.max > 0);
	b.rows = calloc(b.max, sizeof(*b.rows));
	b.ids = calloc(b.max, sizeof(*b.ids));
	ASSERT(b.rows != NULL && b.ids != NULL);
	must(jobs_rollup_init(&b.sums, b.max), "memory");
	for (int i = 0; i < DAYS; i++)
		must(store_logday_make(
			 store, STORE_LEDGER, store_ledger_day(first) + i),
		    "days");
	for (usec_t at = first; at < end && left > 0; at += DAY / 4) {
		uint32_t n = left < b.max ? (uint32_t)left : b.max;

		add_bulk(&b, at, step, n, end - MINUTE_DAYS * DAY);
		left -= n;
	}
	(void)printf("filled %lld calls in %.1f s: %.0f a second\n",
	    (long long)(calls - left),
	    (double)(clock_mono() - start) / USEC_PER_SEC,
	    (double)calls * USEC_PER_SEC / (double)(clock_mono() - start + 1));
	jobs_rollup_fini(&b.sums);
	free(b.rows);
	free(b.ids);
}

/* What llmgw-jobd does once an hour. */
static void
fold(usec_t now)
{
	usec_t start = clock_mono(), worst = 0;
	unsigned n = 0;
	bool more = true;

	while (more) {
		usec_t one = clock_mono();

		must(store_fold_make(store, now, &more), "fold");
		one = clock_mono() - one;
		worst = one > worst ? one : worst;
		n += more;
	}
	(void)printf("made %u folds in %.1f s, the longest %.1f s\n", n,
	    (double)(clock_mono() - start) / USEC_PER_SEC,
	    (double)worst / USEC_PER_SEC);
}

/* ---- timing --------------------------------------------------------------- */

struct total {
	int64_t requests, prompt, completion, cost;
};

static usec_t from, to; /* of most reports */
static struct total whole;
static usec_t reference;

static void
tell(const char *what, unsigned rows, usec_t best)
{
	(void)printf("%-44s %8u rows %12lld us\n", what, rows, (long long)best);
	(void)fflush(stdout);
}

static enum err
on_total(void *arg, const struct store_value *v, uint32_t n)
{
	struct total *t = arg;

	(void)n;
	*t = (struct total){ store_get_int(&v[0]), store_get_int(&v[1]),
		store_get_int(&v[2]), store_get_int(&v[3]) };
	return ERR_OK;
}

/* Once: it is what the others are there to save. */
static void
pass_over_ledger(void)
{
	const struct store_value v[2] = { store_int(store_ledger_day(from)),
		store_int(store_ledger_day(to)) };
	usec_t start = clock_mono();

	must(store_run(store, &sql[1], v, 2, on_total, &whole), "ledger");
	reference = clock_mono() - start;
	tell("reference: one pass over the ledger", 1, reference);
}

struct seen {
	unsigned n;
	struct total sum;
};

static enum err
on_usage(void *arg, const struct store_usage *row)
{
	struct seen *s = arg;

	s->n++;
	s->sum.requests += row->requests;
	s->sum.prompt += row->prompt;
	s->sum.completion += row->completion;
	s->sum.cost += row->cost;
	return ERR_OK;
}

static struct seen
ask(const struct store_usage_ask *a, usec_t *took)
{
	usec_t start = clock_mono();
	struct seen s = { 0 };

	must(store_usage_each(store, a, on_usage, &s), "report");
	*took = clock_mono() - start;
	return s;
}

/* As llmgwctl asks: 10 000 rows. Then all of them, for the sum. */
static void
report(const char *what, unsigned by, enum store_span span)
{
	struct store_usage_ask a = {
		.by = by, .span = span, .from = from, .to = to, .max = 10000
	};
	usec_t best = INT64_MAX, took;
	struct seen s = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		s = ask(&a, &took);
		best = took < best ? took : best;
	}
	tell(what, s.n, best);
	if (s.n == a.max) {
		a.max = STORE_USAGE_MAX;
		s = ask(&a, &took);
	}
	if (s.n < STORE_USAGE_MAX &&
	    memcmp(&s.sum, &whole, sizeof(whole)) != 0) {
		is_wrong = true;
		(void)printf("%s: the sum is not the ledger's\n", what);
	}
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
recompute(usec_t day_start)
{
	static const struct conf nothing;
	struct page p = { .r = meter_recompute_new(&nothing, NULL) };
	int64_t day = store_ledger_day(day_start);
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
	tell("recompute: a day's calls looked at", all, clock_mono() - start);
	meter_recompute_free(p.r);
}

static void
reports(void)
{
	static const struct {
		const char *what;
		unsigned by;
		enum store_span span;
	} rows[] = {
		{ "all", 0, STORE_DAY_SPAN },
		{ "by model", STORE_BY_MODEL, STORE_DAY_SPAN },
		{ "by provider", STORE_BY_PROVIDER, STORE_DAY_SPAN },
		{ "by team", STORE_BY_TEAM, STORE_DAY_SPAN },
		{ "by user", STORE_BY_USER, STORE_DAY_SPAN },
		{ "by key", STORE_BY_KEY, STORE_DAY_SPAN },
		{ "by key, model", STORE_BY_KEY | STORE_BY_MODEL,
		    STORE_DAY_SPAN },
		{ "by user, provider", STORE_BY_USER | STORE_BY_PROVIDER,
		    STORE_DAY_SPAN },
		{ "by team, key", STORE_BY_TEAM | STORE_BY_KEY,
		    STORE_DAY_SPAN },
		{ "by day", STORE_BY_TIME, STORE_DAY_SPAN },
		{ "by day, model", STORE_BY_TIME | STORE_BY_MODEL,
		    STORE_DAY_SPAN },
		{ "by day, team", STORE_BY_TIME | STORE_BY_TEAM,
		    STORE_DAY_SPAN },
		{ "by day, user", STORE_BY_TIME | STORE_BY_USER,
		    STORE_DAY_SPAN },
		{ "by day, key", STORE_BY_TIME | STORE_BY_KEY, STORE_DAY_SPAN },
		{ "by hour", STORE_BY_TIME, STORE_HOUR },
		{ "by hour, model", STORE_BY_TIME | STORE_BY_MODEL,
		    STORE_HOUR },
		{ "by hour, team", STORE_BY_TIME | STORE_BY_TEAM, STORE_HOUR },
		{ "by hour, key", STORE_BY_TIME | STORE_BY_KEY, STORE_HOUR },
	};

	pass_over_ledger();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		report(rows[i].what, rows[i].by, rows[i].span);
	recompute(to - DAY);
}

int
main(int argc, char **argv)
{
	struct store_options o = { .create = true,
		.any_schema = true,
		.timeout = 600 * USEC_PER_SEC };
	char why[STORE_WHY_SIZE] = "";
	int64_t calls = 10000000, is_there = 0;
	enum err e;

	if (argc < 2 ||
	    (argc > 2 && (num_parse_i64(str_z(argv[2]), &calls) != ERR_OK ||
			     calls < DAYS * 4))) {
		(void)fprintf(stderr, "usage: usage_bench URL [CALLS]\n");
		return 2;
	}
	rand_init();
	for (int i = 0; i < MODELS; i++)
		(void)snprintf(models[i], sizeof(models[i]), "model-%d", i);
	for (int i = 0; i <= KEYS; i++)
		(void)snprintf(clients[i], sizeof(clients[i]), "key-%d", i);
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
	to = store_span_start(STORE_DAY_SPAN, clock_wall()) + DAY;
	from = to - DAYS * DAY;
	must(store_run(store, &sql[0], NULL, 0, store_row_int, &is_there),
	    "look");
	if (!is_there)
		fill(calls, from);
	fold(to - 1); /* today is not over */
	reports();
	store_close(store);
	return is_wrong;
}
