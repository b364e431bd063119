#include "store/spent.h"

#include "store/key.h"
#include "store/ledger.h"
#include "store/rollup.h"
#include "store_people.h"

#define MINUTE (60 * USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define DAY_0 (20000 * DAY)

/* A call, in all the sums that it belongs to. */
static void
call_of(usec_t at, const struct store_rollup *who)
{
	assert_int_equal(store_begin(bed_store), ERR_OK);
	for (int i = 0; i < STORE_SPAN__MAX; i++) {
		struct store_rollup r = *who;

		r.span = (enum store_span)i;
		r.start = store_span_start(r.span, at);
		if (!store_span_has_callers(r.span)) {
			r.user_id = r.key_id = 0;
			r.client = STR("");
		}
		assert_int_equal(store_rollup_add(bed_store, &r, 1), ERR_OK);
	}
	assert_int_equal(store_commit(bed_store), ERR_OK);
}

static void
call(usec_t at, int64_t team, const char *client, const char *alias,
    nanousd_t cost)
{
	const struct store_rollup r = { .tenant_id = 1,
		.team_id = team,
		.client = str_z(client),
		.alias = str_z(alias),
		.provider = STR("p"),
		.model = STR("x"),
		.requests = 1,
		.prompt = 10,
		.completion = 1,
		.cost = cost };

	call_of(at, &r);
}

/* The row alone, as if its minute were no longer kept. */
static void
row(usec_t at, const char *alias, int64_t prompt, nanousd_t cost)
{
	static unsigned char n;
	const struct store_ledger l = { .id = { ++n },
		.began = at,
		.attempt = 1,
		.team_id = 7,
		.prompt = prompt,
		.completion = -1,
		.cost = cost,
		.state = "ok",
		.node = STR("n"),
		.request_id = STR("r"),
		.client = STR("a"),
		.surface = STR("chat"),
		.alias = str_z(alias),
		.provider = STR("p"),
		.model = STR("x") };

	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_ledger_add(bed_store, &l, 1), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
}

static enum err
add(void *arg, const struct store_spent *row)
{
	struct store_spent *sum = arg;

	sum->prompt += row->prompt;
	sum->completion += row->completion;
	sum->cost += row->cost;
	return ERR_OK;
}

static int64_t
spent(struct store_spent_ask ask)
{
	struct store_spent sum = { 0 };

	assert_int_equal(store_spent_each(bed_store, &ask, add, &sum), ERR_OK);
	assert_int_equal(sum.prompt, sum.completion * 10);
	return sum.cost;
}

static void
test_since(void **state)
{
	/* 18:30 UTC: a day's begin where clocks are 5:30 ahead */
	usec_t from = DAY_0 + 18 * HOUR + 30 * MINUTE;

	(void)state;
	assert_int_equal(spent((struct store_spent_ask){ .from = from }), 0);
	call(from - MINUTE, 1, "a", "m", 1);
	call(from, 1, "a", "m", 10);
	call(DAY_0 + 18 * HOUR + 59 * MINUTE, 2, "b", "m", 100);
	call(DAY_0 + 19 * HOUR, 1, "a", "n", 1000);
	call(DAY_0 + DAY, 1, "a", "m", 10000);
	call(DAY_0 + 9 * DAY + HOUR, 2, "b", "m", 100000);
	assert_int_equal(
	    spent((struct store_spent_ask){ .from = from }), 111110);
	assert_int_equal(
	    spent((struct store_spent_ask){ .from = from, .team_id = 2 }),
	    100100);
	assert_int_equal(
	    spent((struct store_spent_ask){ .from = from, .client = STR("a") }),
	    11010);
	assert_int_equal(
	    spent((struct store_spent_ask){ .from = from, .tenant_id = 2 }), 0);
	assert_int_equal(
	    spent((struct store_spent_ask){ .from = DAY_0 }), 111111);
	assert_int_equal(
	    spent((struct store_spent_ask){ .from = DAY_0 + DAY }), 110000);
}

/* Rows of several, as "tenant/team/user/key/client/alias/provider: requests cost". */
struct told {
	char text[1024];
	size_t n;
};

