#ifndef FRONT_LISTEN_H
#define FRONT_LISTEN_H
/*
 * Listening sockets: given by whoever started us, or opened by our parent.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/*
 * "unix:/path", "unix:/path,mode=0660", "127.0.0.1:9000" or "[::1]:9000". A
 * unix socket that nobody listens on any more is replaced. On failure why has
 * a sentence: ERR_SYNTAX the text is none of these; ERR_DENIED a live program
 * has it; ERR_IO the system refused.
 */
MUST_CHECK enum err
front_listen_open(struct str spec, int *fd, char *why, size_t why_size);
/* Removes the path of a unix socket that front_listen_open has made. */
void front_listen_remove(struct str spec);
/* True when fd is a stream socket that listens. */
bool front_listen_is(int fd);
/*
 * A socket that somebody else opened gets our length of queue. lighttpd asks
 * for 1024; when that is full it takes the refusal of connect() for success,
 * fails to write, and sends the request twice on the next try (1.4.69; seen
 * with 5 000 streams).
 */
void front_listen_widen(int fd);
/*
 * Lets go of the socket, but keeps the number taken, so that nothing else gets
 * it: fd is /dev/null from now on.
 */
void front_listen_drop(int fd);

#endif
