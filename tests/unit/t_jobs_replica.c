#include "jobs/replica.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/change.h"
#include "store/people.h"
#include "store/replica.h"
#include "store_bed.h"

static char folder[64];

static int
begin(void **state)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/llmgw-replica-XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : bed_setup(state);
}

static int
end(void **state)
{
	static const char *const names[] = { "replica.db", "replica.db-wal",
		"replica.db-shm", "replica.db-schema.lock" };
	char name[128];

	clock_real();
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
		(void)unlink(name);
	}
	return rmdir(folder) != 0 ? -1 : bed_teardown(state);
}

/* A host whose database is a file needs no copy of it. */
static void
test_every_second(void **state)
{
	struct store_tenant acme = { .name = STR("acme") };
	struct jobs_replica r = { 0 };
	usec_t wall = 0;

	(void)state;
	clock_set(100 * USEC_PER_SEC, 1000 * USEC_PER_SEC);
	(void)snprintf(r.path, sizeof(r.path), "%s/replica.db", folder);
	assert_int_equal(store_tenant_add(bed_store, &acme), ERR_OK);
	assert_int_equal(jobs_replica_run(&r, bed_store), ERR_OK);
	assert_int_equal(access(r.path, F_OK) == 0, bed_is_mariadb());
	if (bed_is_mariadb()) {
		assert_int_equal(store_replica_confirmed(r.to, &wall), ERR_OK);
		assert_int_equal(wall, 1000 * USEC_PER_SEC);
		clock_set(100 * USEC_PER_SEC + 1, 1009 * USEC_PER_SEC);
		assert_int_equal(jobs_replica_run(&r, bed_store), ERR_OK);
		assert_int_equal(store_replica_confirmed(r.to, &wall), ERR_OK);
		assert_int_equal(wall, 1000 * USEC_PER_SEC); /* not yet */
		clock_set(101 * USEC_PER_SEC, 1009 * USEC_PER_SEC);
		assert_int_equal(jobs_replica_run(&r, bed_store), ERR_OK);
		assert_int_equal(store_replica_confirmed(r.to, &wall), ERR_OK);
		assert_int_equal(wall, 1009 * USEC_PER_SEC);
	}
	assert_string_equal(r.why, "");
	jobs_replica_end(&r);
}

/* Its own troubles are told and hold nothing up. */
static void
test_no_folder(void **state)
{
	struct jobs_replica r = { 0 };

	(void)state;
	clock_set(100 * USEC_PER_SEC, 1000 * USEC_PER_SEC);
	(void)snprintf(r.path, sizeof(r.path), "%s/no/replica.db", folder);
	assert_int_equal(jobs_replica_run(&r, bed_store), ERR_OK);
	assert_int_equal(r.why[0] != '\0', bed_is_mariadb());
	clock_set(100 * USEC_PER_SEC + JOBS_REPLICA_PAUSE, 1000 * USEC_PER_SEC);
	(void)snprintf(r.path, sizeof(r.path), "%s/replica.db", folder);
	assert_int_equal(jobs_replica_run(&r, bed_store), ERR_OK);
	assert_string_equal(r.why, "");
	jobs_replica_end(&r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_second),
		TEST(test_no_folder),
	};

	return bed_run("jobs_replica", tests, COUNT(tests));
}
