#include "jobs_help.h"

#include <fcntl.h>

#include "jobs/source.h"

static void
touch(const char *folder, const char *name, usec_t when)
{
	char path[600];
	struct timespec t[2] = { { .tv_sec = when / USEC_PER_SEC },
		{ .tv_sec = when / USEC_PER_SEC } };
	int fd;

	snprintf(path, sizeof(path), "%.255s/%.255s", folder, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, t), 0);
	close(fd);
}

static bool
is_there(const char *folder, const char *name)
{
	char path[600];

	snprintf(path, sizeof(path), "%.255s/%.255s", folder, name);
	return access(path, F_OK) == 0;
}

/* Sorted, each writer's together; what is none of ours is left alone. */
static void
test_list(void **state)
{
	static const char *const names[] = { "b-2-2.open", "a-1-1.00000002.seg",
		".a-1-1.00000003.seg", "README", "a-1-1.open", ".lock",
		"b-2-2.00000001.seg", "a-1-1.00000001.seg" };
	char *folder = spool_bed();
	struct jobs_files f = { 0 };

	(void)state;
	assert_int_equal(jobs_files_list(folder, &f), ERR_OK);
	assert_int_equal(f.n, 0);
	assert_int_equal(spool_folder(folder), ERR_OK);
	for (size_t i = 0; i < COUNT(names); i++)
		touch(folder, names[i], JOBS_T0);
	assert_int_equal(jobs_files_list(folder, &f), ERR_OK);
	assert_int_equal(f.n, 5);
	assert_string_equal(f.names[0], "a-1-1.00000001.seg");
	assert_string_equal(f.names[2], "a-1-1.open");
	assert_int_equal(jobs_files_end(&f, 0), 3);
	assert_int_equal(jobs_files_end(&f, 3), 5);
	jobs_files_free(&f);
	spool_bed_remove(folder);
}

/* Only what is half made, and old. */
static void
test_tidy(void **state)
{
	char *folder = spool_bed();
	usec_t now = JOBS_T0;

	(void)state;
	assert_int_equal(spool_folder(folder), ERR_OK);
	touch(folder, ".a-1-1.00000001.seg", now - 61 * USEC_PER_SEC);
	touch(folder, ".a-1-1.00000002.seg", now - 59 * USEC_PER_SEC);
	touch(folder, "a-1-1.open", now - 3600 * USEC_PER_SEC);
	touch(folder, ".lock", now - 3600 * USEC_PER_SEC);
	jobs_files_tidy(folder, now);
	assert_false(is_there(folder, ".a-1-1.00000001.seg"));
	assert_true(is_there(folder, ".a-1-1.00000002.seg"));
	assert_true(is_there(folder, "a-1-1.open"));
	assert_true(is_there(folder, ".lock"));
	spool_bed_remove(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_tidy),
	};

	return cmocka_run_group_tests_name("jobs/source", tests, NULL, NULL);
}
