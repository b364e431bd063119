#include "front/cgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/num.h"
#include "flow/req.h"
#include "front/refuse.h"
#include "wire/fcgi.h"

#define PARAMS_ARENA_MAX (4u * FCGI_PARAMS_MAX_BYTES)
#define READ_BYTES 65536
#define REFUSAL_MAX 1024
/* Read and dropped behind an early answer. */
#define DROP_MAX (256 << 20)

extern char **environ;

struct turn;

/* CGI and FastCGI differ in where bytes come from and go to. */
struct streams {
	/* > 0: bytes; 0: the end; < 0: gone */
	ssize_t (*read)(struct turn *t, char *p, size_t n);
	bool (*write)(struct turn *t, const char *p, size_t n, bool flush);
};

/* One request. */
struct turn {
	const struct front_cgi *door;
	const struct streams *streams;
	FCGX_Request *fcgx; /* NULL: CGI */
	char **env;
	struct req *req; /* NULL: answered or aborted */
	int64_t body_bytes; /* read so far */
	bool is_running; /* the loop */
	bool is_gone; /* a write failed */
	struct defer abort;
	char buffer[READ_BYTES];
};

/* ---- streams ----------------------------------------------------------- */

static ssize_t
cgi_read(struct turn *t, char *p, size_t n)
{
	ssize_t got;

	(void)t;
	do
		got = read(STDIN_FILENO, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

static bool
cgi_write(struct turn *t, const char *p, size_t n, bool flush)
{
	(void)t;
	(void)flush;
	while (n > 0) {
		ssize_t done = write(STDOUT_FILENO, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static ssize_t
fcgx_read(struct turn *t, char *p, size_t n)
{
	int got = FCGX_GetStr(p, (int)n, t->fcgx->in);

	return FCGX_GetError(t->fcgx->in) ? -1 : got;
}

static bool
fcgx_write(struct turn *t, const char *p, size_t n, bool flush)
{
	FCGX_Stream *out = t->fcgx->out;

	while (n > 0) {
		int part = n < READ_BYTES ? (int)n : READ_BYTES;

		if (FCGX_PutStr(p, part, out) != part)
			return false;
		p += part;
		n -= (size_t)part;
	}
	return !flush || FCGX_FFlush(out) == 0;
}

static const struct streams cgi_streams = { cgi_read, cgi_write };
static const struct streams fcgx_streams = { fcgx_read, fcgx_write };

/* ---- the door's side of flow ------------------------------------------- */

static void
leave_loop(struct turn *t)
{
	if (t->is_running)
		loop_stop(t->door->loop);
}

static void
on_abort(void *arg)
{
	struct turn *t = arg;
	struct req *r = t->req;

	t->req = NULL;
	if (r)
		req_abort(r);
	leave_loop(t);
}

static void
door_write(void *arg, struct str bytes, bool flush)
{
	struct turn *t = arg;

	if (t->is_gone || t->streams->write(t, bytes.p, bytes.n, flush))
		return;
	t->is_gone = true;
	/* Not from within flow. */
	loop_defer(t->door->loop, &t->abort, on_abort, t);
}

static size_t
door_pending(void *arg)
{
	(void)arg;
	return 0; /* writes wait */
}

static void
door_finish(void *arg)
{
	struct turn *t = arg;

	t->req = NULL;
	leave_loop(t);
}

static const struct req_door door_ops = { door_write, door_pending,
	door_finish };

/* ---- one request ------------------------------------------------------- */

static enum err
take_params(struct fcgi_params *ps, char **env)
{
	enum err e = ERR_OK;

	for (; e == ERR_OK && env && *env; env++) {
		struct str value = str_z(*env);
		struct str name = str_cut(&value, '=');

		if (name.n && str_present(value))
			e = fcgi_params_add(ps, name, value);
	}
	return e;
}

static void
refuse(struct turn *t, enum err e)
{
	struct buf b;

	buf_init(&b, REFUSAL_MAX);
	front_refuse(&b, e);
	door_write(t, buf_str(&b), true);
	buf_fini(&b);
}

static enum err
begin(struct turn *t)
{
	struct arena *a = arena_new(PARAMS_ARENA_MAX);
	struct fcgi_params ps;
	enum err e = ERR_NOMEM;

	if (a) {
		fcgi_params_init(&ps, a);
		e = take_params(&ps, t->env);
	}
	if (e == ERR_OK) {
		t->req = req_new(t->door->flow, &door_ops, t);
		if (!t->req)
			e = ERR_NOMEM;
	}
	if (e == ERR_OK)
		req_params(t->req, (const struct req_var *)ps.v, ps.n);
	else
		refuse(t, e);
	arena_free(a);
	return e;
}

/* CGI has no end of its own but CONTENT_LENGTH: flow stops us there. */
static void
take_body(struct turn *t, int64_t length)
{
	while (t->req && length != 0) {
		size_t want = READ_BYTES;
		ssize_t n;

		if (length > 0 && length < READ_BYTES)
			want = (size_t)length;
		n = t->streams->read(t, t->buffer, want);
		if (n < 0) {
			on_abort(t);
			return;
		}
		if (n == 0)
			break;
		t->body_bytes += n;
		if (length > 0)
			length -= n;
		if (!req_body(t->req, t->buffer, (size_t)n))
			break;
	}
	if (t->req)
		req_body_end(t->req);
}

/* Only plain CGI counts; FastCGI says where the body ends. */
static int64_t
body_length(const struct turn *t)
{
	int64_t n = 0;

	if (t->fcgx)
		return -1;
	for (char **e = t->env; e && *e; e++) {
		struct str value = str_z(*e);

		if (str_eq(str_cut(&value, '='), STR("CONTENT_LENGTH")) &&
		    num_parse_i64(value, &n) == ERR_OK && n > 0)
			return n;
	}
	return 0;
}

static enum err
serve(struct turn *t)
{
	struct loop *l = t->door->loop;
	enum err e = begin(t);

	if (e == ERR_OK) {
		take_body(t, body_length(t));
		while (t->req) {
			t->is_running = true;
			loop_run(l);
			t->is_running = false;
		}
	}
	flow_flush(t->door->flow);
	loop_defer_cancel(l, &t->abort);
	if (t->is_gone)
		return ERR_CLOSED;
	return e == ERR_NOMEM ? ERR_NOMEM : ERR_OK;
}

/*
 * What flow did not want is read all the same: Apache writes the whole body
 * before it reads the answer, and drops the connection when it cannot.
 */
static void
drop_rest(struct turn *t)
{
	int64_t left = body_length(t) - t->body_bytes;

	if (left > DROP_MAX)
		left = DROP_MAX;
	while (left > 0) {
		size_t want = left < READ_BYTES ? (size_t)left : READ_BYTES;
		ssize_t n = t->streams->read(t, t->buffer, want);

		if (n <= 0)
			return;
		left -= n;
	}
}

static struct turn *
turn_new(const struct front_cgi *door, const struct streams *streams)
{
	struct turn *t = calloc(1, sizeof(*t));

	if (t) {
		t->door = door;
		t->streams = streams;
	}
	return t;
}

enum err
front_cgi_once(const struct front_cgi *door)
{
	struct turn *t = turn_new(door, &cgi_streams);
	enum err e;

	if (!t)
		return ERR_NOMEM;
	t->env = environ;
	e = serve(t);
	drop_rest(t);
	free(t);
	return e;
}

static volatile sig_atomic_t must_stop;

void
front_cgi_stop(void)
{
	must_stop = 1;
}

/* Signals that may end us come while we wait for a request, never within. */
static void
hold_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, before);
}

/*
 * Waits for a request on the connection that was kept, or for a new one.
 * libfcgi's own accept gives up on a socket that does not block, and so is
 * ours: it may be shared with the event door of an older process.
 */
static bool
wait_request(const FCGX_Request *fcgx, int listen_fd, const sigset_t *waiting)
{
	struct pollfd p = { .events = POLLIN };

	p.fd = fcgx->ipcFd >= 0 ? fcgx->ipcFd : listen_fd;
	while (!must_stop) {
		if (ppoll(&p, 1, NULL, waiting) > 0)
			return !(p.revents & POLLNVAL);
		if (errno != EINTR)
			return false;
	}
	return false;
}

/* Another process may have been faster, or the client gone again. */
static bool
is_passing(int e)
{
	return e == EAGAIN || e == EWOULDBLOCK || e == EINTR ||
	       e == ECONNABORTED || e == EPROTO;
}

static void
serve_all(struct turn *t, FCGX_Request *fcgx, int listen_fd)
{
	const struct front_cgi *door = t->door;
	sigset_t waiting;

	hold_signals(&waiting);
	while (wait_request(fcgx, listen_fd, &waiting)) {
		int r = FCGX_Accept_r(fcgx);

		if (r < 0 && is_passing(-r))
			continue;
		if (r < 0)
			break;
		if (door->before)
			door->before(door->arg);
		*t = (struct turn){ .door = door,
			.streams = &fcgx_streams,
			.fcgx = fcgx,
			.env = fcgx->envp };
		(void)!serve(t);
		FCGX_Finish_r(fcgx);
	}
	sigprocmask(SIG_SETMASK, &waiting, NULL);
}

enum err
front_cgi_serve(const struct front_cgi *door, int listen_fd)
{
	struct turn *t = turn_new(door, &fcgx_streams);
	FCGX_Request fcgx;
	int flags = fcntl(listen_fd, F_GETFL);

	if (!t)
		return ERR_NOMEM;
	if (flags < 0 || fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    FCGX_Init() != 0 ||
	    FCGX_InitRequest(&fcgx, listen_fd, FCGI_FAIL_ACCEPT_ON_INTR) != 0) {
		free(t);
		return ERR_IO;
	}
	serve_all(t, &fcgx, listen_fd);
	FCGX_Free(&fcgx, 1);
	free(t);
	return ERR_OK;
}
