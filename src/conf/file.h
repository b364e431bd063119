#ifndef CONF_FILE_H
#define CONF_FILE_H
/* Small files, whole. Blocking: for start-up and the thread pool. */
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Appends the file's bytes to out, which bounds them. *st (may be NULL) is what
 * fstat said of the open file. ERR_IO: errno tells; ERR_UNSUPPORTED: no regular
 * file; ERR_LIMIT: larger than out->max; ERR_NOMEM.
 */
MUST_CHECK enum err
conf_file_read(const char *path, struct buf *out, struct stat *st);
/*
 * Writes the file whole, with mode 0600: under a name of its own in the same
 * folder (".NAME.HEX"), which then becomes the file's; nobody sees a part of
 * it, and after a failure what was there is there. Two at once are both whole;
 * the last one stays. What one that was killed has left is removed an hour
 * later by the next one. name is short, without "/".
 * ERR_IO: errno tells; ERR_LIMIT: the path is too long.
 */
enum {
	CONF_FILE_SYNC = 1, /* on disk before it has its name */
	CONF_FILE_STAYS = 2, /* a file that is there stays, and all is well */
	CONF_FILE_OWNERS = 4, /* root's is the folder's owner's */
};
MUST_CHECK enum err conf_file_write(
    struct str folder, const char *name, struct str bytes, unsigned how);
/* A sentence for such an error: "cannot be read: Permission denied". */
const char *conf_file_why(enum err e, int errno_then);

#endif
