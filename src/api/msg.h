#ifndef API_MSG_H
#define API_MSG_H
/*
 * The canonical message: the one inner form between what clients speak (api)
 * and what providers speak (prov). A superset of OpenAI chat: content parts,
 * tool calls with their opaque extras, reasoning with signatures, cache
 * markers, usage with its split (wire.md 2, 3).
 *
 * SPANS. Most fields are spans into the client's body (requests) or into the
 * bytes just received (events); what had to be decoded lies in the request's
 * arena. Three kinds, named in each comment:
 *	raw	a JSON value as it was written, quotes included
 *	inner	the inside of a JSON string, still escaped: spliced, not decoded
 *	text	decoded text
 * An absent span (p == NULL) means the field was not given (or was null).
 *
 * OWNERSHIP. A request and all it points to live in its arena. An event and
 * all it points to are valid during the call that delivers it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/* ---- requests ---------------------------------------------------------- */

/* What the client speaks: the form of its body, its answer and its errors. */
enum msg_dialect {
	MSG_DIALECT_OPENAI, /* POST /v1/chat/completions */
	MSG_DIALECT_CHAT, /* POST /v1/chat: the small envelope */
	MSG_DIALECT__MAX
};

enum msg_role {
	MSG_SYSTEM,
	MSG_DEVELOPER,
	MSG_USER,
	MSG_ASSISTANT,
	MSG_TOOL, /* also the legacy role "function" */
	MSG_ROLE__MAX
};

enum msg_part_type {
	MSG_PART_TEXT,
	MSG_PART_IMAGE, /* url */
	MSG_PART_AUDIO, /* data, format */
	MSG_PART_FILE, /* url (a data URL) or file_id; filename */
	MSG_PART_VIDEO, /* url */
	MSG_PART_REFUSAL, /* text */
	MSG_PART_THINKING, /* text, signature: must be replayed unchanged */
	MSG_PART_REDACTED, /* data: must be replayed unchanged */
	MSG_PART_OTHER, /* only raw is known */
	MSG_PART__MAX
};

struct msg_part {
	struct msg_part *next;
	enum msg_part_type type;
	struct str text; /* inner */
	struct str url; /* text: data:... or https:... */
	struct str detail; /* text */
	struct str data; /* text: base64 (AUDIO), opaque (REDACTED) */
	struct str format; /* text: "wav" */
	struct str file_id; /* text */
	struct str filename; /* text */
	struct str signature; /* text */
	struct str cache_control; /* raw object */
	struct str raw; /* raw: the part as the client wrote it */
};

struct msg_call {
	struct msg_call *next;
	struct str id; /* text */
	struct str name; /* text */
	struct str arguments; /* inner: JSON text inside a JSON string; may be
			       * empty, never absent */
	struct str signature; /* text: extra_content.google.thought_signature */
	/* raw: the element of tool_calls[]; of a legacy function_call the
	 * object {"name","arguments"}, which had no id: one is made */
	struct str raw;
	bool is_custom; /* type "custom": arguments is free text */
};

struct msg {
	struct msg *next;
	enum msg_role role;
	struct msg_part *parts; /* content in order; a string is one TEXT */
	bool content_is_string;
	struct str name; /* text; of a tool result: the tool's name if given */
	struct msg_call *calls; /* assistant */
	struct str call_id; /* text; tool: which call it answers */
	/* tool: that call, of an earlier message; NULL only for role function
	 * */
	const struct msg_call *answers;
	/* inner: reasoning_content (or reasoning) of an assistant turn */
	struct str reasoning;
	/*
	 * THINKING and REDACTED blocks in their order (others as OTHER), from
	 * thinking_blocks[] or reasoning_details[] of an assistant turn.
	 */
	struct msg_part *thinking;
	struct str cache_control; /* raw: peers' extension on messages */
	struct str raw; /* raw: the message as the client wrote it */
	uint32_t index; /* in messages[], for error texts */
};

enum msg_tool_type {
	MSG_TOOL_FUNCTION,
	MSG_TOOL_CUSTOM,
	MSG_TOOL_OTHER
};

struct msg_tool {
	struct msg_tool *next;
	enum msg_tool_type type;
	struct str name; /* text */
	struct str description; /* inner */
	struct str parameters; /* raw object */
	struct str strict; /* raw true/false */
	struct str cache_control; /* raw */
	struct str raw; /* raw; of legacy functions[] the function object */
	uint32_t index;
};

