#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define READ_MAX ((size_t)256 << 10)

struct client {
	struct ev_fd io;
	struct ev_timer start; /* when its time in the ramp comes */
	struct reply reply;
	size_t sent; /* of the request */
	usec_t sent_at; /* when the request was begun; 0: none is under way */
	int64_t round;
	bool is_used; /* an answer came on this connection already */
	bool is_open_stream;
};

struct load_options load_options;
struct load_result load_result;

static struct client *clients;
static struct ev_timer sweep;
static usec_t began;
static int64_t issued, running;

static void client_next(struct client *c);

static bool
is_counted(usec_t sent_at)
{
	return sent_at - began >= load_options.warmup;
}

/* --- endings ------------------------------------------------------------------ */

static void
client_stop(struct client *c)
{
	ev_close(&c->io);
	ev_timer_clear(&c->start);
	c->sent_at = 0;
	if (--running == 0)
		ev_stop();
}

static void
stream_closed(struct client *c)
{
	if (c->is_open_stream) {
		c->is_open_stream = false;
		load_result.open--;
	}
}

/* Counts an error and goes on with the next request. */
static void
client_error(struct client *c, int64_t *kind)
{
	stream_closed(c);
	if (is_counted(c->sent_at)) {
		load_result.errors++;
		++*kind;
	}
	ev_close(&c->io);
	client_next(c);
}

static void
count_stream(struct client *c)
{
	struct reply *r = &c->reply;

	load_result.chunks += r->events;
	if (!r->saw_done || r->saw_error) {
		load_result.errors++;
		load_result.unfinished++;
	} else if (load_options.expect && r->events != load_options.expect) {
		load_result.errors++;
		load_result.e_short++;
	}
}

static void
client_done(struct client *c)
{
	struct reply *r = &c->reply;
	usec_t now = clock_mono();

	stream_closed(c);
	c->is_used = true;
	load_result.all++;
	if (is_counted(c->sent_at)) {
		if (!load_result.from)
			load_result.from = c->sent_at;
		load_result.until = now;
		load_result.done++;
		load_result.bytes += r->body_bytes;
		hist_add(&load_result.latency, now - c->sent_at);
		if (r->status != 200) {
			load_result.errors++;
			load_result.e_status++;
			load_result.last_bad_status = r->status;
		} else if (load_options.is_stream) {
			count_stream(c);
		}
	}
	if (!r->keeps_alive || load_options.is_close)
		ev_close(&c->io);
	client_next(c);
}

static void
on_content(struct reply *r, usec_t now)
{
	struct client *c =
	    (struct client *)((char *)r - offsetof(struct client, reply));

	if (r->first_at == 0) {
		r->first_at = now;
		if (is_counted(c->sent_at))
			hist_add(&load_result.ttft, now - c->sent_at);
	} else if (is_counted(c->sent_at)) {
		hist_add(&load_result.gap, now - r->last_at);
	}
	r->last_at = now;
}

/* --- sending ------------------------------------------------------------------ */

