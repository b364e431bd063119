#ifndef PROV_COLLECT_H
#define PROV_COLLECT_H
/*
 * The byte side of an answer, shared by all kinds: finds out whether a stream
 * or one JSON body comes, cuts server-sent events, collects a body, scans the
 * JSON, and hands over values. A kind's parser embeds struct prov_collect as
 * its first member (whose first member is struct prov_answer):
 *
 *	struct my_answer { struct prov_collect c; ... };
 *
 *	answer_new:	a = calloc(...); prov_collect_init(&a->c, target, o,
 *			    sink, &my_ops); return &a->c.a;
 *	answer_free:	prov_collect_fini(&a->c); free(a);
 *	answer_head, answer_feed, answer_end of the kind:
 *			prov_collect_head, _feed, _end
 *
 * What comes is told by its first byte that is no blank: '{' begins a body, '['
 * an array whose elements are handed over as they come (Gemini without alt=sse;
 * errors), anything that can begin a line of an event stream begins a stream;
 * the content type is wrong or missing too often (wire.md 5.1.8). Blank lines
 * before it (OpenRouter, DeepSeek) and comments become MSG_EV_PING.
 *
 * Failures found here (an event or body above its maximum, what is no JSON, no
 * body at all) become one FAIL event of class BAD_ANSWER or CUT. After END or
 * FAIL no callback is called any more.
 */
#include "prov/array.h"
#include "prov/prov.h"
#include "wire/sse.h"

struct prov_collect;

struct prov_collect_ops {
	/*
	 * The text of a stream event without a name, before it is looked at.
	 * True: it needs no look, its events were emitted. NULL: each does.
	 */
	bool (*unread)(struct prov_collect *c, struct str json);
	/*
	 * The JSON of one stream event; name is its `event:` field, absent
	 * when there was none. Also each element of a body that is an array
	 * (Gemini without alt=sse, errors), and an error body in mid-stream.
	 */
	void (*event)(struct prov_collect *c, const struct json *j, json_ref v,
	    struct str name);
	/* A whole body that is an object. */
	void (*body)(struct prov_collect *c, const struct json *j, json_ref v);
	/* "data: [DONE]" came. NULL: nothing is done. */
	void (*done)(struct prov_collect *c);
	/*
	 * All bytes were delivered and neither END nor FAIL was emitted: emits
	 * one of them. Called for a body too.
	 */
	void (*end)(struct prov_collect *c);
};

enum prov_collect_mode {
	PROV_COLLECT_UNDECIDED,
	PROV_COLLECT_STREAM,
	PROV_COLLECT_BODY,
	PROV_COLLECT_ARRAY,
};

struct prov_collect {
	struct prov_answer a; /* first */
	const struct prov_collect_ops *ops;
	enum prov_collect_mode mode;
	struct sse sse;
	struct prov_array array;
	struct buf body; /* max_body */
	struct json_tok *tok; /* tape, of the events of one feed */
	uint32_t tok_cap;
	struct arena *texts; /* prov_answer_text; made when it is needed */
};

void prov_collect_init(struct prov_collect *c, const struct prov_target *target,
    const struct prov_answer_options *o, struct msg_sink sink,
    const struct prov_collect_ops *ops);
void prov_collect_fini(struct prov_collect *c);
/* As prov_kind's functions of that name; `a` is the one in prov_collect. */
void prov_collect_head(
    struct prov_answer *a, int status, const struct http_headers *h);
void prov_collect_feed(struct prov_answer *a, const char *p, size_t n);
void prov_collect_end(struct prov_answer *a);

/*
 * A token count, or -1 for what cannot be one: sums of several counts cannot
 * overflow.
 */
int64_t prov_answer_count(const struct json *j, json_ref v);

/*
 * A string's text: a span of the JSON where nothing in it is escaped, otherwise
 * it lives as long as the answer (names and ids; 64 KiB of them are enough).
 * Absent: no memory, and FAIL was emitted.
 */
struct str
prov_answer_text(struct prov_collect *c, const struct json *j, json_ref v);

/*
 * Emits; END and FAIL set a->ended, and after them nothing is emitted. Kinds
 * emit through these.
 */
void prov_answer_emit(struct prov_answer *a, const struct msg_event *ev);
/* Emits END. */
void prov_answer_end(struct prov_answer *a);
/* Emits FAIL. */
void prov_answer_fail(struct prov_answer *a, const struct msg_fail *fail);
void prov_answer_failf(struct prov_answer *a, enum msg_fail_class class,
    const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same for memory that was not there. */
void prov_answer_no_memory(struct prov_answer *a);

#endif
