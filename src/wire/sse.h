#ifndef WIRE_SSE_H
#define WIRE_SSE_H
/*
 * Server-sent events, reading (WHATWG HTML 9.2, and what makers really send:
 * CR LF at Google, comments at OpenRouter, no last blank line, an error body in
 * mid-stream). Bytes cut anywhere give the same events.
 *
 * An event that has one data line and lies whole inside the bytes fed is handed
 * over without a copy. Anything else is gathered in a buffer that grows up to
 * `max_event_bytes`; every byte is looked at once and copied at most twice.
 *
 * Bytes are not decoded: UTF-8 is the JSON scanner's matter.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum sse_kind {
	/* `data` holds the data lines joined with LF, perhaps empty. */
	SSE_DATA,
	/* A line that begins with ':': a heartbeat. `data` is its text. */
	SSE_COMMENT,
	/*
	 * Text outside of any field that begins with '{' or '[': an error
	 * body in the middle of a stream. It runs to the next blank line, field
	 * (`data:`, `event:`) or end; `data` is its lines joined with LF.
	 */
	SSE_STRAY,
	SSE__MAX
};

struct sse_event {
	enum sse_kind kind;
	struct str event; /* the `event:` field; absent when there was none */
	struct str data; /* never absent */
};

/*
 * Spans are valid during the call only. ERR_OK goes on; anything else ends the
 * parser for good and is what sse_feed returns (a caller that has seen [DONE]
 * and wants no more may return ERR_CLOSED). It must not free or feed the
 * parser.
 */
typedef enum err (*sse_fn)(void *arg, const struct sse_event *ev);

/* Embed it; the fields are private. */
struct sse {
	struct buf hold; /* data so far, behind it the line being read */
	size_t data_n; /* how much of hold is data */
	struct str data; /* the only data line, inside the bytes being fed */
	struct buf name; /* event name kept between feeds */
	struct str event; /* event name: in the bytes being fed, or in name */
	size_t max;
	bool has_data; /* a data line came, perhaps empty */
	bool is_stray;
	bool skip_lf; /* the last line ended in CR */
	bool begun; /* the first line is over: no byte order mark any more */
	enum err broken; /* sticky */
};

/* Longest `event:` name; ERR_LIMIT above it. */
#define SSE_NAME_MAX 256u

/* Takes no memory yet. max_event_bytes > 0, e.g. 32 MiB. */
void sse_init(struct sse *s, size_t max_event_bytes);
void sse_fini(struct sse *s);
/*
 * ERR_LIMIT: the data of one event with the line being read is longer than
 * max_event_bytes. ERR_NOMEM, or what fn returned. All are sticky.
 */
MUST_CHECK enum err
sse_feed(struct sse *s, const char *p, size_t n, sse_fn fn, void *arg);
/*
 * The body has ended: delivers a last line without an end and a last event
 * without its blank line. Then only sse_fini may follow.
 */
MUST_CHECK enum err sse_end(struct sse *s, sse_fn fn, void *arg);

#endif
