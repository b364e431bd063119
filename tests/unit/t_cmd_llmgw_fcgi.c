/*
 * llmgw-fcgi as a program, from the build folder: its command line, both doors,
 * and what parent and workers do when they are told to end or are killed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "cmd/fcgi.h"
#include "front_peer.h"

#define PROGRAM "./llmgw-fcgi"
#define DEADLINE (30 * USEC_PER_SEC)
#define GOOD_CONF                                                     \
	"auth: { anonymous: true }\n"                                 \
	"providers:\n"                                                \
	"  p: { kind: openai, base_url: \"http://127.0.0.1:9/v1\",\n" \
	"       allow_private: true }\n"                              \
	"models:\n"                                                   \
	"  m: { targets: [ { provider: p, model: x } ] }\n"           \
	"log: { format: keyvalue, to: stderr }\n"

static char dir[64], conf[96], sock[96];

struct program {
	pid_t pid;
	int err; /* its standard error */
	struct buf log; /* read and not yet looked at */
};

/* ---- a folder per test ------------------------------------------------- */

static void
write_conf(const char *text)
{
	FILE *f;

	assert_int_equal(unlink(conf) == 0 || errno == ENOENT, 1);
	f = fopen(conf, "w");
	assert_non_null(f);
	fprintf(f, "server: { state_dir: \"%s\", drain_timeout: 20s }\n%s", dir,
	    text);
	assert_int_equal(fclose(f), 0);
}

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/llmgw-cmd.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(conf, sizeof(conf), "%s/llmgw.yaml", dir);
	snprintf(sock, sizeof(sock), "%s/fcgi", dir);
	write_conf(GOOD_CONF);
	return 0;
}

/* What workers had to book, or would have had. */
static void
remove_spool(void)
{
	char folder[128], path[512];
	struct dirent *e;
	DIR *d;

	snprintf(folder, sizeof(folder), "%s/spool", dir);
	d = opendir(folder);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(folder);
}

static int
remove_dir(void **state)
{
	static const char *const names[] = { "llmgw.yaml", "fcgi", "shm" };
	char path[128];

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	remove_spool();
	return rmdir(dir);
}

/* ---- the program ------------------------------------------------------- */

/* A listening socket for the next program, as systemd passes it; -1: none. */
static int pass_fd = -1;

static void
pass_as_systemd(void)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	dup2(pass_fd, 3);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
}

/* in: its standard input, or -1; out: its standard output, or -1. */
static void
start(struct program *p, char *const argv[], int in, int out)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	buf_init(&p->log, 1 << 20);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(in >= 0 ? in : null, 0);
		dup2(out >= 0 ? out : null, 1);
		dup2(fd[1], 2);
		if (pass_fd >= 0)
			pass_as_systemd();
		for (int i = pass_fd >= 0 ? 4 : 3; i < 256; i++)
			close(i);
		execv(PROGRAM, argv);
		_exit(127);
	}
	close(fd[1]);
	p->err = fd[0];
}

static char *
arg(const char *text)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	return copy;
}

static void
start_args(struct program *p, const char *const *args, int in, int out)
{
	char *argv[16];
	int n = 0;

	for (; args[n]; n++)
		argv[n] = arg(args[n]);
	argv[n] = NULL;
	start(p, argv, in, out);
	while (n > 0)
		free(argv[--n]);
}

static void
start_pool(struct program *p, const char *workers)
{
	char address[128];
	const char *args[] = { PROGRAM, "--config", conf, "--listen", address,
		"--workers", workers, NULL };

	snprintf(address, sizeof(address), "unix:%s", sock);
	start_args(p, args, -1, -1);
}

/*
 * The next line of its log that contains what, copied to line (256 bytes);
 * lines before it are passed over.
 */
static void
wait_log(struct program *p, const char *what, char *line)
{
	usec_t until = clock_mono() + DEADLINE;
	char piece[1024];

	for (;;) {
		struct str rest = buf_str(&p->log);
		struct pollfd pfd = { .fd = p->err, .events = POLLIN };
		ssize_t n;

		while (str_chr(rest, '\n') < rest.n) {
			struct str one = str_cut(&rest, '\n');
			bool is_it = str_contains(one, str_z(what));

			if (is_it && line)
				snprintf(line, 256, "%.*s", STR_ARG(one));
			buf_consume(&p->log, one.n + 1);
			rest = buf_str(&p->log);
			if (is_it)
				return;
		}
		assert_true(clock_mono() < until);
		if (poll(&pfd, 1, 1000) != 1)
			continue;
		n = read(p->err, piece, sizeof(piece));
		assert_true(n > 0);
		buf_add(&p->log, piece, (size_t)n);
	}
}

/* The pid in "worker 0 (pid 123) is ready". */
static pid_t
wait_worker(struct program *p)
{
	char line[256];
	struct str s;
	int64_t pid;

	wait_log(p, "is ready", line);
	s = str_z(line);
	s = str_skip(s, str_find(s, STR("(pid ")) + 5);
	assert_int_equal(num_parse_i64(str_cut(&s, ')'), &pid), ERR_OK);
	return (pid_t)pid;
}

