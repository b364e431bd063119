#ifndef CONF_FILE_H
#define CONF_FILE_H
/* Small files, whole. Blocking: for start-up and the thread pool. */
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Appends the file's bytes to out, which bounds them. *st (may be NULL) is what
 * fstat said of the open file. ERR_IO: errno tells; ERR_UNSUPPORTED: no regular
 * file; ERR_LIMIT: larger than out->max; ERR_NOMEM.
 */
MUST_CHECK enum err
conf_file_read(const char *path, struct buf *out, struct stat *st);
/* A sentence for such an error: "cannot be read: Permission denied". */
const char *conf_file_why(enum err e, int errno_then);

#endif
