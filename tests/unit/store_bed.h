#ifndef TESTS_UNIT_STORE_BED_H
#define TESTS_UNIT_STORE_BED_H
/*
 * Runs tests on each database product. A test sees a schema that fits and no
 * rows but those of table meta; numbers of rows go on from test to test.
 *
 *	static void
 *	test_x(void **state)
 *	{
 *		assert_int_equal(store_run(bed_store, ...), ERR_OK);
 *	}
 *
 *	int
 *	main(void)
 *	{
 *		const struct CMUnitTest tests[] = {
 *			BED_TEST(test_x),
 *		};
 *
 *		return bed_run("things", tests, COUNT(tests));
 *	}
 *
 * The program is built with BED_SOURCES, BED_CPPFLAGS and BED_LIBS (store.am).
 * MariaDB is a private server on a unix socket: that of LLMGW_TEST_MARIADB (its
 * path), else one that is started and ended here (tests/tools/mariadb_bed.py).
 * Where it cannot be had the tests on it fail.
 */
#include <stdbool.h>

#include "check.h"
#include "store/store.h"

/* Open while a test runs. */
extern struct store *bed_store;

/* Runs all on SQLite, then on MariaDB. What failed, as cmocka counts. */
int bed_run(const char *name, const struct CMUnitTest *tests, size_t n);

#define BED_TEST(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)
/* The same without a schema; bed_store was opened with any_schema. */
#define BED_TEST_EMPTY(f) \
	cmocka_unit_test_setup_teardown(f, bed_setup_empty, bed_teardown_empty)

bool bed_is_mariadb(void);
/* Of the test's database. */
struct str bed_url(void);
/* One more connection to it; the test closes it. NULL: as bed_store's. */
struct store *bed_open(const struct store_options *options);
/* MariaDB: statements without values as the server's root; checked. */
void bed_admin(const char *text);
/* MariaDB: the database's name, and a folder for files of the test. */
const char *bed_name(void);
const char *bed_folder(void);
/* Of the server, ended by NUL. */
const char *bed_socket(void);

int bed_setup(void **state);
int bed_teardown(void **state);
int bed_setup_empty(void **state);
int bed_teardown_empty(void **state);

#endif
