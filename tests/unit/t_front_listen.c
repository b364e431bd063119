#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "front/listen.h"

static char dir[64];
static char why[256];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/llmgw-listen.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void
test_unix(void **state)
{
	char spec[128];
	struct stat st;
	int fd = -1, second = -1;

	(void)state;
	snprintf(spec, sizeof(spec), "unix:%s/s", dir);
	assert_int_equal(
	    front_listen_open(str_z(spec), &fd, why, sizeof(why)), ERR_OK);
	assert_true(front_listen_is(fd));
	assert_int_equal(stat(spec + 5, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	/* somebody has it */
	assert_int_equal(
	    front_listen_open(str_z(spec), &second, why, sizeof(why)),
	    ERR_DENIED);
	assert_true(str_contains(str_z(why), STR("another program")));
	/* nobody has it any more: it is replaced */
	front_listen_drop(fd);
	assert_false(front_listen_is(fd));
	assert_true(fcntl(fd, F_GETFD) >= 0);
	close(fd);
	snprintf(spec, sizeof(spec), "unix:%s/s,mode=0600", dir);
	assert_int_equal(
	    front_listen_open(str_z(spec), &fd, why, sizeof(why)), ERR_OK);
	front_listen_remove(str_z(spec));
	snprintf(spec, sizeof(spec), "%s/s", dir);
	assert_int_equal(stat(spec, &st), -1);
	close(fd);
}

/* A file that is no socket is never removed. */
static void
test_no_socket(void **state)
{
	char spec[128];
	int fd = -1, file;

	(void)state;
	snprintf(spec, sizeof(spec), "unix:%s/f", dir);
	file = open(spec + 5, O_CREAT | O_WRONLY, 0600);
	assert_true(file >= 0);
	close(file);
	assert_int_equal(
	    front_listen_open(str_z(spec), &fd, why, sizeof(why)), ERR_IO);
	assert_true(str_contains(str_z(why), STR("cannot listen on")));
	assert_int_equal(fd, -1);
	assert_int_equal(unlink(spec + 5), 0);
	assert_int_equal(front_listen_open(STR("unix:/nonexistent/x/s"), &fd,
			     why, sizeof(why)),
	    ERR_IO);
}

static void
test_inet(void **state)
{
	static const char *const specs[] = { "127.0.0.1:0", "[::1]:0" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sockaddr_storage a;
		socklen_t n = sizeof(a);
		int fd = -1;

		if (front_listen_open(str_z(specs[i]), &fd, why, sizeof(why)) !=
		    ERR_OK) {
			/* a machine without IPv6 */
			assert_int_equal(i, 1);
			continue;
		}
		assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
		assert_int_equal(a.ss_family, i == 0 ? AF_INET : AF_INET6);
		assert_true(front_listen_is(fd));
		close(fd);
	}
}

static void
test_syntax(void **state)
{
	static const char *const bad[] = { "", "unix:", "unix:relative",
		"unix:/x,mode=", "unix:/x,mode=0999", "unix:/x,mode=7777",
		"unix:/x,owner=me", "127.0.0.1", "127.0.0.1:", ":80",
		"127.0.0.1:65536", "127.0.0.1:-1", "localhost:80", "1.2.3:80",
		"/run/x" };
	char longer[300];
	int fd = -1;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    front_listen_open(str_z(bad[i]), &fd, why, sizeof(why)),
		    ERR_SYNTAX);
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, "unix:/", 6);
	assert_int_equal(front_listen_open(str_of(longer, sizeof(longer)), &fd,
			     why, sizeof(why)),
	    ERR_SYNTAX);
	assert_int_equal(fd, -1);
}

/* More may wait than the one who opened it had asked for. */
static void
test_widen(void **state)
{
	enum {
		MANY = 64
	};
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), peer[MANY], refused = 0;

	(void)state;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/w", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 1), 0);
	for (int i = 0; i < MANY; i++) {
		peer[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_true(peer[i] >= 0);
		if (i == MANY / 2)
			front_listen_widen(fd);
		if (connect(peer[i], (struct sockaddr *)&un, sizeof(un)) == 0)
			continue;
		assert_true(i < MANY / 2);
		refused++;
	}
	assert_true(refused > 0);
	for (int i = 0; i < MANY; i++)
		close(peer[i]);
	close(fd);
	unlink(un.sun_path);
}

static void
test_is(void **state)
{
	int pair[2], file = open("/dev/null", O_RDONLY);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_false(front_listen_is(pair[0]));
	assert_false(front_listen_is(file));
	assert_false(front_listen_is(-1));
	close(pair[0]);
	close(pair[1]);
	close(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_unix, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    test_no_socket, make_dir, remove_dir),
		cmocka_unit_test(test_inet),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test_setup_teardown(
		    test_widen, make_dir, remove_dir),
		cmocka_unit_test(test_is),
	};

	return cmocka_run_group_tests_name("front/listen", tests, NULL, NULL);
}
