#include "store/spent.h"

#include "store/people.h"
#include "store/rollup.h"
#include "store_bed.h"

#define MINUTE (60 * USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define DAY_0 (20000 * DAY)

/* A call, in all the sums that it belongs to. */
static void
call(usec_t at, int64_t team, const char *client, const char *alias,
    nanousd_t cost)
{
	assert_int_equal(store_begin(bed_store), ERR_OK);
	for (int i = 0; i < 3; i++) {
		static const enum store_span spans[] = { STORE_MINUTE,
			STORE_HOUR, STORE_DAY_SPAN };
		struct store_rollup r = { .span = spans[i],
			.start = store_span_start(spans[i], at),
			.tenant_id = 1,
			.team_id = team,
			.client = str_z(client),
			.alias = str_z(alias),
			.provider = STR("p"),
			.model = STR("x"),
			.requests = 1,
			.prompt = 10,
			.completion = 1,
			.cost = cost };

		assert_int_equal(store_rollup_add(bed_store, &r, 1), ERR_OK);
	}
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_since),
	};

	return bed_run("spent", tests, COUNT(tests));
}