static enum err
tell(void *arg, const struct store_spent *r)
{
	struct told *t = arg;

	t->n += (size_t)snprintf(t->text + t->n, sizeof(t->text) - t->n,
	    "%.*s/%.*s/%.*s/%.*s/%.*s/%.*s/%.*s: %d %d;", STR_ARG(r->tenant),
	    STR_ARG(r->team), STR_ARG(r->user), STR_ARG(r->key),
	    STR_ARG(r->client), STR_ARG(r->alias), STR_ARG(r->provider),
	    (int)r->requests, (int)r->cost);
	assert_true(t->n < sizeof(t->text));
	return ERR_OK;
}

static enum err
add_cost(void *arg, const struct store_spent *r)
{
	*(nanousd_t *)arg += r->cost;
	return ERR_OK;
}

static nanousd_t
cost_of(struct store_spent_ask ask)
{
	nanousd_t sum = 0;

	assert_int_equal(
	    store_spent_each(bed_store, &ask, add_cost, &sum), ERR_OK);
	return sum;
}

static void
told_is(struct store_spent_ask ask, const char *wanted)
{
	struct told t = { .text = "" };

	assert_int_equal(store_spent_each(bed_store, &ask, tell, &t), ERR_OK);
	assert_string_equal(t.text, wanted);
}

/* Who and what is told apart, with their names, and only that. */
static void
test_by(void **state)
{
	static const unsigned char hash[HASH_KEY_BYTES] = { 1 };
	const usec_t at = DAY_0 + DAY;
	struct store_spent_ask ask = { .from = at };
	struct store_rollup r;
	struct store_key ci = { .name = STR("ci"),
		.public_part = STR("AAAAAAAA"),
		.pepper_id = STR("p1") };

	(void)state;
	add_people();
	ci.tenant_id = acme.id;
	assert_int_equal(store_key_add(bed_store, &ci, hash), ERR_OK);
	r = (struct store_rollup){ .tenant_id = acme.id,
		.team_id = red.id,
		.user_id = kim.id,
		.key_id = ci.id,
		.client = STR("ci"),
		.alias = STR("m"),
		.provider = STR("p"),
		.model = STR("x"),
		.requests = 2,
		.cost = 5 };
	call_of(at, &r);
	r.key_id = 0;
	r.client = STR("acme/kim");
	call_of(at + HOUR, &r);
	told_is(ask, "//////: 4 10;");
	ask.by = STORE_BY_TENANT | STORE_BY_TEAM | STORE_BY_PROVIDER;
	told_is(ask, "acme/red/////p: 4 10;");
	ask.key_id = ci.id;
	told_is(ask, "acme/red/////p: 2 5;");
	ask.by = STORE_BY_USER | STORE_BY_KEY | STORE_BY_ALIAS;
	told_is(ask, "//kim/ci/ci/m/: 2 5;");
	ask.key_id = 0;
	ask.client = STR("acme/kim");
	told_is(ask, "//kim//acme/kim/m/: 2 5;");
	ask.client = (struct str){ 0 };
	ask.alias = STR("n");
	told_is(ask, "");
	ask.alias = STR("m");
	ask.provider = STR("q");
	told_is(ask, "");
	ask = (struct store_spent_ask){ .from = at, .provider = STR("p") };
	told_is(ask, "//////: 4 10;");
}

/* The hour that has begun: by minutes where they are kept, else by rows. */
static void
test_rows_of_an_hour(void **state)
{
	const usec_t hour = DAY_0 + 18 * HOUR, from = hour + 90 * USEC_PER_SEC;
	struct store_spent_ask ask = { .from = from };

	(void)state;
	row(from - 1, "m", 1, 1);
	row(from, "m", 2, 10);
	row(from + 29 * USEC_PER_SEC, "n", -1, -1);
	row(hour + 2 * MINUTE, "m", 4, 100);
	row(hour + HOUR, "m", 8, 1000);
	call(hour + 2 * MINUTE, 1, "a", "m", 10000);
	call(hour + HOUR, 1, "a", "m", 100000);
	/* to the full minute by rows, then by sums */
	assert_int_equal(cost_of(ask), 10 + 10000 + 100000);
	ask.minutes_from = hour + 30 * MINUTE;
	assert_int_equal(cost_of(ask), 110 + 100000);
	ask.alias = STR("n");
	ask.by = STORE_BY_TENANT | STORE_BY_ALIAS;
	told_is(ask, "/////n/: 1 0;");
}

/* ---- of one key or user -------------------------------------------------- */

