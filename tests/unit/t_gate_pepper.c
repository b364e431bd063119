#include "gate/pepper.h"

#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char path[96];

static int
setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/llmgw-pepper-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/pepper", folder);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder); /* fails when something else was left there */
}

static void
put(const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

static void
test_made_once(void **state)
{
	unsigned char a[HASH_KEY_BYTES], b[HASH_KEY_BYTES];
	struct gate_pepper p = { 0 }, q = { 0 };
	struct stat st;

	(void)state;
	assert_int_equal(gate_pepper_load(str_z(folder), &p), ERR_NOT_FOUND);
	assert_null(p.bytes);
	assert_int_equal(gate_pepper_make(str_z(folder), &p), ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, GATE_PEPPER_BYTES);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(gate_pepper_make(str_z(folder), &q), ERR_OK);
	assert_string_equal(p.id, q.id);
	assert_int_equal(strlen(p.id), GATE_PEPPER_ID_SIZE - 1);
	gate_pepper_hash(&p, STR("key"), a);
	gate_pepper_hash(&q, STR("key"), b);
	assert_true(hash_equal(a, b, sizeof(a)));
	hash_key(STR("key"), (struct str){ 0 }, b);
	assert_false(hash_equal(a, b, sizeof(a)));
	gate_pepper_fini(&p);
	gate_pepper_fini(&q);
	assert_null(p.bytes);
}

static void
test_bad_files(void **state)
{
	char much[GATE_PEPPER_BYTES + 1] = { 0 };
	struct gate_pepper p = { 0 };

	(void)state;
	put(much, GATE_PEPPER_BYTES - 1);
	assert_int_equal(gate_pepper_load(str_z(folder), &p), ERR_SYNTAX);
	put(much, GATE_PEPPER_BYTES + 1);
	assert_int_equal(gate_pepper_make(str_z(folder), &p), ERR_SYNTAX);
	put(much, 0);
	assert_int_equal(gate_pepper_load(str_z(folder), &p), ERR_SYNTAX);
	assert_null(p.bytes);
	unlink(path);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(gate_pepper_load(str_z(folder), &p), ERR_DENIED);
	assert_int_equal(
	    gate_pepper_make(STR("/nowhere/at/all"), &p), ERR_NOT_FOUND);
}

static void
test_two_peppers_differ(void **state)
{
	struct gate_pepper p = { 0 }, q = { 0 };
	unsigned char a[HASH_KEY_BYTES], b[HASH_KEY_BYTES];

	(void)state;
	put("0123456789abcdef0123456789abcdef", 32);
	assert_int_equal(gate_pepper_load(str_z(folder), &p), ERR_OK);
	put("0123456789abcdef0123456789abcdeF", 32);
	assert_int_equal(gate_pepper_load(str_z(folder), &q), ERR_OK);
	assert_string_not_equal(p.id, q.id);
	gate_pepper_hash(&p, STR("key"), a);
	gate_pepper_hash(&q, STR("key"), b);
	assert_false(hash_equal(a, b, sizeof(a)));
	gate_pepper_fini(&p);
	gate_pepper_fini(&q);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_made_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_bad_files, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_two_peppers_differ, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
