#include "store/act.h"

#include "store_people.h"

static const struct store_sql sql[] = {
	{ "SELECT COUNT(*) FROM audit WHERE actor = 'cli:kim' AND"
	  " action = 'team.create' AND object = 'team:4' AND tenant_id = 2"
	  " AND result = 'ok' AND reason = 'asked for' AND address = ''"
	  " AND detail = '{\"name\":\"red\"}' AND source_id IS NULL"
	  " AND seq = 1 AND at > 0 AND day = at / 86400000000",
	    "SELECT COUNT(*) FROM audit WHERE actor = 'cli:kim' AND"
	    " action = 'team.create' AND object = 'team:4' AND tenant_id = 2"
	    " AND result = 'ok' AND reason = 'asked for' AND address = ''"
	    " AND detail = '{\"name\":\"red\"}' AND source_id IS NULL"
	    " AND seq = 1 AND at > 0 AND day = at DIV 86400000000" },
	{ "SELECT COUNT(*) FROM change_log WHERE sort = 'team' AND"
	  " object_id = 4 AND at > 0",
	    NULL },
	{ "SELECT COUNT(*) FROM audit", NULL },
	{ "SELECT COUNT(*) FROM change_log", NULL },
	STORE_SQL_END,
};

static enum err
note(struct store *s, void *arg)
{
	const struct store_act act = { STR("cli:kim"), STR("asked for"),
		{ 0 } };
	enum err e = store_act_note(s, &act, "team.create", STR("team:4"), 2,
	    STR("{\"name\":\"red\"}"), "team", 4);

	return e != ERR_OK || arg == NULL ? e : *(enum err *)arg;
}

static void
test_one_row_each(void **state)
{
	(void)state;
	assert_int_equal(store_atomically(bed_store, note, NULL), ERR_OK);
	assert_int_equal(count(&sql[0]), 1);
	assert_int_equal(count(&sql[1]), 1);
	assert_int_equal(count(&sql[2]), 1);
	assert_int_equal(count(&sql[3]), 1);
}

/* A change that fails has never been. */
static void
test_with_the_change(void **state)
{
	enum err e = ERR_DENIED;

	(void)state;
	assert_int_equal(store_atomically(bed_store, note, &e), ERR_DENIED);
	assert_int_equal(count(&sql[2]), 0);
	assert_int_equal(count(&sql[3]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_one_row_each),
		BED_TEST(test_with_the_change),
	};

	return bed_run("act", tests, COUNT(tests));
}
