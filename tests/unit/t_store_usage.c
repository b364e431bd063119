#include "store/usage.h"

#include "store/people.h"
#include "store_bed.h"

#define HOUR (3600 * USEC_PER_SEC)
#define DAY (24 * HOUR)
#define DAY_0 (20000 * DAY)

/* A day's sums of one caller and model. */
static struct store_rollup
sums(int day, int64_t tenant, int64_t key, const char *client,
    const char *model, int64_t requests, nanousd_t cost)
{
	return (struct store_rollup){ .span = STORE_DAY_SPAN,
		.start = DAY_0 + day * DAY,
		.tenant_id = tenant,
		.key_id = key,
		.client = str_z(client),
		.alias = STR("chat"),
		.provider = STR("openai"),
		.model = str_z(model),
		.requests = requests,
		.failed = 1,
		.lost = 2,
		.estimated = 3,
		.unpriced = 4,
		.prompt = 5,
		.completion = 6,
		.cached = 7,
		.reasoning = 8,
		.cost = cost };
}

/* Those of a day in both forms, as llmgw-jobd writes them. */
static void
put(struct store_rollup *rows, uint32_t n)
{
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_rollup_add(bed_store, rows, n), ERR_OK);
	for (uint32_t i = 0; i < n; i++) {
		if (rows[i].span != STORE_DAY_SPAN)
			continue;
		rows[i].span = STORE_DAY_MODEL;
		rows[i].user_id = rows[i].key_id = 0;
		rows[i].client = STR("");
		assert_int_equal(
		    store_rollup_add(bed_store, &rows[i], 1), ERR_OK);
	}
	assert_int_equal(store_commit(bed_store), ERR_OK);
}

static void
fill(void)
{
	struct store_rollup rows[] = {
		sums(0, 0, 0, "dev", "a", 1, 100),
		sums(0, 0, 0, "dev", "b", 2, 5),
		sums(0, 0, 0, "ops", "a", 4, 1000),
		sums(1, 0, 0, "dev", "a", 8, 10000),
		/* the same requests again, by the hour: not counted twice */
		sums(1, 0, 0, "dev", "a", 8, 10000),
	};

	rows[4].span = STORE_HOUR;
	put(rows, COUNT(rows));
}

struct seen {
	struct store_usage row[8];
	char text[8][3][32]; /* client, model, tenant */
	unsigned n;
};

static enum err
on_row(void *arg, const struct store_usage *row)
{
	struct seen *s = arg;
	char(*t)[32] = s->text[s->n];

	assert_true(s->n < COUNT(s->row));
	s->row[s->n++] = *row;
	(void)snprintf(t[0], 32, "%.*s", STR_ARG(row->client));
	(void)snprintf(t[1], 32, "%.*s", STR_ARG(row->model));
	(void)snprintf(t[2], 32, "%.*s", STR_ARG(row->tenant));
	return ERR_OK;
}

static void
ask(struct store_usage_ask a, struct seen *s)
{
	a.span = STORE_DAY_SPAN;
	if (a.to == 0)
		a.to = DAY_0 + 10 * DAY;
	if (a.max == 0)
		a.max = 100;
	*s = (struct seen){ 0 };
	assert_int_equal(store_usage_each(bed_store, &a, on_row, s), ERR_OK);
}

/* Exact to the last nano-dollar, and then no further: never an error. */
static void
sums_beyond_64_bits(void **state)
{
	const int64_t kept = INT64_MAX >> 1; /* what a row of sums may hold */
	struct store_rollup rows[5];
	struct seen s;

	(void)state;
	for (int i = 0; i < 5; i++) {
		rows[i] = sums(i, 0, 0, "dev", "a", 1, kept);
		rows[i].prompt = kept;
	}
	rows[2].cost = rows[2].prompt = 1;
	put(rows, 3);
	ask((struct store_usage_ask){ 0 }, &s);
	assert_true(s.row[0].cost == INT64_MAX);
	assert_true(s.row[0].prompt == INT64_MAX);
	put(rows + 3, 1);
	for (unsigned by = 0; by <= STORE_BY_KEY; by += STORE_BY_KEY) {
		ask((struct store_usage_ask){ .by = by }, &s);
		assert_int_equal(s.n, 1);
		assert_true(s.row[0].cost == INT64_MAX);
		assert_true(s.row[0].prompt == INT64_MAX);
		assert_int_equal(s.row[0].completion, 24);
	}
	/* a row that is full takes more, and stays */
	put(rows, 1);
	ask((struct store_usage_ask){ .to = DAY_0 + DAY }, &s);
	assert_true(s.row[0].cost == kept);
	assert_int_equal(s.row[0].requests, 2);
}

