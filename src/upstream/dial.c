#include "upstream/engine.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/warm.h"
#include "sys/pollset.h"
#include "wire/url.h"

static enum err
note(struct engine *e, curl_socket_t fd)
{
	int n = e->n_dialled ? e->n_dialled : 256;
	struct engine_dialled *p;

	while (n <= fd)
		n *= 2;
	if (n > e->n_dialled) {
		p = realloc(e->dialled, (size_t)n * sizeof(*p));
		if (!p)
			return ERR_NOMEM;
		memset(p + e->n_dialled, 0,
		    (size_t)(n - e->n_dialled) * sizeof(*p));
		e->dialled = p;
		e->n_dialled = n;
	}
	e->dialled[fd] = (struct engine_dialled){ .is_ours = true };
	return ERR_OK;
}

bool
dial_is_ours(const struct engine *e, curl_socket_t fd)
{
	return fd >= 0 && fd < e->n_dialled && e->dialled[fd].is_ours;
}

static void
unnote(struct engine *e, curl_socket_t fd)
{
	if (dial_is_ours(e, fd))
		e->dialled[fd] = (struct engine_dialled){ 0 };
}

void
dial_leave(struct upstream_xfer *x)
{
	struct engine *e = x->engine;

	if (dial_is_ours(e, x->fd) && e->dialled[x->fd].user == x)
		e->dialled[x->fd].user = NULL;
	x->fd = CURL_SOCKET_BAD;
}

void
dial_use(struct upstream_xfer *x, curl_socket_t fd)
{
	struct engine *e = x->engine;

	if (x->fd == fd)
		return;
	dial_leave(x);
	x->fd = fd;
	if (dial_is_ours(e, fd))
		e->dialled[fd].user = x;
}

struct upstream_xfer *
dial_user(const struct engine *e, curl_socket_t fd)
{
	return dial_is_ours(e, fd) ? e->dialled[fd].user : NULL;
}

/*
 * What a piece of an answer touches of libcurl's handle, as seen in 7.88. The
 * handle is opaque: where another version keeps it elsewhere these are a few
 * lines asked for in vain.
 */
static const struct {
	uint16_t at, bytes;
} handle_spans[] = {
	{ 0, 448 },
	{ 512, 64 },
	{ 704, 128 },
	{ 1728, 64 },
	{ 2752, 256 },
	{ 3264, 64 },
	{ 3712, 128 },
	{ 3904, 128 },
	{ 4160, 256 },
	{ 4608, 64 },
};

void
dial_warm(const struct engine *e, curl_socket_t fd, unsigned step)
{
	const struct upstream_xfer *x;

	if (step == 0 && fd < e->n_dialled)
		warm(&e->dialled[fd], sizeof(e->dialled[fd]));
	x = step > 0 ? dial_user(e, fd) : NULL;
	if (!x)
		return;
	if (step == 1) {
		warm(x, sizeof(*x));
		return;
	}
	for (size_t i = 0;
	     step == 2 && i < sizeof(handle_spans) / sizeof(handle_spans[0]);
	     i++)
		warm((const char *)x->easy.handle + handle_spans[i].at,
		    handle_spans[i].bytes);
	if (x->sink->soon)
		x->sink->soon(x->arg, step == 3);
}

int
dial_close(void *clientp, curl_socket_t fd)
{
	struct engine *e = clientp;

	unnote(e, fd);
	pollset_forget(loop_pollset(e->loop), fd);
	return close(fd);
}

/*
 * curl closes the socket of a connection that was not made in time itself,
 * without dial_close, and tells only afterwards that nobody need look at it. So
 * only one that has brought an answer stays.
 */
void
dial_rest(struct engine *e, CURL *easy, curl_socket_t fd)
{
	struct pollset *set = loop_pollset(e->loop);
	struct upstream_xfer *x = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x);
	if (dial_is_ours(e, fd) && x &&
	    (!x->is_new_connection || x->is_head_done)) {
		(void)!pollset_set(set, fd, 0, NULL, NULL);
		return;
	}
	unnote(e, fd);
	pollset_drop(set, fd);
}

/*
 * The guard looks at the address that is dialled, not at the name: a name that
 * resolves anew between check and call (DNS rebinding) cannot pass.
 */
curl_socket_t
dial_open(void *clientp, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct upstream_xfer *x = clientp;
	curl_socket_t fd;

	(void)purpose;
	if (!x->call->allow_private && address->family != AF_UNIX &&
	    url_ip_is_private(&address->addr)) {
		x->is_blocked = true;
		return CURL_SOCKET_BAD;
	}
	x->is_new_connection = true;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	if (note(x->engine, fd) != ERR_OK) {
		close(fd);
		return CURL_SOCKET_BAD;
	}
	pollset_forget(loop_pollset(x->engine->loop), fd);
	return fd;
}
