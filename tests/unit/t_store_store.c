#include "store/store.h"

#include "check.h"
#include "store/schema.h"

#include <unistd.h>

/* Statements on a table that every schema has. */
enum {
	ADD,
	COUNT,
	NAMES,
	MEMBER,
	CHANGE,
	BAD_RESULT,
};

static const struct store_sql sql[] = {
	[ADD] = { "INSERT INTO tenant (name, title, created, changed) "
		  "VALUES (?, ?, ?, 2)",
	    NULL },
	[COUNT] = { "SELECT COUNT(*) FROM tenant", NULL },
	[NAMES] = { "SELECT name, title, created FROM tenant ORDER BY id",
	    NULL },
	[MEMBER] = { "INSERT INTO team_member (team_id, user_id) "
		     "VALUES (?, ?)",
	    NULL },
	[CHANGE] = { "UPDATE tenant SET changed = 2", NULL },
	[BAD_RESULT] = { "SELECT 1.5", NULL },
	STORE_SQL_END,
};

static char folder[64];
static char url[128];
static struct store *store;

static int
setup(void **state)
{
	struct store_options o = { .create = true, .any_schema = true };
	char why[STORE_WHY_SIZE];

	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/llmgw-store-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(url, sizeof(url), "sqlite://%s/a.db", folder);
	if (store_open(str_z(url), &o, &store, why) != ERR_OK ||
	    store_schema_init(store, NULL, NULL, why) != ERR_OK) {
		print_error("%s\n", why);
		return -1;
	}
	return 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "a.db", "a.db-wal", "a.db-shm",
		"a.db-schema.lock", "a.db-x.lock" };
	char path[128];
	size_t i;

	(void)state;
	store_close(store);
	store = NULL;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

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
	    store_run(s, &sql[COUNT], NULL, 0, store_row_int, &n), ERR_OK);
	return n;
}

static void
test_adds_and_reads(void **state)
{
	(void)state;
	assert_int_equal(add(store, "acme"), ERR_OK);
	assert_int_equal(store_changed(store), 1);
	assert_true(store_last_id(store) > 0);
	assert_int_equal(count(store), 1);
}

static void
test_a_row_like_it_is_denied(void **state)
{
	struct store_value ids[] = { store_int(77), store_int(88) };

	(void)state;
	assert_int_equal(store_begin(store), ERR_OK);
	assert_int_equal(add(store, "acme"), ERR_OK);
	assert_int_equal(add(store, "acme"), ERR_DENIED);
	assert_true(strlen(store_why(store)) > 0);
	/* no such team */
	assert_int_equal(
	    store_run(store, &sql[MEMBER], ids, 2, NULL, NULL), ERR_DENIED);
	assert_int_equal(store_commit(store), ERR_OK);
	assert_int_equal(count(store), 1);
}

static void
test_rolls_back(void **state)
{
	(void)state;
	assert_int_equal(store_begin(store), ERR_OK);
	assert_true(store_in_transaction(store));
	assert_int_equal(add(store, "acme"), ERR_OK);
	store_rollback(store);
	assert_false(store_in_transaction(store));
	assert_int_equal(count(store), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_adds_and_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_row_like_it_is_denied, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_rolls_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
