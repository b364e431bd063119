#include "ev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_un un;
	} u;
	socklen_t len;
};

static bool
parse_unix(const char *path, struct address *a)
{
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(a->u.un.sun_path))
		return false;
	a->u.un.sun_family = AF_UNIX;
	memcpy(a->u.un.sun_path, path, n + 1);
	a->len = sizeof(a->u.un);
	return true;
}

static bool
parse_address(const char *text, struct address *a)
{
	const char *colon = strrchr(text, ':');
	char host[INET_ADDRSTRLEN] = "";
	uint64_t port;
	size_t n;

	memset(a, 0, sizeof(*a));
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, a);
	if (!colon || num_parse_u64(str_z(colon + 1), &port) != ERR_OK ||
	    port > 65535)
		return false;
	n = (size_t)(colon - text);
	if (n == 0 || n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	a->u.in.sin_family = AF_INET;
	a->u.in.sin_port = htons((uint16_t)port);
	a->len = sizeof(a->u.in);
	return inet_pton(AF_INET, host, &a->u.in.sin_addr) == 1;
}

int
ev_listen(const char *address)
{
	struct address a;
	int fd, one = 1;

	if (!parse_address(address, &a)) {
		fprintf(stderr, "%s: not IPV4:PORT nor unix:PATH\n", address);
		return -1;
	}
	fd = socket(
	    a.u.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		perror("socket");
		return -1;
	}
	if (a.u.any.sa_family == AF_UNIX)
		(void)unlink(a.u.un.sun_path);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, &a.u.any, a.len) != 0 || listen(fd, 4096) != 0) {
		perror(address);
		close(fd);
		return -1;
	}
	return fd;
}

int
ev_dial(const char *address)
{
	struct address a;
	int fd;

	if (!parse_address(address, &a)) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(
	    a.u.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	ev_nodelay(fd);
	if (connect(fd, &a.u.any, a.len) != 0 && errno != EINPROGRESS) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

int
ev_port(int fd)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	if (getsockname(fd, (struct sockaddr *)&in, &len) != 0 ||
	    in.sin_family != AF_INET)
		return 0;
	return ntohs(in.sin_port);
}

void
ev_nodelay(int fd)
{
	int one = 1;

	/* fails on unix sockets, which have no delay */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}
