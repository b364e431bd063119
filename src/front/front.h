#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H
/*
 * The event door: FastCGI over non-blocking sockets on the worker's loop, one
 * connection per request (neither Apache nor lighttpd multiplexes), kept when
 * the web server asks for it.
 *
 * A closed socket is the abort: neither server ever sends ABORT_REQUEST. The
 * door therefore watches each connection for its end all the time.
 *
 * MEMORY. One read buffer for all connections of the worker; a connection has
 * its unsent output, freed when it is drained, and while variables come their
 * arena. flow bounds the output by pausing the upstream.
 */
#include <stdbool.h>
#include <stdint.h>

#include "flow/flow.h"
#include "sys/loop.h"
#include "sys/shm.h"

struct front_fcgi;

/*
 * Accepts on listen_fd (a listening unix or TCP socket, shared with the other
 * workers; made non-blocking here; borrowed). Counts in shm (sys/stats.h).
 * NULL: no memory.
 */
struct front_fcgi *front_fcgi_new(
    struct loop *loop, struct flow *flow, struct shm *shm, int listen_fd);
/*
 * No new connections but those that wait already; idle ones are closed, the
 * others when their request is answered.
 */
void front_fcgi_stop_accepting(struct front_fcgi *f);
/* Connections open now, idle ones among them. */
uint32_t front_fcgi_connections(const struct front_fcgi *f);
/* Aborts what is still under way and frees all. NULL is allowed. */
void front_fcgi_free(struct front_fcgi *f);

#endif
