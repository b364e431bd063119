#include "jobs_help.h"

#include "jobs/batch.h"
#include "meter/estimate.h"
#include "meter/recompute.h"
#include "store/fold.h"
#include "store/logday.h"
#include "store/reprice.h"
#include "store/rollup.h"
#include "store/usage.h"

enum {
	ROWS,
	PROMPT,
	COST,
	EVENTS,
	FOLDS,
};

static const struct store_sql sql[] = {
	[ROWS] = { "SELECT COUNT(*) FROM ledger", NULL },
	[PROMPT] = { "SELECT SUM(prompt) FROM ledger", NULL },
	[COST] = { "SELECT SUM(cost) FROM usage_rollup", NULL },
	[EVENTS] = { "SELECT COUNT(*) FROM tenant", NULL },
	/* of the first bookings' day */
	[FOLDS] = { "SELECT COUNT(*) FROM usage_fold WHERE dropped = 0"
		    " AND first_day <= 19675 AND last_day >= 19675",
	    NULL },
	STORE_SQL_END,
};

static const struct store_sql event_sql[] = {
	{ "INSERT INTO tenant (name, title, timezone, residency, is_blocked,"
	  " created, changed) VALUES (?, '', 'UTC', '', 0, 1, 1)",
	    NULL },
	STORE_SQL_END,
};

static int64_t
number(int which)
{
	int64_t n = -1;

	assert_int_equal(
	    store_run(bed_store, &sql[which], NULL, 0, store_row_int, &n),
	    ERR_OK);
	return n;
}

static struct jobs_batch *
batch_new(void)
{
	struct jobs_batch *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	assert_int_equal(jobs_batch_init(b), ERR_OK);
	b->node = STR(JOBS_NODE);
	return b;
}

static void
batch_free(struct jobs_batch *b)
{
	jobs_batch_fini(b);
	free(b);
}

static void
take(struct jobs_batch *b, const struct meter_booking *k, char *bytes)
{
	struct spool_seen seen = { .kind = SPOOL_SETTLE,
		.payload = str_of(bytes, meter_booking_encode(k, bytes)) };

	assert_true(jobs_batch_take(b, &seen));
}

/* What a provider tells may be absurd: the sums stay numbers. */
static void
test_absurd(void **state)
{
	static char bytes[3][METER_BOOKING_MAX];
	struct jobs_batch *b = batch_new();

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct meter_booking k = booking(i, METER_BOOKED_OK);

		k.usage.prompt = INT64_MAX;
		k.cost = INT64_MAX;
		take(b, &k, bytes[i]);
	}
	assert_int_equal(jobs_batch_write(b, bed_store, NULL, 0), ERR_OK);
	assert_int_equal(number(ROWS), 3);
	assert_int_equal(number(PROMPT), INT64_C(3000000000000));
	assert_true(number(COST) == STORE_SPAN__MAX * 3 * METER_COST_MAX);
	batch_free(b);
}

/* A lost call costs what its target's own price says. */
static void
test_lost_is_priced(void **state)
{
	static char bytes[METER_BOOKING_MAX];
	struct conf_provider provider = { .name = STR("provider") };
	struct conf_target target = {
		.provider = &provider, .model = STR("odd"), .has_price = true
	};
	struct conf_model model = { .targets = &target, .n_targets = 1 };
	const struct conf conf = { .models = &model, .n_models = 1 };
	struct meter_booking k = booking(5, METER_BOOKED_OPEN);
	struct spool_seen seen = { .kind = SPOOL_BEGIN,
		.payload = str_of(bytes, meter_booking_encode(&k, bytes)),
		.progress = 10 * METER_ESTIMATE_UNIT };
	struct jobs_batch *b = batch_new();

	(void)state;
	price_row_init(&target.price);
	target.price.part[PRICE_INPUT] = 1000;
	target.price.part[PRICE_OUTPUT] = 2000;
	b->conf = &conf;
	assert_true(jobs_batch_take(b, &seen));
	assert_int_equal(jobs_batch_write(b, bed_store, NULL, 0), ERR_OK);
	assert_int_equal(number(COST), STORE_SPAN__MAX * (5 + 2 * 10));
	batch_free(b);
}

static struct store_ledger
row_with(const struct store_ledger *row)
{
	struct store_ledger r = *row;

	r.alias = r.client = STR("");
	r.provider = STR("provider");
	r.model = STR("odd");
	return r;
}

