#ifndef API_ANSWER_H
#define API_ANSWER_H
/*
 * Normalised events (api/norm.h) -> what the client reads. Four forms:
 *
 * OPENAI, stream: one `data: {chat.completion.chunk}` per event, finish_reason
 *	null until the one finish chunk of each choice, role only in the first
 *	delta of each choice; with include_usage `"usage":null` on every chunk
 *	and one last chunk with choices [] and the usage; `data: [DONE]`.
 * OPENAI, whole: one chat.completion object, written at END.
 * CHAT, whole: {"id","model","provider","usage":{"prompt_tokens",
 *	"completion_tokens","total_tokens"},"message":{"role","content"},
 *	"finish_reason"}; the message has tool_calls, reasoning_content,
 *	refusal ... as OpenAI's when the answer has them.
 * CHAT, stream: data: {"id","model","provider","delta":{"content":...}}
 *	any number of times (a delta may instead have tool_calls,
 *	reasoning_content ... as in OpenAI's chunks), then
 *	data: {"id","model","provider","delta":{},"finish_reason","usage":{}}
 *	and data: [DONE].
 *
 * CHAT has these members and no others of the maker's, but for those inside
 * message and delta.
 *
 * OPENAI: the maker's extras are spliced at their three places (msg.h); an
 * EXTRA event waits for the next chunk. Whole answers keep the last value of each name
 * (inside the message arrays are joined). native_finish_reason stands beside
 * finish_reason where it differs. Tool calls' signatures are
 * extra_content.google.thought_signature; opaque reasoning blocks are
 * thinking_blocks[]. With legacy_functions the first call of a choice is
 * function_call and the finish reason function_call.
 * Usage of which nothing was told or estimated is null, never 0.
 *
 * COST of a streamed text chunk: three memcpy around the spliced text; the
 * beginning of every chunk is built once.
 */
#include <stdbool.h>
#include <stdint.h>

#include "api/msg.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct api_answer;

struct api_answer_options {
	enum msg_dialect dialect;
	bool stream;
	bool include_usage; /* OPENAI stream */
	bool legacy_functions; /* OPENAI */
	/* All spans are text and copied. */
	struct str model; /* shown to the client; absent: the upstream's */
	struct str asked_model; /* shown where the upstream names none */
	struct str
	    id; /* absent: the upstream's, "chatcmpl-" before it, or made */
	int64_t created; /* seconds; 0: the upstream's */
	int64_t now; /* seconds: created when the upstream told none */
	struct str provider; /* CHAT */
	size_t max_bytes; /* of a whole answer; 0: 32 MiB */
};

/* NULL: no memory. */
struct api_answer *api_answer_new(const struct api_answer_options *o);
/* NULL is allowed. */
void api_answer_free(struct api_answer *a);

/*
 * One event. Appends to *out what is to be sent now: streams write as they go;
 * whole answers write everything at END (test out->failed as well). FAIL writes
 * the error event of a stream (as api_answer_fail) and nothing for a whole
 * answer: the caller prints it with its status. PING writes nothing.
 * ERR_LIMIT: the collected answer outgrew max_bytes; ERR_NOMEM. Sticky.
 */
MUST_CHECK enum err api_answer_event(
    struct api_answer *a, const struct msg_event *ev, struct buf *out);

/*
 * The caller's own failure in mid-stream (a time-out, say):
 * data: {"error":{...}} and no [DONE], so that no client takes it for success.
 */
void api_answer_fail(
    struct api_answer *a, const struct msg_fail *fail, struct buf *out);

/* For the header: "text/event-stream; charset=utf-8" or "application/json". */
const char *api_answer_content_type(bool stream);
/* A comment that keeps an idle stream alive: ": ping\n\n". */
void api_answer_ping(struct buf *out);

/*
 * A whole error body: OPENAI {"error":{"message","type","param","code"}}, all
 * four always there; CHAT {"error":{"type","message"}}. request_id (may be
 * absent) is for dialects that carry it in the body: none so far.
 */
void api_error_print(enum msg_dialect dialect, const struct msg_fail *fail,
    struct str request_id, struct buf *out);

#endif
