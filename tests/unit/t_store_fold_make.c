/*
 * Folds are never seen: with them and without, whatever is asked, a report is
 * the sum of the rows; also when rows come late.
 */
#include "base/rand.h"
#include "store/fold.h"
#include "store/rollup.h"
#include "store/usage.h"
#include "store_bed.h"

#define DAY (86400 * USEC_PER_SEC)
#define TODAY INT64_C(20413) /* 2025-11-21 */
#define NOON (TODAY * DAY + DAY / 2)
#define DAYS 70 /* with rows, the last of them today */

enum {
	COUNTING,
	ROWS_LEFT,
	LOST,
};

static const struct store_sql sql[] = {
	[COUNTING] = { "SELECT COUNT(*) FROM usage_fold WHERE dropped = 0",
	    NULL },
	[ROWS_LEFT] = { "SELECT COUNT(*) FROM usage_folded", NULL },
	/* rows of folds that nothing knows */
	[LOST] = { "SELECT COUNT(*) FROM usage_folded WHERE fold_id NOT IN"
		   " (SELECT id FROM usage_fold)",
	    NULL },
	STORE_SQL_END,
};

static int64_t
count(int which)
{
	int64_t n = -1;

	assert_int_equal(
	    store_run(bed_store, &sql[which], NULL, 0, store_row_int, &n),
	    ERR_OK);
	return n;
}

/* ---- rows ----------------------------------------------------------------- */

static struct store_rollup rows[600];
static uint32_t n_rows;

static const char *const words[] = { "", "a", "b", "c", "d", "e" };

static struct str
word(unsigned below)
{
	return str_z(words[rand_below(below)]);
}

static void
put(int64_t day)
{
	int64_t who = (int64_t)rand_below(5);
	struct store_rollup one = { .span = STORE_DAY_SPAN,
		.start = day * DAY,
		.tenant_id = who % 2,
		.team_id = who % 3,
		.user_id = who % 4,
		.key_id = who,
		.client = str_z(words[who]),
		.alias = word(2),
		.provider = word(3),
		.model = word(4),
		.requests = 1 + (int64_t)rand_below(9),
		.failed = (int64_t)rand_below(9),
		.lost = (int64_t)rand_below(9),
		.estimated = (int64_t)rand_below(9),
		.unpriced = (int64_t)rand_below(9),
		.prompt = (int64_t)rand_below(9999),
		.completion = (int64_t)rand_below(9999),
		.cached = (int64_t)rand_below(9999),
		.reasoning = (int64_t)rand_below(9999),
		.cost = (int64_t)rand_below(999999999) };
	struct store_rollup both[2] = { one, one };

	both[1].span = STORE_DAY_MODEL;
	both[1].user_id = both[1].key_id = 0;
	both[1].client = STR("");
	assert_int_equal(store_rollup_add(bed_store, both, 2), ERR_OK);
	assert_true(n_rows < COUNT(rows));
	rows[n_rows++] = one;
}

static void
add(int64_t day)
{
	assert_int_equal(store_begin(bed_store), ERR_OK);
	put(day);
	assert_int_equal(store_commit(bed_store), ERR_OK);
}

static void
fill(void)
{
	n_rows = 0;
	clock_set(NOON, NOON);
	for (int i = 0; i < 400; i++)
		add(TODAY - (int64_t)rand_below(DAYS));
}

static unsigned
fold(usec_t now)
{
	unsigned n = 0;
	bool more = true;

	while (more) {
		assert_int_equal(
		    store_fold_make(bed_store, now, &more), ERR_OK);
		n += more;
		assert_true(n < 2000);
	}
	return n;
}

/* ---- what a report says --------------------------------------------------- */

struct check {
	const struct store_usage_ask *ask;
	int64_t requests;
	usec_t last;
	int64_t last_cost;
};

static bool
is_asked(const struct store_usage_ask *a, const struct store_rollup *r)
{
	return r->start >= a->from && r->start < a->to &&
	       (a->tenant_id == 0 || a->tenant_id == r->tenant_id) &&
	       (a->model.n == 0 || str_eq(a->model, r->model));
}

