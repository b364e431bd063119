#include "badnet.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "ev.h"

#define FLOW_MAX ((size_t)64 << 10) /* bytes on the way in one direction */
#define MARKS_MAX 256 /* reads on the way */

struct link;

/* Bytes that came together and leave together. */
struct mark {
	size_t end; /* in bytes since the flow began */
	usec_t due;
};

struct flow {
	struct link *link;
	enum badnet_dir dir;
	struct ev_timer timer;
	struct buf buf;
	struct mark marks[MARKS_MAX];
	size_t first, n_marks;
	size_t came, went; /* bytes since the beginning */
	usec_t next; /* no write before this (rate, gap) */
	bool saw_eof, is_ended; /* of the reader; passed on to the writer */
	bool is_blocked; /* the writer takes no more */
};

struct end {
	struct ev_fd io;
	struct link *link;
	enum badnet_dir reads; /* the flow that this end feeds */
	bool is_connecting;
};

struct link {
	struct link *next, **at;
	struct end
	    end[DIR__MAX]; /* [DIR_UP] the client's, [DIR_DOWN] server's */
	struct flow flow[DIR__MAX];
	bool is_dead;
};

static struct link *links;
static const char *target;

static void
link_free(struct link *l, bool is_reset)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	if (l->is_dead)
		return;
	l->is_dead = true;
	for (int d = 0; d < DIR__MAX; d++) {
		if (is_reset && l->end[d].io.fd >= 0)
			(void)setsockopt(l->end[d].io.fd, SOL_SOCKET, SO_LINGER,
			    &hard, sizeof(hard));
		ev_close(&l->end[d].io);
		ev_timer_clear(&l->flow[d].timer);
		buf_fini(&l->flow[d].buf);
	}
	*l->at = l->next;
	if (l->next)
		l->next->at = l->at;
	badnet_counts.open--;
	ev_dispose(l);
}

/* The end that a flow writes to. */
static struct end *
writer_of(struct flow *f)
{
	return &f->link->end[f->dir == DIR_UP ? DIR_DOWN : DIR_UP];
}

static void
set_events(struct link *l)
{
	for (int d = 0; d < DIR__MAX; d++) {
		struct end *e = &l->end[d];
		struct flow *in = &l->flow[e->reads];
		struct flow *out = &l->flow[!e->reads];
		uint32_t want = 0;

		if (!in->saw_eof && in->buf.n < FLOW_MAX &&
		    in->n_marks < MARKS_MAX && !e->is_connecting)
			want |= EPOLLIN;
		if (out->is_blocked || e->is_connecting)
			want |= EPOLLOUT;
		ev_mod(&e->io, want);
	}
}

static size_t
at_most(size_t n, int64_t limit, size_t already)
{
	if (limit == BADNET_OFF)
		return n;
	if ((size_t)limit <= already)
		return 0;
	return n < (size_t)limit - already ? n : (size_t)limit - already;
}

static bool
is_reached(int64_t limit, const struct flow *f)
{
	return limit != BADNET_OFF && f->went >= (size_t)limit;
}

/* How many bytes may go now; 0 with a timer armed when it is not yet time. */
static size_t
may_send(struct flow *f, const struct badnet_rules *r)
{
	const struct mark *m = &f->marks[f->first];
	size_t n;

	if (f->n_marks == 0 || writer_of(f)->is_connecting)
		return 0;
	if (m->due > ev_now() || f->next > ev_now()) {
		ev_timer_at(&f->timer, m->due > f->next ? m->due : f->next);
		return 0;
	}
	n = m->end - f->went;
	n = at_most(n, r->slice, 0);
	if (r->rate != BADNET_OFF)
		n = at_most(n, r->rate / 50 + 1, 0);
	n = at_most(n, r->drop_after, f->went);
	n = at_most(n, r->reset_after, f->went);
	n = at_most(n, r->halfclose, f->went);
	return at_most(n, r->blackhole, f->went);
}

static void
went(struct flow *f, const struct badnet_rules *r, size_t n)
{
	usec_t from = f->next > ev_now() ? f->next : ev_now();

	f->went += n;
	badnet_counts.bytes[f->dir] += (int64_t)n;
	buf_consume(&f->buf, n);
	if (f->n_marks && f->went >= f->marks[f->first].end) {
		f->first = (f->first + 1) % MARKS_MAX;
		f->n_marks--;
	}
	if (r->rate != BADNET_OFF)
		from += (usec_t)n * USEC_PER_SEC / r->rate;
	if (r->gap != BADNET_OFF && r->gap > 0)
		from += r->gap * USEC_PER_MSEC;
	f->next = from > ev_now() ? from : 0;
}

/* False when the link is gone. */
static bool
limits(struct flow *f, const struct badnet_rules *r)
{
	if (is_reached(r->reset_after, f)) {
		badnet_counts.reset++;
		link_free(f->link, true);
		return false;
	}
	if (is_reached(r->drop_after, f)) {
		badnet_counts.dropped++;
		link_free(f->link, false);
		return false;
	}
	if (is_reached(r->blackhole, f)) {
		buf_reset(&f->buf);
		f->n_marks = 0;
		f->came = f->went;
	} else if (!f->is_ended && (is_reached(r->halfclose, f) ||
				       (f->saw_eof && f->buf.n == 0))) {
		f->is_ended = true;
		(void)shutdown(writer_of(f)->io.fd, SHUT_WR);
	}
	return true;
}

