/*
 * Locks on the file are the process's (POSIX): opening a second connection
 * must not end those of the first. Otherwise the next program that closes the
 * database takes itself for the last one and takes the log away: what is
 * written afterwards is never seen here, and what is written here is lost.
 */
#include "check.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/change.h"
#include "store/schema.h"

static char folder[64];
static char url[128];

static struct store *
open_it(bool create)
{
	const struct store_options o = { .create = create,
		.any_schema = create };
	char why[STORE_WHY_SIZE];
	struct store *s = NULL;

	if (store_open(str_z(url), &o, &s, why) != ERR_OK)
		fail_msg("%s", why);
	return s;
}

static int64_t
newest(struct store *s)
{
	int64_t seq = -1;

	assert_int_equal(store_change_last(s, &seq), ERR_OK);
	return seq;
}

static int to_other, from_other;

/*
 * Another program: for each byte it opens, adds a row, closes. Forked before
 * anything is open here, as SQLite demands.
 */
static void
other_program(int in, int out)
{
	char byte;

	alarm(120);
	while (read(in, &byte, 1) == 1) {
		struct store *s = open_it(false);

		if (store_change_add(s, "key", 1) != ERR_OK)
			_exit(1);
		store_close(s);
		if (write(out, &byte, 1) != 1)
			_exit(1);
	}
	_exit(0);
}

static pid_t
begin_other(void)
{
	int to[2], from[2];
	pid_t pid;

	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(to[1]);
		(void)close(from[0]);
		other_program(to[0], from[1]);
	}
	(void)close(to[0]);
	(void)close(from[1]);
	to_other = to[1];
	from_other = from[0];
	return pid;
}

static void
add_elsewhere(void)
{
	char byte = 'x';

	assert_int_equal(write(to_other, &byte, 1), 1);
	assert_int_equal(read(from_other, &byte, 1), 1);
}

static void
test_second_connection(void **state)
{
	char why[STORE_WHY_SIZE];
	struct store *first, *second;
	int status = -1;
	pid_t pid;

	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/llmgw-locks-XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(url, sizeof(url), "sqlite://%s/a.db", folder);
	pid = begin_other();
	first = open_it(true);
	assert_int_equal(store_schema_init(first, NULL, NULL, why), ERR_OK);
	store_close(first);

	first = open_it(false);
	assert_int_equal(newest(first), 0);
	second = open_it(false);
	assert_int_equal(newest(second), 0);
	for (int64_t n = 1; n < 20; n++) {
		add_elsewhere();
		assert_int_equal(newest(first), n);
		assert_int_equal(newest(second), n);
	}
	store_close(second);
	store_close(first);
	(void)close(to_other);
	(void)close(from_other);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_clean_up(void **state)
{
	static const char *const names[] = { "a.db", "a.db-wal", "a.db-shm",
		"a.db-schema.lock" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_second_connection),
		cmocka_unit_test(test_clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
