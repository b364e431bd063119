#include "store/schema.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "store/driver.h"
#include "store_bed.h"

static char why[STORE_WHY_SIZE];

static enum err
open_plain(void)
{
	struct store *s = NULL;
	enum err e = store_open(bed_url(), NULL, &s, why);

	if (e == ERR_OK)
		store_close(s);
	return e;
}

/* ---- versions ------------------------------------------------------------ */

static void
test_init(void **state)
{
	uint32_t n = 0;

	(void)state;
	assert_int_equal(open_plain(), ERR_UNSUPPORTED);
	assert_non_null(strstr(why, "llmgwctl db init"));
	assert_int_equal(
	    store_schema_upgrade(bed_store, NULL, NULL, why), ERR_NOT_FOUND);
	assert_non_null(strstr(why, "llmgwctl db init"));
	assert_int_equal(store_schema_init(bed_store, NULL, NULL, why), ERR_OK);
	assert_int_equal(open_plain(), ERR_OK);
	assert_int_equal(store_schema_check(bed_store, &n, why), ERR_OK);
	assert_int_equal(
	    store_schema_init(bed_store, NULL, NULL, why), ERR_DENIED);
	/* nothing to do is fine */
	assert_int_equal(
	    store_schema_upgrade(bed_store, NULL, NULL, why), ERR_OK);
}

static const char *const later_statements[] = {
	"CREATE TABLE IF NOT EXISTS later (a INTEGER)",
	NULL,
};

static void
test_newer(void **state)
{
	const struct store_step *steps = bed_store->driver->steps;
	struct store_step later[] = { { 0, later_statements }, { 0, NULL } };

	(void)state;
	while (steps->number != 0)
		later[0].number = steps++->number + 1;
	assert_int_equal(store_schema_init(bed_store, NULL, NULL, why), ERR_OK);
	assert_int_equal(
	    store_schema_apply(bed_store, later, NULL, NULL, why), ERR_OK);
	assert_int_equal(open_plain(), ERR_UNSUPPORTED);
	assert_non_null(strstr(why, "newer"));
	assert_non_null(strstr(why, "llmgwctl db check"));
	assert_int_equal(
	    store_schema_upgrade(bed_store, NULL, NULL, why), ERR_UNSUPPORTED);
}

static void
test_judge(void **state)
{
	static const struct {
		struct store_schema c;
		const char *says; /* NULL: fits */
	} rows[] = {
		{ { 0, 3, false }, "llmgwctl db init" },
		{ { 0, 3, true }, "llmgwctl db init" },
		{ { 2, 3, false }, "schema 2, this program needs 3: run "
				   "\"llmgwctl db upgrade\"" },
		{ { 2, 3, true }, "unfinished upgrade" },
		{ { 3, 3, true }, "llmgwctl db upgrade" },
		{ { 4, 3, false }, "newer than this program's 3" },
		{ { 3, 3, false }, NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		why[0] = '\0';
		assert_int_equal(store_schema_judge(&rows[i].c, why),
		    rows[i].says ? ERR_UNSUPPORTED : ERR_OK);
		if (rows[i].says != NULL)
			assert_non_null(strstr(why, rows[i].says));
	}
}

/* What a daemon that is up meets when the schema changes under it. */
static void
test_a_statement_that_does_not_fit(void **state)
{
	static const struct store_sql gone = { "DROP TABLE price", NULL };
	uint32_t n = 0;

	(void)state;
	assert_int_equal(store_schema_init(bed_store, NULL, NULL, why), ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &gone, NULL, 0, NULL, NULL), ERR_OK);
	assert_int_equal(store_schema_check(bed_store, &n, why), ERR_IO);
	assert_non_null(strstr(why, "price"));
}

/*
 * A database of the first schema with rows in it: the sums by hour without
 * callers are made of those with, and again when it was killed behind that.
 */
