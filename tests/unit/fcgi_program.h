#ifndef TESTS_UNIT_FCGI_PROGRAM_H
#define TESTS_UNIT_FCGI_PROGRAM_H
/*
 * llmgw-fcgi of the build folder as a program: a folder with its configuration,
 * starting and ending it, its log, and a web server's end of its socket.
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

static inline void
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

static inline int
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
static inline void
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

static inline int
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

static inline void
pass_as_systemd(void)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	dup2(pass_fd, 3);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
}

/* in: its standard input, or -1; out: its standard output, or -1. */
static inline void
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

static inline char *
arg(const char *text)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	return copy;
}

static inline void
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

static inline void
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
static inline void
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
static inline pid_t
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

static inline int
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

static inline int
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

static inline void
send_buf(int fd, struct buf *b)
{
	assert_int_equal(send(fd, b->p, b->n, MSG_NOSIGNAL), b->n);
	buf_reset(b);
}

static inline void
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
static inline bool
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
static inline bool
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

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

#endif
