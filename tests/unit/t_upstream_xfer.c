#include "upstream/upstream.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "upstream_help.h"

extern char **environ;

/* ---- ends -------------------------------------------------------------- */

/* One call; the test says what must come of it. */
static struct ask *
end_of(const char *url)
{
	static struct ask a;

	ask_fini(&a);
	ask_init(&a, url);
	ask_run(&a);
	ask_fini(&a);
	return &a;
}

static void
test_ok(void **state)
{
	struct ask *a;

	(void)state;
	server_say(&server,
	    "HTTP/1.1 503 Busy\r\nContent-Length: 3\r\nX-Test: yes\r\n\r\nabc");
	a = end_of(server.url);
	assert_end(a, UPSTREAM_OK); /* of whatever status */
	assert_int_equal(a->status, 503);
	assert_string_equal(a->header, "yes");
	assert_int_equal(a->result.bytes_in, 3);
	assert_true(a->result.request_sent);
	assert_false(a->result.reused);
	assert_true(a->result.connected >= 0);
	assert_true(a->result.first_byte >= a->result.connected);
	assert_true(a->result.total >= a->result.first_byte);
	assert_string_equal(a->result.detail, "");
}

static void
test_dns(void **state)
{
	struct ask *a;

	(void)state;
	/* a label longer than 63 bytes: no resolver needs to be asked */
	a = end_of(
	    "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaa.invalid/");
	assert_end(a, UPSTREAM_DNS);
	assert_false(a->result.request_sent);
	assert_int_equal(a->result.connected, -1);
	assert_int_equal(a->result.first_byte, -1);
	assert_int_equal(a->heads, 0);
}

static void
test_connect(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct ask *a;
	char url[64];

	(void)state;
	/* bound, so that nobody else has it, and not listening */
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	getsockname(fd, (struct sockaddr *)&sa, &n);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(sa.sin_port));
	a = end_of(url);
	close(fd);
	assert_end(a, UPSTREAM_CONNECT);
	assert_false(a->result.request_sent);
}

static void
test_blocked(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "127.1",
		"2130706433", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0",
		"169.254.169.254", "10.0.0.1", "[fe80::1]" };
	struct ask a;
	char url[128];

	(void)state;
	for (size_t i = 0; i < COUNT(hosts); i++) {
		snprintf(
		    url, sizeof(url), "http://%s:%d/", hosts[i], server.port);
		ask_init(&a, url);
		a.call.allow_private = false;
		ask_run(&a);
		if (a.result.end != UPSTREAM_BLOCKED)
			fail_msg(
			    "%s: %s", url, upstream_end_word(a.result.end));
		assert_false(a.result.request_sent);
		ask_fini(&a);
	}
	assert_int_equal(server.n_conns, 0);
	/* the same without the guard */
	server_say(&server, OK_REPLY);
	assert_end(end_of(server.url), UPSTREAM_OK);
}

static void
test_cut(void **state)
{
	static const char *const starts[] = { "",
		"HTTP/1.1 200 OK\r\nContent-Le",
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"5\r\nhello\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"50\r\nhel",
		/* libcurl does not tell a broken chunk from a broken line */
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"nonsense\r\n" };
	struct ask *a;

	(void)state;
	for (size_t i = 0; i < COUNT(starts) * 2; i++) {
		server_say(&server, starts[i / 2])->after =
		    i % 2 ? SERVER_RESET : SERVER_CLOSE;
		a = end_of(server.url);
		if (a->result.end != UPSTREAM_CUT)
			fail_msg("'%s': %s (%s)", starts[i / 2],
			    upstream_end_word(a->result.end), a->result.detail);
		assert_true(a->result.request_sent);
	}
}

/* Without a length the close is the end: all is well, as far as HTTP goes. */
static void
test_close_ends_a_body_without_length(void **state)
{
	struct ask *a;

	(void)state;
	server_say(&server, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall")
	    ->after = SERVER_CLOSE;
	a = end_of(server.url);
	assert_end(a, UPSTREAM_OK);
	assert_int_equal(a->result.bytes_in, 3);
}

static void
test_protocol(void **state)
{
	static const char *const replies[] = { "SSH-2.0-OpenSSH_9.2\r\n",
		"<html>not HTTP at all</html>\n", "HTTP/9.9 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
		"Content-Length: 12\r\n\r\nnot gzip it!",
		"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n" };
	struct ask *a;

	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		server_say(&server, replies[i])->after = SERVER_CLOSE;
		a = end_of(server.url);
		if (a->result.end != UPSTREAM_PROTOCOL)
			fail_msg("'%s': %s (%s)", replies[i],
			    upstream_end_word(a->result.end), a->result.detail);
	}
}

