/*
 * The last good key set of auth.jwt, in the state folder: for processes that
 * begin while its server is away. A line that tells whose it is, then its text.
 */
#include "flow/life.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "conf/file.h"
#include "wire/jwt.h"

#define HEAD_SIZE 32
_Static_assert(JWKS_KEPT_MAX >= HEAD_SIZE + JWT_KEY_SET_BYTES_MAX,
    "a whole key set can be kept");

/* Another issuer's keys, or another server's, say nothing of this one's. */
static void
head_of(const struct conf_jwt *c, char out[HEAD_SIZE])
{
	const uint64_t of[] = { hash_stable(c->issuer), hash_stable(c->keys) };

	(void)snprintf(out, HEAD_SIZE, "jwks 1 %016llx\n",
	    (unsigned long long)hash_stable(
		str_of((const char *)of, sizeof(of))));
}

static bool
path_of(const struct conf *conf, const char *name, char out[PATH_MAX])
{
	int n =
	    snprintf(out, PATH_MAX, "%.*s/%s", STR_ARG(conf->state_dir), name);

	return n > 0 && n < PATH_MAX;
}

/* Ours alone may write it. */
static bool
is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() &&
	       (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

enum err
jwks_kept_read(const struct conf *conf, struct buf *out)
{
	char path[PATH_MAX], head[HEAD_SIZE];
	struct stat st;
	enum err e;

	if (!path_of(conf, "jwks", path))
		return ERR_LIMIT;
	e = conf_file_read(path, out, &st);
	if (e != ERR_OK)
		return e;
	head_of(&conf->jwt, head);
	if (!is_ours(&st) || !str_starts(buf_str(out), str_z(head)))
		return ERR_NOT_FOUND;
	buf_consume(out, strlen(head));
	return ERR_OK;
}

static bool
is_kept(const struct conf *conf, struct str text)
{
	struct buf b;
	bool same;

	buf_init(&b, JWKS_KEPT_MAX);
	same = jwks_kept_read(conf, &b) == ERR_OK && str_eq(buf_str(&b), text);
	buf_fini(&b);
	return same;
}

static enum err
write_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_IO;
		s = str_skip(s, (size_t)n);
	}
	return ERR_OK;
}

static enum err
replace(const struct conf *conf, struct str text)
{
	char path[PATH_MAX], temp[PATH_MAX], name[32], head[HEAD_SIZE];
	enum err e;
	int fd;

	(void)snprintf(name, sizeof(name), ".jwks.%ld", (long)getpid());
	if (!path_of(conf, "jwks", path) || !path_of(conf, name, temp))
		return ERR_LIMIT;
	(void)unlink(temp); /* of one that was killed, whose number we have */
	fd = open(
	    temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ERR_IO;
	head_of(&conf->jwt, head);
	e = fault("jwks.write") ? ERR_IO : write_all(fd, str_z(head));
	if (e == ERR_OK)
		e = write_all(fd, text);
	/* No sync: what a crash left of it is no key set, and so is not used. */
	if (close(fd) != 0 && e == ERR_OK)
		e = ERR_IO;
	if (e == ERR_OK && rename(temp, path) != 0)
		e = ERR_IO;
	if (e != ERR_OK)
		(void)unlink(temp);
	return e;
}

void
jwks_keep(const struct conf *conf, struct str text)
{
	if (!is_kept(conf, text) && replace(conf, text) != ERR_OK)
		log_msg(LOG_WARN,
		    "auth.jwt: the key set cannot be kept in %.*s",
		    STR_ARG(conf->state_dir));
}
