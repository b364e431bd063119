#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H
/*
 * Upstream: one HTTP exchange with a provider, without blocking. The engine of
 * production is one curl_multi per worker (upstream_curl_new); the scenario
 * runner brings a scripted one with the same operations.
 *
 * ORDER. For each started transfer: head once (final response, 1xx skipped),
 * body any number of times, done exactly once and last. After done, or after
 * ops->cancel, the handle is gone and nothing is called any more. No callback is
 * made from within upstream_start; ops->cancel may be called from within a
 * callback, upstream_start only from within done. After ops->pause at most the
 * rest of one read (32 KiB) still comes.
 *
 * TIME. Four limits (design.md 11): connect (DNS, TCP and TLS), first_byte
 * (request sent to first byte of the body or, without one, the end), idle
 * (between two bytes of the body; not while paused), total.
 *
 * SAFETY. TLS is verified always (a CA file may be named). No redirects, no
 * proxy from the environment, no cookies, no netrc. Protocols: https, and http
 * where the caller says so. The address really dialled is checked
 * (upstream/dial.c) unless private addresses are allowed.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"
#include "wire/http.h"

struct upstream;
struct upstream_xfer;

enum upstream_end {
	UPSTREAM_OK, /* a complete HTTP answer, of whatever status */
	UPSTREAM_DNS,
	UPSTREAM_CONNECT,
	UPSTREAM_TLS,
	UPSTREAM_TIMEOUT_CONNECT,
	UPSTREAM_TIMEOUT_FIRST_BYTE,
	UPSTREAM_TIMEOUT_IDLE,
	UPSTREAM_TIMEOUT_TOTAL,
	UPSTREAM_CUT, /* connection lost after the request was sent */
	UPSTREAM_TOO_LARGE, /* headers or body beyond the limits */
	UPSTREAM_PROTOCOL, /* not HTTP */
	UPSTREAM_BLOCKED, /* address refused by the dial guard */
	UPSTREAM_STOPPED, /* the body callback asked to stop */
	UPSTREAM_FAILED, /* ours: no memory, bad URL */
	UPSTREAM__MAX
};

/* "connect", "timeout_idle" ...: for logs and metrics. */
const char *upstream_end_word(enum upstream_end e);

struct upstream_result {
	enum upstream_end end;
	char detail[256]; /* for the log: libcurl's words, no secrets */
	/* since the start; -1 when not reached */
	usec_t connected;
	usec_t first_byte;
	usec_t total;
	uint64_t bytes_in;
	bool reused; /* an open connection was used again */
	/* false: it is certain that nobody has got a whole request */
	bool request_sent;
};

/*
 * How far the request has got, as far as this process knows. It changes within
 * an instruction or two of the system call, so that whoever finds the word when
 * the process is dead (memory of a mapped file) knows whether anybody was asked.
 */
enum upstream_handed {
	/* not sent, or not to its end: nobody can have done what it asks */
	UPSTREAM_NOT_HANDED = 1,
	UPSTREAM_HANDING, /* in the system call that makes it whole */
	UPSTREAM_HANDED /* the kernel has it, and sends it whatever happens */
};

struct upstream_sink {
	void (*head)(void *arg, int status, const struct http_headers *h);
	/*
	 * Bytes as they come, decoded from transfer and content coding.
	 * Anything but ERR_OK ends the transfer with UPSTREAM_STOPPED.
	 */
	enum err (*body)(void *arg, const char *p, size_t n);
	/*
	 * After one or more calls of body: nothing more has arrived for now. Not
	 * called when done follows at once. NULL: of no interest.
	 */
	void (*rest)(void *arg);
	void (*done)(void *arg, const struct upstream_result *r);
	/*
	 * Something has arrived, most likely for this transfer, and will be
	 * read soon. Of many transfers the memory of one is seldom in the
	 * processor's cache: time to ask for it (base/warm.h), and for nothing
	 * else. First arg's own; then, is_next, what arg points to. NULL: of no
	 * interest.
	 */
	void (*soon)(void *arg, bool is_next);
};

/* Everything is borrowed until done or cancel. */
struct upstream_call {
	const char *method;
	struct str url;
	const struct http_headers *headers;
	/* The credential's header is made here, from the secret. */
	const struct secret *key; /* NULL: none */
	const char *key_header;
	const char *key_prefix;
	struct str body;
	usec_t timeout_connect;
	usec_t timeout_first_byte;
	usec_t timeout_idle;
	usec_t timeout_total;
	uint64_t max_body_bytes; /* decoded */
	bool is_stream; /* asks for identity coding; flush early */
	bool allow_http;
	bool allow_private; /* addresses that dial.c denies */
	bool http2; /* over TLS, when the other side can */
	/* neither use an open connection nor leave one: URLs of clients */
	bool fresh_connection;
	const char *ca_file; /* NULL: the system's */
	const char *unix_socket; /* NULL: TCP */
	/* enum upstream_handed, kept up to date until done or cancel; or NULL */
	_Atomic uint32_t *handed;
};

/* Of one engine, since its start. */
struct upstream_counts {
	uint64_t running;
	uint64_t started;
	uint64_t opened; /* connections */
	uint64_t reused;
};

struct upstream_ops {
	struct upstream_xfer *(*start)(struct upstream *u,
	    const struct upstream_call *call, const struct upstream_sink *sink,
	    void *arg);
	void (*pause)(struct upstream_xfer *x);
	void (*resume)(struct upstream_xfer *x);
	void (*cancel)(struct upstream_xfer *x);
	void (*free)(struct upstream *u);
	void (*counts)(const struct upstream *u, struct upstream_counts *out);
	/*
	 * Is the whole request needed no more? Then, and once a byte of the answer
	 * has come, call->body is not read any more. NULL: cannot tell.
	 */
	bool (*is_sent)(const struct upstream_xfer *x);
	/*
	 * May the whole request have gone out? Before that nobody has been
	 * asked. NULL: cannot tell.
	 */
	bool (*may_be_asked)(const struct upstream_xfer *x);
};

struct upstream {
	const struct upstream_ops *ops;
};

/* NULL: no memory or a call that cannot be made (bad URL). */
static inline struct upstream_xfer *
upstream_start(struct upstream *u, const struct upstream_call *call,
    const struct upstream_sink *sink, void *arg)
{
	return u->ops->start(u, call, sink, arg);
}

static inline void
upstream_free(struct upstream *u)
{
	if (u)
		u->ops->free(u);
}

struct loop;
/*
 * The libcurl engine on this worker's loop. Call after fork. max_idle:
 * connections kept open per worker.
 */
struct upstream *upstream_curl_new(struct loop *loop, unsigned max_idle);

#endif
