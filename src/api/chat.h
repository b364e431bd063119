#ifndef API_CHAT_H
#define API_CHAT_H
/*
 * What clients post -> the canonical request (api/msg.h).
 *
 * One scan of the body (base/json: limits, UTF-8 and duplicate keys are checked
 * there) and one pass over the tape. Nothing is copied but strings that have
 * escapes where decoded text is wanted. The body must outlive the request and
 * not change; all else is in the arena.
 *
 * STRICTNESS is OpenAI's own, with its laxness: null is absent, unknown members
 * are accepted and kept (msg_request.extra), content parts of unknown type are
 * kept raw. A refusal names the field as OpenAI does:
 *	messages[3].content[1].image_url.url: must be a string, got a number
 * with the path in fail->param as well. Laxer than OpenAI on purpose:
 * max_tokens -1 is "no limit"; tool_calls [] and tools [] are absent (with
 * tool_choice "auto" beside them); tool_choice "none" is allowed without tools;
 * a tool's type and a JSON schema's name may be missing; logprobs may be a
 * number; tool names are free.
 */
#include "api/msg.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/*
 * Bounds on counts: bytes are bounded by who reads the body. Numbers beside
 * them are the defaults (OpenAI's own bound in brackets).
 */
struct api_limits {
	struct json_limits json; /* depth 64, values 200000, keys 2000 */
	uint32_t messages; /* 4096 [2048] */
	uint32_t parts; /* content parts of one message: 4096 */
	uint32_t images; /* in the whole request: 500 [500] */
	uint32_t tools; /* 512 [128] */
	uint32_t calls; /* tool calls of one message: 512 [128] */
	uint32_t stop; /* stop strings: 16 [4] */
	uint32_t metadata; /* members: 64 [16] */
	uint32_t logit_bias; /* members: 1024 [300] */
	uint32_t choices; /* n: 128 [128] */
};
extern const struct api_limits api_limits_default;

/*
 * POST /v1/chat/completions. limits NULL: the defaults. *out is written whole
 * also on failure (as far as it was read: do not use it then); *fail only on
 * failure: MSG_FAIL_INVALID, or MSG_FAIL_TOO_LARGE with ERR_NOMEM when the
 * arena is exhausted.
 * client_id, an optional string, is the gateway's own member of both surfaces:
 * for policies, log and audit, and never passed on.
 *
 * ERR_SYNTAX: no JSON; ERR_LIMIT: too much of something; ERR_RANGE: a field is
 * missing, of the wrong type or out of its range.
 */
MUST_CHECK enum err api_chat_parse(struct arena *a, struct str body,
    const struct api_limits *limits, struct msg_request *out,
    struct msg_fail *fail);

/*
 * POST /v1/chat: {client_id, model, messages, metadata{request_id}, stream} and
 * every other member of the above, of the same meaning. Errors as above.
 * metadata here is the gateway's own: it is not passed on (param METADATA stays
 * absent), and an optional object. The answer has one message: n > 1 is
 * refused. stream_options is accepted and without effect: a stream always ends
 * with its usage.
 */
MUST_CHECK enum err api_envelope_parse(struct arena *a, struct str body,
    const struct api_limits *limits, struct msg_request *out,
    struct msg_fail *fail);

#endif
