#ifndef PROV_OPENAI_H
#define PROV_OPENAI_H
/*
 * OpenAI's chat dialect, spoken by the kinds openai, azure and
 * openai-compatible. Private to the room.
 *
 *	openai.c		the two kinds that differ only in their row
 *	azure.c			URLs and API versions of Azure
 *	quirks.c		what makers refuse or spell otherwise
 *	openai_build.c		the client's body, spliced
 *	openai_tools.c		tools that a quirk touches
 *	openai_messages.c	messages that a quirk touches
 *	openai_answer.c		chunks and bodies: their frame, errors, ends
 *	openai_delta.c		what a delta or message adds to a choice
 *	openai_emit.c		events, with the maker's own members along
 *	openai_calls.c		which tool call a piece belongs to
 *	openai_usage.c		token counts of all makers
 *
 * The answer's parser needs no row of the quirk table: what makers do is told
 * apart by its shape, so that a maker behind another (OpenRouter, Hugging Face,
 * a proxy) is read right as well.
 */
#include "base/json_out.h"
#include "prov/collect.h"
#include "prov/quirks.h"

/* Choices of one answer, and tool calls of one choice. */
#define OPENAI_CHOICES_MAX 128u
#define OPENAI_CALLS_MAX 512u

/* ---- requests ---------------------------------------------------------- */

/* How one request is written: the maker's row and the model's family. */
struct openai_plan {
	const struct prov_quirks *q;
	/* an o-series or gpt-5 model of OpenAI's: refuses what samples */
	bool is_reasoning;
	bool use_max_completion_tokens; /* else max_tokens */
	bool keep_limit_name; /* as the client spelt it */
	bool no_stream_options;
	bool system_to_user; /* o1-mini class: knows no system role */
};

/* The plan by the model's family for kind openai and azure's v1. */
void openai_plan_init(struct openai_plan *plan, const struct prov_quirks *q,
    const struct prov_target *target);
/* o1, o3-mini, o4-mini, gpt-5, gpt-5.1-codex ... but not gpt-5-chat. */
bool openai_is_reasoning(struct str family);

/*
 * Writes the body. As prov_kind.build from there on: ERR_UNSUPPORTED with *fail
 * filled, ERR_LIMIT, ERR_NOMEM.
 */
MUST_CHECK enum err
openai_body(const struct prov_call *call, const struct openai_plan *plan,
    struct prov_http *http, struct msg_fail *fail);
/* The whole build of a target whose URL is base + /v1/chat/completions. */
MUST_CHECK enum err openai_build(const struct prov_call *call,
    struct prov_http *http, struct msg_fail *fail);

/* A body being written. */
struct openai_build {
	const struct prov_call *call;
	const struct openai_plan *plan;
	struct prov_http *http;
	struct msg_fail *fail;
	struct json_out o;
};
/* The row that concerns a member, of the model's family or the maker's. */
const struct prov_quirk_field *
openai_row_of(const struct openai_build *b, struct str key);
/* Loses a member (prov_lose), or nothing when its value is harmless. */
MUST_CHECK enum err openai_refuse(struct openai_build *b,
    const struct prov_quirk_field *f, struct str key, struct str raw);
/* A member as it is. */
void openai_splice(struct openai_build *b, struct str key, struct str raw);
/* "tools"; v: the client's tools or functions. */
MUST_CHECK enum err openai_put_tools(struct openai_build *b, json_ref v);
/* "tool_choice" for the client's function_call. */
void openai_put_legacy_choice(struct openai_build *b);

/* True when no quirk touches the messages: they are spliced as they are. */
bool openai_messages_plain(
    const struct msg_request *r, const struct openai_plan *plan);
/* The value of "messages", written member by member. v: its node. */
MUST_CHECK enum err
openai_messages(const struct prov_call *call, const struct openai_plan *plan,
    json_ref v, struct prov_http *http, struct msg_fail *fail);

/* ---- answers ----------------------------------------------------------- */

