#include "store_audit.h"

static const struct store_sql rows = { "SELECT COUNT(*) FROM audit", NULL };

/* How many rows went. */
static int64_t
drop(int64_t day)
{
	int64_t before = count(&rows), told;
	struct store_audit_head end = verify().end;
	uint64_t n = 77;

	/* MariaDB drops partitions; who makes them in time is jobd */
	for (int64_t d = 0; d < 8; d++)
		assert_int_equal(
		    store_logday_make(bed_store, STORE_AUDIT, FIRST_DAY + d),
		    ERR_OK);
	assert_int_equal(
	    store_audit_drop(bed_store, STR("jobd"), FIRST_DAY + day, &n),
	    ERR_OK);
	told = verify().end.seq - end.seq;
	assert_true(told == 0 || told == 1);
	assert_true(n > 0 || count(&rows) == before + told);
	return before + told - count(&rows);
}

static void
test_days_leave(void **state)
{
	struct store_audit_verdict v;
	int64_t kept = -1;

	(void)state;
	make_schema();
	fill(4);
	assert_int_equal(store_audit_kept_from(bed_store, &kept), ERR_OK);
	assert_int_equal(kept, 0);
	assert_int_equal(drop(2), 6);
	assert_int_equal(store_audit_kept_from(bed_store, &kept), ERR_OK);
	assert_int_equal(kept, FIRST_DAY + 2);
	/* two days stay, and the row that tells of it */
	v = verify();
	assert_string_equal(v.why, "");
	assert_true(v.is_whole);
	assert_int_equal(v.first_seq, 7);
	assert_int_equal(v.rows, 7);
	assert_int_equal(drop(2), 0);
	assert_whole(7);
	/* and again */
	assert_int_equal(drop(3), 3);
	assert_whole(5);
}

/* It was told, and then the power went: the next call ends it. */
static void
test_left_behind(void **state)
{
	static const struct store_sql some = {
		"DELETE FROM audit WHERE day < 20002 AND seq < 5", NULL
	};
	struct store_audit_verdict v;

	(void)state;
	make_schema();
	fill(3);
	assert_int_equal(drop(2), 6);
	fill(0);
	v = verify();
	assert_int_equal(v.first_seq, 7);
	run(&some, NULL, 0);
	assert_whole(4);
}

/* Whatever is asked for, the last week stays. */
static void
test_the_week_stays(void **state)
{
	struct store_audit row = an_event(0, "a", "b");
	int64_t today = clock_wall() / A_DAY, kept = -1;
	uint64_t n;

	(void)state;
	make_schema();
	add(row);
	for (int64_t d = today - 9; d <= today; d++) {
		row.at = d * A_DAY;
		add(row);
	}
	assert_int_equal(
	    store_audit_drop(bed_store, STR("jobd"), today, &n), ERR_OK);
	assert_int_equal(store_audit_kept_from(bed_store, &kept), ERR_OK);
	assert_int_equal(kept, today - 7);
	assert_true(verify().is_whole);
}

static void
test_the_last_day_stays(void **state)
{
	(void)state;
	make_schema();
	assert_int_equal(drop(5), 0);
	assert_whole(0);
	fill(2);
	assert_int_equal(drop(50), 3);
	assert_whole(4);
}

/* What is kept already is not told again. */
static void
test_nothing_so_old(void **state)
{
	(void)state;
	make_schema();
	add(an_event(4, "a", "b"));
	assert_int_equal(drop(3), 0);
	assert_int_equal(drop(4), 0);
	assert_whole(1);
}

static void
test_triggers(void **state)
{
	static const struct store_sql refused[] = {
		{ "DELETE FROM audit WHERE seq = 1", NULL },
		{ "DELETE FROM audit", NULL },
		{ "UPDATE audit SET reason = 'x'", NULL },
		{ "REPLACE INTO audit SELECT * FROM audit WHERE seq = 2",
		    NULL },
	};

	(void)state;
	make_schema();
	fill(2);
	for (size_t i = 0; i < COUNT(refused); i++) {
		assert_int_equal(
		    store_run(bed_store, &refused[i], NULL, 0, NULL, NULL),
		    ERR_IO);
		assert_non_null(
		    strstr(store_why(bed_store), "rows of the audit"));
	}
	assert_whole(6);
	/* also after days were dropped */
	assert_int_equal(drop(1), 3);
	assert_int_equal(
	    store_run(bed_store, &refused[1], NULL, 0, NULL, NULL), ERR_IO);
	assert_whole(4);
}

/* Who makes the days go by himself cannot tell it in the chain. */
static void
test_dropped_by_hand(void **state)
{
	static const struct store_sql sql[] = {
		{ "INSERT INTO meta (name, value) VALUES ('audit_kept_from',"
		  " '20001')",
		    NULL },
		{ "DELETE FROM audit WHERE day < 20001", NULL },
		{ "UPDATE meta SET value = '20003' WHERE name ="
		  " 'audit_kept_from'",
		    NULL },
	};

	(void)state;
	make_schema();
	fill(3);
	run(&sql[0], NULL, 0);
	run(&sql[1], NULL, 0);
	assert_bad(4, "no row audit.dropped tells");
	assert_int_equal(drop(1), 0);
	assert_bad(4, "no row audit.dropped tells");
	assert_int_equal(drop(2), 3);
	assert_whole(4);
	/* more than was told */
	run(&sql[2], NULL, 0);
	assert_bad(10, "no row audit.dropped tells");
}

/* The head of the last day that went is what the rest hangs on. */
static void
test_anchor(void **state)
{
	static const struct store_sql sql[] = {
		{ "UPDATE audit_head SET hash = (SELECT hash FROM audit WHERE"
		  " seq = 5) WHERE day = 20000",
		    NULL },
		{ "DELETE FROM audit_head WHERE day = 20000", NULL },
	};

	(void)state;
	make_schema();
	fill(3);
	assert_int_equal(drop(1), 3);
	run(&sql[0], NULL, 0);
	assert_bad(4, "not as it was written");
	run(&sql[1], NULL, 0);
	assert_bad(0, "the head of the last day that was dropped is missing");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST_EMPTY(test_days_leave),
		BED_TEST_EMPTY(test_left_behind),
		BED_TEST_EMPTY(test_the_week_stays),
		BED_TEST_EMPTY(test_the_last_day_stays),
		BED_TEST_EMPTY(test_nothing_so_old),
		BED_TEST_EMPTY(test_triggers),
		BED_TEST_EMPTY(test_dropped_by_hand),
		BED_TEST_EMPTY(test_anchor),
	};

	return bed_run("audit: keep", tests, COUNT(tests));
}
