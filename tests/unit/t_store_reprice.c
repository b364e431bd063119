#include "store/reprice.h"

#include "store/rollup.h"
#include "store/usage.h"
#include "store_bed.h"

#define DAY (86400 * USEC_PER_SEC)
#define BEGAN (20000 * DAY + 12345678901)

static struct store_ledger
row_of(unsigned char id, const char *state, nanousd_t cost)
{
	struct store_ledger r = { .began = BEGAN,
		.attempt = 1,
		.status = 200,
		.prompt = 10,
		.completion = 20,
		.cached = -1,
		.cache_write = 3,
		.cache_write_1h = -1,
		.reasoning = 4,
		.audio_in = -1,
		.audio_out = -1,
		.cost = cost,
		.price_version = 7,
		.state = state,
		.node = STR("n"),
		.request_id = STR("r"),
		.client = STR("dev"),
		.surface = STR("chat"),
		.alias = STR("chat"),
		.provider = STR("openai"),
		.model = STR("a") };

	memset(r.id, id, sizeof(r.id));
	return r;
}

static void
fill(void)
{
	const struct store_ledger rows[] = {
		row_of(0, "ok", 100),
		row_of(1, "ok", -1),
		row_of(2, "open", -1),
		row_of(0xff, "lost", 50),
	};
	struct store_rollup sums[STORE_SPAN__MAX];

	for (int i = 0; i < STORE_SPAN__MAX; i++)
		sums[i] = (struct store_rollup){ .span = (enum store_span)i,
			.start = store_span_start((enum store_span)i, BEGAN),
			.client = STR("dev"),
			.alias = STR("chat"),
			.provider = STR("openai"),
			.model = STR("a"),
			.requests = 3,
			.unpriced = 1,
			.cost = 150 };
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(
	    store_ledger_add(bed_store, rows, COUNT(rows)), ERR_OK);
	sums[STORE_DAY_MODEL].client = STR("");
	sums[STORE_HOUR_MODEL].client = STR("");
	/* the minutes are not kept any more */
	assert_int_equal(
	    store_rollup_add(bed_store, sums + 1, STORE_SPAN__MAX - 1), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
}

struct seen {
	struct store_ledger row[4];
	unsigned n;
};

static enum err
on_row(void *arg, const struct store_ledger *row)
{
	struct seen *s = arg;

	assert_true(s->n < COUNT(s->row));
	assert_str(row->client, "dev");
	assert_str(row->model, "a");
	s->row[s->n] = *row;
	s->row[s->n].client = STR("dev");
	s->row[s->n].alias = STR("chat");
	s->row[s->n].provider = STR("openai");
	s->row[s->n++].model = STR("a");
	return ERR_OK;
}

static void
each(int64_t day, const unsigned char *after, uint32_t max, struct seen *s)
{
	struct seen got = { 0 };

	/* after may lie in what was seen before */
	assert_int_equal(
	    store_reprice_each(bed_store, day, after, max, on_row, &got),
	    ERR_OK);
	*s = got;
}

static void
by_pages(void **state)
{
	struct seen s;

	(void)state;
	fill();
	each(20000, NULL, 10, &s);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.row[0].id[0], 0);
	assert_true(s.row[0].began == BEGAN);
	assert_int_equal(s.row[0].cost, 100);
	assert_int_equal(s.row[0].cached, -1);
	assert_int_equal(s.row[0].cache_write, 3);
	assert_int_equal(s.row[0].reasoning, 4);
	assert_int_equal(s.row[0].price_version, 7);
	assert_int_equal(s.row[1].cost, -1);
	assert_string_equal(s.row[2].state, "lost");
	each(20000, NULL, 2, &s);
	assert_int_equal(s.n, 2);
	each(20000, s.row[1].id, 2, &s);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.row[0].id[15], 0xff);
	each(20000, s.row[0].id, 2, &s);
	assert_int_equal(s.n, 0);
	each(20001, NULL, 2, &s);
	assert_int_equal(s.n, 0);
}

static enum err
on_sum(void *arg, const struct store_usage *row)
{
	*(struct store_usage *)arg = *row;
	return ERR_OK;
}

static struct store_usage
sum_of(enum store_span span)
{
	const struct store_usage_ask a = { .span = span,
		/* by key, else the days' sums are the others */
		.by = STORE_BY_KEY,
		.to = BEGAN + DAY,
		.max = 1 };
	struct store_usage u = { 0 };

	assert_int_equal(store_usage_each(bed_store, &a, on_sum, &u), ERR_OK);
	return u;
}

static void
writes_rows_and_sums(void **state)
{
	struct store_reprice p[3];
	struct seen s;

	(void)state;
	fill();
	each(20000, NULL, 10, &s);
	p[0] = (struct store_reprice){ &s.row[0], -1, 0 };
	p[1] = (struct store_reprice){ &s.row[1], 1000, 8 };
	p[2] = (struct store_reprice){ &s.row[2], 20, 0 };
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_reprice_write(bed_store, p, 3), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
	each(20000, NULL, 10, &s);
	assert_int_equal(s.row[0].cost, -1);
	assert_int_equal(s.row[0].price_version, 0);
	assert_int_equal(s.row[1].cost, 1000);
	assert_int_equal(s.row[1].price_version, 8);
	assert_int_equal(s.row[2].cost, 20);
	for (int i = STORE_HOUR; i < STORE_SPAN__MAX; i++) {
		struct store_usage u = sum_of((enum store_span)i);

		assert_int_equal(u.requests, 3);
		assert_int_equal(u.cost, 1020);
		assert_int_equal(u.unpriced, 1);
	}
	/* no sums are made where none are kept */
	assert_int_equal(sum_of(STORE_MINUTE).requests, 0);
	assert_int_equal(sum_of(STORE_MINUTE).cost, 0);
}

static void
rolls_back(void **state)
{
	struct store_reprice p;
	struct seen s;

	(void)state;
	fill();
	each(20000, NULL, 10, &s);
	p = (struct store_reprice){ &s.row[0], 999, 9 };
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_reprice_write(bed_store, &p, 1), ERR_OK);
	store_rollback(bed_store);
	each(20000, NULL, 10, &s);
	assert_int_equal(s.row[0].cost, 100);
	assert_int_equal(sum_of(STORE_HOUR).cost, 150);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(by_pages),
		BED_TEST(writes_rows_and_sums),
		BED_TEST(rolls_back),
	};

	return bed_run("other prices", tests, COUNT(tests));
}
