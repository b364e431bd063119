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

static const char *
limit_words(const struct conf_limit *l)
{
	if (l->concurrent > 0)
		return "requests at the same time";
	return l->tokens > 0 ? "tokens" : "requests";
}

static void
fail_limit(struct req *r)
{
	const struct conf_limit *l = r->rate.limit;
	long long n = l->concurrent > 0 ? l->concurrent
		      : l->tokens > 0	? l->tokens
					: l->requests;

	if (l->concurrent > 0)
		msg_fail_set(&r->fail, MSG_FAIL_LIMIT,
		    "Limit of %lld %s reached. Wait for one to end.", n,
		    limit_words(l));
	else
		msg_fail_set(&r->fail, MSG_FAIL_LIMIT,
		    "Limit of %lld %s per %llds reached. Try again in %llds.",
		    n, limit_words(l), (long long)(l->per / USEC_PER_SEC),
		    (long long)((r->rate.retry_after + USEC_PER_SEC - 1) /
				USEC_PER_SEC));
	r->fail.retry_after = r->rate.retry_after;
}

enum flow_step
step_admit(struct req *r)
{
	const struct conf_key *key = r->client.key;

	if (find_model(r) != ERR_OK)
		return flow_refuse(r);
	if (policy_check(r) != ERR_OK)
		return flow_refuse(r);
	r->rate = (struct gate_rate_result){
		.admitted = true, .requests_limit = -1, .tokens_limit = -1
	};
	if (!key || key->n_limits == 0)
		return FLOW_CHOOSE;
	gate_rate_admit(&r->flow->rate, key->identity, key->limits,
	    key->n_limits, clock_wall(), &r->rate);
	if (!r->rate.admitted) {
		fail_limit(r);
		return flow_refuse(r);
	}
	r->is_client_counted = true;
	return FLOW_CHOOSE;
}
