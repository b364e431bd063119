#include "store_people.h"
#include "store/rollup.h"

#define MINUTE (60 * USEC_PER_SEC)
#define T INT64_C(1700000000000000)

enum {
	COUNT_ROWS,
	REQUESTS,
	COST,
	OLDEST,
};

static const struct store_sql sql[] = {
	[COUNT_ROWS] = { "SELECT COUNT(*) FROM usage_rollup", NULL },
	[REQUESTS] = { "SELECT SUM(requests) FROM usage_rollup"
		       " WHERE span = 'minute' AND model = 'm'",
	    NULL },
	[COST] = { "SELECT SUM(cost) FROM usage_rollup", NULL },
	[OLDEST] = { "SELECT MIN(start) FROM usage_rollup"
		     " WHERE span = 'minute'",
	    NULL },
	STORE_SQL_END,
};

static struct store_rollup
row(enum store_span span, usec_t t)
{
	return (struct store_rollup){ .span = span,
		.start = store_span_start(span, t),
		.tenant_id = 1,
		.model = STR("m"),
		.requests = 2,
		.prompt = 3,
		.cost = 5 };
}

static void
add(const struct store_rollup *rows, uint32_t n)
{
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_rollup_add(bed_store, rows, n), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
}

/* The second time the same rows grow, all of their counts. */
static void
test_adds_up(void **state)
{
	struct store_rollup rows[3] = { row(STORE_MINUTE, T),
		row(STORE_HOUR, T), row(STORE_MINUTE, T + MINUTE) };

	(void)state;
	add(rows, 3);
	add(rows, 3);
	rows[0].client = STR("another");
	add(rows, 1);
	assert_int_equal(count(&sql[COUNT_ROWS]), 4);
	assert_int_equal(count(&sql[REQUESTS]), 10);
	assert_int_equal(count(&sql[COST]), 35);
}

static void
test_spans(void **state)
{
	(void)state;
	assert_string_equal(store_span_word(STORE_DAY_SPAN), "day");
	assert_int_equal(
	    store_span_start(STORE_MINUTE, 125 * USEC_PER_SEC), 2 * MINUTE);
	assert_int_equal(
	    store_span_start(STORE_HOUR, 61 * MINUTE), 60 * MINUTE);
	assert_int_equal(store_span_start(STORE_DAY_SPAN, 47 * 60 * MINUTE),
	    24 * 60 * MINUTE);
}

/* In pieces of an hour; what is younger stays, so do other spans. */
static void
test_prune(void **state)
{
	struct store_rollup rows[200];
	usec_t start = store_span_start(STORE_MINUTE, T);
	bool more = true;
	unsigned calls = 0;

	(void)state;
	for (int i = 0; i < 199; i++)
		rows[i] = row(STORE_MINUTE, T + i * MINUTE);
	rows[199] = row(STORE_DAY_SPAN, T);
	add(rows, 200);
	while (more && calls++ < 100)
		assert_int_equal(store_rollup_prune(bed_store, STORE_MINUTE,
				     start + 150 * MINUTE, &more),
		    ERR_OK);
	assert_int_equal(calls, 3);
	assert_int_equal(count(&sql[COUNT_ROWS]), 50);
	assert_int_equal(count(&sql[OLDEST]), start + 150 * MINUTE);
	assert_int_equal(
	    store_rollup_prune(bed_store, STORE_MINUTE, start, &more), ERR_OK);
	assert_false(more);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_adds_up),
		BED_TEST(test_spans),
		BED_TEST(test_prune),
	};

	return bed_run("rollup", tests, COUNT(tests));
}