static void
call_by(usec_t at, int64_t tenant, int64_t team, int64_t user, int64_t key,
    nanousd_t cost)
{
	const struct store_rollup r = { .tenant_id = tenant,
		.team_id = team,
		.user_id = user,
		.key_id = key,
		.client = STR("c"),
		.alias = key % 2 ? STR("m") : STR("n"),
		.provider = STR("p"),
		.model = STR("x"),
		.requests = 1,
		.cost = cost };

	call_of(at, &r);
}

/* Is the same for both ways to ask. */
static nanousd_t
cost_of_one(struct store_spent_ask ask)
{
	struct store_spent_ask any = ask;
	nanousd_t sum;

	ask.is_one = true;
	sum = cost_of(ask);
	if (ask.key_id > 0)
		any.tenant_id = any.team_id = any.user_id = 0;
	assert_int_equal(cost_of(any), sum);
	return sum;
}

/* In minutes, hours and days; with a team, a user, or none. */
static void
test_of_one(void **state)
{
	const usec_t from = DAY_0 + 18 * HOUR + 30 * MINUTE;
	const usec_t at[] = { from - MINUTE, from, DAY_0 + 19 * HOUR - MINUTE,
		DAY_0 + 19 * HOUR, DAY_0 + DAY - HOUR, DAY_0 + DAY,
		DAY_0 + 30 * DAY, DAY_0 + 31 * DAY };
	struct store_spent_ask ask = { .from = from, .to = DAY_0 + 31 * DAY };
	int64_t other;

	(void)state;
	add_people();
	other = add_tenant("other");
	for (size_t i = 0; i < COUNT(at); i++) {
		call_by(at[i], acme.id, red.id, kim.id, 1, 1);
		call_by(at[i], acme.id, 0, kim.id, 2, 10);
		call_by(at[i], acme.id, red.id, 0, 3, 100);
		call_by(at[i], acme.id, 0, 0, 4, 1000);
		call_by(at[i], acme.id, red.id, kim.id, 0, 10000);
		call_by(at[i], other, 0, kim.id + 1, 5, 100000);
	}
	ask.tenant_id = acme.id;
	ask.user_id = kim.id;
	assert_int_equal(cost_of_one(ask), 6 * 10011);
	ask.alias = STR("m");
	assert_int_equal(cost_of_one(ask), 6 * 1);
	ask.alias = (struct str){ 0 };
	ask.key_id = 2;
	assert_int_equal(cost_of_one(ask), 6 * 10);
	ask.key_id = 1;
	ask.team_id = red.id;
	assert_int_equal(cost_of_one(ask), 6 * 1);
	ask.key_id = 3;
	ask.user_id = 0;
	assert_int_equal(cost_of_one(ask), 6 * 100);
	ask.key_id = 4;
	ask.team_id = 0;
	assert_int_equal(cost_of_one(ask), 6 * 1000);
	/* for ever, and for so long that it is not looked up day by day */
	ask.to = 0;
	assert_int_equal(cost_of_one(ask), 7 * 1000);
	ask.to = DAY_0 + 398 * DAY;
	assert_int_equal(cost_of_one(ask), 7 * 1000);
	ask.to = DAY_0 + 2000 * DAY;
	assert_int_equal(cost_of_one(ask), 7 * 1000);
	ask.to = DAY_0 + 30 * DAY + 1;
	assert_int_equal(cost_of_one(ask), 6 * 1000);
	ask.to = DAY_0 + 30 * DAY;
	assert_int_equal(cost_of_one(ask), 5 * 1000);
	/* nothing else is read: it is nobody's key */
	ask.is_one = true;
	ask.team_id = red.id;
	assert_int_equal(cost_of(ask), 0);
	/* who it was is told as ever */
	ask = (struct store_spent_ask){ .from = DAY_0 + 31 * DAY,
		.to = DAY_0 + 32 * DAY,
		.by = STORE_BY_USER | STORE_BY_KEY | STORE_BY_ALIAS,
		.tenant_id = acme.id,
		.user_id = kim.id,
		.alias = STR("m"),
		.is_one = true };
	told_is(ask, "//kim//c/m/: 1 1;");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_since),
		PEOPLE_TEST(test_by),
		BED_TEST(test_rows_of_an_hour),
		PEOPLE_TEST(test_of_one),
	};

	return bed_run("spent", tests, COUNT(tests));
}
