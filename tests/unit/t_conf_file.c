#include "conf_help.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/clock.h"
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

/* ---- writing ------------------------------------------------------------ */

static enum err
write_it(const char *text, unsigned how)
{
	errno = 0;
	return conf_file_write(str_z(test_dir), "f", str_z(text), how);
}

static void
check_it(const char *name, const char *text)
{
	struct buf b;

	assert_int_equal(read_it(test_path(name), 100, &b), ERR_OK);
	assert_str(buf_str(&b), text);
	buf_fini(&b);
}

static unsigned
n_files(void)
{
	DIR *d = opendir(test_dir);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2; /* "." and ".." */
}

/* One of ours, one name, readable by nobody else. */
static void
check_whole(const char *text)
{
	struct stat st;

	check_it("f", text);
	assert_int_equal(lstat(test_path("f"), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
}

static void
test_write(void **state)
{
	mode_t before = umask(0);

	(void)state;
	assert_int_equal(write_it("one", 0), ERR_OK);
	check_whole("one");
	assert_int_equal(write_it("two", CONF_FILE_SYNC), ERR_OK);
	check_whole("two");
	assert_int_equal(write_it("three", CONF_FILE_STAYS), ERR_OK);
	check_whole("two");
	assert_int_equal(write_it("", 0), ERR_OK);
	check_whole("");
	drop_file("f");
	assert_int_equal(
	    write_it("four", CONF_FILE_STAYS | CONF_FILE_SYNC), ERR_OK);
	check_whole("four");
	assert_int_equal(n_files(), 1);
	drop_file("f");
	umask(before);
}

/* A link gives way; what it points to stays as it is. */
static void
test_write_over_link(void **state)
{
	char *target;

	(void)state;
	target = strdup(put_file("other", "other"));
	assert_non_null(target);
	assert_int_equal(symlink(target, test_path("f")), 0);
	assert_int_equal(write_it("one", 0), ERR_OK);
	check_whole("one");
	check_it("other", "other");
	drop_file("f");
	drop_file("other");
	free(target);
}

static void
test_write_refused(void **state)
{
	static char longest[8192], name[64];

	(void)state;
	assert_int_equal(
	    conf_file_write(STR("/nowhere/at/all"), "f", STR("x"), 0), ERR_IO);
	assert_int_equal(errno, ENOENT);
	put_file("g", "");
	assert_int_equal(
	    conf_file_write(str_z(test_path("g")), "f", STR("x"), 0), ERR_IO);
	assert_int_equal(errno, ENOTDIR);
	drop_file("g");
	memset(longest, '/', sizeof(longest) - 1);
	assert_int_equal(
	    conf_file_write(str_z(longest), "f", STR("x"), 0), ERR_LIMIT);
	memset(name, 'n', sizeof(name) - 1);
	assert_int_equal(
	    conf_file_write(str_z(test_dir), name, STR("x"), 0), ERR_LIMIT);
	/* its name is a folder's */
	assert_int_equal(mkdir(test_path("f"), 0700), 0);
	assert_int_equal(write_it("one", 0), ERR_IO);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(n_files(), 1);
	assert_int_equal(rmdir(test_path("f")), 0);
}

#define NOBODY 65534

/* A folder that may be read and not be written. */
static void
test_write_denied(void **state)
{
	bool is_root = geteuid() == 0;

	(void)state;
	assert_int_equal(write_it("one", 0), ERR_OK);
	assert_int_equal(chmod(test_dir, 0555), 0);
	if (is_root)
		assert_int_equal(seteuid(NOBODY), 0);
	assert_int_equal(write_it("two", 0), ERR_IO);
	assert_int_equal(errno, EACCES);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(test_dir, 0700), 0);
	assert_int_equal(n_files(), 1);
	check_whole("one");
	drop_file("f");
}

/* There is room for a part of it alone. */
static void
test_write_no_room(void **state)
{
	struct rlimit before, few;

	(void)state;
	assert_int_equal(write_it("one", 0), ERR_OK);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	few = before;
	few.rlim_cur = 4;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	assert_int_equal(write_it("12345", 0), ERR_IO);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(write_it("1234", CONF_FILE_STAYS), ERR_OK);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	check_whole("one");
	assert_int_equal(n_files(), 1);
	drop_file("f");
}

/* Of one that was killed: it harms nobody, and is gone an hour later. */
static void
test_write_leftovers(void **state)
{
	const struct timespec ago[2] = {
		{ .tv_sec = clock_wall() / USEC_PER_SEC - 3700 },
		{ .tv_sec = clock_wall() / USEC_PER_SEC - 3700 }
	};
	static const char *const names[] = { ".f.1", ".f.2", ".g.3", "f.4" };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		put_file(names[i], "half");
		if (i > 0)
			assert_int_equal(
			    utimensat(AT_FDCWD, test_path(names[i]), ago, 0),
			    0);
	}
	assert_int_equal(write_it("one", 0), ERR_OK);
	check_whole("one");
	assert_int_equal(n_files(), 4);
	assert_int_equal(access(test_path(".f.2"), F_OK), -1);
	drop_file(".f.1");
	drop_file(".g.3");
	drop_file("f.4");
	drop_file("f");
}

static void
test_write_owner(void **state)
{
	struct stat st;

	(void)state;
	if (geteuid() != 0) {
		print_message("who is not root gives nothing away\n");
		skip();
	}
	assert_int_equal(chown(test_dir, NOBODY, NOBODY), 0);
	assert_int_equal(write_it("one", CONF_FILE_OWNERS), ERR_OK);
	check_whole("one");
	assert_int_equal(stat(test_path("f"), &st), 0);
	assert_int_equal(st.st_uid, NOBODY);
	assert_int_equal(st.st_gid, NOBODY);
	assert_int_equal(write_it("two", 0), ERR_OK);
	assert_int_equal(stat(test_path("f"), &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(chown(test_dir, 0, 0), 0);
	drop_file("f");
}

#ifdef WITH_FAULTS
static void
test_write_fails(void **state)
{
	static const struct {
		const char *fault;
		int code;
	} cases[] = { { "conf.write:1", ENOSPC }, { "conf.sync:1", EIO } };

	(void)state;
	assert_int_equal(write_it("one", 0), ERR_OK);
	for (unsigned i = 0; i < 2; i++) {
		fault_setup(cases[i].fault);
		assert_int_equal(write_it("two", CONF_FILE_SYNC), ERR_IO);
		assert_int_equal(errno, cases[i].code);
		assert_true(fault_struck() > 0);
		fault_setup(NULL);
		check_whole("one");
		assert_int_equal(n_files(), 1);
	}
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
		cmocka_unit_test(test_write_fails),
#endif
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_over_link),
		cmocka_unit_test(test_write_refused),
		cmocka_unit_test(test_write_denied),
		cmocka_unit_test(test_write_no_room),
		cmocka_unit_test(test_write_leftovers),
		cmocka_unit_test(test_write_owner),
	};

	return cmocka_run_group_tests(tests, dir_begin, dir_end);
}
