/*
 * llmgw-fcgi as a program: how it comes by its requests. A socket from whoever
 * starts it, systemd, plain CGI, and the door of libfcgi.
 */
#include "fcgi_program.h"

/* The next message that begins with what. */
static void
wait_notify(int fd, const char *what)
{
	char text[256];
	ssize_t n;

	do {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		assert_int_equal(poll(&pfd, 1, 30000), 1);
		n = recv(fd, text, sizeof(text), 0);
		assert_true(n > 0);
	} while (!str_starts(str_of(text, (size_t)n), str_z(what)));
}

static bool
front_listens(int fd)
{
	int listens = 0;
	socklen_t n = sizeof(listens);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 &&
	       listens;
}

/* The listening socket as standard input: as lighttpd leaves it. */
static void
test_socket_on_stdin(void **state)
{
	const char *args[] = { PROGRAM, "--config", conf, "--workers", "1",
		NULL };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct program p;

	(void)state;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", sock);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 16), 0);
	start_args(&p, args, fd, -1);
	close(fd);
	(void)wait_worker(&p);
	assert_true(get("/health/live", "200"));
	assert_int_equal(end_program(&p, SIGTERM), 0);
	/* it was not ours to remove */
	assert_int_equal(access(sock, F_OK), 0);
}

/* The same from systemd, which hears how it goes as well. */
static void
test_systemd(void **state)
{
	const char *args[] = { PROGRAM, "--config", conf, "--workers", "1",
		NULL };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int notify = socket(AF_UNIX, SOCK_DGRAM, 0);
	char address[100];
	struct program p;

	(void)state;
	assert_true(fd >= 0 && notify >= 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", sock);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 16), 0);
	snprintf(address, sizeof(address), "%s/notify", dir);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", address);
	assert_int_equal(bind(notify, (struct sockaddr *)&un, sizeof(un)), 0);
	setenv("NOTIFY_SOCKET", address, 1);
	setenv("WATCHDOG_USEC", "20000", 1);
	pass_fd = fd;
	start_args(&p, args, -1, -1);
	pass_fd = -1;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	wait_notify(notify, "READY=1");
	assert_true(get("/health/live", "200"));
	wait_notify(notify, "WATCHDOG=1");
	kill(p.pid, SIGHUP);
	wait_notify(notify, "RELOADING=1");
	wait_notify(notify, "READY=1");
	kill(p.pid, SIGTERM);
	wait_notify(notify, "STOPPING=1");
	assert_int_equal(end_program(&p, 0), 0);
	/* systemd still has it: who comes now waits for the next one */
	assert_true(front_listens(fd));
	close(fd);
	close(notify);
	unlink(address);
}

/* As CGI: GET /health/live?query with these arguments is answered. */
static void
cgi_answers(const char *const *args, const char *query)
{
	struct program p;
	char piece[4096];
	size_t n = 0;
	ssize_t got;
	int out[2];

	assert_int_equal(pipe(out), 0);
	setenv("GATEWAY_INTERFACE", "CGI/1.1", 1);
	setenv("REQUEST_METHOD", "GET", 1);
	setenv("REQUEST_URI", "/health/live", 1);
	setenv("QUERY_STRING", query, 1);
	start_args(&p, args, -1, out[1]);
	unsetenv("GATEWAY_INTERFACE");
	unsetenv("REQUEST_METHOD");
	unsetenv("REQUEST_URI");
	unsetenv("QUERY_STRING");
	close(out[1]);
	while ((got = read(out[0], piece + n, sizeof(piece) - n)) > 0)
		n += (size_t)got;
	close(out[0]);
	assert_true(str_starts(str_of(piece, n), STR("Status: 200 OK\r\n")));
	assert_int_equal(end_program(&p, 0), 0);
}

static void
test_cgi(void **state)
{
	const char *args[] = { PROGRAM, "--config", conf, NULL };
	const char *foreign[] = { PROGRAM, "--version", NULL };

	(void)state;
	cgi_answers(args, "");
	cgi_answers(args, "a=b");
	/* what the web server puts there of the query is no option */
	setenv("LLMGW_CONFIG", conf, 1);
	cgi_answers(foreign, "--version");
	unsetenv("LLMGW_CONFIG");
}

static void
test_libfcgi_door(void **state)
{
	char address[128];
	const char *args[] = { PROGRAM, "--config", conf, "--door", "libfcgi",
		"--listen", address, NULL };
	struct program p;
	usec_t until = clock_mono() + DEADLINE;

	(void)state;
	snprintf(address, sizeof(address), "unix:%s", sock);
	start_args(&p, args, -1, -1);
	while (!get("/health/live", "200"))
		assert_true(clock_mono() < until);
	assert_true(get("/v1/models", "200"));
	write_conf("models: 8\n");
	assert_true(get("/health/ready", "200"));
	assert_int_equal(end_program(&p, SIGTERM), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(test_socket_on_stdin),
		IN_DIR(test_systemd),
		IN_DIR(test_cgi),
		IN_DIR(test_libfcgi_door),
	};

	return cmocka_run_group_tests_name(
	    "cmd/llmgw-fcgi doors", tests, NULL, NULL);
}