static void
test_from_the_first(void **state)
{
	static const struct store_sql rows[] = {
		{ "INSERT INTO usage_rollup (span, start, tenant_id, team_id,"
		  " user_id, key_id, client, alias, provider, model, requests,"
		  " failed, lost, estimated, unpriced, prompt, completion,"
		  " cached, reasoning, cost) VALUES (?, 3600, 1, 2, ?, 4, 'c',"
		  " 'a', 'p', 'm', 1, 2, 3, 4, 5, 6, 7, 8, 9, ?)",
		    NULL },
		{ "SELECT COUNT(*) FROM usage_rollup"
		  " WHERE span = 'hourmodel' AND start = 3600 AND tenant_id = 1"
		  " AND team_id = 2 AND user_id = 0 AND key_id = 0"
		  " AND client = '' AND model = 'm' AND requests = 2"
		  " AND reasoning = 18 AND cost = 30",
		    NULL },
		{ "SELECT COUNT(*) FROM usage_rollup", NULL },
	};
	static const struct store_value values[][3] = {
		{ { STORE_TEXT, 0, STR("hour") }, { STORE_INT, 1, { 0 } },
		    { STORE_INT, 10, { 0 } } },
		{ { STORE_TEXT, 0, STR("hour") }, { STORE_INT, 2, { 0 } },
		    { STORE_INT, 20, { 0 } } },
		{ { STORE_TEXT, 0, STR("day") }, { STORE_INT, 1, { 0 } },
		    { STORE_INT, 20, { 0 } } },
	};
	struct store_step first[] = { bed_store->driver->steps[0],
		{ 0, NULL } };
	int64_t n = 0;

	(void)state;
	assert_int_equal(
	    store_schema_apply(bed_store, first, NULL, NULL, why), ERR_OK);
	assert_int_equal(open_plain(), ERR_UNSUPPORTED);
	assert_non_null(strstr(why, "llmgwctl db upgrade"));
	for (size_t i = 0; i < COUNT(values); i++)
		assert_int_equal(
		    store_run(bed_store, &rows[0], values[i], 3, NULL, NULL),
		    ERR_OK);
	assert_int_equal(
	    store_schema_upgrade(bed_store, NULL, NULL, why), ERR_OK);
	assert_int_equal(open_plain(), ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &rows[1], NULL, 0, store_row_int, &n), ERR_OK);
	assert_int_equal(n, 1);
	assert_int_equal(
	    store_run(bed_store, &rows[2], NULL, 0, store_row_int, &n), ERR_OK);
	assert_int_equal(n, 4);
}

/* ---- killed -------------------------------------------------------------- */

/* Ends its process when so many statements are done. */
static void
die_at(void *arg, int64_t step, uint32_t done, uint32_t all)
{
	(void)step;
	(void)all;
	if (done == *(uint32_t *)arg)
		(void)raise(SIGKILL);
}

