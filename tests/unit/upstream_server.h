#ifndef TESTS_UNIT_UPSTREAM_SERVER_H
#define TESTS_UNIT_UPSTREAM_SERVER_H
/*
 * A small HTTP/1.1 server on the loop of the test: it reads a request, notes
 * it, and plays the next reply of its script as bytes.
 */
#include <uv.h>

#include "check.h"

#include "base/buf.h"
#include "sys/loop.h"

#define SERVER_REPLIES_MAX 16
#define SERVER_CONNS_MAX 32

enum server_after {
	SERVER_KEEP, /* the connection waits for the next request */
	SERVER_CLOSE,
	SERVER_RESET,
};

struct server_reply {
	const char *bytes;
	size_t n;
	enum server_after after;
	size_t flood; /* after bytes: so many 'x', in pieces */
	bool drip; /* after bytes: an 'x' each ten milliseconds, for ever */
};

struct server;

struct server_conn {
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_write_t write;
	struct server *server;
	struct buf in;
	size_t left; /* of the flood */
	bool is_used, is_closing;
	const struct server_reply *reply;
};

struct server {
	struct loop *loop;
	uv_tcp_t tcp;
	int port;
	bool reads_nothing;
	const char *greeting; /* said at once, before any request */
	struct server_reply reply[SERVER_REPLIES_MAX];
	unsigned n_replies, n_requests, n_conns, n_open;
	struct server_conn conn[SERVER_CONNS_MAX];
	struct buf seen; /* all requests, one after the other */
	size_t flooded; /* bytes of floods the kernel took */
	char url[64];
};

static inline void
server_freed(uv_handle_t *h)
{
	struct server_conn *c = h->data;

	buf_fini(&c->in);
	c->server->n_open--;
}

static inline void
server_close_conn(struct server_conn *c)
{
	if (c->is_closing)
		return;
	c->is_closing = true;
	uv_close((uv_handle_t *)&c->timer, NULL);
	uv_close((uv_handle_t *)&c->tcp, server_freed);
}

static inline void
server_reset_conn(struct server_conn *c)
{
	if (c->is_closing)
		return;
	c->is_closing = true;
	uv_close((uv_handle_t *)&c->timer, NULL);
	uv_tcp_close_reset(&c->tcp, server_freed);
}

static char server_filler[65536];

static inline void server_next(struct server_conn *c);

static inline void
server_wrote(uv_write_t *w, int status)
{
	struct server_conn *c = w->data;

	if (status != 0)
		server_close_conn(c);
	else
		server_next(c);
}

static inline void
server_write(struct server_conn *c, const char *p, size_t n)
{
	uv_buf_t b = uv_buf_init((char *)(uintptr_t)p, (unsigned)n);

	c->write.data = c;
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, server_wrote))
		server_close_conn(c);
}

static inline void
server_drip(uv_timer_t *t)
{
	struct server_conn *c = t->data;

	server_write(c, "x", 1);
}

/* What has been written is gone: what now? */
static inline void
server_next(struct server_conn *c)
{
	if (c->is_closing)
		return;
	if (c->left > 0) {
		size_t n = c->left < sizeof(server_filler)
			       ? c->left
			       : sizeof(server_filler);

		c->left -= n;
		c->server->flooded += n;
		server_write(c, server_filler, n);
		return;
	}
	if (c->reply->drip)
		uv_timer_start(&c->timer, server_drip, 10, 0);
	else if (c->reply->after == SERVER_CLOSE)
		server_close_conn(c);
	else if (c->reply->after == SERVER_RESET)
		server_reset_conn(c);
}

/* Length of a complete request at the front, or 0. */
static inline size_t
server_request(const struct buf *in)
{
	size_t head = str_find(buf_str(in), STR("\r\n\r\n"));
	size_t at, body = 0;

	if (head == SIZE_MAX)
		return 0;
	at = str_find(str_of(in->p, head + 4), STR("Content-Length: "));
	if (at != SIZE_MAX)
		for (at += 16; in->p[at] >= '0' && in->p[at] <= '9'; at++)
			body = body * 10 + (size_t)(in->p[at] - '0');
	return in->n >= head + 4 + body ? head + 4 + body : 0;
}

