#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json_out.h"

enum kind {
	TO_STDERR,
	TO_FILE,
	TO_SYSLOG
};

enum {
	PATH_SIZE = 1024,
	MSG_MAX = 2048
};

static enum kind kind = TO_STDERR;
static int log_fd = STDERR_FILENO;
static bool is_socket; /* send() can say "do not wait" by itself */
static char log_path[PATH_SIZE];
static enum log_format log_format = LOG_KEYVALUE;
static enum log_level max_level = LOG_INFO;
static _Atomic uint64_t lost;

static const char *const level_word[LOG__MAX] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

/* syslog's numbers: facility daemon (3), severities of RFC 5424. */
static const int level_priority[LOG__MAX] = {
	[LOG_ERROR] = 3 << 3 | 3,
	[LOG_WARN] = 3 << 3 | 4,
	[LOG_INFO] = 3 << 3 | 6,
	[LOG_DEBUG] = 3 << 3 | 7,
};

static int
open_file(const char *path)
{
	return open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    0640);
}

/*
 * Not syslog(3): it waits when the daemon is slow, and its header's names
 * collide with ours. The format is what /dev/log has always taken.
 */
static int
open_syslog(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(un.sun_path))
		return -1;
	memcpy(un.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * A pipe as stderr is opened anew, without waiting: O_NONBLOCK on the one we
 * inherited would change it for everybody who shares it.
 */
static int
open_stderr(void)
{
	struct stat st;
	int fd = -1;

	if (fstat(STDERR_FILENO, &st) == 0 && S_ISFIFO(st.st_mode))
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 ? fd : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
}

static int
open_target(enum kind to, const char *path)
{
	switch (to) {
	case TO_FILE:
		return open_file(path);
	case TO_SYSLOG:
		return open_syslog(path);
	case TO_STDERR:
		break;
	}
	return open_stderr();
}

/*
 * From the first call on the descriptor's number stays, so that other threads
 * may write meanwhile.
 */
static enum err
swap_target(enum kind to, const char *path)
{
	struct stat st;
	int fd = open_target(to, path);

	if (fd < 0)
		return ERR_IO;
	is_socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
	if (log_fd == STDERR_FILENO) {
		log_fd = fd;
		return ERR_OK;
	}
	if (dup3(fd, log_fd, O_CLOEXEC) < 0) {
		close(fd);
		return ERR_IO;
	}
	close(fd);
	return ERR_OK;
}

static bool
parse_target(struct str to, enum kind *k, struct str *path)
{
	if (str_eq(to, STR("stderr"))) {
		*k = TO_STDERR;
		*path = STR("");
	} else if (str_eq(to, STR("syslog"))) {
		*k = TO_SYSLOG;
		*path = STR("/dev/log");
	} else if (str_starts(to, STR("syslog:/"))) {
		*k = TO_SYSLOG;
		*path = str_skip(to, 7);
	} else if (str_starts(to, STR("file:/"))) {
		*k = TO_FILE;
		*path = str_skip(to, 5);
	} else {
		return false;
	}
	return path->n < PATH_SIZE && !memchr(path->p, 0, path->n);
}

enum err
log_open(struct str to, enum log_format format, enum log_level level)
{
	char name[PATH_SIZE];
	struct str path;
	enum kind k;
	enum err e;

	if (!parse_target(to, &k, &path))
		return ERR_RANGE;
	if (path.n)
		memcpy(name, path.p, path.n);
	name[path.n] = '\0';
	e = swap_target(k, name);
	if (e != ERR_OK)
		return e;
	kind = k;
	memcpy(log_path, name, path.n + 1);
	log_format = format;
	max_level = level;
	return ERR_OK;
}

enum err
log_reopen(void)
{
	return swap_target(kind, log_path);
}

enum log_format
log_format_now(void)
{
	return log_format;
}

/* True when a write of a line will not wait. */
static bool
is_ready(void)
{
	struct pollfd p = { .fd = log_fd, .events = POLLOUT };

	/* Only an inherited stderr can wait; the others are non-blocking. */
	if (kind != TO_STDERR || is_socket)
		return true;
	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static ssize_t
write_once(struct iovec *iov, int n)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)n };
	ssize_t done;

	do {
		done = is_socket
			   ? sendmsg(log_fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL)
			   : writev(log_fd, iov, n);
	} while (done < 0 && errno == EINTR);
	return done;
}

