#ifndef MOCK_H
#define MOCK_H
/*
 * mockprov: a provider of language models that is none. It speaks OpenAI's
 * chat completions, Anthropic's messages and Gemini's generateContent over
 * HTTP/1.1, quickly and deterministically, and misbehaves on demand.
 *
 *	main      options, listening
 *	conn      a connection: reading, writing, timers, end of life
 *	http      request head and body; heads of answers
 *	scan      the few facts of a request's JSON that matter
 *	knobs     behaviour by model name ("mock-chunks=100-gap=20")
 *	route     which job answers a request
 *	script    the job that plays an answer: delay, chunks, faults
 *	say       what the answer says: demo text, tool calls, JSON by schema
 *	openai anthropic gemini   the makers' formats
 *	fail      errors in the makers' shapes
 *	replay    the job that plays recorded answers; their queue
 *	control   /_mock/...
 *	stats     counters, last requests, aborts
 *
 * A job writes to its connection and says when it wants to go on; it never
 * touches the socket. Tokens are counted as bytes of UTF-8 text / 4, rounded
 * up, at least 1: prompt = all strings under "text" and "content" as they
 * stand (escaped) in the request; completion = text and tool arguments.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "ev.h"

#define MOCK_BODY_MAX ((size_t)64 << 20)
#define MOCK_HEAD_MAX ((size_t)64 << 10)
#define MOCK_OUT_HIGH ((size_t)256 << 10)
#define MOCK_CALLS_MAX 16
#define MOCK_N_MAX 8
#define MOCK_CREATED 1767225600 /* 2026-01-01: answers are deterministic */

struct mock_options {
	const char *key; /* credential demanded, or NULL */
	bool is_fast; /* do not check requests as a maker would */
	size_t last_max; /* requests kept for /_mock/last */
};

extern struct mock_options mock_options;

/* --- requests ----------------------------------------------------------- */

struct mock_req {
	struct str method, target, path, query;
	struct str head; /* request line and fields, with the blank line */
	struct str body;
	bool wants_close;
};

/* Value of a header field, absent when it is not there. */
struct str mock_req_header(const struct mock_req *r, const char *name);

enum mock_parse {
	PARSE_MORE,
	PARSE_DONE,
	PARSE_BAD,
	PARSE_CONTINUE
};

struct mock_parser {
	size_t scanned; /* the blank line is not before this */
	size_t head; /* bytes of the head; 0 while it is not complete */
	size_t at; /* next undecoded byte of a chunked body */
	size_t body; /* bytes of body in place, following the head */
	size_t length; /* Content-Length */
	bool is_chunked;
	bool told_continue;
	size_t used; /* set with PARSE_DONE: bytes to consume */
};

/*
 * Looks at all bytes received so far (the same buffer, grown, each time).
 * PARSE_DONE fills *r with spans into it. Chunked bodies are decoded in place.
 */
enum mock_parse
mock_http_parse(struct mock_parser *p, struct buf *in, struct mock_req *r);

enum mock_dialect {
	DIALECT_OPENAI,
	DIALECT_ANTHROPIC,
	DIALECT_GEMINI
};

struct mock_ask {
	enum mock_dialect dialect;
	struct str model; /* NULL when the body names none */
	bool is_stream;
	bool include_usage;
	bool last_is_user;
	bool last_is_tool;
	unsigned n;
	size_t prompt_bytes;
	struct str last_text; /* as escaped in the request */
	struct str tools; /* spans of JSON, absent when not there */
	struct str tool_choice;
	struct str format; /* response_format, output_config, ... */
	bool has_messages, has_max_tokens, is_object;
};

void mock_scan(struct str body, enum mock_dialect d, struct mock_ask *ask);
/* Decodes JSON string escapes; appends to out. Tolerant. */
void mock_unescape(struct str escaped, struct buf *out);
/* Percent-decodes; appends to out. */
void mock_url_decode(struct str s, struct buf *out);

/* --- behaviour ---------------------------------------------------------- */

