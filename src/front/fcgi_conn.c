#include "front/fcgi.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fault.h"
#include "front/refuse.h"
#include "sys/stats.h"

/* An arena for the variables: their limit, doubled for blocks and lists. */
#define PARAMS_ARENA_MAX (4u * FCGI_PARAMS_MAX_BYTES)
/* flow pauses long before; this is the stated maximum. */
#define OUT_MAX ((size_t)1 << 30)
/* Reads per wake-up, so that a large body does not starve the others. */
#define READ_ROUNDS 8
/* What FCGI_GET_VALUES tells a web server; none is known to ask. */
#define MAX_CONNS_TOLD 10000
#define REFUSAL_MAX 1024
#define NEVER INT64_MAX

static void on_ready(void *arg, int fd, unsigned events);
static void read_some(struct conn *c);

/* ---- life -------------------------------------------------------------- */

static void
list_add(struct conn *c)
{
	struct front_fcgi *f = c->front;

	c->next = f->all;
	if (c->next)
		c->next->prev = c;
	f->all = c;
}

static void
list_remove(struct conn *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->front->all = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

/*
 * At the end of the turn, when the provider has been asked: that must not wait
 * for a system call which an answer at once does without.
 */
static void
start_watching(void *arg)
{
	struct conn *c = arg;

	c->is_watched = true;
	if (pollset_set(loop_pollset(c->front->loop), c->fd, c->events,
		on_ready, c) != ERR_OK) {
		stats_add(c->front->shm, STATS_CONNECTIONS_REFUSED, 1);
		conn_close(c);
	}
}

enum err
conn_open(struct front_fcgi *f, int fd)
{
	struct conn *c = fault("front.conn") ? NULL : calloc(1, sizeof(*c));

	if (!c) {
		stats_add(f->shm, STATS_CONNECTIONS_REFUSED, 1);
		close(fd);
		return ERR_NOMEM;
	}
	c->front = f;
	c->fd = fd;
	pollset_forget(loop_pollset(f->loop), fd);
	c->events = POLLSET_IN;
	fcgi_parser_init(&c->parser);
	buf_init(&c->out, OUT_MAX);
	list_add(c);
	f->n_conns++;
	stats_add(f->shm, STATS_CONNECTIONS, 1);
	stats_gauge_add(f->shm, STATS_G_CONNECTIONS, 1);
	/* A web server writes at once after connecting: no need to wait. */
	read_some(c);
	if (c->state != CONN_CLOSED)
		loop_defer(f->loop, &c->watch, start_watching, c);
	return ERR_OK;
}

void
conn_reap(void *front)
{
	struct front_fcgi *f = front;
	struct conn *c;

	while ((c = f->closed)) {
		f->closed = c->next;
		buf_fini(&c->out); /* the parser may have gone on */
		free(c);
	}
}

static void
req_left(struct conn *c)
{
	c->req = NULL;
	stats_gauge_add(c->front->shm, STATS_G_REQUESTS, -1);
}

static void
abort_req(struct conn *c)
{
	struct req *r = c->req;

	if (!r)
		return;
	req_left(c);
	stats_add(c->front->shm, STATS_REQUESTS_ABORTED, 1);
	req_abort(r);
}

static void
drop_params(struct conn *c)
{
	arena_free(c->arena);
	c->arena = NULL;
}

void
conn_close(struct conn *c)
{
	if (c->state == CONN_CLOSED)
		return;
	c->state = CONN_CLOSED;
	abort_req(c);
	stats_gauge_add(c->front->shm, STATS_G_CONNECTIONS, -1);
	timer_stop(c->front->loop, &c->timer);
	loop_defer_cancel(c->front->loop, &c->watch);
	loop_defer_cancel(c->front->loop, &c->flush);
	drop_params(c);
	buf_fini(&c->out);
	list_remove(c);
	pollset_forget(loop_pollset(c->front->loop), c->fd);
	close(c->fd);
	/* Whoever is on the stack may look at it still. */
	c->front->n_conns--;
	c->next = c->front->closed;
	c->front->closed = c;
	loop_defer(c->front->loop, &c->front->reap, conn_reap, c->front);
}

/* ---- output ------------------------------------------------------------ */

static void
want(struct conn *c, unsigned events)
{
	if (c->events == events)
		return;
	c->events = events;
	if (c->is_watched && pollset_set(loop_pollset(c->front->loop), c->fd,
				 events, on_ready, c) != ERR_OK)
		c->must_close = true;
}

/*
 * For how long the other side may keep us waiting from now on: it must go on
 * sending, take what we send, or close. NEVER: we do not wait for it.
 */
static usec_t
patience(const struct conn *c)
{
	const struct front_fcgi *f = c->front;
	usec_t now = clock_mono();

	if (c->state == CONN_LINGERING)
		return c->last_sent + f->linger - now;
	if (c->events & POLLSET_OUT)
		return c->last_sent + f->output_timeout - now;
	if (c->state == CONN_PARAMS ||
	    (c->state == CONN_REQUEST && !c->is_input_done))
		return c->last_read + f->input_timeout - now;
	return NEVER;
}

static void on_timer(void *arg);

static bool
set_timer(struct conn *c, usec_t left)
{
	return timer_set(c->front->loop, &c->timer, left, on_timer, c) ==
	       ERR_OK;
}

/* Starts to wait, no longer than limit before it looks. */
static void
watch(struct conn *c, usec_t limit)
{
	bool is_soon =
	    timer_is_set(&c->timer) && c->timer.due <= clock_mono() + limit;

	if (!is_soon && !set_timer(c, limit))
		c->must_close = true;
}

static void
on_timer(void *arg)
{
	struct conn *c = arg;
	usec_t left = patience(c);

	if (left != NEVER && (left <= 0 || !set_timer(c, left)))
		conn_close(c);
}

/*
 * Everything is sent. A close with unread input would reset the connection and
 * might take our answer with it: the rest is read and dropped first.
 */
static void
after_answer(struct conn *c)
{
	bool keep =
	    c->parser.keep_conn && c->front->is_accepting && !c->must_close;

	if (keep) {
		c->state = CONN_IDLE;
		return;
	}
	if (c->is_input_done) {
		conn_close(c);
		return;
	}
	c->state = CONN_LINGERING;
	shutdown(c->fd, SHUT_WR);
	c->last_sent = clock_mono();
	if (!set_timer(c, c->front->linger))
		conn_close(c);
}

static bool
is_gone(ssize_t n)
{
	return n < 0 && errno != EAGAIN && errno != EWOULDBLOCK &&
	       errno != EINTR;
}

/*
 * A reader that always lags a little never empties the queue: what it has taken
 * must not stay for that. Moved bytes are fewer than sent ones.
 */
static void
drop_sent(struct conn *c)
{
	if (c->out_sent < FCGI_LOW_WATER || c->out_sent < c->out.n / 2)
		return;
	buf_consume(&c->out, c->out_sent);
	c->out_sent = 0;
}

/* Sends what it can. False: the other side has gone. */
static bool
send_out(struct conn *c)
{
	size_t before = c->out_sent;
	ssize_t n = 0;

	while (c->out_sent < c->out.n) {
		n = send(c->fd, c->out.p + c->out_sent, c->out.n - c->out_sent,
		    MSG_NOSIGNAL);
		if (n <= 0)
			break;
		c->out_sent += (size_t)n;
	}
	if (is_gone(n))
		return false;
	if (c->out_sent < c->out.n) {
		if (c->out_sent > before || !(c->events & POLLSET_OUT))
			c->last_sent = clock_mono();
		drop_sent(c);
		want(c, POLLSET_IN | POLLSET_OUT);
		watch(c, c->front->output_timeout);
		return true;
	}
	/* Idle streams are many: they hold no buffer. */
	buf_reset(&c->out);
	if (c->out.cap <= FCGI_SPARE_MAX)
		buf_lend(&c->out, &c->front->spare);
	buf_fini(&c->out);
	c->out_sent = 0;
	want(c, POLLSET_IN);
	return true;
}

static void
flush(void *arg)
{
	struct conn *c = arg;

	if (!send_out(c) || (c->must_close && c->state != CONN_REQUEST))
		conn_close(c);
	else if (c->state == CONN_ENDING && c->out.n == 0)
		after_answer(c);
	else if (c->req && c->out.n - c->out_sent <= FCGI_LOW_WATER)
		req_writable(c->req);
}

/* At the end of the turn, from where flow may be called. */
static void
flush_soon(struct conn *c)
{
	if (!(c->events & POLLSET_OUT) && c->state != CONN_CLOSED)
		loop_defer(c->front->loop, &c->flush, flush, c);
}

/*
 * What the client should see now is sent now: it goes before our own clean-up.
 * That the other side has gone is found out again, and told, at the end of the
 * turn.
 */
static void
door_write(void *arg, struct str bytes, bool now)
{
	struct conn *c = arg;

	buf_lend(&c->front->spare, &c->out);
	fcgi_put_stdout(&c->out, c->parser.id, bytes.p, bytes.n);
	if (c->out.failed)
		c->must_close = true;
	if (now && !(c->events & POLLSET_OUT) && send_out(c))
		return;
	flush_soon(c);
}

static size_t
door_pending(void *arg)
{
	const struct conn *c = arg;

	return c->out.n - c->out_sent;
}

/* The answer is in the queue. */
static void
end_request(struct conn *c, uint8_t protocol_status)
{
	c->state = CONN_ENDING;
	c->is_input_done = c->parser.stdin_ended;
	fcgi_put_end(&c->out, c->parser.id, 0, protocol_status);
	fcgi_parser_done(&c->parser);
	if (!(c->events & POLLSET_OUT))
		flush(c);
}

static void
door_finish(void *arg)
{
	struct conn *c = arg;

	req_left(c);
	stats_observe(c->front->shm, STATS_H_REQUEST, clock_mono() - c->begun);
	end_request(c, FCGI_REQUEST_COMPLETE);
}

static const struct req_door door = { door_write, door_pending, door_finish };

/* ---- input: events of the parser --------------------------------------- */

static void
on_begin(void *arg, uint16_t id, bool keep_conn)
{
	struct conn *c = arg;

	(void)id;
	(void)keep_conn;
	/* The one before was answered, and the connection ends with it. */
	if (c->state == CONN_CLOSED || c->state == CONN_LINGERING)
		return;
	c->state = CONN_PARAMS;
	c->begun = c->last_read;
	c->is_input_done = false;
	c->arena = arena_new(PARAMS_ARENA_MAX);
	if (!c->arena) {
		c->must_close = true;
		return;
	}
	fcgi_params_init(&c->params, c->arena);
	watch(c, c->front->input_timeout);
}

static void
on_params(void *arg, const char *p, size_t n)
{
	struct conn *c = arg;

	/* Errors are sticky and found in on_params_end. */
	if (c->arena)
		(void)!fcgi_params_feed(&c->params, p, n);
}

/* Variables that cannot be used never reach flow. */
static void
refuse_params(struct conn *c, enum err e)
{
	struct buf b;

	buf_init(&b, REFUSAL_MAX);
	front_refuse(&b, e);
	fcgi_put_stdout(&c->out, c->parser.id, b.p, b.n);
	buf_fini(&b);
	stats_add(c->front->shm, STATS_REQUESTS_BAD, 1);
	end_request(c, FCGI_REQUEST_COMPLETE);
}

_Static_assert(
    sizeof(struct fcgi_param) == sizeof(struct req_var) &&
	offsetof(struct fcgi_param, name) == offsetof(struct req_var, name) &&
	offsetof(struct fcgi_param, value) == offsetof(struct req_var, value),
    "a parameter is a variable");

static void
on_params_end(void *arg)
{
	struct conn *c = arg;
	enum err e = c->arena ? fcgi_params_finish(&c->params) : ERR_NOMEM;

	if (c->state != CONN_PARAMS)
		return;
	if (e == ERR_OK)
		c->req = req_new(c->front->flow, &door, c);
	if (e == ERR_NOMEM || (e == ERR_OK && !c->req)) {
		end_request(c, FCGI_OVERLOADED);
	} else if (e != ERR_OK) {
		refuse_params(c, e);
	} else {
		c->state = CONN_REQUEST;
		stats_add(c->front->shm, STATS_REQUESTS, 1);
		stats_gauge_add(c->front->shm, STATS_G_REQUESTS, 1);
		req_params(
		    c->req, (const struct req_var *)c->params.v, c->params.n);
	}
	drop_params(c);
}

static void
on_stdin(void *arg, const char *p, size_t n)
{
	struct conn *c = arg;

	if (c->req)
		(void)req_body(c->req, p, n);
}

static void
on_stdin_end(void *arg)
{
	struct conn *c = arg;

	c->is_input_done = true;
	if (c->req)
		req_body_end(c->req);
}

static void
on_abort(void *arg)
{
	struct conn *c = arg;

	if (c->state == CONN_CLOSED)
		return;
	abort_req(c);
	drop_params(c);
	end_request(c, FCGI_REQUEST_COMPLETE);
}

static void
on_refuse(void *arg, uint16_t id, uint8_t status)
{
	struct conn *c = arg;

	fcgi_put_refused(&c->out, id, status);
	flush_soon(c);
}

static void
on_get_values(void *arg, unsigned asked)
{
	struct conn *c = arg;

	fcgi_put_values(&c->out, asked, MAX_CONNS_TOLD, MAX_CONNS_TOLD);
	flush_soon(c);
}

static void
on_unknown_type(void *arg, uint8_t type)
{
	struct conn *c = arg;

	fcgi_put_unknown(&c->out, type);
	flush_soon(c);
}

static const struct fcgi_events parser_events = {
	.begin = on_begin,
	.params = on_params,
	.params_end = on_params_end,
	.stdin_data = on_stdin,
	.stdin_end = on_stdin_end,
	.abort = on_abort,
	.refuse = on_refuse,
	.get_values = on_get_values,
	.unknown_type = on_unknown_type,
};

/* False: the connection is closed. */
static bool
take(struct conn *c, size_t n)
{
	enum fcgi_result r;

	c->last_read = clock_mono();
	if (c->state == CONN_LINGERING)
		return true;
	r = fcgi_parse(&c->parser, c->front->read_buffer, n, &parser_events, c);
	if (r == FCGI_R_OK &&
	    !(c->must_close && !c->req && c->state != CONN_ENDING))
		return c->state != CONN_CLOSED;
	if (r != FCGI_R_OK && c->state != CONN_CLOSED)
		stats_add(c->front->shm, STATS_CONNECTION_ERRORS, 1);
	conn_close(c);
	return false;
}

static void
read_some(struct conn *c)
{
	for (int i = 0; i < READ_ROUNDS; i++) {
		ssize_t n =
		    recv(c->fd, c->front->read_buffer, FCGI_READ_BYTES, 0);

		if (n == 0 || is_gone(n)) {
			/* The web server has closed: its client has gone. */
			conn_close(c);
			return;
		}
		if (n < 0 || !take(c, (size_t)n) || n < FCGI_READ_BYTES)
			return;
	}
}

static void
on_ready(void *arg, int fd, unsigned events)
{
	struct conn *c = arg;

	(void)fd;
	if (events & POLLSET_OUT)
		flush(c);
	if ((events & (POLLSET_IN | POLLSET_ERR)) && c->state != CONN_CLOSED)
		read_some(c);
}

void
conn_last_call(struct conn *c)
{
	if (c->state == CONN_IDLE)
		read_some(c);
	if (c->state == CONN_IDLE)
		conn_close(c);
}
