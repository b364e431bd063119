#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front/cgi.h"
#include "front_double.h"
#include "front_peer.h"

extern char **environ;

/* ---- plain CGI: a child with an environment and two pipes -------------- */

struct cgi_child {
	pid_t pid;
	int in, out; /* its standard input and output */
};

/* execve's and environ's types say they may be written to; nobody does. */
static char request_method_post[] = "REQUEST_METHOD=POST";
static char request_method_get[] = "REQUEST_METHOD=GET";
static char content_length[] = "CONTENT_LENGTH=5";
static char empty[] = "EMPTY=";
static char *env_post[] = { request_method_post, content_length, empty, NULL };
static char *env_get[] = { request_method_get, NULL };

/*
 * The child's exit code: 0 answered, 1 aborted, 2 none of both, 9 the variables
 * or the body were wrong.
 */
__attribute__((noreturn)) static void
cgi_child_main(enum double_mode mode, char **env, const char *want_body)
{
	struct loop *loop = loop_new();
	struct flow flow;
	struct front_cgi door = { .loop = loop, .flow = &flow };
	enum err e;
	int code = 2;

	double_init(&flow, mode);
	flow.stream_bytes = 300000;
	flow.bound = 65536;
	environ = env;
	e = front_cgi_once(&door);
	if (flow.finished == 1 && e == ERR_OK)
		code = 0;
	if (flow.aborted == 1 && e == ERR_CLOSED)
		code = 1;
	if (want_body && !str_eqz(buf_str(&flow.body), want_body))
		code = 9;
	if (!str_starts(buf_str(&flow.vars), STR("REQUEST_METHOD=")))
		code = 9;
	double_fini(&flow);
	loop_free(loop);
	_exit(code);
}

static void
cgi_start(struct cgi_child *c, enum double_mode mode, char **env,
    const char *want_body)
{
	int in[2], out[2];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[0]);
		close(in[1]);
		close(out[0]);
		close(out[1]);
		cgi_child_main(mode, env, want_body);
	}
	close(in[0]);
	close(out[1]);
	c->in = in[1];
	c->out = out[0];
}

