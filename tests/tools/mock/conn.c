#include "mock.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_PIECE ((size_t)16 << 10)
#define COALESCE ((size_t)16 << 10)
#define KEEP_BUFFER ((size_t)64 << 10) /* idle connections keep no more */
#define ACCEPT_BATCH 256

static struct mock_conn *open_conns;

static void
list_add(struct mock_conn *c)
{
	c->next = open_conns;
	if (c->next)
		c->next->prev = c;
	open_conns = c;
}

static void
list_remove(struct mock_conn *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		open_conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

static void
conn_free(struct mock_conn *c)
{
	struct mock_job *job = c->job;

	if (c->is_closing)
		return;
	c->is_closing = true;
	list_remove(c);
	c->job = NULL;
	ev_timer_clear(&c->timer);
	ev_close(&c->io);
	if (job)
		job->end(job, true);
	buf_fini(&c->in);
	buf_fini(&c->out);
	mock_counters.connections_open--;
	ev_dispose(c);
}

static void
conn_reset(struct mock_conn *c)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(c->io.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	conn_free(c);
}

/* False when the connection broke. */
static bool
conn_flush(struct mock_conn *c)
{
	while (c->sent < c->out.n) {
		ssize_t n = send(c->io.fd, c->out.p + c->sent,
		    c->out.n - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			c->is_blocked = true;
			ev_mod(&c->io, EPOLLIN | EPOLLRDHUP | EPOLLOUT);
			return true;
		}
		if (n < 0)
			return false;
		c->sent += (size_t)n;
	}
	c->sent = 0;
	buf_reset(&c->out);
	c->is_blocked = false;
	ev_mod(&c->io, EPOLLIN | EPOLLRDHUP);
	return true;
}

static void
job_done(struct mock_conn *c)
{
	struct mock_job *job = c->job;

	c->job = NULL;
	job->end(job, false);
}

/* Runs the job until it waits. False when the connection is gone. */
static bool
job_run(struct mock_conn *c)
{
	while (c->job && !c->is_blocked) {
		enum mock_next next = c->job->step(c->job, c);

		if (next == NEXT_NOW && c->out.n < COALESCE)
			continue;
		if (!conn_flush(c)) {
			conn_free(c);
			return false;
		}
		switch (next) {
		case NEXT_NOW:
		case NEXT_FLUSH:
			break;
		case NEXT_AFTER:
			c->due += c->wait;
			ev_timer_at(&c->timer, c->due);
			return true;
		case NEXT_HANG:
			return true;
		case NEXT_DONE:
			job_done(c);
			break;
		case NEXT_CLOSE: /* once all is sent */
			job_done(c);
			c->wants_close = true;
			break;
		case NEXT_RESET:
			job_done(c);
			conn_reset(c);
			return false;
		}
	}
	return true;
}

static void
conn_consume(struct mock_conn *c)
{
	buf_consume(&c->in, c->parser.used);
	c->parser = (struct mock_parser){ 0 };
	if (c->in.n == 0 && c->in.cap > KEEP_BUFFER)
		buf_fini(&c->in);
	if (c->out.n == 0 && c->out.cap > KEEP_BUFFER)
		buf_fini(&c->out);
}

static bool
conn_start(struct mock_conn *c, struct mock_req *r)
{
	c->number = mock_stats_request(r);
	c->wants_close = r->wants_close;
	c->due = ev_now();
	c->job = mock_route(r, c);
	conn_consume(c); /* jobs copy what they need */
	return job_run(c);
}

/* Answers what is complete in `in`; frees the connection when it ends. */
static void
conn_go(struct mock_conn *c)
{
	while (!c->job) {
		struct mock_req r = { 0 };

		if (c->wants_close) {
			if (!c->is_blocked)
				conn_free(c);
			return;
		}
		switch (mock_http_parse(&c->parser, &c->in, &r)) {
		case PARSE_MORE:
			return;
		case PARSE_CONTINUE:
			buf_addz(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
			if (!conn_flush(c)) {
				conn_free(c);
				return;
			}
			break;
		case PARSE_BAD:
			mock_counters.refused++;
			mock_http_head(
			    &c->out, 400, NULL, (struct str){ 0 }, 0, true);
			(void)conn_flush(c);
			conn_free(c);
			return;
		case PARSE_DONE:
			if (!conn_start(c, &r))
				return;
			break;
		}
	}
}

static bool
conn_read(struct mock_conn *c)
{
	/* a request that is on its way says how long it will be */
	size_t want = READ_PIECE;
	char *room;
	ssize_t n;

	if (!c->parser.is_chunked && c->parser.head &&
	    c->parser.used > c->in.n + want)
		want = c->parser.used - c->in.n;
	room = buf_room(&c->in, want);
	if (!room)
		return false;
	n = recv(c->io.fd, room, want, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->in.n += (size_t)n;
	return n > 0;
}

static void
on_io(struct ev_fd *e, uint32_t ready)
{
	struct mock_conn *c = (struct mock_conn *)e;

	if (ready & EPOLLOUT) {
		if (!conn_flush(c)) {
			conn_free(c);
			return;
		}
		if (!c->is_blocked && c->timer.slot == 0 && !job_run(c))
			return;
	}
	if (ready & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		if (!conn_read(c)) {
			conn_free(c);
			return;
		}
	}
	conn_go(c);
}

static void
on_timer(struct ev_timer *t)
{
	struct mock_conn *c =
	    (struct mock_conn *)((char *)t - offsetof(struct mock_conn, timer));

	if (job_run(c))
		conn_go(c);
}

static void
on_accept(struct ev_fd *e, uint32_t ready)
{
	(void)ready;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		struct mock_conn *c;
		int fd =
		    accept4(e->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		c = calloc(1, sizeof(*c));
		if (!c) {
			close(fd);
			return;
		}
		ev_nodelay(fd);
		c->io.fd = fd;
		c->io.on = on_io;
		c->timer.on = on_timer;
		buf_init(&c->in, MOCK_BODY_MAX + MOCK_HEAD_MAX * 2);
		buf_init(&c->out, MOCK_BODY_MAX + MOCK_HEAD_MAX);
		mock_counters.connections++;
		mock_counters.connections_open++;
		list_add(c);
		if (!ev_add(&c->io, EPOLLIN | EPOLLRDHUP))
			conn_free(c);
	}
}

void
mock_conn_close_all(void)
{
	while (open_conns)
		conn_free(open_conns);
}

bool
mock_conn_listen(const char *address, int *port)
{
	static struct ev_fd door;

	door.fd = ev_listen(address);
	door.on = on_accept;
	if (door.fd < 0 || !ev_add(&door, EPOLLIN))
		return false;
	*port = ev_port(door.fd);
	return true;
}