static void
all_of_it(void **state)
{
	struct seen s;

	(void)state;
	ask((struct store_usage_ask){ 0 }, &s);
	assert_int_equal(s.n, 0);
	fill();
	ask((struct store_usage_ask){ 0 }, &s);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.row[0].requests, 15);
	assert_int_equal(s.row[0].failed, 4);
	assert_int_equal(s.row[0].lost, 8);
	assert_int_equal(s.row[0].estimated, 12);
	assert_int_equal(s.row[0].unpriced, 16);
	assert_int_equal(s.row[0].prompt, 20);
	assert_int_equal(s.row[0].completion, 24);
	assert_int_equal(s.row[0].cached, 28);
	assert_int_equal(s.row[0].reasoning, 32);
	assert_int_equal(s.row[0].cost, 11105);
	assert_int_equal(s.row[0].start, 0);
	assert_string_equal(s.text[0][1], "");
}

static void
by_each(void **state)
{
	struct seen s;

	(void)state;
	fill();
	ask((struct store_usage_ask){ .by = STORE_BY_MODEL }, &s);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.text[0][1], "a"); /* cost most */
	assert_int_equal(s.row[0].requests, 13);
	assert_string_equal(s.text[1][1], "b");
	assert_string_equal(s.text[1][0], "");
	ask((struct store_usage_ask){ .by = STORE_BY_KEY }, &s);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.text[0][0], "dev");
	assert_int_equal(s.row[0].cost, 10105);
	assert_int_equal(s.row[0].requests, 11);
	assert_int_equal(s.row[0].cached, 21);
	assert_string_equal(s.text[0][1], "");
	assert_string_equal(s.text[1][0], "ops");
	ask((struct store_usage_ask){ .by = STORE_BY_KEY,
		.model = STR("a"),
		.to = DAY_0 + DAY,
		.max = 1 },
	    &s);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.text[0][0], "ops");
	ask((struct store_usage_ask){ .by = STORE_BY_TIME | STORE_BY_KEY }, &s);
	assert_int_equal(s.n, 3);
	assert_true(s.row[0].start == DAY_0);
	assert_string_equal(s.text[0][0], "ops");
	assert_string_equal(s.text[1][0], "dev");
	assert_int_equal(s.row[1].cost, 105);
	assert_true(s.row[2].start == DAY_0 + DAY);
	ask((struct store_usage_ask){ .by = STORE_BY_TIME | STORE_BY_KEY,
		.max = 2 },
	    &s);
	assert_int_equal(s.n, 2);
}

static void
some_of_it(void **state)
{
	struct seen s;

	(void)state;
	fill();
	ask((struct store_usage_ask){ .from = DAY_0, .to = DAY_0 + DAY }, &s);
	assert_int_equal(s.row[0].requests, 7);
	ask((struct store_usage_ask){ .from = DAY_0 + DAY }, &s);
	assert_int_equal(s.row[0].requests, 8);
	ask((struct store_usage_ask){ .model = STR("b") }, &s);
	assert_int_equal(s.row[0].requests, 2);
	ask((struct store_usage_ask){ .provider = STR("openai"),
		.alias = STR("chat") },
	    &s);
	assert_int_equal(s.row[0].requests, 15);
	ask((struct store_usage_ask){ .provider = STR("gone") }, &s);
	assert_int_equal(s.n, 0);
	ask((struct store_usage_ask){ .alias = STR("gone") }, &s);
	assert_int_equal(s.n, 0);
	ask((struct store_usage_ask){ .tenant_id = 7 }, &s);
	assert_int_equal(s.n, 0);
}

/* Names are today's; what was deleted has a number only. */
static void
names(void **state)
{
	struct store_rollup rows[2];
	struct seen s;
	static const struct store_sql add[] = {
		{ "INSERT INTO tenant (name, created, changed)"
		  " VALUES ('acme', 1, 1)",
		    NULL },
		STORE_SQL_END,
	};
	int64_t id;

	(void)state;
	assert_int_equal(
	    store_run(bed_store, &add[0], NULL, 0, NULL, NULL), ERR_OK);
	id = store_last_id(bed_store);
	rows[0] = sums(0, id, 0, "x", "a", 1, 2);
	rows[1] = sums(0, id + 1000, 0, "x", "a", 1, 1);
	put(rows, 2);
	ask((struct store_usage_ask){ .by = STORE_BY_TENANT }, &s);
	assert_int_equal(s.n, 2);
	assert_true(s.row[0].tenant_id == id);
	assert_string_equal(s.text[0][2], "acme");
	assert_true(s.row[1].tenant_id == id + 1000);
	assert_string_equal(s.text[1][2], "");
	ask((struct store_usage_ask){ .tenant_id = id }, &s);
	assert_int_equal(s.row[0].requests, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(all_of_it),
		BED_TEST(sums_beyond_64_bits),
		BED_TEST(by_each),
		BED_TEST(some_of_it),
		BED_TEST(names),
	};

	return bed_run("usage", tests, COUNT(tests));
}