enum msg_choice {
	MSG_CHOICE_UNSET,
	MSG_CHOICE_AUTO,
	MSG_CHOICE_NONE,
	MSG_CHOICE_REQUIRED,
	MSG_CHOICE_NAMED, /* choice_name */
	MSG_CHOICE_ALLOWED, /* allowed_names, choice_mode auto or required */
};

enum msg_format {
	MSG_FORMAT_UNSET,
	MSG_FORMAT_TEXT,
	MSG_FORMAT_JSON_OBJECT,
	MSG_FORMAT_JSON_SCHEMA,
	MSG_FORMAT_OTHER, /* a backend's own (grammar ...): raw only */
};

/*
 * Members of the request that tune or steer and are carried as raw values.
 * Names, JSON types and ranges: msg_param_table (api/params.c).
 */
enum msg_param {
	MSG_P_TEMPERATURE,
	MSG_P_TOP_P,
	MSG_P_TOP_K,
	MSG_P_MAX_TOKENS,
	MSG_P_MAX_COMPLETION_TOKENS,
	MSG_P_STOP,
	MSG_P_N,
	MSG_P_SEED,
	MSG_P_LOGPROBS,
	MSG_P_TOP_LOGPROBS,
	MSG_P_PRESENCE_PENALTY,
	MSG_P_FREQUENCY_PENALTY,
	MSG_P_LOGIT_BIAS,
	MSG_P_USER,
	MSG_P_SAFETY_IDENTIFIER,
	MSG_P_METADATA,
	MSG_P_STORE,
	MSG_P_REASONING_EFFORT,
	MSG_P_REASONING, /* OpenRouter's object */
	MSG_P_THINKING, /* Anthropic's and DeepSeek's object */
	MSG_P_PARALLEL_TOOL_CALLS,
	MSG_P_PREDICTION,
	MSG_P_MODALITIES,
	MSG_P_AUDIO,
	MSG_P_SERVICE_TIER,
	MSG_P_PROMPT_CACHE_KEY,
	MSG_P_PROMPT_CACHE_RETENTION,
	MSG_P_WEB_SEARCH_OPTIONS,
	MSG_P_VERBOSITY,
	MSG_P__MAX
};

enum msg_value_type {
	MSG_V_NUMBER,
	MSG_V_INTEGER,
	MSG_V_BOOL,
	MSG_V_STRING,
	MSG_V_ARRAY,
	MSG_V_OBJECT,
	MSG_V_STOP, /* string or array of strings */
	MSG_V_BOOL_OR_INTEGER, /* logprobs: Together's is a number */
};

struct msg_param_row {
	const char *name; /* OpenAI's */
	enum msg_value_type type;
	double min, max; /* of numbers; min > max: no range */
};
extern const struct msg_param_row msg_param_table[MSG_P__MAX];

/* A member that the gateway does not know: kept for same-dialect targets. */
struct msg_member {
	struct msg_member *next;
	struct str key; /* text */
	struct str raw; /* raw */
};

struct msg_names {
	struct msg_names *next;
	struct str name; /* text */
};

struct msg_request {
	struct arena *arena;
	enum msg_dialect dialect;
	struct json json; /* tape over the client's body */
	struct str model; /* text: what the client asked for */
	bool stream;
	bool include_usage; /* stream_options.include_usage */
	struct str stream_options; /* raw */
	struct msg *messages;
	uint32_t n_messages;
	struct msg_tool *tools;
	uint32_t n_tools;
	/* functions/function_call were used: answer in the legacy form */
	bool legacy_functions;
	enum msg_choice choice;
	struct str choice_name; /* text */
	bool choice_required; /* ALLOWED: mode "required" */
	struct msg_names *allowed_names;
	enum msg_format format;
	struct str format_raw; /* raw: response_format as given */
	struct str schema; /* raw: the JSON schema */
	struct str schema_name; /* text; absent at some clients */
	struct str schema_strict; /* raw */
	struct str param[MSG_P__MAX]; /* raw */
	struct msg_member *extra;
	struct str client_id; /* text; for the gateway: no provider gets it */
	/* /v1/chat only */
	struct str request_id; /* text: metadata.request_id */
};

/* The raw value of a parameter as number; false when absent. */
bool msg_param_i64(const struct msg_request *r, enum msg_param p, int64_t *out);
bool
msg_param_double(const struct msg_request *r, enum msg_param p, double *out);
/* present and true */
bool msg_param_true(const struct msg_request *r, enum msg_param p);
/*
 * max_completion_tokens, else max_tokens, else `otherwise`. -1 (LM Studio's and
 * llama.cpp's "no limit") counts as absent.
 */