struct reprice {
	struct meter_recompute *r;
	unsigned n, changed, dearer;
};

static enum err
on_row(void *arg, const struct store_ledger *row)
{
	struct reprice *p = arg;
	struct store_ledger r = row_with(row);
	bool is_changed = true;
	nanousd_t cost;
	int64_t version;

	assert_int_equal(
	    meter_recompute_row(p->r, &r, &is_changed, &cost, &version),
	    ERR_OK);
	p->n++;
	p->changed += is_changed;
	p->dearer += cost > row->cost;
	return ERR_OK;
}

static struct reprice
recompute(const struct conf *conf)
{
	struct reprice p = { .r = meter_recompute_new(conf, NULL) };

	assert_non_null(p.r);
	assert_int_equal(store_reprice_each(bed_store,
			     store_ledger_day(JOBS_T0), NULL, 1000, on_row, &p),
	    ERR_OK);
	meter_recompute_free(p.r);
	return p;
}

/*
 * Whatever sorts of tokens were told: by the same prices a row of the ledger
 * costs what was booked, and each sort that has another price changes it.
 */
static void
test_priced_alike(void **state)
{
	static char bytes[300][METER_BOOKING_MAX];
	struct conf_provider provider = { .name = STR("provider") };
	struct conf_target target = {
		.provider = &provider, .model = STR("odd"), .has_price = true
	};
	struct conf_model model = { .targets = &target, .n_targets = 1 };
	const struct conf conf = { .models = &model,
		.n_models = 1,
		.providers = &provider,
		.n_providers = 1 };
	struct jobs_batch *b = batch_new();
	struct reprice p;

	(void)state;
	price_row_init(&target.price);
	for (int i = 0; i < PRICE__MAX; i++)
		target.price.part[i] = 1000 * (100 + i);
	for (uint32_t i = 0; i < COUNT(bytes); i++) {
		struct meter_booking k = booking(i, METER_BOOKED_OK);
		int64_t *parts[] = { &k.usage.cached, &k.usage.written,
			&k.usage.written_1h, &k.usage.reasoning,
			&k.usage.audio_in, &k.usage.audio_out,
			&k.usage.image_in, &k.usage.image_out };

		k.model = STR("odd");
		k.usage.prompt = (int64_t)rand_below(1000);
		k.usage.completion = (int64_t)rand_below(1000);
		for (size_t n = 0; n < COUNT(parts); n++)
			*parts[n] = (int64_t)rand_below(400) - 50;
		for (size_t n = 0; n < COUNT(parts); n++)
			*parts[n] = *parts[n] < 0 ? -1 : *parts[n];
		assert_true(meter_price_target_cost(
		    NULL, &target, &k.usage, &k.cost, &k.price_version));
		take(b, &k, bytes[i]);
	}
	assert_int_equal(jobs_batch_write(b, bed_store, NULL, 0), ERR_OK);
	p = recompute(&conf);
	assert_int_equal(p.n, COUNT(bytes));
	assert_int_equal(p.changed, 0);
	for (int i = 0; i < PRICE__MAX; i++) {
		target.price.part[i] += 1000000;
		p = recompute(&conf);
		assert_true(p.dearer > COUNT(bytes) / 10);
		target.price.part[i] -= 1000000;
	}
	batch_free(b);
}

/* Among many one that is there: it alone is left out. */
static void
test_one_is_there(void **state)
{
	static char bytes[20][METER_BOOKING_MAX];
	struct jobs_batch *b = batch_new();
	struct meter_booking k = booking(7, METER_BOOKED_OK);

	(void)state;
	take(b, &k, bytes[0]);
	assert_int_equal(jobs_batch_write(b, bed_store, NULL, 0), ERR_OK);
	assert_int_equal(b->n_new, 1);
	for (uint32_t i = 0; i < 20; i++) {
		k = booking(i, METER_BOOKED_OK);
		take(b, &k, bytes[i]);
	}
	assert_int_equal(jobs_batch_write(b, bed_store, NULL, 0), ERR_OK);
	assert_int_equal(b->n_new, 19);
	assert_int_equal(number(ROWS), 20);
	assert_int_equal(number(COST), STORE_SPAN__MAX * 20 * 3);
	batch_free(b);
}

static enum err
add_event(struct store *s, void *arg, struct str payload)
{
	const struct store_value v = store_text(payload);

	(void)arg;
	return store_run(s, &event_sql[0], &v, 1, NULL, NULL);
}

