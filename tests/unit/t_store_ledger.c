#include "store_people.h"
#include "store/ledger.h"

enum {
	COUNT_ROWS,
	SUM,
	NULLS,
};

static const struct store_sql sql[] = {
	[COUNT_ROWS] = { "SELECT COUNT(*) FROM ledger", NULL },
	[SUM] = { "SELECT SUM(prompt) FROM ledger", NULL },
	[NULLS] = { "SELECT COUNT(*) FROM ledger WHERE cost IS NULL AND"
		    " price_version IS NULL AND cached IS NULL AND tenant_id IS"
		    " NULL AND ended IS NULL AND client = ''",
	    NULL },
	STORE_SQL_END,
};

static struct store_ledger
row(uint32_t n)
{
	struct store_ledger r = { .began = INT64_C(1700000000000000) + n,
		.attempt = 1,
		.prompt = n,
		.completion = 1,
		.cached = -1,
		.cache_write = -1,
		.cache_write_1h = -1,
		.reasoning = -1,
		.audio_in = -1,
		.audio_out = -1,
		.cost = -1,
		.state = "ok",
		.node = STR("n"),
		.request_id = STR("r"),
		.surface = STR("chat"),
		.alias = STR("a"),
		.provider = STR("p"),
		.model = STR("m") };

	memcpy(r.id, &n, sizeof(n));
	return r;
}

/* More than fits one statement; unknown is NULL and not 0. */
static void
test_many(void **state)
{
	enum {
		N = 300
	};
	static struct store_ledger rows[N];

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		rows[i] = row(i);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_ledger_add(bed_store, rows, N), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
	assert_int_equal(count(&sql[COUNT_ROWS]), N);
	assert_int_equal(count(&sql[SUM]), N * (N - 1) / 2);
	assert_int_equal(count(&sql[NULLS]), N);
}

/* The same row twice is told, and is one row. */
static void
test_twice(void **state)
{
	struct store_ledger rows[3] = { row(1), row(2), row(3) };
	bool is_new = false;

	(void)state;
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(
	    store_ledger_add_new(bed_store, &rows[1], &is_new), ERR_OK);
	assert_true(is_new);
	assert_int_equal(
	    store_ledger_add_new(bed_store, &rows[1], &is_new), ERR_OK);
	assert_false(is_new);
	assert_int_equal(store_commit(bed_store), ERR_OK);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_ledger_add(bed_store, rows, 3), ERR_DENIED);
	store_rollback(bed_store);
	assert_int_equal(count(&sql[COUNT_ROWS]), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_many),
		BED_TEST(test_twice),
	};

	return bed_run("ledger", tests, COUNT(tests));
}
