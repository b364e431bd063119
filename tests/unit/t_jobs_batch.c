#include "jobs_help.h"

#include "jobs/batch.h"
#include "meter/estimate.h"
#include "store/rollup.h"

enum {
	ROWS,
	PROMPT,
	COST,
	EVENTS,
};

static const struct store_sql sql[] = {
	[ROWS] = { "SELECT COUNT(*) FROM ledger", NULL },
	[PROMPT] = { "SELECT SUM(prompt) FROM ledger", NULL },
	[COST] = { "SELECT SUM(cost) FROM usage_rollup", NULL },
	[EVENTS] = { "SELECT COUNT(*) FROM tenant", NULL },
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
		BED_TEST(test_one_is_there),
		BED_TEST(test_kinds),
		BED_TEST(test_full),
	};

	return bed_run("batch", tests, COUNT(tests));
}