static void
client_send(struct client *c)
{
	struct str rest = str_skip(load_options.request, c->sent);

	while (rest.n) {
		ssize_t n = send(c->io.fd, rest.p, rest.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			ev_mod(&c->io, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n < 0)
			return; /* reading tells what happened */
		c->sent += (size_t)n;
		rest = str_skip(rest, (size_t)n);
	}
	ev_mod(&c->io, EPOLLIN);
}

static void on_io(struct ev_fd *e, uint32_t ready);

static bool
client_dial(struct client *c)
{
	c->io.fd = ev_dial(load_options.to);
	c->io.on = on_io;
	c->is_used = false;
	if (c->io.fd >= 0 && ev_add(&c->io, EPOLLIN | EPOLLOUT))
		return true;
	ev_close(&c->io);
	return false;
}

static void
client_begin(struct client *c)
{
	bool is_new = c->io.fd < 0;

	reply_reset(&c->reply, load_options.is_stream);
	c->sent = 0;
	c->sent_at = clock_mono();
	if (load_options.is_stream) {
		c->is_open_stream = true;
		if (++load_result.open > load_result.open_max)
			load_result.open_max = load_result.open;
	}
	if (is_new && !client_dial(c)) {
		/* not again at once: that would be an endless recursion */
		stream_closed(c);
		load_result.errors++;
		load_result.e_connect++;
		client_stop(c);
		return;
	}
	/* a new connection tells by EPOLLOUT that it is there */
	if (!is_new)
		client_send(c);
}

static bool
is_over(const struct client *c)
{
	if (load_options.is_stream)
		return c->round >= load_options.rounds;
	if (load_options.requests)
		return issued >= load_options.requests;
	return clock_mono() - began >= load_options.duration;
}

static void
client_next(struct client *c)
{
	if (is_over(c)) {
		client_stop(c);
		return;
	}
	issued++;
	c->round++;
	client_begin(c);
}

/* --- receiving ------------------------------------------------------------------ */

/* A server may end an idle connection just when the next request is sent. */
static void
client_again(struct client *c)
{
	load_result.reconnects++;
	stream_closed(c);
	ev_close(&c->io);
	client_begin(c);
}

static void
client_eof(struct client *c)
{
	bool is_fresh = c->reply.state == REPLY_HEAD && c->reply.line.n == 0;

	if (reply_eof(&c->reply))
		client_done(c);
	else if (is_fresh && c->is_used)
		client_again(c);
	else
		client_error(c, &load_result.e_early);
}

static void
client_read(struct client *c)
{
	static char bytes[READ_MAX];
	ssize_t n = recv(c->io.fd, bytes, sizeof(bytes), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && errno == ECONNREFUSED) {
		client_error(c, &load_result.e_connect);
		return;
	}
	if (n <= 0) {
		client_eof(c);
		return;
	}
	if (reply_feed(&c->reply, str_of(bytes, (size_t)n),
		load_options.is_stream ? clock_mono() : 0))
		return;
	if (c->reply.state == REPLY_BAD)
		client_error(c, &load_result.e_syntax);
	else
		client_done(c);
}

static void
on_io(struct ev_fd *e, uint32_t ready)
{
	struct client *c = (struct client *)e;

	if (ready & EPOLLOUT)
		client_send(c);
	if (ready & (EPOLLIN | EPOLLHUP | EPOLLERR))
		client_read(c);
}

/* --- the run ---------------------------------------------------------------------- */

static void
on_sweep(struct ev_timer *t)
{
	for (int64_t i = 0; i < load_options.connections; i++) {
		struct client *c = &clients[i];

		if (c->sent_at && ev_now() - c->sent_at > load_options.timeout)
			client_error(c, &load_result.e_timeout);
	}
	ev_timer_at(t, ev_now() + USEC_PER_SEC);
}

static void
on_start(struct ev_timer *t)
{
	client_next(
	    (struct client *)((char *)t - offsetof(struct client, start)));
}

bool
load_run(void)
{
	size_t n = (size_t)load_options.connections;

	clients = calloc(n, sizeof(*clients));
	if (!clients || !ev_init())
		return false;
	began = clock_mono();
	running = load_options.connections;
	sweep.on = on_sweep;
	ev_timer_at(&sweep, began + USEC_PER_SEC);
	for (size_t i = 0; i < n; i++) {
		struct client *c = &clients[i];

		c->io.fd = -1;
		reply_init(&c->reply);
		c->reply.on_content = on_content;
		c->start.on = on_start;
		ev_timer_at(&c->start,
		    began + load_options.ramp * (usec_t)i / (usec_t)n);
	}
	ev_run();
	for (size_t i = 0; i < n; i++)
		reply_fini(&clients[i].reply);
	free(clients);
	return true;
}