/* Value of a knob that was not given, and of one given without a number. */
#define KNOB_OFF ((int64_t)-2)
#define KNOB_BARE ((int64_t)-1)

struct mock_knobs {
	int64_t delay, chunks, gap, size, status, retryafter, failfirst;
	int64_t cut, stall, reset, errorat, slowheader, tools;
	int64_t badjson, html, nodone, nostream, nousage, close;
	struct str ctype, err, finish;
};

/* False and *bad set when the name has a knob that does not exist. */
bool mock_knobs_parse(struct str model, struct mock_knobs *k, struct str *bad);

/* --- connections and jobs ----------------------------------------------- */

enum mock_next {
	NEXT_NOW, /* step again at once; the bytes may wait for more */
	NEXT_FLUSH, /* send what there is, then step again */
	NEXT_AFTER, /* step again c->wait after this step was due */
	NEXT_DONE, /* the answer is complete */
	NEXT_CLOSE, /* send what there is, then close */
	NEXT_RESET, /* send what there is, then RST */
	NEXT_HANG, /* nothing more, but keep the connection open */
};

struct mock_conn;

struct mock_job {
	enum mock_next (*step)(struct mock_job *j, struct mock_conn *c);
	/* Frees it. `is_aborted`: the client went before the answer ended. */
	void (*end)(struct mock_job *j, bool is_aborted);
};

struct mock_conn {
	struct ev_fd io;
	struct mock_conn *next, *prev; /* all that are open */
	struct ev_timer timer;
	struct buf in, out;
	size_t sent; /* bytes of out that went */
	struct mock_parser parser;
	struct mock_job *job; /* NULL between answers */
	usec_t due; /* when the current step was due */
	usec_t wait; /* for NEXT_AFTER */
	uint64_t number; /* of its present request: mock_stats_request */
	bool wants_close; /* after this answer */
	bool is_blocked; /* the socket took less than there was */
	bool is_closing;
};

bool mock_conn_listen(const char *address, int *port);
/* Closes what is open, at the end. */
void mock_conn_close_all(void);

/* Makes the job of a request; never NULL. */
struct mock_job *mock_route(const struct mock_req *r, struct mock_conn *c);

/* Job with one finished answer. `head_extra`: more header lines or NULL. */
struct mock_job *mock_job_plain(struct mock_conn *c, int status,
    const char *type, const char *head_extra, struct str body);

/* Status line and fields; length < 0 means chunked. */
void mock_http_head(struct buf *out, int status, const char *type,
    struct str extra, int64_t length, bool is_close);
const char *mock_http_reason(int status);
void mock_http_chunk(struct buf *out, struct str body);

/* --- answers ------------------------------------------------------------ */

struct mock_call {
	char *name;
	char *args; /* JSON text */
	size_t n_args;
};

enum mock_stage {
	STAGE_WAIT,
	STAGE_HEAD,
	STAGE_BODY,
	STAGE_END
};

struct mock_model;

struct mock_answer {
	struct mock_job job;
	struct mock_conn *conn;
	const struct mock_maker *maker;
	struct mock_model *stats;
	struct mock_knobs knobs;
	char model[192];
	uint64_t seq;
	uint64_t number; /* of the request */
	bool is_stream, include_usage, stream_counted, is_complete;
	unsigned n;
	const char *text; /* filler, or `owned` */
	size_t n_text;
	char *owned;
	struct mock_call calls[MOCK_CALLS_MAX];
	unsigned n_calls;
	int64_t prompt_tokens, completion_tokens;
	int64_t told_tokens; /* of completion, when it began */
	struct buf prefix; /* what all chunks of a stream begin with */
	struct buf body; /* the event or the whole answer in the making */
	struct buf head;
	enum mock_stage stage;
	int64_t chunk, n_chunks; /* n_chunks 0: one per word */
	size_t at; /* in text, or in the arguments of calls[call] */
	size_t bytes_given; /* text and arguments sent so far */
	unsigned call;
	bool call_open;
};

struct mock_error;

