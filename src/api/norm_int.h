#ifndef API_NORM_INT_H
#define API_NORM_INT_H
/* Private to api/norm*.c. */
#include "api/norm.h"

#include "base/buf.h"

/* A tool call of a choice. */
struct norm_call {
	uint32_t choice;
	uint32_t key; /* upstream's; the newest call with it is meant */
	uint32_t number; /* from 0, in the order in which they went out */
	char *id; /* NULL: not told yet */
	char *name;
	char *signature;
	bool is_id_made;
	bool is_custom;
	bool is_sent; /* CALL_START has gone out */
	bool is_ended; /* CALL_END has */
	/* arguments so far, a JSON text: how deep, in a string, behind '\' */
	bool has_args;
	bool in_string;
	bool in_escape;
	bool is_complete; /* the outermost value is closed */
	uint32_t depth;
};

#define NORM_NATIVE_SIZE 96

struct norm_choice {
	bool is_seen; /* had content */
	bool has_finish;
	bool is_decided; /* finish is not a mere stop */
	enum msg_finish finish;
	char native[NORM_NATIVE_SIZE];
	uint32_t n_calls;
	uint32_t n_sent; /* of them with their CALL_START out */
};

/* An EXTRA that came before content. */
struct norm_held {
	uint32_t choice;
	char *bytes; /* top, choice, delta one behind the other */
	size_t n_top, n_choice, n_delta;
};

struct api_norm {
	struct api_norm_options o;
	struct msg_sink sink;
	bool is_open; /* START has gone to the sink */
	bool is_ended;
	bool has_fail;
	char *id;
	char *model;
	int64_t created;
	struct norm_choice *choices;
	uint32_t n_choices; /* allocated: the highest index + 1 */
	struct norm_call *calls;
	uint32_t n_calls, cap_calls;
	struct norm_held *held;
	uint32_t n_held;
	size_t held_bytes;
	struct msg_usage usage;
	struct buf usage_extra;
	struct msg_fail fail;
};

enum api_step norm_failed(struct api_norm *n);
enum api_step norm_nomem(struct api_norm *n);
/* START and what was held go out, if they have not. */
void norm_open(struct api_norm *n);
/* The choice with this index; NULL: failed (norm_failed or norm_nomem). */
struct norm_choice *norm_choice_get(struct api_norm *n, uint32_t index);
/* A NUL-terminated copy; NULL for an absent or empty span or no memory. */
char *norm_copy(struct str s);

/* norm_call.c */
enum api_step norm_call_start(struct api_norm *n, const struct msg_event *ev);
enum api_step norm_call_args(struct api_norm *n, const struct msg_event *ev);
enum api_step norm_call_end(struct api_norm *n, const struct msg_event *ev);
/* All calls of a choice come to their end. False: no memory. */
bool norm_calls_finish(struct api_norm *n, uint32_t choice);
/* Some call's arguments are cut off. */
bool norm_calls_cut(const struct api_norm *n, uint32_t choice);
void norm_calls_free(struct api_norm *n);

/* norm_usage.c */
void norm_usage_add(struct api_norm *n, const struct msg_usage *u);

#endif
