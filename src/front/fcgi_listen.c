#include "front/fcgi.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* Accepted per wake-up, so that the workers share a burst. */
#define ACCEPT_BURST 16

/* The web server's wait would never end: take its connection and close it. */
static void
refuse_one(struct front_fcgi *f)
{
	int fd;

	if (f->reserve_fd < 0)
		return;
	close(f->reserve_fd);
	fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	f->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
on_listen(uv_poll_t *poll, int status, int events)
{
	struct front_fcgi *f = poll->data;
	int on = 1;

	(void)events;
	for (int i = 0; status == 0 && i < ACCEPT_BURST; i++) {
		int fd = accept4(
		    f->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				refuse_one(f);
			return;
		}
		/* Fails on unix sockets, which need it not. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (conn_open(f, fd) != ERR_OK)
			return;
	}
}

static void
on_listen_closed(uv_handle_t *h)
{
	struct front_fcgi *f = h->data;

	f->n_handles--;
}

struct front_fcgi *
front_fcgi_new(struct loop *loop, struct flow *flow, int listen_fd)
{
	struct front_fcgi *f = calloc(1, sizeof(*f));
	int flags = fcntl(listen_fd, F_GETFL);

	if (!f)
		return NULL;
	f->loop = loop;
	f->flow = flow;
	f->listen_fd = listen_fd;
	f->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (flags < 0 || fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    uv_poll_init(loop_uv(loop), &f->poll, listen_fd) != 0) {
		if (f->reserve_fd >= 0)
			close(f->reserve_fd);
		free(f);
		return NULL;
	}
	f->poll.data = f;
	f->n_handles = 1;
	f->is_accepting = true;
	uv_poll_start(&f->poll, UV_READABLE, on_listen);
	return f;
}

void
front_fcgi_stop_accepting(struct front_fcgi *f)
{
	struct conn *next;

	if (!f->is_accepting)
		return;
	f->is_accepting = false;
	uv_poll_stop(&f->poll);
	for (struct conn *c = f->all; c; c = next) {
		next = c->next;
		if (c->state == CONN_IDLE)
			conn_close(c);
	}
}

uint32_t
front_fcgi_connections(const struct front_fcgi *f)
{
	return f->n_conns;
}

void
front_fcgi_free(struct front_fcgi *f)
{
	struct conn *next;

	if (!f)
		return;
	for (struct conn *c = f->all; c; c = next) {
		next = c->next;
		conn_close(c);
	}
	uv_close((uv_handle_t *)&f->poll, on_listen_closed);
	while (f->n_handles)
		uv_run(loop_uv(f->loop), UV_RUN_NOWAIT);
	if (f->reserve_fd >= 0)
		close(f->reserve_fd);
	free(f);
}
