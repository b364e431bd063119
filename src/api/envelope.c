#include "api/parse.h"

#include <inttypes.h>

/* POST /v1/chat: the small envelope around the same request. */

static enum err
metadata_parse(struct api_parse *p, json_ref v)
{
	struct api_where w = { NULL, "metadata", 0 };
	struct str raw = { NULL, 0 };
	enum err e;

	if (v == JSON_NONE)
		return ERR_OK;
	e = api_opt_object(p, NULL, "metadata", v, &raw);
	if (e != ERR_OK)
		return e;
	if (json_count(p->j, v) > p->lim->metadata)
		return api_refuse(p, ERR_LIMIT, &w,
		    "has %" PRIu32 " members; at most %" PRIu32 " are allowed",
		    json_count(p->j, v), p->lim->metadata);
	return api_opt_text(p, &w, "request_id",
	    json_get_set(p->j, v, "request_id"), &p->out->request_id);
}

enum err
api_envelope_parse(struct arena *a, struct str body,
    const struct api_limits *limits, struct msg_request *out,
    struct msg_fail *fail)
{
	json_ref metadata = JSON_NONE;
	struct api_where n_where = { NULL, "n", 0 };
	struct api_parse p;
	int64_t n = 1;
	enum err e;

	api_parse_init(&p, a, limits, out, fail);
	out->dialect = MSG_DIALECT_CHAT;
	e = api_body_parse(&p, body, &metadata);
	if (e == ERR_OK)
		e = metadata_parse(&p, metadata);
	/* the answer holds one message */
	if (e == ERR_OK && msg_param_i64(out, MSG_P_N, &n) && n > 1)
		e = api_refuse(&p, ERR_RANGE, &n_where,
		    "must be 1 here; /v1/chat/completions gives several");
	return e;
}
