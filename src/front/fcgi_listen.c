#include "front/fcgi.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/stats.h"

/* Accepted per wake-up, so that the workers share a burst. */
#define ACCEPT_BURST 16
/*
 * Mostly there is no second connection, and asking for it costs a call before
 * the first one's provider is asked. So after a vain try nobody asks again for
 * some wake-ups; what waits is reported in the next turn. Where many are open
 * turns are long, and whoever waits for another loses more than the call.
 */
#define ACCEPT_MODEST 8
#define ACCEPT_MODEST_CONNS 128
#define LAST_ACCEPTS 4096

/* The web server's wait would never end: take its connection and close it. */
static void
refuse_one(struct front_fcgi *f)
{
	int fd;

	if (f->reserve_fd < 0)
		return;
	close(f->reserve_fd);
	fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		stats_add(f->shm, STATS_CONNECTIONS_REFUSED, 1);
	}
	f->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* How many there were. */
static int
accept_some(struct front_fcgi *f, int max)
{
	int on = 1, i;

	for (i = 0; f->is_accepting && i < max; i++) {
		int fd = accept4(
		    f->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				refuse_one(f);
			break;
		}
		if (!f->is_unix)
			setsockopt(
			    fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (conn_open(f, fd) != ERR_OK)
			break;
	}
	return i;
}

static void
on_listen(void *arg, int listen_fd, unsigned events)
{
	struct front_fcgi *f = arg;

	(void)listen_fd;
	(void)events;
	if (f->modest > 0 && f->n_conns < ACCEPT_MODEST_CONNS) {
		f->modest--;
		(void)accept_some(f, 1);
	} else if (accept_some(f, ACCEPT_BURST) < 2) {
		f->modest = ACCEPT_MODEST;
	}
}

static bool
is_unix(int fd)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof(a);

	return getsockname(fd, (struct sockaddr *)&a, &n) == 0 &&
	       a.ss_family == AF_UNIX;
}

struct front_fcgi *
front_fcgi_new(
    struct loop *loop, struct flow *flow, struct shm *shm, int listen_fd)
{
	struct front_fcgi *f = calloc(1, sizeof(*f));
	int flags = fcntl(listen_fd, F_GETFL);

	if (!f)
		return NULL;
	f->loop = loop;
	buf_init(&f->spare, FCGI_SPARE_MAX);
	f->flow = flow;
	f->shm = shm;
	f->listen_fd = listen_fd;
	f->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	f->is_accepting = true;
	f->input_timeout = FCGI_INPUT_TIMEOUT;
	f->output_timeout = FCGI_OUTPUT_TIMEOUT;
	f->linger = FCGI_LINGER;
	f->is_unix = is_unix(listen_fd);
	if (flags < 0 || fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    pollset_set(loop_pollset(loop), listen_fd,
		POLLSET_IN | POLLSET_FIRST, on_listen, f) != ERR_OK) {
		if (f->reserve_fd >= 0)
			close(f->reserve_fd);
		free(f);
		return NULL;
	}
	return f;
}

/* It is the other workers' as well: only we look away. */
static void
look_away(struct front_fcgi *f)
{
	if (f->is_accepting)
		pollset_drop(loop_pollset(f->loop), f->listen_fd);
	f->is_accepting = false;
}

void
front_fcgi_stop_accepting(struct front_fcgi *f)
{
	struct conn *next;

	if (!f->is_accepting)
		return;
	/* What waits in the queue would be reset with the socket. */
	(void)accept_some(f, LAST_ACCEPTS);
	look_away(f);
	for (struct conn *c = f->all; c; c = next) {
		next = c->next;
		conn_last_call(c);
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
	look_away(f);
	for (struct conn *c = f->all; c; c = next) {
		next = c->next;
		conn_close(c);
	}
	loop_defer_cancel(f->loop, &f->reap);
	conn_reap(f);
	if (f->reserve_fd >= 0)
		close(f->reserve_fd);
	buf_fini(&f->spare);
	free(f);
}
