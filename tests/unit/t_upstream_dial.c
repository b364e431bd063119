#include "upstream/engine.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "upstream_help.h"

static struct upstream_call call;
static struct upstream_xfer xfer;

/* curl's structure has room for the larger addresses behind its end. */
union address {
	struct curl_sockaddr a;
	char room[sizeof(struct curl_sockaddr) + sizeof(struct sockaddr_in6)];
};

static curl_socket_t
dial(const char *ip)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	union address u = { .a = { .socktype = SOCK_STREAM } };
	char *to = (char *)&u + offsetof(struct curl_sockaddr, addr);

	xfer = (struct upstream_xfer){ .engine = (struct engine *)up,
		.call = &call };
	if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1) {
		u.a.family = AF_INET;
		u.a.addrlen = sizeof(v4);
		memcpy(to, &v4, sizeof(v4));
	} else {
		assert_int_equal(inet_pton(AF_INET6, ip, &v6.sin6_addr), 1);
		u.a.family = AF_INET6;
		u.a.addrlen = sizeof(v6);
		memcpy(to, &v6, sizeof(v6));
	}
	return dial_open(&xfer, CURLSOCKTYPE_IPCXN, &u.a);
}

static bool
may_dial(const char *ip)
{
	curl_socket_t fd = dial(ip);

	assert_true(xfer.is_blocked == (fd == CURL_SOCKET_BAD));
	assert_true(xfer.is_new_connection == (fd != CURL_SOCKET_BAD));
	if (fd == CURL_SOCKET_BAD)
		return false;
	assert_true(dial_is_ours(xfer.engine, fd));
	assert_int_equal(dial_close(xfer.engine, fd), 0);
	assert_false(dial_is_ours(xfer.engine, fd));
	return true;
}

/* The address decides, however the name was written (url_ip has the table). */
static void
test_guard(void **state)
{
	static const char *const closed[] = { "127.0.0.1", "10.1.2.3",
		"172.16.0.1", "192.168.0.1", "169.254.169.254", "0.0.0.0",
		"100.64.0.1", "224.0.0.1", "255.255.255.255", "::1",
		"::", "fe80::1", "fc00::1", "::ffff:127.0.0.1",
		"64:ff9b::7f00:1" };
	static const char *const open[] = { "8.8.8.8", "1.1.1.1",
		"2606:4700::1111" };

	(void)state;
	call = (struct upstream_call){ 0 };
	for (size_t i = 0; i < COUNT(closed); i++)
		if (may_dial(closed[i]))
			fail_msg("%s may be dialled", closed[i]);
	for (size_t i = 0; i < COUNT(open); i++)
		if (!may_dial(open[i]))
			fail_msg("%s may not be dialled", open[i]);
	call.allow_private = true;
	for (size_t i = 0; i < COUNT(closed); i++)
		assert_true(may_dial(closed[i]));
}

/* A socket of the file system is what an operator wrote, no address. */
static void
test_unix(void **state)
{
	struct curl_sockaddr a = { .family = AF_UNIX,
		.socktype = SOCK_STREAM,
		.addr = { .sa_family = AF_UNIX } };
	curl_socket_t fd;

	(void)state;
	call = (struct upstream_call){ 0 };
	xfer = (struct upstream_xfer){ .engine = (struct engine *)up,
		.call = &call };
	fd = dial_open(&xfer, CURLSOCKTYPE_IPCXN, &a);
	assert_true(fd != CURL_SOCKET_BAD);
	dial_close(xfer.engine, fd);
}

/* Whose bytes they are: of two that share a connection, the last that came. */
static void
test_user(void **state)
{
	struct upstream_xfer other = { .engine = (struct engine *)up,
		.fd = CURL_SOCKET_BAD };
	curl_socket_t a = dial("93.184.216.34"), b = dial("93.184.216.34");

	(void)state;
	xfer.fd = CURL_SOCKET_BAD;
	assert_null(dial_user(xfer.engine, a));
	dial_use(&xfer, a);
	assert_ptr_equal(dial_user(xfer.engine, a), &xfer);
	/* curl has tried another address at the same time, which answered */
	dial_use(&xfer, b);
	assert_null(dial_user(xfer.engine, a));
	assert_ptr_equal(dial_user(xfer.engine, b), &xfer);
	dial_use(&other, b);
	assert_ptr_equal(dial_user(xfer.engine, b), &other);
	dial_leave(&xfer);
	assert_ptr_equal(dial_user(xfer.engine, b), &other);
	dial_leave(&other);
	assert_null(dial_user(xfer.engine, b));
	/* closed under its hands, and its number opened anew */
	dial_use(&xfer, b);
	dial_close(xfer.engine, b);
	assert_null(dial_user(xfer.engine, b));
	assert_int_equal(dial("93.184.216.34"), b);
	assert_null(dial_user(xfer.engine, b));
	dial_leave(&xfer);
	dial_close(xfer.engine, a);
	dial_close(xfer.engine, b);
	/* not ours */
	dial_use(&xfer, 1 << 20);
	assert_null(dial_user(xfer.engine, 1 << 20));
	assert_null(dial_user(xfer.engine, -1));
	dial_leave(&xfer);
}

static void
test_what_is_not_ours(void **state)
{
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_false(dial_is_ours((struct engine *)up, fd[0]));
	assert_false(dial_is_ours((struct engine *)up, -1));
	assert_false(dial_is_ours((struct engine *)up, 1 << 20));
	/* curl may ask us to close it all the same */
	assert_int_equal(dial_close((struct engine *)up, fd[0]), 0);
	assert_int_equal(close(fd[0]), -1);
	close(fd[1]);
}

static void
test_no_descriptor_is_no_block(void **state)
{
	struct curl_sockaddr a = { .family = AF_INET,
		.socktype = 9999,
		.addr = { .sa_family = AF_INET } };

	(void)state;
	call = (struct upstream_call){ .allow_private = true };
	xfer = (struct upstream_xfer){ .engine = (struct engine *)up,
		.call = &call };
	assert_int_equal(
	    dial_open(&xfer, CURLSOCKTYPE_IPCXN, &a), CURL_SOCKET_BAD);
	assert_false(xfer.is_blocked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UPSTREAM_TEST(test_guard),
		UPSTREAM_TEST(test_unix),
		UPSTREAM_TEST(test_user),
		UPSTREAM_TEST(test_what_is_not_ours),
		UPSTREAM_TEST(test_no_descriptor_is_no_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
