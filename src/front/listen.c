#include "front/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"

/* The kernel cuts it to net.core.somaxconn. */
#define BACKLOG 4096
#define MODE_DEFAULT 0660

struct spec {
	bool is_unix;
	mode_t mode;
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} addr;
	socklen_t addr_n;
};

static enum err
parse_mode(struct str s, mode_t *out)
{
	mode_t mode = 0;

	if (s.n < 3 || s.n > 4)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '7')
			return ERR_SYNTAX;
		mode = mode * 8 + (mode_t)(s.p[i] - '0');
	}
	if (mode > 0777)
		return ERR_RANGE;
	*out = mode;
	return ERR_OK;
}

static enum err
parse_unix(struct str s, struct spec *out)
{
	struct str path = str_cut(&s, ',');
	struct sockaddr_un *un = &out->addr.un;

	out->is_unix = true;
	out->mode = MODE_DEFAULT;
	if (path.n == 0 || path.p[0] != '/' || path.n >= sizeof(un->sun_path) ||
	    memchr(path.p, 0, path.n))
		return ERR_SYNTAX;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path.p, path.n);
	un->sun_path[path.n] = '\0';
	out->addr_n = sizeof(*un);
	if (!str_present(s))
		return ERR_OK;
	if (!str_starts(s, STR("mode=")))
		return ERR_SYNTAX;
	return parse_mode(str_skip(s, 5), &out->mode);
}

static enum err
parse_inet(struct str s, struct spec *out)
{
	char host[INET6_ADDRSTRLEN];
	size_t colon = s.n;
	struct str name;
	uint64_t port;

	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon < 2 || num_parse_u64(str_skip(s, colon), &port) != ERR_OK ||
	    port > 65535)
		return ERR_SYNTAX;
	name = str_of(s.p, colon - 1);
	if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
		name = str_of(name.p + 1, name.n - 2);
	if (name.n >= sizeof(host))
		return ERR_SYNTAX;
	memcpy(host, name.p, name.n);
	host[name.n] = '\0';
	if (inet_pton(AF_INET, host, &out->addr.in.sin_addr) == 1) {
		out->addr.in.sin_family = AF_INET;
		out->addr.in.sin_port = htons((uint16_t)port);
		out->addr_n = sizeof(out->addr.in);
		return ERR_OK;
	}
	if (inet_pton(AF_INET6, host, &out->addr.in6.sin6_addr) == 1) {
		out->addr.in6.sin6_family = AF_INET6;
		out->addr.in6.sin6_port = htons((uint16_t)port);
		out->addr_n = sizeof(out->addr.in6);
		return ERR_OK;
	}
	return ERR_SYNTAX;
}

static enum err
parse(struct str s, struct spec *out)
{
	*out = (struct spec){ 0 };
	if (str_starts(s, STR("unix:")))
		return parse_unix(str_skip(s, 5), out);
	return parse_inet(s, out);
}

/* Somebody answers at this path. */
static bool
is_alive(const struct spec *spec)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive;

	if (fd < 0)
		return false;
	alive =
	    connect(fd, &spec->addr.any, spec->addr_n) == 0 || errno == EAGAIN;
	close(fd);
	return alive;
}

static enum err
clear_path(const struct spec *spec)
{
	struct stat st;

	if (!spec->is_unix || lstat(spec->addr.un.sun_path, &st) != 0)
		return ERR_OK;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return ERR_IO;
	}
	if (is_alive(spec))
		return ERR_DENIED;
	return unlink(spec->addr.un.sun_path) == 0 ? ERR_OK : ERR_IO;
}

static enum err
open_parsed(const struct spec *spec, int *out)
{
	int fd = socket(spec->addr.any.sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, saved;

	if (fd < 0)
		return ERR_IO;
	if (!spec->is_unix)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* chmod before listen: nobody connects with the wrong mode. */
	if (bind(fd, &spec->addr.any, spec->addr_n) == 0 &&
	    (!spec->is_unix ||
		chmod(spec->addr.un.sun_path, spec->mode) == 0) &&
	    listen(fd, BACKLOG) == 0) {
		*out = fd;
		return ERR_OK;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return ERR_IO;
}

enum err
front_listen_open(struct str text, int *fd, char *why, size_t why_size)
{
	struct spec spec;
	enum err e = parse(text, &spec);

	if (e != ERR_OK) {
		snprintf(why, why_size,
		    "\"%.*s\" is not unix:/PATH[,mode=0660] or ADDRESS:PORT",
		    STR_ARG(text));
		return ERR_SYNTAX;
	}
	e = clear_path(&spec);
	if (e == ERR_OK)
		e = open_parsed(&spec, fd);
	if (e == ERR_DENIED)
		snprintf(why, why_size, "another program listens on %.*s",
		    STR_ARG(text));
	else if (e != ERR_OK)
		snprintf(why, why_size, "cannot listen on %.*s: %s",
		    STR_ARG(text), strerror(errno));
	return e;
}

void
front_listen_remove(struct str text)
{
	struct spec spec;

	if (parse(text, &spec) == ERR_OK && spec.is_unix)
		unlink(spec.addr.un.sun_path);
}

bool
front_listen_is(int fd)
{
	int listens = 0;
	socklen_t n = sizeof(listens);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 &&
	       listens;
}

void
front_listen_widen(int fd)
{
	/* Again is allowed, and changes the length (listen(2)). */
	(void)(listen(fd, BACKLOG) == 0);
}

void
front_listen_drop(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0) {
		close(fd);
		return;
	}
	dup3(null, fd, O_CLOEXEC);
	close(null);
}