int64_t msg_max_tokens(const struct msg_request *r, int64_t otherwise);

/* ---- failures ---------------------------------------------------------- */

/*
 * Why a request (or one attempt) failed. What each class means for the client
 * and for routing is a row of msg_fail_table (wire.md 4.2).
 */
enum msg_fail_class {
	MSG_FAIL_NONE,
	/* the client's fault */
	MSG_FAIL_INVALID,
	MSG_FAIL_CONTEXT_LENGTH,
	MSG_FAIL_CONTENT_POLICY,
	MSG_FAIL_AUTHENTICATION, /* of the client, by us */
	MSG_FAIL_PERMISSION, /* of the client, by us */
	MSG_FAIL_POLICY, /* refused by a policy of ours */
	MSG_FAIL_POLICY_FIELD, /* a policy of ours wants a field */
	MSG_FAIL_MODEL_NOT_FOUND, /* no such alias, or upstream knows it not */
	MSG_FAIL_NOT_FOUND, /* no such route */
	MSG_FAIL_METHOD, /* 405 */
	MSG_FAIL_CONTENT_TYPE, /* 415 */
	MSG_FAIL_TOO_LARGE, /* 413 */
	MSG_FAIL_LIMIT, /* a limit of ours: 429 */
	MSG_FAIL_BUDGET, /* a budget of ours is spent: 429, waiting is long */
	/* the provider's, the operator's or the network's */
	MSG_FAIL_RATE_LIMIT, /* upstream 429 */
	MSG_FAIL_QUOTA, /* upstream 402, insufficient_quota */
	MSG_FAIL_UPSTREAM_AUTH, /* the operator's key was refused: 502 */
	MSG_FAIL_OVERLOADED, /* 529, overloaded_error */
	MSG_FAIL_UNAVAILABLE, /* 5xx */
	MSG_FAIL_TIMEOUT,
	MSG_FAIL_CONNECT, /* DNS, TCP, TLS */
	MSG_FAIL_CUT, /* the answer ended before its end */
	MSG_FAIL_BAD_ANSWER, /* not what the protocol says */
	MSG_FAIL_NO_TARGET, /* all targets out of service: 503 */
	MSG_FAIL_STORE_AWAY, /* cannot be told without the database: 503 */
	MSG_FAIL_INTERNAL, /* ours: 500 */
	MSG_FAIL__MAX
};

struct msg_fail_row {
	const char *word; /* in logs and metrics: "rate_limit" */
	/* out; 0: the upstream's own if 500, 502, 503 or 504, else 502 */
	int status;
	const char *type; /* OpenAI's error.type */
	const char *code; /* OpenAI's error.code when the maker gave none */
	const char *chat_type; /* error.type on /v1/chat */
	bool retry_same; /* the same target may be tried again */
	/* the word in `fallback_on:` that allows another target; NULL: never,
	 * "*": always */
	const char *fallback_word;
	bool hurts_target; /* counts for the target's breaker */
};
extern const struct msg_fail_row msg_fail_table[MSG_FAIL__MAX];

#define MSG_FAIL_MESSAGE_SIZE 1024
#define MSG_FAIL_WORD_SIZE 96

struct msg_fail {
	enum msg_fail_class class;
	int upstream_status; /* 0: none came */
	/* For the client: a sentence, NUL-terminated, valid UTF-8, no secrets.
	 */
	char message[MSG_FAIL_MESSAGE_SIZE];
	char param[MSG_FAIL_WORD_SIZE]; /* "" when none */
	char code[MSG_FAIL_WORD_SIZE]; /* the maker's, "" when none */
	usec_t retry_after; /* -1: not told */
	int should_retry; /* x-should-retry: 1, 0, or -1 not told */
};

