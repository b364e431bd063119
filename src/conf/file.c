#include "conf/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/rand.h"

#define READ_STEP 16384u
/* Names of files that are being written, and how long that never takes. */
#define TEMP_SIZE 64
#define TEMP_LASTS (3600 * USEC_PER_SEC)

static enum err
read_all(int fd, struct buf *out)
{
	ssize_t got;
	char *p;

	for (;;) {
		size_t want = out->max - out->n;

		/* One byte past the bound tells "full" from "too large". */
		if (want == 0) {
			char one;

			got = read(fd, &one, 1);
			if (got < 0 && errno == EINTR)
				continue;
			return got == 0 ? ERR_OK : got < 0 ? ERR_IO : ERR_LIMIT;
		}
		if (want > READ_STEP)
			want = READ_STEP;
		p = buf_room(out, want);
		if (p == NULL)
			return ERR_NOMEM;
		got =
		    fault("conf.read") ? (errno = EIO, -1) : read(fd, p, want);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (got == 0)
			return ERR_OK;
		out->n += (size_t)got;
	}
}

enum err
conf_file_read(const char *path, struct buf *out, struct stat *st)
{
	struct stat own;
	enum err e;
	int fd, errno_then;

	if (st == NULL)
		st = &own;
	/* O_NONBLOCK: opening a pipe that nobody writes to must not hang. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return ERR_IO;
	if (fstat(fd, st) != 0)
		e = ERR_IO;
	else if (!S_ISREG(st->st_mode))
		e = ERR_UNSUPPORTED;
	else
		e = read_all(fd, out);
	errno_then = errno;
	(void)close(fd);
	errno = errno_then;
	return e;
}

/* ---- writing ------------------------------------------------------------ */

static bool
write_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = fault("conf.write") ? (errno = ENOSPC, -1)
						: write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s = str_skip(s, (size_t)n);
	}
	return true;
}

static bool
fill(int dir, int fd, struct str bytes, unsigned how)
{
	struct stat st;

	if (!write_all(fd, bytes))
		return false;
	if ((how & CONF_FILE_OWNERS) && geteuid() == 0 &&
	    (fstat(dir, &st) != 0 || fchown(fd, st.st_uid, st.st_gid) != 0))
		return false;
	if ((how & CONF_FILE_SYNC) && fault("conf.sync")) {
		errno = EIO;
		return false;
	}
	return !(how & CONF_FILE_SYNC) || fsync(fd) == 0;
}

/* What those that were killed have left; not what somebody writes now. */
static void
sweep(int dir, const char *prefix)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	usec_t before = clock_wall() - TEMP_LASTS;
	struct dirent *d;
	struct stat st;
	DIR *all = fd < 0 ? NULL : fdopendir(fd);

	if (!all) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((d = readdir(all))) {
		if (str_starts(str_z(d->d_name), str_z(prefix)) &&
		    fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (usec_t)st.st_mtim.tv_sec * USEC_PER_SEC < before)
			(void)unlinkat(dir, d->d_name, 0);
	}
	(void)closedir(all);
}

static bool
put_in_place(int dir, const char *temp, const char *name, unsigned how)
{
	if (!(how & CONF_FILE_STAYS))
		return renameat(dir, temp, dir, name) == 0;
	if (linkat(dir, temp, dir, name, 0) != 0 && errno != EEXIST)
		return false;
	(void)unlinkat(dir, temp, 0);
	return true;
}

static enum err
write_in(int dir, const char *name, struct str bytes, unsigned how)
{
	char prefix[TEMP_SIZE], temp[TEMP_SIZE + 16];
	int fd, errno_then, n;
	uint64_t nonce;
	bool ok;

	n = snprintf(prefix, sizeof(prefix), ".%s.", name);
	if (n < 0 || (size_t)n >= sizeof(prefix))
		return ERR_LIMIT;
	sweep(dir, prefix);
	rand_secret(&nonce, sizeof(nonce));
	(void)snprintf(
	    temp, sizeof(temp), "%s%016llx", prefix, (unsigned long long)nonce);
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return ERR_IO;
	ok = fill(dir, fd, bytes, how);
	errno_then = errno;
	if (close(fd) != 0 && ok) {
		ok = false;
		errno_then = errno;
	}
	if (ok && !put_in_place(dir, temp, name, how)) {
		ok = false;
		errno_then = errno;
	}
	if (!ok)
		(void)unlinkat(dir, temp, 0);
	errno = errno_then;
	return ok ? ERR_OK : ERR_IO;
}

enum err
conf_file_write(
    struct str folder, const char *name, struct str bytes, unsigned how)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%.*s", STR_ARG(folder));
	int dir, errno_then;
	enum err e;

	if (n < 0 || (size_t)n >= sizeof(path))
		return ERR_LIMIT;
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return ERR_IO;
	e = write_in(dir, name, bytes, how);
	errno_then = errno;
	(void)close(dir);
	errno = errno_then;
	return e;
}

const char *
conf_file_why(enum err e, int errno_then)
{
	switch (e) {
	case ERR_IO:
		return strerror(errno_then);
	case ERR_UNSUPPORTED:
		return "it is no regular file";
	case ERR_LIMIT:
		return "it is too large";
	default:
		return err_word(e);
	}
}
