#include "store/store.h"

#include "store_bed.h"

/* Statements on a table that every schema has. */
enum {
	ADD,
	COUNT_ALL,
	NAMES,
	MEMBER,
	CHANGE,
	BAD_RESULT,
};

static const struct store_sql sql[] = {
	[ADD] = { "INSERT INTO tenant (name, title, created, changed) "
		  "VALUES (?, ?, ?, 2)",
	    NULL },
	[COUNT_ALL] = { "SELECT COUNT(*) FROM tenant", NULL },
	[NAMES] = { "SELECT name, title, created FROM tenant ORDER BY id",
	    NULL },
	[MEMBER] = { "INSERT INTO team_member (team_id, user_id) "
		     "VALUES (?, ?)",
	    NULL },
	[CHANGE] = { "UPDATE tenant SET changed = 2", NULL },
	[BAD_RESULT] = { "SELECT 1.5", NULL },
	STORE_SQL_END,
};

static enum err
add(struct store *s, const char *name)
{
	struct store_value v[] = { store_text(str_z(name)),
		store_text(STR("a title")), store_int(7) };

	return store_run(s, &sql[ADD], v, 3, NULL, NULL);
}

static int64_t
count(struct store *s)
{
	int64_t n = -1;

	assert_int_equal(
	    store_run(s, &sql[COUNT_ALL], NULL, 0, store_row_int, &n), ERR_OK);
	return n;
}

static void
test_adds_and_reads(void **state)
{
	(void)state;
	assert_int_equal(add(bed_store, "acme"), ERR_OK);
	assert_int_equal(store_changed(bed_store), 1);
	assert_true(store_last_id(bed_store) > 0);
	assert_int_equal(count(bed_store), 1);
}

static void
test_a_row_like_it_is_denied(void **state)
{
	struct store_value ids[] = { store_int(77), store_int(88) };

	(void)state;
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(add(bed_store, "acme"), ERR_OK);
	assert_int_equal(add(bed_store, "acme"), ERR_DENIED);
	assert_true(strlen(store_why(bed_store)) > 0);
	/* no such team */
	assert_int_equal(
	    store_run(bed_store, &sql[MEMBER], ids, 2, NULL, NULL), ERR_DENIED);
	assert_int_equal(store_commit(bed_store), ERR_OK);
	assert_int_equal(count(bed_store), 1);
}

static void
test_rolls_back(void **state)
{
	(void)state;
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_true(store_in_transaction(bed_store));
	assert_int_equal(add(bed_store, "acme"), ERR_OK);
	store_rollback(bed_store);
	assert_false(store_in_transaction(bed_store));
	assert_int_equal(count(bed_store), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_adds_and_reads),
		BED_TEST(test_a_row_like_it_is_denied),
		BED_TEST(test_rolls_back),
	};

	return bed_run("store", tests, COUNT(tests));
}