static inline void
server_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct server_conn *c = s->data;
	struct server *v = c->server;
	size_t request;

	if (n < 0) {
		server_close_conn(c);
		return;
	}
	buf_add(&c->in, b->base, (size_t)n);
	request = server_request(&c->in);
	if (!request || v->n_requests >= v->n_replies)
		return;
	buf_add(&v->seen, c->in.p, request);
	buf_consume(&c->in, request);
	c->reply = &v->reply[v->n_requests++];
	c->left = c->reply->flood;
	if (c->reply->n > 0)
		server_write(c, c->reply->bytes, c->reply->n);
	else
		server_next(c);
}

static inline void
server_room(uv_handle_t *h, size_t want, uv_buf_t *b)
{
	static char room[65536];

	(void)h;
	(void)want;
	*b = uv_buf_init(room, sizeof(room));
}

static inline void
server_accept(uv_stream_t *s, int status)
{
	struct server *v = s->data;
	struct server_conn *c = &v->conn[v->n_conns];

	assert_int_equal(status, 0);
	assert_true(v->n_conns < SERVER_CONNS_MAX);
	v->n_conns++;
	v->n_open++;
	c->server = v;
	c->tcp.data = c->timer.data = c;
	buf_init(&c->in, (size_t)64 << 20);
	uv_timer_init(loop_uv(v->loop), &c->timer);
	uv_tcp_init(loop_uv(v->loop), &c->tcp);
	assert_int_equal(uv_accept(s, (uv_stream_t *)&c->tcp), 0);
	if (v->greeting) {
		static const struct server_reply then_close = {
			.after = SERVER_CLOSE
		};

		c->reply = &then_close;
		server_write(c, v->greeting, strlen(v->greeting));
	}
	if (!v->reads_nothing)
		uv_read_start((uv_stream_t *)&c->tcp, server_room, server_read);
}

static inline void
server_start(struct server *v, struct loop *loop)
{
	struct sockaddr_in a;
	int n = sizeof(a);

	memset(v, 0, sizeof(*v));
	memset(server_filler, 'x', sizeof(server_filler));
	v->loop = loop;
	buf_init(&v->seen, (size_t)64 << 20);
	uv_tcp_init(loop_uv(loop), &v->tcp);
	v->tcp.data = v;
	uv_ip4_addr("127.0.0.1", 0, &a);
	assert_int_equal(
	    uv_tcp_bind(&v->tcp, (const struct sockaddr *)&a, 0), 0);
	assert_int_equal(
	    uv_listen((uv_stream_t *)&v->tcp, 64, server_accept), 0);
	uv_tcp_getsockname(&v->tcp, (struct sockaddr *)&a, &n);
	v->port = ntohs(a.sin_port);
	snprintf(v->url, sizeof(v->url), "http://127.0.0.1:%d/v1", v->port);
}

static inline void
server_stop(struct server *v)
{
	for (unsigned i = 0; i < v->n_conns; i++)
		server_close_conn(&v->conn[i]);
	uv_close((uv_handle_t *)&v->tcp, NULL);
	while (v->n_open)
		loop_poll(v->loop);
	buf_fini(&v->seen);
}

/* One more reply for the script. */
static inline struct server_reply *
server_say_n(struct server *v, const char *bytes, size_t n)
{
	struct server_reply *r = &v->reply[v->n_replies++];

	assert_true(v->n_replies <= SERVER_REPLIES_MAX);
	*r = (struct server_reply){ .bytes = bytes, .n = n };
	return r;
}

static inline struct server_reply *
server_say(struct server *v, const char *text)
{
	return server_say_n(v, text, strlen(text));
}

#endif