static bool
is_part(const struct store_usage_ask *a, const struct store_usage *u,
    const struct store_rollup *r)
{
	unsigned by = a->by;

	return is_asked(a, r) &&
	       (!(by & STORE_BY_TIME) || u->start == r->start) &&
	       (!(by & STORE_BY_TENANT) || u->tenant_id == r->tenant_id) &&
	       (!(by & STORE_BY_TEAM) || u->team_id == r->team_id) &&
	       (!(by & STORE_BY_USER) || u->user_id == r->user_id) &&
	       (!(by & STORE_BY_KEY) ||
		   (u->key_id == r->key_id && str_eq(u->client, r->client))) &&
	       (!(by & STORE_BY_ALIAS) || str_eq(u->alias, r->alias)) &&
	       (!(by & STORE_BY_PROVIDER) ||
		   str_eq(u->provider, r->provider)) &&
	       (!(by & STORE_BY_MODEL) || str_eq(u->model, r->model));
}

static enum err
on_row(void *arg, const struct store_usage *u)
{
	struct check *c = arg;
	struct store_rollup all = { 0 };

	for (uint32_t i = 0; i < n_rows; i++) {
		if (!is_part(c->ask, u, &rows[i]))
			continue;
		all.requests += rows[i].requests;
		all.failed += rows[i].failed;
		all.lost += rows[i].lost;
		all.estimated += rows[i].estimated;
		all.unpriced += rows[i].unpriced;
		all.prompt += rows[i].prompt;
		all.completion += rows[i].completion;
		all.cached += rows[i].cached;
		all.reasoning += rows[i].reasoning;
		all.cost += rows[i].cost;
	}
	assert_int_equal(u->requests, all.requests);
	assert_int_equal(u->failed, all.failed);
	assert_int_equal(u->lost, all.lost);
	assert_int_equal(u->estimated, all.estimated);
	assert_int_equal(u->unpriced, all.unpriced);
	assert_int_equal(u->prompt, all.prompt);
	assert_int_equal(u->completion, all.completion);
	assert_int_equal(u->cached, all.cached);
	assert_int_equal(u->reasoning, all.reasoning);
	assert_int_equal(u->cost, all.cost);
	/* by time, then what cost most */
	assert_true(u->start >= c->last);
	assert_true(u->start > c->last || u->cost <= c->last_cost);
	c->last = u->start;
	c->last_cost = u->cost;
	c->requests += u->requests;
	return ERR_OK;
}

/* Each row is right, and together they are all. */
static void
check(const struct store_usage_ask *a)
{
	struct check c = { .ask = a, .last_cost = INT64_MAX };
	int64_t requests = 0;

	assert_int_equal(store_usage_each(bed_store, a, on_row, &c), ERR_OK);
	for (uint32_t i = 0; i < n_rows; i++)
		requests += is_asked(a, &rows[i]) ? rows[i].requests : 0;
	assert_int_equal(c.requests, requests);
}

static void
check_all(void)
{
	static const int64_t ranges[][2] = { { 29, 0 }, { 69, 0 }, { 30, 1 },
		{ 51, 21 }, { 6, 0 }, { 3, 3 }, { 200, -5 } };

	for (unsigned by = 0; by < 2 * STORE_BY_MODEL; by++) {
		const int64_t *r = ranges[by % COUNT(ranges)];
		struct store_usage_ask a = { .by = by,
			.span = STORE_DAY_SPAN,
			.from = (TODAY - r[0]) * DAY,
			.to = (TODAY - r[1] + 1) * DAY,
			.tenant_id = by % 3 == 0,
			.model = by % 5 == 0 ? STR("b") : STR(""),
			.max = STORE_USAGE_MAX };

		check(&a);
	}
	for (unsigned i = 0; i < COUNT(ranges); i++) {
		const struct store_usage_ask a = { .by = STORE_BY_KEY,
			.span = STORE_DAY_SPAN,
			.from = (TODAY - ranges[i][0]) * DAY,
			.to = (TODAY - ranges[i][1] + 1) * DAY,
			.max = STORE_USAGE_MAX };

		check(&a);
	}
}

/* ---- tests ---------------------------------------------------------------- */