/* true: it was killed. false: it had no more to do. */
static bool
init_and_die_at(uint32_t n)
{
	const struct store_options o = { .any_schema = true };
	struct store *s = NULL;
	int status;
	pid_t pid;

	/* A connection is one process's. */
	store_close(bed_store);
	bed_store = NULL;
	pid = fork();
	if (pid == 0) {
		if (store_open(bed_url(), &o, &s, why) != ERR_OK ||
		    store_schema_init(s, die_at, &n, why) != ERR_OK) {
			print_error("%s\n", why);
			_exit(1);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	bed_store = bed_open(&o);
	if (WIFSIGNALED(status))
		return true;
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

static void
test_killed_in_the_middle(void **state)
{
	static const uint32_t at[] = { 1, 2, 9, 17, 20 };
	struct store_schema found;
	uint32_t n = 0;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(at); i++) {
		assert_true(init_and_die_at(at[i]));
		assert_int_equal(open_plain(), ERR_UNSUPPORTED);
		assert_int_equal(store_schema_read(bed_store, &found), ERR_OK);
		assert_int_equal(found.found, 0);
		/* SQLite takes the whole step back. */
		assert_int_equal(found.is_partial, bed_is_mariadb());
	}
	assert_false(init_and_die_at(UINT32_MAX));
	assert_int_equal(open_plain(), ERR_OK);
	assert_int_equal(store_schema_check(bed_store, &n, why), ERR_OK);
}

/*
 * MariaDB: killed behind a statement and before its note, wherever that was:
 * each statement runs twice.
 */
static void
test_each_statement_may_run_twice(void **state)
{
	static const struct store_sql forget = { "DELETE FROM meta", NULL };
	uint32_t n = 0;

	(void)state;
	if (!bed_is_mariadb())
		skip();
	assert_int_equal(store_schema_init(bed_store, NULL, NULL, why), ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &forget, NULL, 0, NULL, NULL), ERR_OK);
	if (store_schema_init(bed_store, NULL, NULL, why) != ERR_OK)
		fail_msg("%s", why);
	assert_int_equal(store_schema_check(bed_store, &n, why), ERR_OK);
}

/* A step that fails stays where it was, and goes on when that is mended. */
static const char *const bad_statements[] = {
	"CREATE TABLE IF NOT EXISTS first (a INTEGER NOT NULL)",
	"INSERT INTO first (a) VALUES (1)",
	"INSERT INTO no_such_table (a) VALUES (1)",
	NULL,
};
static const char *const good_statements[] = {
	"CREATE TABLE IF NOT EXISTS first (a INTEGER NOT NULL)",
	"INSERT INTO first (a) VALUES (1)",
	"INSERT INTO first (a) VALUES (2)",
	NULL,
};
static const struct store_sql sum = { "SELECT SUM(a) FROM first", NULL };

static void
test_a_step_that_fails(void **state)
{
	static const struct store_step bad[] = { { 1, bad_statements },
		{ 0, NULL } };
	static const struct store_step good[] = { { 1, good_statements },
		{ 0, NULL } };
	int64_t n = 0;

	(void)state;
	assert_int_equal(
	    store_schema_apply(bed_store, bad, NULL, NULL, why), ERR_IO);
	assert_non_null(strstr(why, "no_such_table"));
	assert_int_equal(
	    store_schema_apply(bed_store, bad, NULL, NULL, why), ERR_IO);
	assert_int_equal(
	    store_schema_apply(bed_store, good, NULL, NULL, why), ERR_OK);
	/* no statement that was done is done again */
	assert_int_equal(
	    store_run(bed_store, &sum, NULL, 0, store_row_int, &n), ERR_OK);
	assert_int_equal(n, 3);
}

static void
test_one_at_a_time(void **state)
{
	const struct store_options o = { .any_schema = true };
	struct store *other = bed_open(&o);

	(void)state;
	assert_int_equal(store_lock(other, "schema", 0), ERR_OK);
	assert_int_equal(
	    store_schema_init(bed_store, NULL, NULL, why), ERR_TIMEOUT);
	assert_non_null(strstr(why, "another process"));
	store_close(other);
	assert_int_equal(store_schema_init(bed_store, NULL, NULL, why), ERR_OK);
}

#ifdef WITH_FAULTS
static void
test_each_failure_can_be_repaired(void **state)
{
	char spec[32];
	unsigned n = 1;
	enum err e;

	(void)state;
	do {
		(void)snprintf(spec, sizeof(spec), "store.schema:%u", n++);
		fault_setup(spec);
		e = store_schema_init(bed_store, NULL, NULL, why);
		if (e == ERR_DENIED) /* the first step is done */
			e = store_schema_upgrade(bed_store, NULL, NULL, why);
		fault_setup(NULL);
	} while (e == ERR_CLOSED && n < 100);
	assert_int_equal(e, ERR_OK);
	assert_true(n > 3);
	assert_int_equal(open_plain(), ERR_OK);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST_EMPTY(test_init),
		BED_TEST_EMPTY(test_newer),
		BED_TEST(test_judge),
		BED_TEST_EMPTY(test_a_statement_that_does_not_fit),
		BED_TEST_EMPTY(test_from_the_first),
		BED_TEST_EMPTY(test_killed_in_the_middle),
		BED_TEST_EMPTY(test_each_statement_may_run_twice),
		BED_TEST_EMPTY(test_a_step_that_fails),
		BED_TEST_EMPTY(test_one_at_a_time),
#ifdef WITH_FAULTS
		BED_TEST_EMPTY(test_each_failure_can_be_repaired),
#endif
	};

	return bed_run("schema", tests, COUNT(tests));
}
