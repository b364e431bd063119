#include "store/sqlite_rows.h"

#include "check.h"

static struct sqlite_rows rows;
static sqlite3 *db;

static int
setup(void **state)
{
	(void)state;
	rows = (struct sqlite_rows){ 0 };
	if (sqlite3_open(":memory:", &db) != SQLITE_OK)
		return -1;
	return sqlite_rows_offer(db, &rows);
}

static int
teardown(void **state)
{
	(void)state;
	return sqlite3_close(db);
}

static sqlite3_stmt *
prepared(const char *sql)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	return st;
}

/* The text of the first column of the first row. */
static void
expect(const char *sql, const char *text)
{
	sqlite3_stmt *st = prepared(sql);

	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(st, 0), text);
	sqlite3_finalize(st);
}

static void
test_each_sort_of_value(void **state)
{
	const struct store_value v[] = { store_int(INT64_MIN),
		store_text(STR("a\0b")), store_text(STR("")),
		store_blob("\xff\0", 2), store_blob("", 0), store_null() };

	(void)state;
	rows = (struct sqlite_rows){ v, COUNT(v), 1 };
	expect("SELECT typeof(v00) || v00 FROM store_rows",
	    "integer-9223372036854775808");
	expect("SELECT typeof(v01) || hex(v01) FROM store_rows", "text610062");
	expect("SELECT typeof(v02) || '<' || v02 || '>' FROM store_rows",
	    "text<>");
	expect("SELECT typeof(v03) || hex(v03) FROM store_rows", "blobFF00");
	expect("SELECT typeof(v04) || length(v04) FROM store_rows", "blob0");
	expect("SELECT typeof(v05) FROM store_rows", "null");
	/* beyond what there is */
	expect("SELECT typeof(v06) || typeof(v63) FROM store_rows", "nullnull");
}

/* In their order, again for each run, and none left over. */
static void
test_rows_in_order(void **state)
{
	struct store_value v[6];
	sqlite3_stmt *st;

	(void)state;
	st = prepared(
	    "SELECT group_concat(rowid || v00 || v01, ' ') FROM store_rows");
	for (int i = 0; i < 6; i++)
		v[i] = store_int(i);
	for (unsigned n = 3; n > 0; n--) {
		static const char *const seen[] = { "", "001", "001 123",
			"001 123 245" };

		rows = (struct sqlite_rows){ v, 2, n };
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		assert_string_equal(
		    (const char *)sqlite3_column_text(st, 0), seen[n]);
		sqlite3_reset(st);
	}
	rows = (struct sqlite_rows){ 0 };
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_int_equal(sqlite3_column_type(st, 0), SQLITE_NULL);
	sqlite3_finalize(st);
}

/* What one row may not leaves none of them. */
static void
test_all_or_none(void **state)
{
	struct store_value v[] = { store_int(1), store_int(2), store_int(1) };
	sqlite3_stmt *st;

	(void)state;
	assert_int_equal(
	    sqlite3_exec(
		db, "CREATE TABLE t (a INTEGER PRIMARY KEY)", NULL, NULL, NULL),
	    SQLITE_OK);
	st = prepared("INSERT INTO t (a) SELECT v00 FROM store_rows");
	rows = (struct sqlite_rows){ v, 1, 3 };
	assert_int_equal(sqlite3_step(st), SQLITE_CONSTRAINT);
	sqlite3_reset(st);
	expect("SELECT count(*) FROM t", "0");
	v[2] = store_int(3);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	assert_int_equal(sqlite3_changes(db), 3);
	sqlite3_finalize(st);
	expect("SELECT group_concat(a) FROM t", "1,2,3");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_each_sort_of_value, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_rows_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_all_or_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