/* Sets class and message, clears the rest. Over-long text is cut. */
void msg_fail_set(struct msg_fail *f, enum msg_fail_class class,
    const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The status for the client. */
int msg_fail_status(const struct msg_fail *f);
/* f->param = the path, cut to its room. */
void msg_fail_param(struct msg_fail *f, struct str path);

/* ---- answers ----------------------------------------------------------- */

enum msg_finish {
	MSG_FINISH_STOP,
	MSG_FINISH_LENGTH,
	MSG_FINISH_TOOL_CALLS,
	MSG_FINISH_CONTENT_FILTER,
	MSG_FINISH__MAX
};
/* OpenAI's word: "stop", "length", "tool_calls", "content_filter". */
const char *msg_finish_word(enum msg_finish f);

/*
 * Token counts, -1 where not told. Invariants that providers' modules keep
 * (wire.md 3.3): cached, written, audio_in and image_in are parts of prompt,
 * written_1h of written; reasoning and audio_out are parts of completion; total =
 * prompt + completion.
 */
struct msg_usage {
	int64_t prompt;
	int64_t completion;
	int64_t cached; /* read from the maker's prompt cache */
	int64_t written; /* to it */
	int64_t written_1h; /* ... for an hour */
	int64_t reasoning;
	int64_t audio_in;
	int64_t audio_out;
	int64_t image_in;
	int64_t image_out;
	int64_t accepted_prediction;
	int64_t rejected_prediction;
	/* members of the maker's usage object that have no field here */
	struct str extra; /* "k":v,"k2":v2 */
};
#define MSG_USAGE_UNKNOWN    \
	((struct msg_usage){ \
	    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, { 0 } })

/*
 * An answer, streamed or not, is a run of events, delivered by a provider's
 * module to a msg_sink. Order per answer: START first; CALL_START before its
 * CALL_ARGS; FINISH per choice after its content; USAGE may come at any time
 * and more than once (the last wins); END or FAIL last, exactly one of them.
 */
enum msg_event_type {
	MSG_EV_START, /* id, model, created (0: unknown) */
	/* text; raw: the logprobs object of this very piece, or absent */
	MSG_EV_TEXT,
	MSG_EV_REASONING, /* text */
	/*
	 * A complete opaque reasoning block to be replayed unchanged: raw is
	 * {"type":"thinking","thinking":...,"signature":...} or
	 * {"type":"redacted_thinking","data":...}.
	 */
	MSG_EV_THINKING,
	MSG_EV_REFUSAL, /* text */
	MSG_EV_CALL_START, /* call, id, name, signature, is_custom */
	/* call, text: a piece of the arguments; is_custom behind norm */
	MSG_EV_CALL_ARGS,
	MSG_EV_CALL_END, /* call */
	/*
	 * raw: one element for message.images[] in OpenRouter's shape
	 * {"type":"image_url","image_url":{"url":"data:..."}}
	 */
	MSG_EV_IMAGE,
	MSG_EV_ANNOTATION, /* raw: one element for annotations[] */
	MSG_EV_LOGPROBS, /* raw: choices[].logprobs object */
	MSG_EV_EXTRA, /* nothing but the extra_* members below */
	MSG_EV_FINISH, /* finish, native */
	MSG_EV_USAGE, /* usage */
	MSG_EV_PING, /* the upstream is alive (comment, ping) */
	MSG_EV_FAIL, /* fail: the answer ends here */
	MSG_EV_END, /* the upstream said it is complete */
	MSG_EV__MAX
};

struct msg_event {
	enum msg_event_type type;
	uint32_t choice; /* index, 0 for most */
	/*
	 * Key of a tool call within its choice, chosen by the provider's module
	 * (upstream block index, tool index); api numbers calls itself.
	 */
	uint32_t call;
	struct str id; /* text */
	struct str model; /* text */
	int64_t created; /* seconds since 1970 */
	struct str name; /* text */
	struct str signature; /* text */
	bool is_custom; /* a call of type "custom": its input is free text */
	struct str text; /* inner */
	struct str raw; /* raw */
	enum msg_finish finish;
	struct str native; /* text: the maker's own finish word */
	struct msg_usage usage;
	const struct msg_fail *fail;
	/*
	 * Finished JSON members of the maker's own that have no place above, to
	 * be spliced at three places of the chunk or message so that nothing is
	 * lost: beside "choices", beside "delta"/"message", inside it.
	 */
	struct str extra_top;
	struct str extra_choice;
	struct str extra_delta;
};

/*
 * What an answer's JSON may hold, and so a raw span of an event: more than a
 * request's, since log probabilities of a long answer take some hundred
 * thousand values.
 */
#define MSG_ANSWER_LIMITS ((struct json_limits){ 128, 1000000, 20000 })

struct msg_sink {
	/* The event is borrowed for the call. */
	void (*event)(void *arg, const struct msg_event *ev);
	void *arg;
};

static inline void
msg_emit(const struct msg_sink *s, const struct msg_event *ev)
{
	s->event(s->arg, ev);
}

#endif