static enum err
refuse(struct ask *a)
{
	(void)a;
	return ERR_CLOSED;
}

static void
test_stopped(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	a.on_body = refuse;
	ask_run(&a);
	assert_end(&a, UPSTREAM_STOPPED);
	assert_int_equal(a.pieces, 1);
	ask_fini(&a);
}

static void
test_failed(void **state)
{
	static const char *const urls[] = { "file:///etc/passwd",
		"ftp://127.0.0.1/", "gopher://127.0.0.1/", "nonsense://x/",
		"http://127.0.0.1:99999/" };
	struct ask a;

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++)
		assert_end(end_of(urls[i]), UPSTREAM_FAILED);
	/* http only where the caller says so */
	ask_init(&a, server.url);
	a.call.allow_http = false;
	ask_run(&a);
	assert_end(&a, UPSTREAM_FAILED);
	assert_int_equal(server.n_conns, 0);
	ask_fini(&a);
}

/* ---- sizes ------------------------------------------------------------- */

static void
test_too_large_body(void **state)
{
	struct ask a;

	(void)state;
	for (uint64_t max = 999; max <= 1001; max++) {
		server_say(
		    &server, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
		    ->flood = 1000;
		ask_init(&a, server.url);
		a.call.max_body_bytes = max;
		ask_run(&a);
		assert_end(&a, max < 1000 ? UPSTREAM_TOO_LARGE : UPSTREAM_OK);
		assert_true(a.body.n <= max);
		ask_fini(&a);
	}
}

/* A body without end is left early. */
static void
test_too_large_stream(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
	    ->flood = (size_t)256 << 20;
	ask_init(&a, server.url);
	a.call.max_body_bytes = 1 << 20;
	ask_run(&a);
	assert_end(&a, UPSTREAM_TOO_LARGE);
	assert_true(a.body.n <= 1 << 20);
	assert_true(server.flooded < (size_t)128 << 20);
	ask_fini(&a);
}

static void
test_header_flood(void **state)
{
	struct buf many;
	struct ask *a;

	(void)state;
	buf_init(&many, 1 << 20);
	buf_addz(&many, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&many, "X-%d: y\r\n", i);
	buf_addz(&many, "\r\n");
	server_say_n(&server, many.p, many.n);
	a = end_of(server.url);
	assert_end(a, UPSTREAM_TOO_LARGE);
	assert_int_equal(a->heads, 0);
	/* few, but long */
	buf_reset(&many);
	buf_addz(&many, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
	for (int i = 0; i < 10; i++)
		buf_printf(&many, "X-%d: %.*s\r\n", i, 16000, server_filler);
	buf_addz(&many, "\r\n");
	server_say_n(&server, many.p, many.n);
	assert_end(end_of(server.url), UPSTREAM_TOO_LARGE);
	/* one without end */
	buf_reset(&many);
	buf_addz(&many, "HTTP/1.1 200 OK\r\nX-Long: ");
	server_say_n(&server, many.p, many.n)->flood = (size_t)4 << 20;
	a = end_of(server.url);
	assert_end(a, UPSTREAM_TOO_LARGE);
	assert_int_equal(a->heads, 0);
	buf_fini(&many);
}

/* ---- time -------------------------------------------------------------- */

static void
test_timeout_connect(void **state)
{
	struct ask a;
	char url[64];

	(void)state;
	/* TCP is there, the TLS handshake never answers */
	server.reads_nothing = true;
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", server.port);
	ask_init(&a, url);
	a.call.timeout_connect = 50 * MSEC;
	ask_run(&a);
	assert_end(&a, UPSTREAM_TIMEOUT_CONNECT);
	assert_false(a.result.request_sent);
	ask_fini(&a);
	/* the whole time may be shorter than that to connect */
	ask_init(&a, url);
	a.call.timeout_total = 50 * MSEC;
	ask_run(&a);
	assert_end(&a, UPSTREAM_TIMEOUT_CONNECT);
	ask_fini(&a);
}

static void
test_timeout_first_byte(void **state)
{
	static const char *const replies[] = { "",
		"HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" };
	struct ask a;

	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		server_say(&server, replies[i]);
		ask_init(&a, server.url);
		a.call.timeout_first_byte = 50 * MSEC;
		/* the others do not matter yet */
		a.call.timeout_idle = 1 * MSEC;
		ask_run(&a);
		assert_end(&a, UPSTREAM_TIMEOUT_FIRST_BYTE);
		assert_int_equal(a.result.first_byte, -1);
		assert_true(a.result.request_sent);
		ask_fini(&a);
	}
}

static void
test_timeout_idle(void **state)
{
	struct ask a;

	(void)state;
	server_say(
	    &server, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	ask_init(&a, server.url);
	/* at its own time: not when the first byte would have been late */
	a.call.timeout_idle = 50 * MSEC;
	a.call.timeout_first_byte = 20 * SEC;
	a.call.timeout_total = 5 * SEC;
	ask_run(&a);
	assert_end(&a, UPSTREAM_TIMEOUT_IDLE);
	assert_int_equal(a.body.n, 4);
	ask_fini(&a);
	/* also where the first byte may come whenever it likes */
	server_say(
	    &server, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	ask_init(&a, server.url);
	a.call.timeout_idle = 50 * MSEC;
	a.call.timeout_first_byte = 0;
	ask_run(&a);
	assert_end(&a, UPSTREAM_TIMEOUT_IDLE);
	ask_fini(&a);
}

static void
test_timeout_total(void **state)
{
	struct ask a;

	(void)state;
	/* never idle, never at its end */
	server_say(&server, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
	    ->drip = true;
	ask_init(&a, server.url);
	a.call.timeout_idle = 20 * SEC;
	a.call.timeout_total = 500 * MSEC;
	ask_run(&a);
	assert_end(&a, UPSTREAM_TIMEOUT_TOTAL);
	assert_true(a.body.n > 0);
	ask_fini(&a);
}

/*
 * A name server that does not answer: libcurl's resolver thread is held in
 * getaddrinfo until the test lets it go.
 */
#define SLOW_HOST "slow.invalid"
static int asked[2], let_go[2];

int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
    struct addrinfo **out)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **);
	char c = 'x';

	if (host && strcmp(host, SLOW_HOST) == 0) {
		if (write(asked[1], &c, 1) != 1 || read(let_go[0], &c, 1) != 1)
			abort();
		return EAI_AGAIN;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(host, service, hints, out);
}

static int
threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void
start_slow(struct ask *a, usec_t timeout)
{
	char c;

	ask_init(a, "http://" SLOW_HOST "/");
	a->call.timeout_connect = timeout;
	ask_start(a);
	do
		loop_poll(loop);
	while (read(asked[0], &c, 1) != 1);
}

/*
 * Neither who is cancelled nor who is out of time waits for it: meanwhile all
 * other transfers would. Were it so, this would hang.
 */
static void
test_name_is_not_waited_for(void **state)
{
	struct ask a, b;
	int before;

	(void)state;
	assert_int_equal(pipe(asked), 0);
	assert_int_equal(pipe(let_go), 0);
	assert_int_equal(fcntl(asked[0], F_SETFL, O_NONBLOCK), 0);
	before = threads();
	start_slow(&a, 20 * SEC);
	ask_cancel(&a);
	start_slow(&b, 50 * MSEC);
	ask_wait();
	assert_end(&b, UPSTREAM_TIMEOUT_CONNECT);
	assert_false(b.result.request_sent);
	assert_true(threads() > before);
	assert_int_equal(write(let_go[1], "xx", 2), 2);
	while (threads() > before)
		sched_yield();
	for (int i = 0; i < 2; i++) {
		close(asked[i]);
		close(let_go[i]);
	}
	ask_fini(&a);
	ask_fini(&b);
}

/* No limit is no time-out: a drip goes on until somebody else stops it. */
static enum err
stop_at_sixty(struct ask *a)
{
	return a->body.n >= 60 ? ERR_CLOSED : ERR_OK;
}

static void
test_no_timeouts(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
	    ->drip = true;
	ask_init(&a, server.url);
	a.call.timeout_connect = a.call.timeout_idle = a.call.timeout_total = 0;
	a.call.timeout_first_byte = 300 * MSEC; /* over when it fires */
	a.on_body = stop_at_sixty;
	ask_run(&a);
	assert_end(&a, UPSTREAM_STOPPED);
	ask_fini(&a);
}

/* ---- TLS --------------------------------------------------------------- */

struct tls {
	char dir[64], key[96], cert[96];
	pid_t pid;
	FILE *out;
	int port;
};

static pid_t
spawn(const char *const argv[], int out)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, out, 1);
	posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawnp(&pid, argv[0], &fa, NULL,
			     (char *const *)(uintptr_t)argv, environ),
	    0);
	posix_spawn_file_actions_destroy(&fa);
	return pid;
}

