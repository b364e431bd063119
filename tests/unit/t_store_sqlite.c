#include "store/store.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "store/schema.h"

static char folder[64];
static char path[128];
static char url[160];
static char why[STORE_WHY_SIZE];

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/llmgw-sqlite-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/a.db", folder);
	(void)snprintf(url, sizeof(url), "sqlite://%s", path);
	return 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm", "-schema.lock",
		"-x.lock" };
	char name[160];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, names[i]);
		(void)unlink(name);
	}
	return rmdir(folder);
}

static struct store *
open_it(bool create)
{
	const struct store_options o = { .create = create, .any_schema = true };
	struct store *s = NULL;

	if (store_open(str_z(url), &o, &s, why) != ERR_OK)
		fail_msg("%s", why);
	return s;
}

static void
test_makes_no_file_unless_told(void **state)
{
	const struct store_options o = { .any_schema = true };
	struct store *s = NULL;
	struct stat st;
	mode_t before;

	(void)state;
	assert_int_equal(store_open(str_z(url), &o, &s, why), ERR_NOT_FOUND);
	assert_non_null(strstr(why, path));
	assert_int_equal(access(path, F_OK), -1);
	before = umask(027);
	s = open_it(true);
	(void)umask(before);
	assert_string_equal(store_product(s), "sqlite");
	assert_int_equal(store_schema_init(s, NULL, NULL, why), ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	store_close(s);
	assert_int_equal(store_open(str_z(url), NULL, &s, why), ERR_OK);
	store_close(s);
}

static void
test_what_is_no_database(void **state)
{
	const struct store_options o = { .any_schema = true };
	struct store *s = NULL;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	(void)fputs("this is a letter to somebody, and no database at all", f);
	(void)fclose(f);
	assert_int_equal(store_open(str_z(url), &o, &s, why), ERR_IO);
	assert_non_null(strstr(why, "not a database"));
	assert_int_equal(store_open(STR("sqlite:///tmp"), &o, &s, why), ERR_IO);
}

static enum err
keep_text(void *arg, const struct store_value *row, uint32_t n)
{
	(void)n;
	(void)snprintf(arg, 32, "%.*s", STR_ARG(store_get_str(&row[0])));
	return ERR_OK;
}

/* What durability and integrity rest on. */
static void
test_settings(void **state)
{
	static const struct store_sql mode = { "PRAGMA journal_mode", NULL };
	static const struct store_sql sync = { "PRAGMA synchronous", NULL };
	static const struct store_sql keys = { "PRAGMA foreign_keys", NULL };
	struct store *s = open_it(true);
	char text[32] = "";
	int64_t n = 0;

	(void)state;
	assert_int_equal(store_run(s, &mode, NULL, 0, keep_text, text), ERR_OK);
	assert_string_equal(text, "wal");
	assert_int_equal(
	    store_run(s, &sync, NULL, 0, store_row_int, &n), ERR_OK);
	assert_int_equal(n, 2); /* full */
	n = 0;
	assert_int_equal(
	    store_run(s, &keys, NULL, 0, store_row_int, &n), ERR_OK);
	assert_int_equal(n, 1);
	store_close(s);
}

static void
test_locks(void **state)
{
	struct store *s = open_it(true);
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		assert_int_equal(store_lock(s, "x", 0), ERR_OK);
		/* also the same process: a lock is a connection's */
		assert_int_equal(store_lock(s, "x", 0), ERR_TIMEOUT);
		store_unlock(s, "x");
	}
	for (i = 0; i < 4; i++)
		assert_int_equal(store_lock(s, i ? "schema" : "x", 0),
		    i < 2 ? ERR_OK : ERR_TIMEOUT);
	store_close(s);
}

/* The folder is the service's, and root makes locks in it too. */
static void
test_lock_follows_no_link(void **state)
{
	struct store *s = open_it(true);
	char link[256], target[256];

	(void)state;
	(void)snprintf(link, sizeof(link), "%s-x.lock", path);
	(void)snprintf(target, sizeof(target), "%s-elsewhere", path);
	assert_int_equal(symlink(target, link), 0);
	assert_int_equal(store_lock(s, "x", 0), ERR_IO);
	assert_int_not_equal(access(target, F_OK), 0);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_makes_no_file_unless_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_what_is_no_database, setup, teardown),
		cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_locks, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_lock_follows_no_link, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
