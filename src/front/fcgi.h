#ifndef FRONT_FCGI_H
#define FRONT_FCGI_H
/* Inside of the event door: fcgi_listen.c accepts, fcgi_conn.c converses. */
#include "base/buf.h"
#include "flow/req.h"
#include "front/front.h"
#include "sys/pollset.h"
#include "wire/fcgi.h"

/* Bytes taken from a socket in one go. */
#define FCGI_READ_BYTES 65536
/* Unsent output beyond this makes flow ask for more only when drained. */
#define FCGI_LOW_WATER 32768
/* A web server that stalls in the middle of a request is given up. */
#define FCGI_INPUT_TIMEOUT (60 * USEC_PER_SEC)
/* The largest output buffer that is kept for the next connection. */
#define FCGI_SPARE_MAX 65536
/* How long a connection is read on after an early answer. */
#define FCGI_LINGER (5 * USEC_PER_SEC)
/* One that takes nothing of an answer for so long is given up as well. */
#define FCGI_OUTPUT_TIMEOUT (300 * USEC_PER_SEC)

enum conn_state {
	CONN_IDLE, /* between requests */
	CONN_PARAMS, /* variables are coming */
	CONN_REQUEST, /* flow has it: body, answer */
	CONN_ENDING, /* answered; output is being sent */
	CONN_LINGERING, /* sent and shut down; what still comes is dropped */
	CONN_CLOSED, /* freed at the end of the turn */
};

struct conn {
	struct front_fcgi *front;
	struct conn *next, *prev;
	enum conn_state state;
	int fd;
	unsigned events; /* POLLSET_* bits that are wanted */
	struct fcgi_parser parser;
	struct fcgi_params params;
	struct arena *arena; /* of the variables, while they come */
	struct req *req; /* CONN_REQUEST only */
	struct buf out; /* has memory while there is something in it */
	size_t out_sent; /* of out */
	struct defer watch; /* begins at the end of its first turn */
	struct defer flush; /* output that is in no hurry; then: freeing */
	struct timer timer; /* the other side keeps us waiting */
	usec_t last_read;
	usec_t last_sent; /* while output waits; then: began to linger */
	usec_t begun; /* the request */
	bool is_input_done; /* the body has come whole */
	bool is_watched;
	bool must_close;
};

struct front_fcgi {
	struct loop *loop;
	struct flow *flow;
	struct shm *shm;
	int listen_fd;
	int reserve_fd; /* given up to accept and refuse at EMFILE */
	bool is_accepting;
	unsigned modest; /* wake-ups that accept one connection only */
	bool is_unix; /* no TCP options to set */
	struct conn *all;
	struct conn *closed; /* freed by reap */
	struct defer reap;
	uint32_t n_conns;
	struct buf spare; /* memory for the next connection that writes */
	/* The time-outs above; tests have less patience. */
	usec_t input_timeout, output_timeout, linger;
	char read_buffer[FCGI_READ_BYTES];
};

/* Takes fd, and reads what is there already. ERR_NOMEM: fd is closed. */
MUST_CHECK enum err conn_open(struct front_fcgi *f, int fd);
/* Aborts its request if it has one, closes it. Not within the parser. */
void conn_close(struct conn *c);
/* Takes what has come already; closes the connection if it is idle then. */
void conn_last_call(struct conn *c);
/* Frees what was closed in this turn. */
void conn_reap(void *front);

#endif
