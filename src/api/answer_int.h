#ifndef API_ANSWER_INT_H
#define API_ANSWER_INT_H
/* Private to api/answer*.c. */
#include "api/answer.h"
#include "base/json.h"

/* Finished members "k":v,"k2":v2 that wait or are collected. */
struct answer_members {
	struct buf b;
};

/* A tool call of a whole answer. */
struct answer_call {
	struct buf id; /* text */
	struct buf name; /* text */
	struct buf signature; /* text */
	struct buf arguments; /* inner */
	bool is_custom;
};

struct answer_choice {
	bool role_sent; /* streams */
	struct answer_members extra_choice;
	struct answer_members extra_delta;
	/* whole answers */
	bool is_used;
	bool has_text, has_refusal, has_reasoning;
	struct buf text, reasoning, refusal; /* inner */
	struct buf thinking, images, annotations; /* elements, raw */
	struct buf lp_content, lp_refusal; /* elements, raw */
	struct buf lp_other; /* a logprobs object of another shape */
	struct answer_call *calls;
	uint32_t n_calls;
	bool has_finish;
	enum msg_finish finish;
	struct buf native; /* text */
};

struct api_answer {
	struct api_answer_options o; /* its spans point to the bufs below */
	struct buf model, asked_model, given_id, provider;
	bool is_started;
	bool is_done;
	enum err err; /* sticky */
	struct buf id;
	int64_t created;
	/*
	 * The beginning of every chunk up to "choices" or "delta", and of
	 * choice 0's text chunk up to the text; what comes behind the text.
	 */
	struct buf prefix;
	struct buf text_prefix;
	const char *text_suffix;
	size_t text_suffix_n;
	struct answer_members extra_top;
	struct answer_choice *choices;
	uint32_t n_choices;
	struct msg_usage usage;
	struct buf usage_extra;
	size_t bytes; /* collected */
	/* scratch for merging members */
	struct json_tok *tok;
	uint32_t cap_tok;
	struct json_tok *tok2;
	uint32_t cap_tok2;
};

/* An answer has no more choices than this (api/norm.h refuses more). */
#define ANSWER_CHOICES_MAX 1024u
#define ANSWER_CALLS_MAX 65536u

/* The choice, made if need be; NULL: a->err is set. */
struct answer_choice *answer_choice_get(struct api_answer *a, uint32_t index);

/* answer_members.c: adds or replaces by name; join_arrays: see answer.h. */
void answer_members_add(struct api_answer *a, struct answer_members *m,
    struct str members, bool join_arrays);

/* answer_put.c: pieces that both forms share, without a comma before. */
/* What goes inside "delta", perhaps nothing. */
void answer_put_delta(
    const struct api_answer *a, const struct msg_event *ev, struct buf *out);
/* {"prompt_tokens":...} or null */
void answer_put_usage(const struct msg_usage *u, struct buf *out);
/* "finish_reason":"stop"[,"native_finish_reason":...] */
void answer_put_finish(const struct api_answer *a, enum msg_finish f,
    struct str native, struct str extra_choice, struct buf *out);
/* ,members (nothing when there are none) */
void answer_put_members(struct str members, struct buf *out);
/* "text", escaped */
void answer_put_text(struct str text, struct buf *out);
/* "inner" */
void answer_put_inner(struct str inner, struct buf *out);

/* answer_stream.c */
void answer_stream_start(struct api_answer *a);
void answer_stream_event(
    struct api_answer *a, const struct msg_event *ev, struct buf *out);
/* answer_whole.c */
void answer_whole_event(struct api_answer *a, const struct msg_event *ev);
void answer_whole_print(struct api_answer *a, struct buf *out);

#endif
