#include "jobs_help.h"

#include "jobs/retention.h"
#include "store/change.h"
#include "store/ledger.h"
#include "store/logday.h"
#include "store/rollup.h"

#define DAY (86400 * USEC_PER_SEC)
#define NOW (INT64_C(20000) * DAY + DAY / 2)

enum {
	ROWS,
	OLDEST,
	MINUTES,
	DAYS,
	CHANGES,
};

static const struct store_sql sql[] = {
	[ROWS] = { "SELECT COUNT(*) FROM ledger", NULL },
	[OLDEST] = { "SELECT MIN(day) FROM ledger", NULL },
	[MINUTES] = { "SELECT COUNT(*) FROM usage_rollup"
		      " WHERE span = 'minute'",
	    NULL },
	[DAYS] = { "SELECT COUNT(*) FROM usage_rollup WHERE span = 'day'",
	    NULL },
	[CHANGES] = { "SELECT COUNT(*) FROM change_log", NULL },
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

/* A row and its sums, so many days ago. */
static void
add(int64_t days_ago)
{
	struct store_ledger row = { .began = NOW - days_ago * DAY,
		.attempt = 1,
		.state = "ok",
		.node = STR("n"),
		.surface = STR("chat"),
		.request_id = STR("r") };
	struct store_rollup sums[2] = { { .span = STORE_MINUTE },
		{ .span = STORE_DAY_SPAN } };

	memcpy(row.id, &days_ago, sizeof(days_ago));
	for (int i = 0; i < 2; i++)
		sums[i].start = store_span_start(sums[i].span, row.began);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_ledger_add(bed_store, &row, 1), ERR_OK);
	assert_int_equal(store_rollup_add(bed_store, sums, 2), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
}

static unsigned
run(const struct jobs_retention *r, usec_t now)
{
	unsigned pieces = 0;
	bool more = true;
	uint64_t n;

	while (more && pieces++ < 1000)
		assert_int_equal(
		    jobs_retention_run(bed_store, r, now, &more, &n), ERR_OK);
	return pieces;
}

static void
test_keep(void **state)
{
	struct jobs_retention r = { .keep = 10 * DAY, .keep_minutes = 3 * DAY };

	(void)state;
	/* as a program that has run each day */
	for (int64_t ago = 20; ago >= 0; ago--) {
		struct jobs_retention none = { 0 };

		run(&none, NOW - ago * DAY);
		add(ago);
	}
	assert_int_equal(number(ROWS), 21);
	assert_true(run(&r, NOW) > 1);
	assert_int_equal(number(OLDEST), 20000 - 10);
	assert_int_equal(number(ROWS), 11);
	assert_int_equal(number(MINUTES), 4);
	assert_int_equal(number(DAYS), 21);
	assert_int_equal(run(&r, NOW), 1);
}

/*
 * Rows that come when their days were let go: they are booked, and go with the
 * next piece of work; the sums of the days have them for good.
 */
static void
test_late(void **state)
{
	struct jobs_retention r = { .keep = 10 * DAY, .keep_minutes = 3 * DAY };
	/* another time: MariaDB's partitions outlive a test */
	const int64_t then = -100;

	(void)state;
	for (int64_t ago = 20; ago >= 0; ago--) {
		run(&r, NOW - (then + ago) * DAY);
		add(then + ago);
	}
	run(&r, NOW - then * DAY);
	assert_int_equal(number(ROWS), 11);
	for (int64_t ago = 30; ago > 25; ago--)
		add(then + ago);
	assert_int_equal(number(ROWS), 16);
	assert_int_equal(number(MINUTES), 4 + 5);
	assert_int_equal(number(DAYS), 26);
	/* MariaDB: what has no partition goes with the next that goes */
	run(&r, NOW - (then - 1) * DAY);
	assert_int_equal(number(ROWS), 10);
	assert_int_equal(number(MINUTES), 3);
	assert_int_equal(number(DAYS), 26);
}

/* 0 is for ever. */
static void
test_for_ever(void **state)
{
	struct jobs_retention r = { 0 };

	(void)state;
	add(9000);
	add(0);
	run(&r, NOW);
	assert_int_equal(number(ROWS), 2);
	assert_int_equal(number(MINUTES), 2);
}

static enum err
on_change(void *arg, int64_t seq, struct str sort, int64_t id)
{
	(void)sort;
	(void)id;
	*(int64_t *)arg = seq;
	return ERR_OK;
}

/* The change log does not grow for ever; whoever looks away is told. */
static void
test_changes(void **state)
{
	struct jobs_retention r = { 0 };
	int64_t seq = -1, now = -1;
	bool gap = false;

	(void)state;
	clock_set(0, NOW - JOBS_KEEP_CHANGES - 1);
	assert_int_equal(store_change_last(bed_store, &seq), ERR_OK);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	for (int i = 0; i < 2100; i++)
		assert_int_equal(store_change_add(bed_store, "key", i), ERR_OK);
	clock_set(0, NOW - JOBS_KEEP_CHANGES);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_change_add(bed_store, "key", i), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
	clock_real();
	assert_int_equal(run(&r, NOW), 3);
	assert_int_equal(number(CHANGES), 3);
	assert_int_equal(
	    store_change_each(bed_store, seq, 10, &gap, on_change, &now),
	    ERR_OK);
	assert_true(gap);
	/* of one that nobody changes, its newest stays */
	run(&r, NOW + JOBS_KEEP_CHANGES + DAY);
	assert_int_equal(number(CHANGES), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_keep),
		BED_TEST(test_late),
		BED_TEST(test_for_ever),
		BED_TEST(test_changes),
	};

	return bed_run("retention", tests, COUNT(tests));
}
