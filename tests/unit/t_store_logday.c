#include "store/logday.h"

#include "store_bed.h"

enum {
	ADD_CALL,
	ADD_EVENT,
	CALLS,
	EVENTS,
	PARTITIONS,
	LET_GO,
};

static const struct store_sql sql[] = {
	[ADD_CALL] = { "INSERT INTO ledger (day, id, request_id, attempt, "
		       "began, node, client, surface, alias, provider, model, "
		       "state, is_estimated) VALUES (?, ?, 'r', 1, 0, 'n', "
		       "'c', 's', 'a', 'p', 'm', 'ok', 0)",
	    NULL },
	[ADD_EVENT] = { "INSERT INTO audit (day, seq, at, actor, action, "
			"object, result, detail, hash) "
			"VALUES (?, ?, 0, '', '', '', '', '', '')",
	    NULL },
	[CALLS] = { "SELECT COUNT(*) FROM ledger", NULL },
	[EVENTS] = { "SELECT COUNT(*) FROM audit", NULL },
	/* store/audit.h: the table keeps its rows until this is so */
	[LET_GO] = { "INSERT INTO meta (name, value) "
		     "VALUES ('audit_kept_from', '99999')",
	    NULL },
	[PARTITIONS] = { "SELECT 0",
	    "SELECT COUNT(*) FROM information_schema.partitions "
	    "WHERE table_schema = DATABASE() AND table_name = 'ledger'" },
};

static int64_t
ask(int which)
{
	int64_t n = -1;

	assert_int_equal(
	    store_run(bed_store, &sql[which], NULL, 0, store_row_int, &n),
	    ERR_OK);
	return n;
}

static void
add_call(int64_t day, int64_t number)
{
	unsigned char id[16] = { (unsigned char)(number >> 8),
		(unsigned char)number };
	struct store_value v[] = { store_int(day), store_blob(id, 16) };

	assert_int_equal(
	    store_run(bed_store, &sql[ADD_CALL], v, 2, NULL, NULL), ERR_OK);
}

static void
test_days_of_the_ledger(void **state)
{
	uint64_t n = 0;
	int64_t day;
	int i;

	(void)state;
	add_call(1995, 1); /* older than the first partition */
	assert_int_equal(
	    store_logday_make(bed_store, STORE_LEDGER, 2001), ERR_OK);
	for (i = 0; i < 20; i++)
		add_call(2000 + i, i);
	assert_int_equal(
	    store_logday_make(bed_store, STORE_LEDGER, 2010), ERR_OK);
	/* what is there is not made again */
	assert_int_equal(
	    store_logday_make(bed_store, STORE_LEDGER, 2010), ERR_OK);
	if (bed_is_mariadb())
		assert_int_equal(ask(PARTITIONS), 11);
	assert_int_equal(ask(CALLS), 21);
	assert_int_equal(
	    store_logday_drop(bed_store, STORE_LEDGER, 2002, &n), ERR_OK);
	assert_int_equal(ask(CALLS), 18);
	assert_int_equal(n, bed_is_mariadb() ? 1 : 3);
	assert_int_equal(
	    store_logday_drop(bed_store, STORE_LEDGER, 2002, &n), ERR_OK);
	assert_int_equal(n, 0);
	for (day = 2002; day <= 2020; day++)
		assert_int_equal(
		    store_logday_drop(bed_store, STORE_LEDGER, day, &n),
		    ERR_OK);
	/* MariaDB: no partition was made for these days */
	assert_int_equal(ask(CALLS), bed_is_mariadb() ? 9 : 0);
}

/* After a long rest: no more than so many in a call. */
static void
test_a_long_rest(void **state)
{
	int64_t before;

	(void)state;
	if (!bed_is_mariadb())
		skip();
	assert_int_equal(
	    store_logday_make(bed_store, STORE_LEDGER, 3000), ERR_OK);
	before = ask(PARTITIONS);
	assert_int_equal(
	    store_logday_make(bed_store, STORE_LEDGER, 4000), ERR_OK);
	assert_int_equal(ask(PARTITIONS), before + STORE_LOGDAY_STEP);
}

static void
test_many_old_rows(void **state)
{
	uint64_t n = 0;
	int i;

	(void)state;
	if (bed_is_mariadb())
		skip();
	assert_int_equal(store_begin(bed_store), ERR_OK);
	for (i = 0; i < 12000; i++)
		add_call(i % 3, i);
	assert_int_equal(store_commit(bed_store), ERR_OK);
	assert_int_equal(
	    store_logday_drop(bed_store, STORE_LEDGER, 2, &n), ERR_OK);
	assert_int_equal(n, 8000);
	assert_int_equal(ask(CALLS), 4000);
}

static void
test_audit(void **state)
{
	int64_t today = clock_wall() / STORE_DAY;
	uint64_t n = 0;
	int i;

	(void)state;
	assert_int_equal(
	    store_logday_make(bed_store, STORE_AUDIT, today - 20), ERR_OK);
	assert_int_equal(
	    store_logday_make(bed_store, STORE_AUDIT, today + 1), ERR_OK);
	for (i = 0; i < 20; i++) {
		struct store_value v[] = { store_int(today - i),
			store_int(i + 1) };

		assert_int_equal(
		    store_run(bed_store, &sql[ADD_EVENT], v, 2, NULL, NULL),
		    ERR_OK);
	}
	assert_int_equal(
	    store_run(bed_store, &sql[LET_GO], NULL, 0, NULL, NULL), ERR_OK);
	assert_int_equal(
	    store_logday_drop(bed_store, STORE_AUDIT, today - 10, &n), ERR_OK);
	assert_int_equal(ask(EVENTS), 11);
	/* the last week is kept from who may not change tables */
	if (bed_is_mariadb()) {
		assert_int_equal(
		    store_logday_drop(bed_store, STORE_AUDIT, today + 1, &n),
		    ERR_IO);
		assert_non_null(strstr(store_why(bed_store), "too new"));
		assert_int_equal(ask(EVENTS), 7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_days_of_the_ledger),
		BED_TEST(test_a_long_rest),
		BED_TEST(test_many_old_rows),
		BED_TEST(test_audit),
	};

	return bed_run("logday", tests, COUNT(tests));
}