static void
test_always_the_sum(void **state)
{
	int64_t counting;

	(void)state;
	fill();
	check_all();
	assert_true(fold(NOON) > 20);
	counting = count(COUNTING);
	assert_true(counting > 20);
	check_all();
	assert_int_equal(fold(NOON), 0);
	/* today changes no fold */
	add(TODAY);
	assert_int_equal(count(COUNTING), counting);
	check_all();
	/* a spool that comes a day, a month, two months late */
	add(TODAY - 1);
	assert_true(count(COUNTING) < counting);
	check_all();
	for (int i = 0; i < 20; i++)
		add(TODAY - 20 - i * 2);
	check_all();
	/* more may come: not at once */
	assert_int_equal(fold(NOON + USEC_PER_SEC), 0);
	assert_true(fold(NOON + STORE_FOLD_CALM + 1) > 0);
	assert_int_equal(count(COUNTING), counting);
	check_all();
	clock_real();
}

/* The next day there are others, and what was dropped goes in the end. */
static void
test_next_day(void **state)
{
	usec_t later = NOON + DAY;
	bool more = true;
	int64_t all;

	(void)state;
	fill();
	(void)fold(NOON);
	all = count(ROWS_LEFT);
	assert_true(fold(later) > 0);
	assert_true(count(ROWS_LEFT) > all);
	check_all();
	/* it rests first, for reports that have begun */
	assert_int_equal(store_fold_prune(bed_store, later, &more), ERR_OK);
	assert_false(more);
	for (int i = 0; more || i == 0; i++) {
		assert_int_equal(store_fold_prune(bed_store,
				     later + STORE_FOLD_REST + 1, &more),
		    ERR_OK);
		assert_true(i < 100);
	}
	assert_int_equal(count(LOST), 0);
	check_all();
	assert_int_equal(fold(later), 0);
	clock_real();
}

/* Who makes a fold waits for who adds, and has what came. */
static void
test_waits(void **state)
{
	const struct store_options impatient = { .timeout = USEC_PER_SEC / 10 };
	struct store *other = bed_open(&impatient);
	bool more = false;
	enum err e;

	(void)state;
	fill();
	assert_int_equal(store_begin(bed_store), ERR_OK);
	put(TODAY - 3);
	e = store_fold_make(other, NOON, &more);
	assert_true(e == ERR_AGAIN || e == ERR_TIMEOUT);
	assert_false(more);
	assert_int_equal(store_commit(bed_store), ERR_OK);
	store_close(other);
	assert_true(fold(NOON) > 20);
	check_all();
	clock_real();
}

static void
test_wanted(void **state)
{
	int64_t first, last, months = 0, windows = 0;
	uint32_t n = 0;

	(void)state;
	while (store_fold_wanted(TODAY, n, &first, &last)) {
		int64_t days = last - first + 1;

		assert_true(last < TODAY);
		assert_true(first >= TODAY - 400);
		months += days >= 28 && days <= 31 && last < TODAY - 1;
		windows += last == TODAY - 1 && (days == 6 || days == 29);
		n++;
		assert_true(n < STORE_FOLDS_MAX);
	}
	assert_int_equal(windows, 2);
	/* October 2025 back to November 2024 */
	assert_int_equal(months, 12);
	assert_true(n >= 99 + 24 + 14);
	assert_false(store_fold_wanted(10, 0, &first, &last));
}

/* An empty database needs none. */
static void
test_nothing(void **state)
{
	bool more = true;

	(void)state;
	assert_int_equal(store_fold_make(bed_store, NOON, &more), ERR_OK);
	assert_false(more);
	assert_int_equal(store_fold_prune(bed_store, NOON, &more), ERR_OK);
	assert_false(more);
}

/*
 * A new installation: its first day is over, and each day after it. Windows and
 * months begin long before it, where there is nothing.
 */
static void
test_from_the_first_day_on(void **state)
{
	(void)state;
	n_rows = 0;
	clock_set(NOON, NOON);
	add(TODAY - 1);
	for (int64_t day = TODAY; day < TODAY + 40; day++) {
		usec_t now = day * DAY + DAY / 2;

		clock_set(now, now);
		/* what was dropped by late rows has had its rest */
		assert_true(fold(now + STORE_FOLD_CALM + 1) > 0);
		add(day);
	}
	assert_in_range(count(COUNTING), 10, 60);
	check_all();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wanted),
		BED_TEST(test_nothing),
		BED_TEST(test_always_the_sum),
		BED_TEST(test_next_day),
		BED_TEST(test_waits),
		BED_TEST(test_from_the_first_day_on),
	};

	rand_init();
	return bed_run("folds made", tests, COUNT(tests));
}
