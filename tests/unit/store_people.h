#ifndef TESTS_UNIT_STORE_PEOPLE_H
#define TESTS_UNIT_STORE_PEOPLE_H
/* A database of its own for each test of an aggregate. */
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "base/arena.h"
#include "store/act.h"
#include "store/people.h"
#include "store/schema.h"

static char folder[64];
static struct store *store;
static struct arena *arena;

static inline int
people_begin(void **state)
{
	struct store_options o = { .create = true, .any_schema = true };
	char url[128], why[STORE_WHY_SIZE];

	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/llmgw-store-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(url, sizeof(url), "sqlite://%s/a.db", folder);
	arena = arena_new((size_t)1024 * 1024);
	if (store_open(str_z(url), &o, &store, why) != ERR_OK ||
	    store_schema_init(store, NULL, NULL, why) != ERR_OK) {
		print_error("%s\n", why);
		return -1;
	}
	return arena != NULL ? 0 : -1;
}

static inline int
people_end(void **state)
{
	static const char *const names[] = { "a.db", "a.db-wal", "a.db-shm",
		"a.db-schema.lock" };
	char path[128];

	(void)state;
	store_close(store);
	arena_free(arena);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

#define PEOPLE_TEST(f) \
	cmocka_unit_test_setup_teardown(f, people_begin, people_end)

static inline int64_t
count(const struct store_sql *sql)
{
	int64_t n = -1;

	assert_int_equal(
	    store_run(store, sql, NULL, 0, store_row_int, &n), ERR_OK);
	return n;
}

#endif