static int
end_program(struct program *p, int sig)
{
	int status;

	if (sig)
		kill(p->pid, sig);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	close(p->err);
	buf_fini(&p->log);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- a web server's end ------------------------------------------------ */

static int
connect_to(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
send_buf(int fd, struct buf *b)
{
	assert_int_equal(send(fd, b->p, b->n, MSG_NOSIGNAL), b->n);
	buf_reset(b);
}

static void
put_head(struct buf *b, const char *method, const char *uri, const char *length)
{
	struct buf params;

	buf_init(&params, 4096);
	peer_param(&params, "REQUEST_METHOD", method);
	peer_param(&params, "REQUEST_URI", uri);
	peer_param(&params, "REMOTE_ADDR", "127.0.0.1");
	if (length) {
		peer_param(&params, "CONTENT_TYPE", "application/json");
		peer_param(&params, "CONTENT_LENGTH", length);
	}
	peer_begin(b, 1, 1, false);
	peer_record(b, 4, 1, params.p, params.n, 0);
	peer_record(b, 4, 1, "", 0, 0);
	buf_fini(&params);
}

/* Reads to the end of the answer, or of the connection (false). */
static bool
read_answer(int fd, struct peer_answer *a)
{
	char piece[4096];
	ssize_t n = 1;

	peer_answer_init(a);
	while (a->ends == 0 && n > 0) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		assert_int_equal(poll(&pfd, 1, 30000), 1);
		n = read(fd, piece, sizeof(piece));
		if (n > 0)
			peer_answer_feed(a, piece, (size_t)n);
	}
	return a->ends == 1;
}

/* True when GET uri is answered with this status. */
static bool
get(const char *uri, const char *status)
{
	int fd = connect_to(sock);
	struct peer_answer a;
	struct buf b;
	bool ok;

	if (fd < 0)
		return false;
	buf_init(&b, 65536);
	put_head(&b, "GET", uri, NULL);
	peer_record(&b, 5, 1, "", 0, 0);
	send_buf(fd, &b);
	buf_fini(&b);
	ok = read_answer(fd, &a) &&
	     str_starts(buf_str(&a.out), STR("Status: ")) &&
	     str_starts(str_skip(buf_str(&a.out), 8), str_z(status));
	peer_answer_fini(&a);
	close(fd);
	return ok;
}

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

/* ---- the tests --------------------------------------------------------- */

static void
test_command_line(void **state)
{
	static const struct {
		const char *args[4];
		int code;
	} rows[] = {
		{ { PROGRAM, "--help" }, 0 },
		{ { PROGRAM, "--version" }, 0 },
		{ { PROGRAM, "--nonsense" }, 2 },
		{ { PROGRAM, "operand" }, 2 },
		{ { PROGRAM, "--workers=0" }, 2 },
		{ { PROGRAM, "--listen", "nowhere" }, 1 },
	};
	struct program p;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start_args(&p, rows[i].args, -1, -1);
		assert_int_equal(end_program(&p, 0), rows[i].code);
	}
}

/* Nothing to listen on is said, not waited for. */
static void
test_no_socket(void **state)
{
	const char *args[] = { PROGRAM, "--config", conf, NULL };
	struct program p;

	(void)state;
	start_args(&p, args, -1, -1);
	wait_log(&p, "nothing to listen on", NULL);
	assert_int_equal(end_program(&p, 0), 2);
}

static void
test_worker_killed(void **state)
{
	struct program p;
	pid_t first, second;

	(void)state;
	start_pool(&p, "1");
	first = wait_worker(&p);
	assert_true(get("/health/live", "200"));
	kill(first, SIGKILL);
	wait_log(&p, "died of signal 9", NULL);
	second = wait_worker(&p);
	assert_int_not_equal(first, second);
	assert_true(get("/health/live", "200"));
	assert_int_equal(end_program(&p, SIGTERM), 0);
	assert_int_equal(connect_to(sock), -1);
}

/* Its body is still coming when SIGTERM comes: it gets its whole answer. */
static void
test_drain(void **state)
{
	static const char body[] = "{\"model\":\"unknown\"}";
	struct program p;
	struct peer_answer a;
	struct buf b;
	char length[16];
	int fd;

	(void)state;
	start_pool(&p, "1");
	(void)wait_worker(&p);
	fd = connect_to(sock);
	assert_true(fd >= 0);
	snprintf(length, sizeof(length), "%zu", sizeof(body) - 1);
	buf_init(&b, 65536);
	put_head(&b, "POST", "/v1/chat/completions", length);
	peer_record(&b, 5, 1, body, 5, 0);
	send_buf(fd, &b);
	/* the same worker answers another: it has read the first by then */
	assert_true(get("/health/live", "200"));
	kill(p.pid, SIGTERM);
	while (access(sock, F_OK) == 0)
		assert_true(waitpid(p.pid, NULL, WNOHANG) == 0);
	peer_record(&b, 5, 1, body + 5, sizeof(body) - 6, 0);
	peer_record(&b, 5, 1, "", 0, 0);
	send_buf(fd, &b);
	buf_fini(&b);
	assert_true(read_answer(fd, &a));
	assert_true(str_starts(buf_str(&a.out), STR("Status: 4")));
	peer_answer_fini(&a);
	close(fd);
	assert_int_equal(end_program(&p, 0), 0);
}