/* A syslog daemon that was started again has a new socket of the old name. */
static bool
is_other_end_gone(void)
{
	return kind == TO_SYSLOG &&
	       (errno == ECONNREFUSED || errno == ENOTCONN || errno == EPIPE);
}

static void
write_vec(struct iovec *iov, int n, uint64_t lines)
{
	size_t total = 0;
	ssize_t done;

	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	if (!is_ready()) {
		atomic_fetch_add(&lost, lines);
		return;
	}
	done = write_once(iov, n);
	if (done < 0 && is_other_end_gone() && log_reopen() == ERR_OK)
		done = write_once(iov, n);
	if (done < 0 || (size_t)done != total)
		atomic_fetch_add(&lost, lines);
}

static void
write_line(enum log_level level, struct str line)
{
	char head[64], newline[] = "\n";
	struct iovec iov[2];
	void *p = (void *)(uintptr_t)line.p; /* iovec knows no const */

	if (kind == TO_SYSLOG) {
		int n = snprintf(head, sizeof(head),
		    "<%d>llmgw[%ld]: ", level_priority[level], (long)getpid());

		iov[0] = (struct iovec){ head, (size_t)n };
		iov[1] = (struct iovec){ p, line.n };
	} else {
		iov[0] = (struct iovec){ p, line.n };
		iov[1] = (struct iovec){ newline, 1 };
	}
	write_vec(iov, 2, 1);
}

void
log_lines(struct str lines)
{
	struct str rest = lines;
	uint64_t n = 0;

	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');

		if (kind == TO_SYSLOG) /* a datagram each */
			write_line(LOG_INFO, line);
		n++;
	}
	if (n > 0 && kind != TO_SYSLOG)
		write_vec(
		    &(struct iovec){ (void *)(uintptr_t)lines.p, lines.n }, 1,
		    n);
}

/* A message must stay on its line, and must not drive a terminal. */
static size_t
clean(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x20 || c == 0x7f)
			p[i] = '?';
	}
	return n;
}

static void
format_msg(struct buf *b, enum log_level level, struct str msg)
{
	char now[CLOCK_ISO_SIZE];
	struct json_out o;

	clock_iso(clock_wall(), now);
	if (log_format == LOG_JSON) {
		json_out_init(&o, b);
		json_out_obj(&o);
		json_out_kv_str(&o, "time", str_z(now));
		json_out_kv_str(&o, "level", str_z(level_word[level]));
		json_out_kv_i64(&o, "pid", getpid());
		json_out_kv_str(&o, "msg", msg);
		json_out_end(&o);
		return;
	}
	buf_printf(b, "time=%s level=%s pid=%ld msg=", now, level_word[level],
	    (long)getpid());
	buf_addc(b, '"');
	json_escape(b, msg);
	buf_addc(b, '"');
}

void
log_msg(enum log_level level, const char *fmt, ...)
{
	char text[MSG_MAX + 1];
	struct buf b;
	va_list ap;
	size_t size;
	int n;

	if ((unsigned)level >= LOG__MAX || level > max_level)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	size = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	clean(text, size);
	/* Escaping can make a byte six. */
	buf_init(&b, 6 * MSG_MAX + 256);
	format_msg(&b, level, str_of(text, size));
	if (b.failed)
		atomic_fetch_add(&lost, 1);
	else
		write_line(level, buf_str(&b));
	buf_fini(&b);
}

void
log_line_lost(void)
{
	atomic_fetch_add(&lost, 1);
}

uint64_t
log_lost(void)
{
	return atomic_load(&lost);
}