struct openai_call {
	uint64_t id_hash; /* 0: no id came */
	uint64_t name_hash; /* 0: no name came */
	int64_t up_index; /* -1: none */
	/* its first piece ended in '}': the same name again is another call */
	bool is_whole;
	bool is_started; /* CALL_START went out */
	char *id; /* kept until the name comes */
};

struct openai_choice {
	bool has_begun;
	bool has_finished;
	uint32_t n_calls;
	uint32_t cap;
	struct openai_call *calls;
};

/* What stands around the text of a chunk (openai_alike.c). */
struct openai_frame {
	struct buf bytes; /* before, after, and the event's extras */
	uint32_t n_before, n_after;
	uint32_t n_top, n_choice, n_delta;
	uint32_t choice;
	uint64_t top_hash; /* last_top after it */
};

struct openai_answer {
	struct prov_collect c; /* first */
	bool has_started;
	struct openai_choice *choices;
	uint32_t n_choices;
	/* The maker's own members waiting for an event to go out with. */
	struct buf top, choice, delta;
	struct str padding; /* "obfuscation":"..." of this chunk */
	uint64_t last_top; /* hash of what last went out */
	struct buf args; /* arguments that came as an object, escaped */
	struct buf text[5]; /* by enum openai_text */
	struct openai_frame frame;
	/* Of the chunk being read: */
	uint32_t n_emitted;
	struct msg_event only; /* when it is the only one */
	bool was_padded;
};

struct prov_answer *openai_answer_new(const struct prov_target *target,
    const struct prov_answer_options *o, struct msg_sink sink);
void openai_answer_free(struct prov_answer *a);

/* Decoded texts of one event, each in a buffer of its own. */
enum openai_text {
	OPENAI_TEXT_ID,
	OPENAI_TEXT_MODEL,
	OPENAI_TEXT_NAME,
	OPENAI_TEXT_SIGNATURE,
	OPENAI_TEXT_NATIVE,
	OPENAI_TEXT__MAX
};
/* Emits FAIL. */
void openai_no_room(struct openai_answer *a);
/* Of a string; absent when v is none. Valid until that slot's next. */
struct str openai_text(struct openai_answer *a, const struct json *j,
    json_ref v, enum openai_text slot);
/* null and empty containers say nothing. */
bool openai_is_blank(const struct json *j, json_ref v);
/* The key as it stands between its quotes: makers do not escape theirs. */
#define OPENAI_KEY(k, lit) \
	((k).n == sizeof(lit) - 1 && memcmp((k).p, lit, sizeof(lit) - 1) == 0)
/* Adds a member to what goes out with the next event; blank ones do not. */
void openai_keep(struct buf *b, const struct json *j, json_ref key);
/* Emits an event that a client sees; what is waiting goes with it. */
void openai_emit(struct openai_answer *a, struct msg_event *ev);
/* Emits any other event. */
void openai_emit_bare(struct openai_answer *a, const struct msg_event *ev);

/*
 * After a chunk was read: keeps what another must have around its text to make
 * the same event; json is its text, still valid.
 */
void openai_alike_learn(struct openai_answer *a, struct str json);
/* True when json is such another: its event was emitted. */
bool openai_alike_take(struct openai_answer *a, struct str json);
void openai_alike_init(struct openai_answer *a);
void openai_alike_fini(struct openai_answer *a);

/*
 * Events for what a delta or message v adds to a choice (which exists).
 * is_whole: its calls are a complete list.
 */
void openai_delta(struct openai_answer *a, const struct json *j, uint32_t index,
    json_ref v, json_ref logprobs, bool is_whole);

/*
 * The key of the call that a piece belongs to; UINT32_MAX when there are too
 * many. id, name: absent or empty when not given; up_index: -1. is_whole: an
 * element of a complete list, always a call of its own.
 */
uint32_t openai_call_find(struct openai_choice *ch, struct str id,
    struct str name, int64_t up_index, bool is_whole, struct str args);
void openai_choice_fini(struct openai_choice *ch);

/*
 * Reads a usage object of any maker; the invariants of msg_usage hold after it.
 * extra is gathered in *extra (emptied first), u->extra points there.
 */
void openai_usage(
    const struct json *j, json_ref v, struct msg_usage *u, struct buf *extra);

#endif