static int
exit_code(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
read_all(int fd, struct buf *out)
{
	char piece[4096];
	ssize_t n;

	buf_init(out, 1 << 20);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buf_add(out, piece, (size_t)n);
	assert_int_equal(n, 0);
}

/* The body in pieces; standard input stays open behind it, as CGI allows. */
static void
test_cgi_post(void **state)
{
	struct cgi_child c;
	struct buf out;

	(void)state;
	cgi_start(&c, DOUBLE_ECHO, env_post, "hello");
	assert_int_equal(write(c.in, "he", 2), 2);
	assert_int_equal(write(c.in, "llo+more", 8), 8);
	read_all(c.out, &out);
	assert_true(str_eq(buf_str(&out), STR(DOUBLE_HEAD "hello")));
	assert_int_equal(exit_code(c.pid), 0);
	buf_fini(&out);
	close(c.in);
	close(c.out);
}

static void
test_cgi_get(void **state)
{
	struct cgi_child c;
	struct buf out;

	(void)state;
	cgi_start(&c, DOUBLE_ECHO, env_get, "");
	read_all(c.out, &out);
	assert_true(str_eq(buf_str(&out), STR(DOUBLE_HEAD)));
	assert_int_equal(exit_code(c.pid), 0);
	buf_fini(&out);
	close(c.in);
	close(c.out);
}

/* The body ends too early: flow hears of the end and decides. */
static void
test_cgi_short_body(void **state)
{
	struct cgi_child c;
	struct buf out;

	(void)state;
	cgi_start(&c, DOUBLE_ECHO, env_post, "he");
	assert_int_equal(write(c.in, "he", 2), 2);
	close(c.in);
	read_all(c.out, &out);
	assert_true(str_eq(buf_str(&out), STR(DOUBLE_HEAD "he")));
	assert_int_equal(exit_code(c.pid), 0);
	buf_fini(&out);
	close(c.out);
}

/*
 * An answer before the body does not wait for it; but the body is read to its
 * end, since Apache gives up when it cannot write it.
 */
static void
test_cgi_early(void **state)
{
	static const char answer[] = DOUBLE_HEAD "early";
	struct cgi_child c;
	char piece[sizeof(answer)];
	size_t n = 0;
	ssize_t got;

	(void)state;
	cgi_start(&c, DOUBLE_EARLY, env_post, NULL);
	while (n < sizeof(answer) - 1) {
		got = read(c.out, piece + n, sizeof(piece) - n);
		assert_true(got > 0);
		n += (size_t)got;
	}
	assert_true(str_eq(str_of(piece, n), STR(DOUBLE_HEAD "early")));
	assert_int_equal(write(c.in, "he", 2), 2);
	assert_int_equal(write(c.in, "llo", 3), 3);
	assert_int_equal(exit_code(c.pid), 0);
	close(c.in);
	close(c.out);
}

/* The reader has gone: the write fails and the request is aborted. */
static void
test_cgi_gone(void **state)
{
	struct cgi_child c;

	(void)state;
	cgi_start(&c, DOUBLE_BEGIN, env_post, NULL);
	close(c.out);
	assert_int_equal(write(c.in, "hello", 5), 5);
	assert_int_equal(exit_code(c.pid), 1);
	close(c.in);

	/* here flow writes on, and finishes or is told */
	cgi_start(&c, DOUBLE_STREAM, env_post, NULL);
	close(c.out);
	assert_int_equal(write(c.in, "hello", 5), 5);
	/* the double finished before the loop's turn could abort it */
	assert_int_equal(exit_code(c.pid), 2);
	close(c.in);
}

/* ---- FastCGI, one request after the other ------------------------------ */

static char path[108];

static int
listen_here(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	/* as front_listen makes it */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/tmp/llmgw-cgi-%d.sock", (int)getpid());
	memcpy(un.sun_path, path, sizeof(un.sun_path) - 1);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void
on_term(int sig)
{
	(void)sig;
	front_cgi_stop();
}

static int befores;

static void
before(void *arg)
{
	(void)arg;
	befores++;
}

/* Exit code: number of requests finished, + 100 if not asked before each. */
static pid_t
serve_start(int fd)
{
	struct sigaction sa = { .sa_handler = on_term };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct loop *loop = loop_new();
		struct flow flow;
		struct front_cgi door = {
			.loop = loop, .flow = &flow, .before = before
		};
		int code;

		sigaction(SIGTERM, &sa, NULL);
		double_init(&flow, DOUBLE_ECHO);
		if (front_cgi_serve(&door, fd) != ERR_OK)
			_exit(99);
		code = (int)flow.finished;
		if (befores != (int)flow.begun)
			code += 100;
		_exit(code);
	}
	return pid;
}

static void
ask(const char *body, size_t n)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct peer_answer a;
	struct buf b;
	char piece[4096];
	ssize_t got;

	assert_true(fd >= 0);
	memcpy(un.sun_path, path, sizeof(un.sun_path) - 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	buf_init(&b, 1 << 20);
	peer_request(&b, 1, false, body, n);
	for (size_t at = 0; at < b.n; at += (size_t)got) {
		got = write(fd, b.p + at, b.n - at);
		assert_true(got > 0);
	}
	buf_fini(&b);
	peer_answer_init(&a);
	while (a.ends == 0) {
		got = read(fd, piece, sizeof(piece));
		assert_true(got > 0);
		peer_answer_feed(&a, piece, (size_t)got);
	}
	assert_int_equal(a.protocol_status, 0);
	assert_int_equal(a.out.n, sizeof(DOUBLE_HEAD) - 1 + n);
	assert_true(str_ends(buf_str(&a.out), str_of(body, n)));
	peer_answer_fini(&a);
	close(fd);
}

static void
test_serve(void **state)
{
	static char large[300000];
	int fd = listen_here();
	pid_t pid = serve_start(fd);

	(void)state;
	memset(large, 'z', sizeof(large));
	ask("one", 3);
	ask("", 0);
	ask(large, sizeof(large));
	kill(pid, SIGTERM);
	assert_int_equal(exit_code(pid), 3);
	close(fd);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgi_post),
		cmocka_unit_test(test_cgi_get),
		cmocka_unit_test(test_cgi_short_body),
		cmocka_unit_test(test_cgi_early),
		cmocka_unit_test(test_cgi_gone),
		cmocka_unit_test(test_serve),
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, &ignore, NULL);
	return cmocka_run_group_tests_name("front/cgi", tests, NULL, NULL);
}
