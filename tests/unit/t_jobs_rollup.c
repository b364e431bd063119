#include "check.h"

#include "jobs/rollup.h"

#define HOUR (3600 * USEC_PER_SEC)

static struct store_ledger
row(usec_t began, const char *state)
{
	return (struct store_ledger){ .began = began,
		.state = state,
		.prompt = 5,
		.completion = 2,
		.cached = -1,
		.reasoning = -1,
		.cost = 7,
		.tenant_id = 1,
		.client = STR("c"),
		.alias = STR("a"),
		.provider = STR("p"),
		.model = STR("m") };
}

static const struct store_rollup *
find(const struct jobs_rollup *r, enum store_span span, usec_t start)
{
	static const struct store_rollup none;

	for (uint32_t i = 0; i < r->n; i++)
		if (r->rows[i].span == span && r->rows[i].start == start)
			return &r->rows[i];
	return &none;
}

/* Each end counts where it belongs; unknown numbers add nothing. */
static void
test_ends(void **state)
{
	static const char *const words[] = { "ok", "failed", "cut", "aborted",
		"lost", "not_sent", "unsure" };
	struct jobs_rollup r;
	const struct store_rollup *day;

	(void)state;
	assert_int_equal(jobs_rollup_init(&r, 7), ERR_OK);
	for (int i = 0; i < 7; i++) {
		struct store_ledger one = row(10 * HOUR, words[i]);

		one.is_estimated = i == 4;
		one.cost = i == 3 ? -1 : 7;
		jobs_rollup_add(&r, &one);
	}
	jobs_rollup_finish(&r);
	assert_int_equal(r.n, STORE_SPAN__MAX);
	day = find(&r, STORE_DAY_SPAN, 0);
	assert_int_equal(day->requests, 7);
	assert_int_equal(day->failed, 3);
	assert_int_equal(day->lost, 2);
	assert_int_equal(day->estimated, 1);
	assert_int_equal(day->unpriced, 1);
	assert_int_equal(day->prompt, 35);
	assert_int_equal(day->completion, 14);
	assert_int_equal(day->cached, 0);
	assert_int_equal(day->cost, 42);
	/* once more, without who it was */
	day = find(&r, STORE_DAY_MODEL, 0);
	assert_int_equal(day->requests, 7);
	assert_int_equal(day->cost, 42);
	assert_int_equal(day->key_id, 0);
	assert_int_equal(day->client.n, 0);
	day = find(&r, STORE_HOUR_MODEL, 10 * HOUR);
	assert_int_equal(day->requests, 7);
	assert_int_equal(day->key_id, 0);
	jobs_rollup_fini(&r);
}

/* One row for each span and each difference, in one order for all. */
static void
test_groups(void **state)
{
	struct jobs_rollup r, reversed;
	struct store_ledger rows[4] = { row(HOUR, "ok"), row(HOUR + 1, "ok"),
		row(2 * HOUR, "ok"), row(HOUR, "ok") };

	(void)state;
	rows[3].model = STR("another");
	assert_int_equal(jobs_rollup_init(&r, 4), ERR_OK);
	assert_int_equal(jobs_rollup_init(&reversed, 4), ERR_OK);
	for (int i = 0; i < 4; i++) {
		jobs_rollup_add(&r, &rows[i]);
		jobs_rollup_add(&reversed, &rows[3 - i]);
	}
	jobs_rollup_finish(&r);
	jobs_rollup_finish(&reversed);
	/* 3 minutes, 3 hours, 2 days; hours and days without callers */
	assert_int_equal(r.n, 13);
	assert_int_equal(reversed.n, r.n);
	for (uint32_t i = 0; i < r.n; i++) {
		assert_int_equal(r.rows[i].start, reversed.rows[i].start);
		assert_true(str_eq(r.rows[i].model, reversed.rows[i].model));
		assert_int_equal(r.rows[i].requests, reversed.rows[i].requests);
	}
	jobs_rollup_clear(&r);
	jobs_rollup_finish(&r);
	assert_int_equal(r.n, 0);
	jobs_rollup_fini(&r);
	jobs_rollup_fini(&reversed);
}

/* A field of the row that tells it from all others. */
static void
vary(struct store_ledger *one, int field)
{
	switch (field) {
	case 0:
		one->began += 24 * HOUR;
		break;
	case 1:
		one->tenant_id = 2;
		break;
	case 2:
		one->team_id = 2;
		break;
	case 3:
		one->user_id = 2;
		break;
	case 4:
		one->key_id = 2;
		break;
	case 5:
		one->client = STR("d");
		break;
	case 6:
		one->alias = STR("d");
		break;
	case 7:
		one->provider = STR("d");
		break;
	case 8:
		one->model = STR("d");
		break;
	}
}

/* Whatever tells rows apart keeps them apart, through a full table too. */
static void
test_apart(void **state)
{
	enum {
		FIELDS = 9,
		TIMES = 40
	};
	struct jobs_rollup r;

	(void)state;
	assert_int_equal(jobs_rollup_init(&r, FIELDS * TIMES + 1), ERR_OK);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < FIELDS * TIMES; i++) {
			struct store_ledger one = row(HOUR, "ok");

			vary(&one, i % FIELDS);
			jobs_rollup_add(&r, &one);
		}
		jobs_rollup_finish(&r);
		/*
		 * All nine in each of three spans; in the two without callers
		 * user, key and client do not matter: seven.
		 */
		assert_int_equal(r.n, 3 * FIELDS + 2 * (FIELDS - 2));
		for (uint32_t i = 0; i < r.n; i++)
			assert_int_equal(r.rows[i].requests,
			    store_span_has_callers(r.rows[i].span) ||
				    r.rows[i].start >= 24 * HOUR ||
				    r.rows[i].tenant_id == 2 ||
				    r.rows[i].team_id == 2 ||
				    str_eq(r.rows[i].alias, STR("d")) ||
				    str_eq(r.rows[i].provider, STR("d")) ||
				    str_eq(r.rows[i].model, STR("d"))
				? TIMES
				: 3 * TIMES);
		jobs_rollup_clear(&r);
	}
	/* as many rows as there may be, none like another */
	for (int i = 0; i < FIELDS * TIMES; i++) {
		struct store_ledger one = row(i * 24 * HOUR, "ok");

		jobs_rollup_add(&r, &one);
	}
	jobs_rollup_finish(&r);
	assert_int_equal(r.n, STORE_SPAN__MAX * FIELDS * TIMES);
	for (uint32_t i = 0; i < r.n; i++)
		assert_int_equal(r.rows[i].requests, 1);
	jobs_rollup_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_apart),
	};

	return cmocka_run_group_tests_name("jobs/rollup", tests, NULL, NULL);
}
