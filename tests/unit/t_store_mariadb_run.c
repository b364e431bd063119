#include "store/store.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_bed.h"

/* Two transactions that want each other's row: one is told to try again. */
static void
test_deadlock(void **state)
{
	static const struct store_sql add = {
		"INSERT INTO tenant (name, created, changed) VALUES (?, 0, 0)",
		NULL
	};
	static const struct store_sql touch = {
		"UPDATE tenant SET changed = changed + 1 WHERE name = ?", NULL
	};
	struct store_value a = store_text(STR("a")), b = store_text(STR("b"));
	struct store *other;
	int status;
	pid_t pid;
	enum err e;

	(void)state;
	if (!bed_is_mariadb())
		skip();
	assert_int_equal(store_run(bed_store, &add, &a, 1, NULL, NULL), ERR_OK);
	assert_int_equal(store_run(bed_store, &add, &b, 1, NULL, NULL), ERR_OK);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &touch, &a, 1, NULL, NULL), ERR_OK);
	/* the lock says that the child has its row */
	pid = fork();
	if (pid == 0) {
		struct store *s = bed_open(NULL);

		e = store_begin(s);
		if (e == ERR_OK)
			e = store_run(s, &touch, &b, 1, NULL, NULL);
		if (e == ERR_OK)
			e = store_lock(s, "has_b", 9 * USEC_PER_SEC);
		if (e == ERR_OK)
			e = store_run(s, &touch, &a, 1, NULL, NULL);
		_exit((int)e);
	}
	other = bed_open(NULL);
	do {
		e = store_lock(other, "has_b", 0);
		if (e == ERR_OK)
			store_unlock(other, "has_b");
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	} while (e == ERR_OK);
	assert_int_equal(e, ERR_TIMEOUT);
	e = store_run(bed_store, &touch, &b, 1, NULL, NULL);
	store_rollback(bed_store);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	/* whichever the server chose */
	assert_int_equal(
	    (e == ERR_AGAIN) + (WEXITSTATUS(status) == ERR_AGAIN), 1);
	store_close(other);
}

/* ---- rows as they come ---------------------------------------------------- */

#define ROWS 3000

static const struct store_sql add_secret = {
	"INSERT INTO provider_secret (name, sealed, master_id, created, "
	"changed) VALUES (?, ?, '', 0, 0)",
	NULL
};
static const struct store_sql all_secrets = {
	"SELECT name, sealed, not_after FROM provider_secret ORDER BY name",
	NULL
};

/* Lengths that grow and shrink from row to row. */
static size_t
bytes_of(int i)
{
	return i % 100 == 7 ? 50000 : i % 10 == 3 ? 300 : (size_t)i % 5;
}

static enum err
check_secret(void *arg, const struct store_value *row, uint32_t n)
{
	int *i = arg;
	size_t k, bytes = bytes_of(*i);
	char name[16];

	assert_int_equal(n, 3);
	(void)snprintf(name, sizeof(name), "%08d", *i);
	assert_str(row[0].s, name);
	assert_int_equal(row[1].type, STORE_BLOB);
	assert_int_equal(row[1].s.n, bytes);
	for (k = 0; k < bytes; k++)
		assert_int_equal((unsigned char)row[1].s.p[k], *i % 251);
	assert_int_equal(row[2].type, STORE_NULL);
	++*i;
	return ERR_OK;
}

static void
test_rows_of_all_lengths(void **state)
{
	static unsigned char sealed[50000];
	char name[16];
	int i, seen = 0;

	(void)state;
	assert_int_equal(store_begin(bed_store), ERR_OK);
	for (i = 0; i < ROWS; i++) {
		struct store_value v[] = { store_null(),
			store_blob(sealed, bytes_of(i)) };

		(void)snprintf(name, sizeof(name), "%08d", i);
		v[0] = store_text(str_z(name));
		memset(sealed, i % 251, sizeof(sealed));
		assert_int_equal(
		    store_run(bed_store, &add_secret, v, 2, NULL, NULL),
		    ERR_OK);
	}
	assert_int_equal(store_commit(bed_store), ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &all_secrets, NULL, 0, check_secret, &seen),
	    ERR_OK);
	assert_int_equal(seen, ROWS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_deadlock),
		BED_TEST(test_rows_of_all_lengths),
	};

	return bed_run("mariadb_run", tests, COUNT(tests));
}
