#ifndef LOAD_H
#define LOAD_H
/*
 * loadgen: load over HTTP/1.1 on one thread, cheap enough to be no part of
 * what it measures. Either a closed loop of connections, each sending its next
 * request when the last was answered, or many streams at once.
 *
 *	main	options, the report
 *	client	connections: sending, reading, deciding what comes next
 *	reply	the parser of answers: head, chunks, events
 *	hist	latencies
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "ev.h"

/* --- latencies: 0.8 % wide buckets, exact minimum and maximum -------------- */

#define HIST_SUB 128
#define HIST_SIZE (HIST_SUB * 40)

struct hist {
	uint64_t n[HIST_SIZE];
	uint64_t total;
	usec_t max, sum;
};

void hist_add(struct hist *h, usec_t v);
/* 0 when empty; q in 0..1. */
usec_t hist_at(const struct hist *h, double q);

/* --- answers --------------------------------------------------------------- */

enum reply_state {
	REPLY_HEAD,
	REPLY_LENGTH, /* body of a known length */
	REPLY_CHUNK_SIZE,
	REPLY_CHUNK,
	REPLY_CHUNK_END,
	REPLY_TRAILER,
	REPLY_TO_END, /* body until the connection ends */
	REPLY_DONE,
	REPLY_BAD,
};

struct reply {
	enum reply_state state;
	int status;
	bool keeps_alive;
	uint64_t left; /* of the body or of the chunk */
	struct buf line; /* head or size line in the making */
	struct buf event; /* event line in the making */
	bool is_stream; /* look at events */
	/* what was seen */
	uint64_t body_bytes;
	int64_t events; /* content chunks */
	bool saw_done, saw_error;
	usec_t first_at, last_at; /* content chunks */
	void (*on_content)(struct reply *r, usec_t now);
};

void reply_init(struct reply *r);
void reply_reset(struct reply *r, bool is_stream);
void reply_fini(struct reply *r);
/* Feeds bytes; true while more are wanted. */
bool reply_feed(struct reply *r, struct str bytes, usec_t now);
/* The connection ended; true when that ends the answer properly. */
bool reply_eof(struct reply *r);

/* --- the run ------------------------------------------------------------------ */

struct load_options {
	const char *to;
	struct str request; /* head and body */
	int64_t connections; /* or streams */
	int64_t requests; /* 0: by time */
	usec_t duration, warmup, ramp, timeout;
	int64_t rounds; /* streams one after another on each connection */
	int64_t expect; /* content chunks of each stream; 0: any */
	bool is_stream, is_close;
};

struct load_result {
	int64_t all; /* answers, warm-up included */
	int64_t done, errors, reconnects;
	int64_t e_connect, e_status, e_early, e_timeout, e_syntax, e_short;
	int64_t chunks, unfinished, open, open_max;
	uint64_t bytes;
	usec_t from, until; /* of what was counted */
	int last_bad_status;
	struct hist latency, ttft, gap;
};

extern struct load_options load_options;
extern struct load_result load_result;

/* Runs until all is done; false when it could not start. */
bool load_run(void);

#endif