static void
pump(struct flow *f)
{
	const struct badnet_rules *r = &badnet_rules[f->dir];
	struct link *l = f->link;

	for (;;) {
		size_t n;
		ssize_t k;

		if (!limits(f, r))
			return;
		n = f->is_ended || f->is_blocked ? 0 : may_send(f, r);
		if (n == 0)
			break;
		k = send(writer_of(f)->io.fd, f->buf.p, n, MSG_NOSIGNAL);
		if (k < 0 && errno == EAGAIN) {
			f->is_blocked = true;
			break;
		}
		if (k < 0) {
			link_free(l, true);
			return;
		}
		went(f, r, (size_t)k);
	}
	if (l->flow[DIR_UP].is_ended && l->flow[DIR_DOWN].is_ended)
		link_free(l, false);
	else
		set_events(l);
}

static void
on_timer(struct ev_timer *t)
{
	pump((struct flow *)((char *)t - offsetof(struct flow, timer)));
}

static void
corrupt(struct flow *f, char *p, size_t n)
{
	int64_t every = badnet_rules[f->dir].corrupt;

	if (every == BADNET_OFF)
		return;
	for (size_t i = 0; i < n; i++) {
		if ((f->came + i + 1) % (size_t)every == 0)
			p[i] ^= 0x01;
	}
}

static void
end_read(struct end *e)
{
	struct flow *f = &e->link->flow[e->reads];
	const struct badnet_rules *r = &badnet_rules[f->dir];
	size_t left = FLOW_MAX - f->buf.n;
	char *room = left ? buf_room(&f->buf, left) : NULL;
	ssize_t n;

	if (!room || f->n_marks == MARKS_MAX)
		return;
	n = recv(e->io.fd, room, left, 0);
	if (n < 0) {
		if (errno != EAGAIN)
			link_free(e->link, true);
		return;
	}
	if (n == 0 && writer_of(f)->is_connecting) {
		link_free(e->link, false); /* nobody to pass it on to */
		return;
	}
	if (n == 0)
		f->saw_eof = true;
	if (n > 0) {
		struct mark *m =
		    &f->marks[(f->first + f->n_marks++) % MARKS_MAX];

		corrupt(f, room, (size_t)n);
		f->buf.n += (size_t)n;
		f->came += (size_t)n;
		m->end = f->came;
		m->due = ev_now() +
			 (r->latency > 0 ? r->latency * USEC_PER_MSEC : 0);
	}
	pump(f);
}

static void
on_io(struct ev_fd *io, uint32_t ready)
{
	struct end *e = (struct end *)io;
	struct link *l = e->link;

	if (e->is_connecting && (ready & (EPOLLERR | EPOLLHUP))) {
		badnet_counts.refused++;
		link_free(l, true);
		return;
	}
	if (ready & EPOLLOUT) {
		e->is_connecting = false;
		l->flow[!e->reads].is_blocked = false;
		pump(&l->flow[!e->reads]);
	}
	if (!l->is_dead && (ready & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		end_read(e);
	/* a hangup that nobody reads would come again and again */
	if (!l->is_dead && (ready & (EPOLLHUP | EPOLLERR)) &&
	    l->flow[e->reads].saw_eof)
		link_free(l, false);
}

static void
link_open(int client)
{
	struct link *l = calloc(1, sizeof(*l));
	int server = badnet_door == 'n' ? ev_dial(target) : -1;

	if (!l || (server < 0 && badnet_door == 'n')) {
		badnet_counts.refused++;
		close(client);
		free(l);
		return;
	}
	ev_nodelay(client);
	for (int d = 0; d < DIR__MAX; d++) {
		struct end *e = &l->end[d];

		e->io.fd = d == DIR_UP ? client : server;
		e->io.on = on_io;
		e->link = l;
		e->reads = (enum badnet_dir)d;
		e->is_connecting = d == DIR_DOWN;
		l->flow[d].link = l;
		l->flow[d].dir = (enum badnet_dir)d;
		l->flow[d].timer.on = on_timer;
		buf_init(&l->flow[d].buf, FLOW_MAX);
	}
	l->next = links;
	l->at = &links;
	if (links)
		links->at = &l->next;
	links = l;
	badnet_counts.open++;
	if (!ev_add(&l->end[DIR_UP].io, EPOLLIN) ||
	    (server >= 0 && !ev_add(&l->end[DIR_DOWN].io, EPOLLOUT)))
		link_free(l, true);
	else if (badnet_door == 'r')
		link_free(l, true);
}

static void
on_accept(struct ev_fd *e, uint32_t ready)
{
	int fd;

	(void)ready;
	while ((fd = accept4(
		    e->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		badnet_counts.accepted++;
		link_open(fd);
	}
}

bool
badnet_link_listen(const char *listen_at, const char *to, int *port)
{
	static struct ev_fd door;

	target = to;
	door.fd = ev_listen(listen_at);
	door.on = on_accept;
	if (door.fd < 0 || !ev_add(&door, EPOLLIN))
		return false;
	*port = ev_port(door.fd);
	return true;
}

void
badnet_link_break_all(bool is_reset)
{
	while (links)
		link_free(links, is_reset);
}