/* Events go to their own; twice is once. Others are counted. */
static void
test_kinds(void **state)
{
	struct jobs_batch *b = batch_new();
	struct spool_unbooked mark = { .count = 12 };
	const struct spool_seen seen[] = {
		{ .kind = SPOOL_AUDIT, .payload = STR("event one") },
		{ .kind = SPOOL_AUDIT, .payload = STR("event one") },
		{ .kind = SPOOL_AUDIT, .payload = STR("event two") },
		{ .kind = SPOOL_UNBOOKED,
		    .payload = { (const char *)&mark, sizeof(mark) } },
	};
	const struct spool_seen newer[] = {
		{ .kind = SPOOL_SETTLE, .payload = STR("no booking") },
		{ .kind = SPOOL_UNBOOKED, .payload = STR("no mark") },
		{ .kind = SPOOL_KIND__MAX, .payload = STR("the future") },
	};

	(void)state;
	assert_false(jobs_batch_take(b, &seen[0])); /* nobody takes events */
	b->audit = add_event;
	for (size_t i = 0; i < COUNT(seen); i++)
		assert_true(jobs_batch_take(b, &seen[i]));
	for (size_t i = 0; i < COUNT(newer); i++)
		assert_false(jobs_batch_take(b, &newer[i]));
	assert_int_equal(b->unbooked, 12);
	assert_int_equal(jobs_batch_write(b, bed_store, NULL, 0), ERR_OK);
	assert_int_equal(number(EVENTS), 2);
	assert_int_equal(b->n_events, 0);
	batch_free(b);
}

static enum err
on_sum(void *arg, const struct store_usage *u)
{
	*(int64_t *)arg += u->requests;
	return ERR_OK;
}

static int64_t
reported(void)
{
	const struct store_usage_ask a = { .by = STORE_BY_KEY,
		.span = STORE_DAY_SPAN,
		.from = (store_ledger_day(JOBS_T0) - 1) * STORE_DAY,
		.to = (store_ledger_day(JOBS_T0) + 9) * STORE_DAY,
		.max = 100 };
	int64_t n = 0;

	assert_int_equal(store_usage_each(bed_store, &a, on_sum, &n), ERR_OK);
	return n;
}

/* A host's spool that comes days late: sums of days drop what was folded. */
static void
test_late(void **state)
{
	static char bytes[20][METER_BOOKING_MAX];
	struct jobs_batch *b = batch_new();
	usec_t now = JOBS_T0 + 5 * STORE_DAY;

	(void)state;
	for (int turn = 0; turn < 3; turn++) {
		bool more = true;

		for (uint32_t i = 0; i < COUNT(bytes); i++) {
			struct meter_booking k =
			    booking(i + (uint32_t)turn * 1000, METER_BOOKED_OK);

			take(b, &k, bytes[i]);
		}
		clock_set(0, now);
		assert_int_equal(
		    jobs_batch_write(b, bed_store, NULL, 0), ERR_OK);
		assert_int_equal(number(FOLDS), 0);
		assert_int_equal(reported(), number(ROWS));
		now += STORE_FOLD_CALM + 1;
		while (more)
			assert_int_equal(
			    store_fold_make(bed_store, now, &more), ERR_OK);
		assert_true(number(FOLDS) > 1);
		assert_int_equal(reported(), number(ROWS));
	}
	assert_int_equal(number(ROWS), 60);
	clock_real();
	batch_free(b);
}

static void
test_full(void **state)
{
	static char bytes[METER_BOOKING_MAX];
	struct jobs_batch *b = batch_new();

	(void)state;
	for (uint32_t i = 0; i < JOBS_BATCH_ROWS; i++) {
		struct meter_booking k = booking(i, METER_BOOKED_OK);

		assert_false(jobs_batch_is_full(b));
		take(b, &k, bytes);
	}
	assert_true(jobs_batch_is_full(b));
	jobs_batch_clear(b);
	assert_false(jobs_batch_is_full(b));
	batch_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_absurd),
		BED_TEST(test_lost_is_priced),
		BED_TEST(test_priced_alike),
		BED_TEST(test_one_is_there),
		BED_TEST(test_kinds),
		BED_TEST(test_late),
		BED_TEST(test_full),
	};

	return bed_run("batch", tests, COUNT(tests));
}
