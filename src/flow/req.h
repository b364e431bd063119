#ifndef FLOW_REQ_H
#define FLOW_REQ_H
/*
 * A request's life, and the only way in for the doors (front/). A door makes
 * a request, hands over variables and body as they arrive, and offers four
 * calls (struct req_door); it never learns what is done with them, and flow
 * never learns which door stands outside.
 *
 *	r = req_new(flow, &door, self);
 *	req_params(r, ...);		once, when all CGI variables are there
 *	req_body(r, p, n);		any number of times
 *	req_body_end(r);		STDIN is complete
 *
 * The answer may begin before the body has ended (401, 413 ...). After
 * door->finish the request is gone; so it is after req_abort. door->finish may
 * come from within req_params, req_body and req_body_end.
 *
 * A door never calls into flow from within its own four calls: a write that
 * finds the client gone is reported by req_abort from the loop's next turn.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct flow;
struct req;

struct req_door {
	/*
	 * Bytes of the answer: CGI headers ("Status: 200 OK\r\n..."), blank
	 * line, body. The door copies or sends them. flush: the client should
	 * see them now.
	 */
	void (*write)(void *door, struct str bytes, bool flush);
	/*
	 * Bytes written and not yet taken by the web server. Above the
	 * configured bound flow pauses the upstream; the door calls
	 * req_writable when it has drained below half of it.
	 */
	size_t (*pending)(void *door);
	/* The answer is complete. The last call; the request is gone. */
	void (*finish)(void *door);
};

/* One CGI variable. */
struct req_var {
	struct str name;
	struct str value;
};

/* NULL: no memory. */
struct req *
req_new(struct flow *f, const struct req_door *door, void *door_arg);
/*
 * REQUEST_METHOD, SCRIPT_NAME/PATH_INFO or REQUEST_URI, QUERY_STRING,
 * CONTENT_TYPE, CONTENT_LENGTH, REMOTE_ADDR, HTTP_* and what else the web
 * server sets. Borrowed for the call.
 */
void req_params(struct req *r, const struct req_var *vars, size_t n);
/*
 * False: flow wants no more of the body (it has answered, or the body is
 * longer than CONTENT_LENGTH said); the door drops what still comes.
 */
bool req_body(struct req *r, const char *p, size_t n);
void req_body_end(struct req *r);
/* The client or the web server has gone: upstream is cancelled now. */
void req_abort(struct req *r);
/* The door's queue has drained. */
void req_writable(struct req *r);

#endif
