#ifndef API_PARSE_H
#define API_PARSE_H
/*
 * Private to api: the state of one parse and the checks that its parts share.
 * Every function that can fail fills p->fail with the path and says why.
 */
#include <stdbool.h>
#include <stddef.h>

#include "api/chat.h"
#include "api/msg.h"
#include "base/json.h"
#include "base/map.h"

/* Where in the body: a chain on the stack, spelled out only for an error. */
struct api_where {
	const struct api_where *up;
	const char *name; /* NULL: an element, see index */
	uint32_t index;
};

struct api_parse {
	struct json *j;
	struct arena *a;
	const struct api_limits *lim;
	struct msg_request *out;
	struct msg_fail *fail;
	uint32_t n_images;
	struct map *calls; /* id -> struct msg_call, of the messages so far */
	const struct msg_call *legacy; /* the last function_call */
};

struct api_field {
	const char *name;
	size_t n;
};
#define API_FIELD(lit)               \
	{                            \
		lit, sizeof(lit) - 1 \
	}

/*
 * One pass over the members of an object: refs[i] is the value of fields[i],
 * JSON_NONE when absent or null.
 */
void api_fields(const struct api_parse *p, json_ref object,
    const struct api_field *fields, size_t n, json_ref *refs);
/* Index of the field with this key, or n. */
size_t api_field_find(const struct api_parse *p, json_ref key,
    const struct api_field *fields, size_t n);

/* "PATH: <text>", param = PATH. Returns e. */
MUST_CHECK enum err api_refuse(struct api_parse *p, enum err e,
    const struct api_where *w, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* "must be <want>, got <what v is>" */
MUST_CHECK enum err api_refuse_type(struct api_parse *p,
    const struct api_where *w, json_ref v, const char *want);
/* "is required" */
MUST_CHECK enum err
api_refuse_missing(struct api_parse *p, const struct api_where *w);
MUST_CHECK enum err api_nomem(struct api_parse *p);

/*
 * Optional members: an absent v leaves *out absent. `name` is below `up`.
 * text: decoded; inner: as it stands between the quotes.
 */
MUST_CHECK enum err api_opt_text(struct api_parse *p,
    const struct api_where *up, const char *name, json_ref v, struct str *out);
MUST_CHECK enum err api_opt_inner(struct api_parse *p,
    const struct api_where *up, const char *name, json_ref v, struct str *out);
MUST_CHECK enum err api_opt_object(struct api_parse *p,
    const struct api_where *up, const char *name, json_ref v, struct str *raw);
MUST_CHECK enum err api_opt_bool(struct api_parse *p,
    const struct api_where *up, const char *name, json_ref v, struct str *raw);
/* Must be there and a string that is not empty. */
MUST_CHECK enum err api_req_text(struct api_parse *p,
    const struct api_where *up, const char *name, json_ref v, struct str *out);
/* Must be there and an object. */
MUST_CHECK enum err api_req_object(struct api_parse *p,
    const struct api_where *up, const char *name, json_ref v);

/*
 * chat_parse.c: everything that both bodies share. metadata: of /v1/chat, where
 * it is ours; NULL: it is a parameter.
 */
MUST_CHECK enum err
api_body_parse(struct api_parse *p, struct str body, json_ref *metadata);
/* Sets up p and *out; limits NULL: the defaults. */
void api_parse_init(struct api_parse *p, struct arena *a,
    const struct api_limits *limits, struct msg_request *out,
    struct msg_fail *fail);

/* chat_params.c */
MUST_CHECK enum err
api_param_parse(struct api_parse *p, enum msg_param param, json_ref v);
/* Index of the parameter with this key, or MSG_P__MAX. */
enum msg_param api_param_find(const struct api_parse *p, json_ref key);

/* chat_message.c */
MUST_CHECK enum err api_messages_parse(struct api_parse *p, json_ref v);
/* chat_part.c: content, a string or an array of parts. */
MUST_CHECK enum err api_content_parse(
    struct api_parse *p, const struct api_where *up, json_ref v, struct msg *m);
/* thinking_blocks[] or reasoning_details[] */
MUST_CHECK enum err api_thinking_parse(struct api_parse *p,
    const struct api_where *up, const char *name, json_ref v, struct msg *m);

/* chat_tools.c; has_list: tools or functions is there, perhaps empty */
MUST_CHECK enum err
api_tools_parse(struct api_parse *p, json_ref tools, json_ref functions);
MUST_CHECK enum err api_choice_parse(struct api_parse *p, json_ref choice,
    json_ref function_call, bool has_list);
/* chat_format.c */
MUST_CHECK enum err api_format_parse(struct api_parse *p, json_ref v);

#endif
