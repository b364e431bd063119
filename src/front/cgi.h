#ifndef FRONT_CGI_H
#define FRONT_CGI_H
/*
 * The one-request door: plain CGI, and process managers that hand one request
 * at a time to one process (libfcgi's FCGX_*). The body is read with blocking
 * reads, then the loop runs until the request is answered. That the client has
 * gone is noticed when a write fails: flow's heartbeats see to it that writes
 * come.
 */
#include "base/err.h"
#include "flow/flow.h"
#include "sys/loop.h"

struct front_cgi {
	struct loop *loop;
	struct flow *flow;
	/* Before each request of front_cgi_serve: a new configuration? */
	void (*before)(void *arg);
	void *arg;
};

/*
 * The request in this process's environment, standard input and output.
 * ERR_CLOSED: the client had gone; ERR_NOMEM.
 */
MUST_CHECK enum err front_cgi_once(const struct front_cgi *door);
/*
 * FastCGI requests from listen_fd, one after the other, until the socket fails
 * or front_cgi_stop. The socket is made non-blocking. SIGTERM and SIGINT are
 * held back while a request is served. ERR_IO: libfcgi could not begin.
 */
MUST_CHECK enum err
front_cgi_serve(const struct front_cgi *door, int listen_fd);
/*
 * For the handler of SIGTERM or SIGINT: front_cgi_serve ends after the request
 * under way.
 */
void front_cgi_stop(void);

#endif
