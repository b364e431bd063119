#include "api/parse.h"

#include <inttypes.h>

const struct api_limits api_limits_default = {
	.json = { 64, 200000, 2000 },
	.messages = 4096,
	.parts = 4096,
	.images = 500,
	.tools = 512,
	.calls = 512,
	.stop = 16,
	.metadata = 64,
	.logit_bias = 1024,
	.choices = 128,
};

/* Members of the body that are no row of msg_param_table. */
enum {
	B_MODEL,
	B_MESSAGES,
	B_STREAM,
	B_STREAM_OPTIONS,
	B_TOOLS,
	B_TOOL_CHOICE,
	B_FUNCTIONS,
	B_FUNCTION_CALL,
	B_RESPONSE_FORMAT,
	B_CLIENT_ID,
	B_OPENAI__MAX,
	/* of /v1/chat only */
	B_METADATA = B_OPENAI__MAX,
	B__MAX
};

static const struct api_field body_fields[B__MAX] = {
	[B_MODEL] = API_FIELD("model"),
	[B_MESSAGES] = API_FIELD("messages"),
	[B_STREAM] = API_FIELD("stream"),
	[B_STREAM_OPTIONS] = API_FIELD("stream_options"),
	[B_TOOLS] = API_FIELD("tools"),
	[B_TOOL_CHOICE] = API_FIELD("tool_choice"),
	[B_FUNCTIONS] = API_FIELD("functions"),
	[B_FUNCTION_CALL] = API_FIELD("function_call"),
	[B_RESPONSE_FORMAT] = API_FIELD("response_format"),
	[B_CLIENT_ID] = API_FIELD("client_id"),
	[B_METADATA] = API_FIELD("metadata"),
};

void
api_parse_init(struct api_parse *p, struct arena *a,
    const struct api_limits *limits, struct msg_request *out,
    struct msg_fail *fail)
{
	*out = (struct msg_request){ .arena = a };
	*p = (struct api_parse){
		.j = &out->json,
		.a = a,
		.lim = limits ? limits : &api_limits_default,
		.out = out,
		.fail = fail,
	};
}

static enum err
scan(struct api_parse *p, struct str body)
{
	const struct json_limits *lim = &p->lim->json;
	struct json_problem problem = { 0, "" };
	enum err e;

	if (str_trim(body).n == 0)
		return api_refuse(p, ERR_SYNTAX, NULL,
		    "the body is empty; a JSON object is expected");
	e = json_scan(p->j, p->a, body, lim, &problem);
	switch (e) {
	case ERR_OK:
		break;
	case ERR_LIMIT:
		return api_refuse(p, e, NULL,
		    "the body is more than allowed: %s at byte %zu (limits: "
		    "%" PRIu32 " levels, %" PRIu32 " values, %" PRIu32
		    " keys in one object)",
		    problem.why, problem.pos, lim->depth, lim->nodes,
		    lim->keys);
	case ERR_NOMEM:
		return api_nomem(p);
	default:
		return api_refuse(p, ERR_SYNTAX, NULL,
		    "the body is not valid JSON: %s at byte %zu", problem.why,
		    problem.pos);
	}
	if (json_type(p->j, 0) != JSON_T_OBJECT)
		return api_refuse_type(
		    p, &(struct api_where){ NULL, "body", 0 }, 0, "an object");
	return ERR_OK;
}

static enum err
extra_add(struct api_parse *p, json_ref key, struct msg_member ***tail)
{
	struct msg_member *m = ARENA_NEW(p->a, struct msg_member);

	if (!m || json_str(p->j, key, p->a, &m->key) != ERR_OK)
		return api_nomem(p);
	m->raw = json_raw(p->j, json_value(p->j, key));
	**tail = m;
	*tail = &m->next;
	return ERR_OK;
}

/* The one pass over the body's members. */
static enum err
members_parse(struct api_parse *p, size_t n_fields, json_ref *f)
{
	struct msg_member **tail = &p->out->extra;
	enum msg_param param;
	enum err e = ERR_OK;
	size_t i;

	for (i = 0; i < B__MAX; i++)
		f[i] = JSON_NONE;
	json_each (p->j, 0, key) {
		json_ref v = json_value(p->j, key);

		i = api_field_find(p, key, body_fields, n_fields);
		if (i < n_fields) {
			if (json_type(p->j, v) != JSON_T_NULL)
				f[i] = v;
			continue;
		}
		param = api_param_find(p, key);
		if (param == MSG_P__MAX)
			e = extra_add(p, key, &tail);
		else if (json_type(p->j, v) != JSON_T_NULL)
			e = api_param_parse(p, param, v);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err
stream_parse(struct api_parse *p, json_ref stream, json_ref options)
{
	struct api_where w = { NULL, "stream_options", 0 };
	struct msg_request *r = p->out;
	struct str raw = { NULL, 0 };
	enum err e;

	e = api_opt_bool(p, NULL, "stream", stream, &raw);
	if (e != ERR_OK)
		return e;
	r->stream = str_eqz(raw, "true");
	e = api_opt_object(
	    p, NULL, "stream_options", options, &r->stream_options);
	if (e != ERR_OK || options == JSON_NONE)
		return e;
	if (!r->stream && r->dialect == MSG_DIALECT_OPENAI)
		return api_refuse(
		    p, ERR_RANGE, &w, "is only allowed when stream is true");
	raw = (struct str){ NULL, 0 };
	e = api_opt_bool(p, &w, "include_usage",
	    json_get_set(p->j, options, "include_usage"), &raw);
	r->include_usage = str_eqz(raw, "true");
	return e;
}

enum err
api_body_parse(struct api_parse *p, struct str body, json_ref *metadata)
{
	json_ref f[B__MAX];
	enum err e;

	e = scan(p, body);
	if (e == ERR_OK)
		e = members_parse(p, metadata ? B__MAX : B_OPENAI__MAX, f);
	if (e == ERR_OK)
		e = api_req_text(p, NULL, "model", f[B_MODEL], &p->out->model);
	if (e == ERR_OK)
		e = stream_parse(p, f[B_STREAM], f[B_STREAM_OPTIONS]);
	if (e == ERR_OK)
		e = api_messages_parse(p, f[B_MESSAGES]);
	if (e == ERR_OK)
		e = api_tools_parse(p, f[B_TOOLS], f[B_FUNCTIONS]);
	if (e == ERR_OK)
		e = api_choice_parse(p, f[B_TOOL_CHOICE], f[B_FUNCTION_CALL],
		    f[B_TOOLS] != JSON_NONE || f[B_FUNCTIONS] != JSON_NONE);
	if (e == ERR_OK)
		e = api_format_parse(p, f[B_RESPONSE_FORMAT]);
	if (e == ERR_OK)
		e = api_opt_text(
		    p, NULL, "client_id", f[B_CLIENT_ID], &p->out->client_id);
	if (metadata)
		*metadata = f[B_METADATA];
	map_free(p->calls);
	p->calls = NULL;
	return e;
}

enum err
api_chat_parse(struct arena *a, struct str body,
    const struct api_limits *limits, struct msg_request *out,
    struct msg_fail *fail)
{
	struct api_parse p;

	api_parse_init(&p, a, limits, out, fail);
	out->dialect = MSG_DIALECT_OPENAI;
	return api_body_parse(&p, body, NULL);
}
