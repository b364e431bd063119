#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fault.h"

#define READ_STEP 16384u

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