struct mock_maker {
	const char *name;
	const char *stream_type;
	const char *json_type;
	const char *extra; /* header lines; the request's number follows */
	void (*begin)(struct mock_answer *a);
	void (*text)(struct mock_answer *a, struct str piece);
	void (*call_start)(struct mock_answer *a, unsigned k);
	void (*call_args)(struct mock_answer *a, unsigned k, struct str piece);
	void (*call_end)(struct mock_answer *a, unsigned k);
	void (*finish)(struct mock_answer *a);
	void (*whole)(struct mock_answer *a);
	void (*error)(
	    struct buf *out, const struct mock_error *e, struct str message);
	void (*error_event)(
	    struct buf *out, const struct mock_error *e, struct str message);
	void (*models)(struct buf *out);
};

extern const struct mock_maker mock_openai, mock_anthropic, mock_gemini;

/* Fills text or calls of a from the request. */
void mock_say(struct mock_answer *a, const struct mock_ask *ask);
/* Appends a minimal JSON value that satisfies a JSON schema (a span). */
void mock_say_schema(struct str schema, struct buf *out);
/* Text that sizes are cut from; MOCK_FILLER_MAX bytes. */
#define MOCK_FILLER_MAX ((size_t)32 << 20)
const char *mock_say_filler(void);
int64_t mock_tokens(size_t bytes);

/* The job that plays an answer for this request. */
struct mock_job *mock_script(const struct mock_req *r, struct mock_conn *c,
    const struct mock_maker *m, struct mock_ask *ask, struct str model);

/* Appends a JSON string with its quotes; escaped content without. */
void mock_json_str(struct buf *b, struct str s);
void mock_json_esc(struct buf *b, struct str s);

/* --- errors ------------------------------------------------------------- */

struct mock_error {
	const char *word; /* for err=WORD; NULL: by status only */
	int status;
	const char *openai_type, *openai_code, *openai_param;
	const char *anthropic_type;
	const char *gemini_status;
	const char *message;
};

const struct mock_error *mock_error_by_status(int status);
const struct mock_error *mock_error_by_word(struct str word);
struct mock_job *mock_job_error(struct mock_conn *c, const struct mock_maker *m,
    const struct mock_error *e, struct str message, int64_t retry_after);
/* NULL when a real maker would take this request. */
/* Lines "KEY STATUS": what requests with that key get. NULL, or the fault. */
const char *mock_keys_refuse(struct str lines);
struct mock_job *mock_refuse(const struct mock_req *r, struct mock_conn *c,
    const struct mock_maker *m, const struct mock_ask *ask);

/* --- replay, control, statistics ---------------------------------------- */

/* A queued recorded answer that matches, or NULL. */
struct mock_job *
mock_replay_find(struct mock_conn *c, struct str path, struct str model);
/* NULL, or what is wrong with the rule. */
const char *mock_replay_add(struct str json);
void mock_replay_clear(void);
size_t mock_replay_count(void);

struct mock_job *mock_control(const struct mock_req *r, struct mock_conn *c);

struct mock_model {
	char *name;
	int64_t requests, prompt_tokens, completion_tokens, failed_first;
};

extern struct mock_counters {
	int64_t connections, connections_open, requests, refused;
	int64_t prompt_tokens, completion_tokens;
	int64_t streams_open, streams_max, client_aborts;
	int64_t streamed_bytes; /* of text, so far, also of open streams */
	int64_t by_status[600];
} mock_counters;

/* Row of this model; a common row when there are too many names. */
struct mock_model *mock_stats_model(struct str name);
/* Kept for /_mock/last; returns its number there, 0: it is not kept. */
uint64_t mock_stats_request(const struct mock_req *r);
/* What became of that request: tokens, and whether its whole answer went out */
void mock_stats_spent(
    uint64_t number, int64_t prompt, int64_t completion, bool is_complete);
void mock_stats_abort(const char *model, int64_t chunks);
void mock_stats_json(struct buf *out);
/* is_brief: without lines and headers. */
void mock_stats_last(struct buf *out, size_t n, bool is_brief);
void mock_stats_reset(void);

#endif
