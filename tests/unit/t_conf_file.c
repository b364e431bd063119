#include "conf_help.h"

#include <errno.h>

#include "base/fault.h"
#include "conf/file.h"

static enum err
read_it(const char *path, size_t max, struct buf *b)
{
	buf_init(b, max);
	return conf_file_read(path, b, NULL);
}

static void
test_sizes(void **state)
{
	struct stat st;
	struct buf b;

	(void)state;
	put_file("f", "12345");
	for (size_t max = 5; max < 8; max++) {
		assert_int_equal(read_it(test_path("f"), max, &b), ERR_OK);
		assert_str(buf_str(&b), "12345");
		buf_fini(&b);
	}
	assert_int_equal(read_it(test_path("f"), 4, &b), ERR_LIMIT);
	buf_fini(&b);
	buf_init(&b, 100);
	assert_int_equal(conf_file_read(test_path("f"), &b, &st), ERR_OK);
	assert_int_equal(st.st_size, 5);
	buf_fini(&b);
	put_file("f", "");
	assert_int_equal(read_it(test_path("f"), 10, &b), ERR_OK);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
	drop_file("f");
}

static void
test_refused(void **state)
{
	struct buf b;

	(void)state;
	assert_int_equal(read_it(test_path("none"), 10, &b), ERR_IO);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(
	    conf_file_why(ERR_IO, errno), "No such file or directory");
	assert_int_equal(read_it(test_dir, 10, &b), ERR_UNSUPPORTED);
	assert_string_equal(
	    conf_file_why(ERR_UNSUPPORTED, 0), "it is no regular file");
	/* A pipe without a writer must not hang the load. */
	assert_int_equal(mkfifo(test_path("pipe"), 0600), 0);
	assert_int_equal(read_it(test_path("pipe"), 10, &b), ERR_UNSUPPORTED);
	drop_file("pipe");
	assert_string_equal(conf_file_why(ERR_LIMIT, 0), "it is too large");
	assert_string_equal(conf_file_why(ERR_NOMEM, 0), err_word(ERR_NOMEM));
	buf_fini(&b);
}

#ifdef WITH_FAULTS
static void
test_read_fails(void **state)
{
	struct buf b;

	(void)state;
	put_file("f", "12345");
	fault_setup("conf.read:1");
	assert_int_equal(read_it(test_path("f"), 10, &b), ERR_IO);
	assert_int_equal(errno, EIO);
	fault_setup(NULL);
	buf_fini(&b);
	drop_file("f");
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_refused),
#ifdef WITH_FAULTS
		cmocka_unit_test(test_read_fails),
#endif
	};

	return cmocka_run_group_tests(tests, dir_begin, dir_end);
}
