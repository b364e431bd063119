#ifndef TESTS_FRONT_DOUBLE_H
#define TESTS_FRONT_DOUBLE_H
/*
 * A flow of the tests: it has flow's interface to the doors (flow/req.h) and
 * does what the test says. What the door did is kept to be looked at.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "flow/flow.h"
#include "flow/req.h"

enum double_mode {
	DOUBLE_ECHO, /* answers with the body when it is complete */
	DOUBLE_BEGIN, /* writes a head when the body is complete, then holds */
	DOUBLE_HOLD, /* answers when the test says so */
	DOUBLE_EARLY, /* answers from within req_params */
	DOUBLE_FULL, /* answers from within req_body and wants no more */
	DOUBLE_NOMEM, /* req_new fails */
	DOUBLE_STREAM, /* writes stream_bytes, pausing above bound */
};

struct flow {
	enum double_mode mode;
	size_t stream_bytes, bound;
	/* What happened. */
	unsigned begun, aborted, finished, body_ends, pauses;
	size_t max_pending;
	struct buf vars; /* "NAME=value\n" of the last request */
	struct buf body; /* of the last request */
	struct req *last; /* under way, or NULL */
};

void double_init(struct flow *f, enum double_mode mode);
void double_fini(struct flow *f);
/* Of the last request, which must be under way. */
void double_write(struct flow *f, struct str bytes);
void double_finish(struct flow *f);

#define DOUBLE_HEAD "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n"

#endif
