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

/* The newest first; what hangs on the older ones is still to be had. */
static void
test_changed(void **state)
{
	unsigned char old[HASH_KEY_BYTES], now[HASH_KEY_BYTES];
	struct gate_pepper p = { 0 }, q = { 0 }, r = { 0 };
	char first[GATE_PEPPER_ID_SIZE];
	uint64_t stamp;
	struct stat st;

	(void)state;
	assert_int_equal(gate_pepper_stamp(str_z(folder)), 0);
	assert_int_equal(gate_pepper_add(str_z(folder), &q), ERR_NOT_FOUND);
	assert_int_equal(gate_pepper_make(str_z(folder), &p), ERR_OK);
	stamp = gate_pepper_stamp(str_z(folder));
	assert_int_not_equal(stamp, 0);
	assert_true(stamp == gate_pepper_stamp(str_z(folder)));
	memcpy(first, p.id, sizeof(first));
	gate_pepper_hash(&p, STR("key"), old);
	for (uint32_t n = 1; n < GATE_PEPPERS_MAX; n++) {
		assert_int_equal(gate_pepper_add(str_z(folder), &q), ERR_OK);
		assert_int_equal(q.n_older, n);
		assert_string_not_equal(q.id, p.id);
		assert_string_equal(q.older[0].id, p.id);
		assert_string_equal(q.older[n - 1].id, first);
		assert_false(gate_pepper_same(&p, &q));
		assert_true(gate_pepper_same(&q, &q));
		gate_pepper_hash_old(&q, n - 1, STR("key"), now);
		assert_true(hash_equal(old, now, sizeof(old)));
		gate_pepper_hash(&q, STR("key"), now);
		assert_false(hash_equal(old, now, sizeof(old)));
		gate_pepper_fini(&p);
		p = q;
	}
	assert_true(stamp != gate_pepper_stamp(str_z(folder)));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(gate_pepper_add(str_z(folder), &r), ERR_LIMIT);
	assert_int_equal(
	    gate_pepper_drop(str_z(folder), str_z(p.id), &r), ERR_RANGE);
	assert_int_equal(
	    gate_pepper_drop(str_z(folder), STR("nobody"), &r), ERR_RANGE);
	assert_int_equal(
	    gate_pepper_drop(str_z(folder), str_z(p.older[1].id), &r), ERR_OK);
	assert_int_equal(r.n_older, 2);
	assert_string_equal(r.id, p.id);
	assert_string_equal(r.older[0].id, p.older[0].id);
	assert_string_equal(r.older[1].id, first);
	gate_pepper_fini(&p);
	gate_pepper_fini(&r);
}

static void
test_twice_the_same(void **state)
{
	struct gate_pepper p = { 0 };

	(void)state;
	put("0123456789abcdef0123456789abcdef"
	    "0123456789abcdef0123456789abcdef",
	    64);
	assert_int_equal(gate_pepper_load(str_z(folder), &p), ERR_SYNTAX);
	assert_null(p.bytes);
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
		cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_twice_the_same, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
