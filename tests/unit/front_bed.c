#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "front_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
socket_at(const char *path, bool listens)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (listens) {
		unlink(path);
		assert_int_equal(
		    bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
		assert_int_equal(listen(fd, 512), 0);
	} else {
		assert_int_equal(
		    connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
		assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	}
	return fd;
}

void
bed_open(struct bed *b, enum double_mode mode)
{
	*b = (struct bed){ 0 };
	double_init(&b->flow, mode);
	snprintf(b->path, sizeof(b->path), "/tmp/llmgw-front-%d.sock",
	    (int)getpid());
	b->listen_fd = socket_at(b->path, true);
	assert_int_equal(shm_open_file(NULL, 16, &b->shm), ERR_OK);
	assert_int_equal(shm_worker_take(b->shm), ERR_OK);
	b->loop = loop_new();
	assert_non_null(b->loop);
	b->front = front_fcgi_new(b->loop, &b->flow, b->shm, b->listen_fd);
	assert_non_null(b->front);
}

void
bed_close(struct bed *b)
{
	front_fcgi_free(b->front);
	loop_free(b->loop);
	shm_close(b->shm);
	double_fini(&b->flow);
	close(b->listen_fd);
	unlink(b->path);
}

void
peer_open(struct bed *b, struct peer *p)
{
	*p = (struct peer){ .reads = true };
	p->fd = socket_at(b->path, false);
	buf_init(&p->out, (size_t)64 << 20);
	peer_answer_init(&p->answer);
}

void
peer_close(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	buf_fini(&p->out);
	peer_answer_fini(&p->answer);
}

static void
peer_send(struct peer *p)
{
	size_t n = p->out.n - p->out_at;
	ssize_t done;

	if (p->send_max && n > p->send_max)
		n = p->send_max;
	if (n == 0)
		return;
	done = send(p->fd, p->out.p + p->out_at, n, MSG_NOSIGNAL);
	if (done > 0)
		p->out_at += (size_t)done;
}

static void
peer_read(struct peer *p)
{
	char piece[4096];
	size_t got = 0;
	ssize_t n = 0;

	while (p->reads && (!p->recv_max || got < p->recv_max) &&
	       (n = recv(p->fd, piece, sizeof(piece), 0)) != -1) {
		if (n == 0) {
			p->is_closed = true;
			return;
		}
		peer_answer_feed(&p->answer, piece, (size_t)n);
		got += (size_t)n;
	}
	if (p->reads && n < 0 && errno == ECONNRESET)
		p->is_closed = p->is_reset = true;
}

void
bed_turn(struct bed *b, struct peer *peers, size_t n)
{
	struct pollfd pfd = { .fd = loop_fd(b->loop), .events = POLLIN };

	for (size_t i = 0; i < n; i++) {
		if (peers[i].fd < 0)
			continue;
		peer_send(&peers[i]);
		peer_read(&peers[i]);
	}
	/* Nothing ready is no reason to spin hot. */
	poll(&pfd, 1, 1);
	loop_poll(b->loop);
}
