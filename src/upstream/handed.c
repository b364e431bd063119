#include "upstream/handed.h"

#include <sys/socket.h>

#include "base/fault.h"

/* send() has no argument for it. */
static _Thread_local struct {
	struct engine *engine; /* whose descriptors are known; or NULL */
	struct upstream_xfer *next; /* the next bytes begin its request */
	bool is_seeing; /* bytes do pass here */
} here;

static void
say(struct upstream_xfer *x, enum upstream_handed how)
{
	x->how_handed = how;
	if (x->handed)
		atomic_store_explicit(x->handed, how, memory_order_relaxed);
}

static void
unbind(struct upstream_xfer *x)
{
	struct engine *e = x->engine;

	if (dial_is_ours(e, x->out_fd) && e->dialled[x->out_fd].sender == x)
		e->dialled[x->out_fd].sender = NULL;
	x->out_fd = CURL_SOCKET_BAD;
}

static void
is_whole(struct upstream_xfer *x)
{
	unbind(x);
	say(x, UPSTREAM_HANDED);
}

/*
 * The rest of its request will come by on fd. Of two that go out
 * on one HTTP/2 connection the earlier one counts as whole.
 */
static void
bind_to(struct upstream_xfer *x, int fd)
{
	struct engine *e = x->engine;

	if (!dial_is_ours(e, fd)) {
		is_whole(x);
		return;
	}
	if (e->dialled[fd].sender && e->dialled[fd].sender != x)
		is_whole(e->dialled[fd].sender);
	e->dialled[fd].sender = x;
	x->out_fd = fd;
}

int
handed_begin(void *clientp, char *to, char *from, int to_port, int from_port)
{
	struct upstream_xfer *x = clientp;

	(void)to, (void)from, (void)to_port, (void)from_port;
	if (here.next && here.next != x)
		is_whole(here.next);
	here.engine = x->engine;
	here.next = x;
	unbind(x);
	x->out_bytes = 0;
	/* Once whole always whole, even if curl begins anew. */
	if (!here.is_seeing && x->how_handed != UPSTREAM_HANDED)
		say(x, UPSTREAM_HANDING);
	return CURL_PREREQFUNC_OK;
}

void
handed_answered(struct upstream_xfer *x)
{
	if (x->how_handed != UPSTREAM_HANDED)
		is_whole(x);
}

void
handed_leave(struct upstream_xfer *x)
{
	unbind(x);
	if (here.next == x)
		here.next = NULL;
	x->handed = NULL;
}

void
handed_fini(const struct engine *e)
{
	if (here.engine == e) {
		here.engine = NULL;
		here.next = NULL;
	}
}

/* Whose request these bytes belong to; NULL: of no interest. */
static struct upstream_xfer *
sender_of(int fd)
{
	struct upstream_xfer *x = here.next, *earlier = NULL;

	if (dial_is_ours(here.engine, fd))
		earlier = here.engine->dialled[fd].sender;
	if (!x)
		return earlier;
	if (earlier && earlier != x)
		is_whole(earlier);
	here.next = NULL;
	here.is_seeing = true;
	return x->how_handed != UPSTREAM_HANDED ? x : NULL;
}

static void
before(struct upstream_xfer *x, size_t n)
{
	fault_kill("kill.unhanded");
	if (x->out_bytes + n >= x->call->body.n)
		say(x, UPSTREAM_HANDING);
	fault_kill("kill.handing");
}

static void
after(struct upstream_xfer *x, int fd, ssize_t sent)
{
	fault_kill("kill.sent");
	if (sent > 0)
		x->out_bytes += (size_t)sent;
	if (sent > 0 && x->out_bytes >= x->call->body.n) {
		is_whole(x);
	} else {
		say(x, UPSTREAM_NOT_HANDED);
		bind_to(x, fd);
	}
	fault_kill("kill.handed");
}

/* In place of the C library's, for the libraries of this program as well. */
__attribute__((visibility("default"))) ssize_t
send(int fd, const void *p, size_t n, int flags)
{
	struct upstream_xfer *x = here.engine ? sender_of(fd) : NULL;
	ssize_t sent;

	if (!x)
		return sendto(fd, p, n, flags, NULL, 0);
	before(x, n);
	sent = sendto(fd, p, n, flags, NULL, 0);
	after(x, fd, sent); /* leaves errno alone */
	return sent;
}