/* Told twice, it ends at once. */
static void
test_told_twice(void **state)
{
	struct program p;
	struct buf b;
	char c;
	int fd;

	(void)state;
	start_pool(&p, "1");
	(void)wait_worker(&p);
	fd = connect_to(sock);
	assert_true(fd >= 0);
	buf_init(&b, 65536);
	put_head(&b, "POST", "/v1/chat/completions", "10");
	send_buf(fd, &b);
	buf_fini(&b);
	assert_true(get("/health/live", "200"));
	kill(p.pid, SIGTERM);
	while (access(sock, F_OK) == 0)
		assert_true(waitpid(p.pid, NULL, WNOHANG) == 0);
	assert_int_equal(end_program(&p, SIGTERM), 0);
	assert_true(read(fd, &c, 1) <= 0);
	close(fd);
}

/* When the parent is killed nobody is left behind. */
static void
test_parent_killed(void **state)
{
	struct program p;
	char piece[1024];
	ssize_t n;

	(void)state;
	start_pool(&p, "2");
	(void)wait_worker(&p);
	(void)wait_worker(&p);
	kill(p.pid, SIGKILL);
	/* standard error ends when the last of them has */
	while ((n = read(p.err, piece, sizeof(piece))) > 0)
		;
	assert_int_equal(n, 0);
	assert_int_equal(connect_to(sock), -1);
	assert_int_equal(end_program(&p, 0), -1);
}

/*
 * A configuration with an error at the start: health says so, and it comes up
 * when the file is good. Then a bad one changes nothing.
 */
static void
test_configuration(void **state)
{
	struct program p;

	(void)state;
	write_conf("models: 7\n");
	start_pool(&p, "1");
	(void)wait_worker(&p);
	assert_true(get("/health/live", "200"));
	assert_true(get("/health/ready", "503"));
	write_conf(GOOD_CONF);
	wait_log(&p, "in force", NULL);
	assert_true(get("/health/ready", "200"));
	write_conf("models: 8\n");
	kill(p.pid, SIGHUP);
	wait_log(&p, "configuration refused", NULL);
	assert_true(get("/v1/models", "200"));
	/* a worker that starts now has the last good one */
	kill(p.pid, SIGUSR1);
	assert_int_equal(end_program(&p, SIGTERM), 0);
}

/* A worker that is replaced while the files are bad serves with the old. */
static void
test_replaced_while_bad(void **state)
{
	struct program p;
	pid_t first;

	(void)state;
	start_pool(&p, "1");
	first = wait_worker(&p);
	write_conf("models: 8\n");
	wait_log(&p, "configuration refused", NULL);
	kill(first, SIGKILL);
	(void)wait_worker(&p);
	assert_true(get("/v1/models", "200"));
	assert_int_equal(end_program(&p, SIGTERM), 0);
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

/* The page's OPTIONS are the table's; `make install` puts its paths right. */
static void
test_manual_page(void **state)
{
	static char page[65536], options[16384];
	char *path;
	FILE *f = fopen(TOP_SRCDIR "/src/cmd/llmgw-fcgi.8", "r");
	size_t n;

	(void)state;
	assert_non_null(f);
	n = fread(page, 1, sizeof(page) - 1, f);
	fclose(f);
	page[n] = '\0';
	f = fmemopen(options, sizeof(options), "w");
	assert_non_null(f);
	opt_man(fcgi_opts, f);
	fclose(f);
	path = strstr(options, SYSCONFDIR "/llmgw");
	assert_non_null(path);
	memmove(path + 4, path + strlen(SYSCONFDIR),
	    strlen(path + strlen(SYSCONFDIR)) + 1);
	memcpy(path, "/etc", 4);
	assert_true(str_contains(str_z(page), str_z(options)));
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(test_command_line),
		IN_DIR(test_no_socket),
		IN_DIR(test_worker_killed),
		IN_DIR(test_drain),
		IN_DIR(test_told_twice),
		IN_DIR(test_parent_killed),
		IN_DIR(test_configuration),
		IN_DIR(test_replaced_while_bad),
		IN_DIR(test_socket_on_stdin),
		IN_DIR(test_systemd),
		IN_DIR(test_cgi),
		IN_DIR(test_libfcgi_door),
		cmocka_unit_test(test_manual_page),
	};

	return cmocka_run_group_tests_name("cmd/llmgw-fcgi", tests, NULL, NULL);
}
