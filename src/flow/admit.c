#include "flow/life.h"

#include "gate/role.h"

static void
take_limits(const struct conf *conf, struct api_limits *limits)
{
	*limits = api_limits_default;
	limits->json = conf->json;
	limits->messages = conf->max_messages;
	limits->tools = conf->max_tools;
}

/* For the record, which outlives the body. */
static struct str
keep(struct req *r, struct str s)
{
	return str_present(s) ? arena_str(r->arena, s) : s;
}

enum flow_step
step_parse(struct req *r)
{
	struct api_limits limits;
	enum err e;

	take_limits(r->conf, &limits);
	r->msg_arena = arena_new(req_arena_max(r->conf));
	if (!r->msg_arena) {
		msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
		return flow_refuse(r);
	}
	if (r->target.dialect == MSG_DIALECT_CHAT)
		e = api_envelope_parse(r->msg_arena, buf_str(&r->body), &limits,
		    &r->msg, &r->fail);
	else
		e = api_chat_parse(r->msg_arena, buf_str(&r->body), &limits,
		    &r->msg, &r->fail);
	if (e != ERR_OK)
		return flow_refuse(r);
	r->rec.alias = keep(r, r->msg.model);
	r->rec.stream = r->msg.stream;
	r->rec.client_request_id = keep(r, r->msg.request_id);
	r->rec.client_id = keep(r, r->msg.client_id);
	return FLOW_ADMIT;
}

void
admit_body_over(struct req *r)
{
	const struct upstream_ops *ops = r->flow->upstream->ops;
	struct req_attempt *a = &r->attempt;

	/* A whole answer may still break, and is then asked for again. */
	if (!r->msg.stream)
		return;
	buf_fini(&r->body);
	arena_free(r->msg_arena);
	r->msg_arena = NULL;
	r->msg = (struct msg_request){
		.dialect = r->msg.dialect,
		.stream = true,
		.include_usage = r->msg.include_usage,
		.legacy_functions = r->msg.legacy_functions,
	};
	if (a->xfer && ops->is_sent && ops->is_sent(a->xfer))
		buf_fini(&a->http.body);
}

/* An alias that a key may not use is told from none: by design not at all. */
static enum err
find_model(struct req *r)
{
	const struct gate_person *p = r->client.person;

	if (p && !gate_role_may(p->roles, GATE_USE_MODELS)) {
		msg_fail_set(&r->fail, MSG_FAIL_PERMISSION,
		    "You may not use models: that takes the role developer, "
		    "operator or admin.");
		return ERR_DENIED;
	}
	r->model = conf_model_find(r->conf, r->msg.model);
	if (r->model && gate_may_use(&r->client, r->model))
		return ERR_OK;
	r->model = NULL;
	msg_fail_set(&r->fail, MSG_FAIL_MODEL_NOT_FOUND,
	    "The model '%.*s' does not exist or you do not have access to it. "
	    "GET /v1/models lists what this key may use.",
	    STR_ARG(r->msg.model));
	return ERR_DENIED;
}

enum flow_step
step_admit(struct req *r)
{
	if (find_model(r) != ERR_OK)
		return flow_refuse(r);
	if (policy_check(r) != ERR_OK)
		return flow_refuse(r);
	return limits_take(r);
}