static void
make_certificate(struct tls *t)
{
	const char *const argv[] = { "openssl", "req", "-x509", "-newkey", "ec",
		"-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
		t->key, "-out", t->cert, "-days", "2", "-subj",
		"/CN=llmgw test", "-addext", "subjectAltName=IP:127.0.0.1",
		NULL };
	int status = -1;
	pid_t pid;

	snprintf(t->dir, sizeof(t->dir), "/tmp/llmgw-tls-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->key, sizeof(t->key), "%s/key.pem", t->dir);
	snprintf(t->cert, sizeof(t->cert), "%s/cert.pem", t->dir);
	pid = spawn(argv, 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* openssl s_server says on which port it listens, then serves a page. */
static void
tls_start(struct tls *t)
{
	const char *const argv[] = { "openssl", "s_server", "-accept",
		"127.0.0.1:0", "-key", t->key, "-cert", t->cert, "-www", NULL };
	char line[256];
	int fd[2];

	make_certificate(t);
	assert_int_equal(pipe(fd), 0);
	t->pid = spawn(argv, fd[1]);
	close(fd[1]);
	t->out = fdopen(fd[0], "r");
	t->port = 0;
	while (!t->port && fgets(line, sizeof(line), t->out))
		(void)sscanf(line, "ACCEPT 127.0.0.1:%d", &t->port);
	assert_true(t->port > 0);
}

static void
tls_stop(struct tls *t)
{
	int status;

	kill(t->pid, SIGKILL);
	waitpid(t->pid, &status, 0);
	fclose(t->out);
	unlink(t->key);
	unlink(t->cert);
	rmdir(t->dir);
}

static enum upstream_end
tls_end(const struct tls *t, const char *host, const char *ca)
{
	char url[64];
	struct ask a;

	snprintf(url, sizeof(url), "https://%s:%d/", host, t->port);
	ask_init(&a, url);
	a.call.method = "GET";
	a.call.ca_file = ca;
	a.call.http2 = true;
	ask_run(&a);
	assert_true(a.result.request_sent == (a.result.end == UPSTREAM_OK));
	ask_fini(&a);
	return a.result.end;
}

static void
test_tls(void **state)
{
	struct tls t;

	(void)state;
	tls_start(&t);
	/* signed by nobody whom the system knows */
	assert_int_equal(tls_end(&t, "127.0.0.1", NULL), UPSTREAM_TLS);
	/* named as the one to trust */
	assert_int_equal(tls_end(&t, "127.0.0.1", t.cert), UPSTREAM_OK);
	/* trusted, but not this name */
	assert_int_equal(tls_end(&t, "localhost", t.cert), UPSTREAM_TLS);
	/* no certificate in that file, no file */
	assert_int_equal(tls_end(&t, "127.0.0.1", t.key), UPSTREAM_TLS);
	assert_int_equal(tls_end(&t, "127.0.0.1", "/nowhere"), UPSTREAM_TLS);
	tls_stop(&t);
}

/* https to what speaks no TLS */
static void
test_tls_at_plain_server(void **state)
{
	struct ask *a;
	char url[64];

	(void)state;
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", server.port);
	server.greeting = "HTTP/1.1 400 This is no TLS\r\n\r\n";
	a = end_of(url);
	assert_end(a, UPSTREAM_TLS);
}

/* ---- words ------------------------------------------------------------- */

static void
test_words(void **state)
{
	(void)state;
	for (int i = 0; i < UPSTREAM__MAX; i++) {
		const char *w = upstream_end_word((enum upstream_end)i);

		assert_non_null(w);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
			    w, upstream_end_word((enum upstream_end)k));
	}
	assert_string_equal(upstream_end_word(UPSTREAM__MAX), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UPSTREAM_TEST(test_ok),
		UPSTREAM_TEST(test_dns),
		UPSTREAM_TEST(test_connect),
		UPSTREAM_TEST(test_blocked),
		UPSTREAM_TEST(test_cut),
		UPSTREAM_TEST(test_close_ends_a_body_without_length),
		UPSTREAM_TEST(test_protocol),
		UPSTREAM_TEST(test_stopped),
		UPSTREAM_TEST(test_failed),
		UPSTREAM_TEST(test_too_large_body),
		UPSTREAM_TEST(test_too_large_stream),
		UPSTREAM_TEST(test_header_flood),
		UPSTREAM_TEST(test_timeout_connect),
		UPSTREAM_TEST(test_timeout_first_byte),
		UPSTREAM_TEST(test_timeout_idle),
		UPSTREAM_TEST(test_timeout_total),
		UPSTREAM_TEST(test_no_timeouts),
		UPSTREAM_TEST(test_name_is_not_waited_for),
		UPSTREAM_TEST(test_tls),
		UPSTREAM_TEST(test_tls_at_plain_server),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
