#include "flow/life.h"

/* A translated body may be this much larger than the client's. */
#define BODY_GROWTH 2
#define BODY_GROWTH_BASE (256u * 1024)

/* One deadline for all attempts: the longest that any target allows. */
static usec_t
deadline(const struct req *r)
{
	usec_t total = 0;

	for (uint32_t i = 0; i < r->model->n_targets; i++) {
		usec_t t = r->model->targets[i].timeouts.total;

		if (t > total)
			total = t;
	}
	/* Nobody waits for what comes later than the client does. */
	if (r->meta.read_timeout > 0 && !r->msg.stream &&
	    r->meta.read_timeout < total)
		total = r->meta.read_timeout;
	return r->started + total;
}

static void
slow_over(void *arg)
{
	flow_go(arg, FLOW_FETCH);
}

/* Every target nears its limit: a pause now is better than a 429. */
static bool
slow_down(struct req *r, usec_t now)
{
	usec_t wait = route_plan_slow(&r->plan, now);

	if (wait == 0 ||
	    timer_set(r->flow->loop, &r->pause, wait, slow_over, r) != ERR_OK)
		return false;
	r->slowed = wait;
	return true;
}

enum flow_step
step_choose(struct req *r)
{
	struct route_load load = { keys_used, r };
	usec_t now = clock_mono();

	r->deadline = deadline(r);
	if (route_plan_make(&r->plan, r->arena, r->conf, r->model, r->flow->shm,
		&load, now, r->deadline) != ERR_OK) {
		msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
		return flow_refuse(r);
	}
	policy_restrict(r);
	if (route_plan_first(&r->plan, now) == ROUTE_GIVE_UP) {
		msg_fail_set(
		    &r->fail, MSG_FAIL_NO_TARGET, "The model has no target.");
		return flow_refuse(r);
	}
	if (r->msg.stream)
		answer_heartbeat(r);
	return slow_down(r, now) ? FLOW_PAUSE : FLOW_FETCH;
}

static enum prov_unsupported
unsupported(struct str word)
{
	if (str_eqz(word, "drop"))
		return PROV_DROP_ALL;
	if (str_eqz(word, "refuse"))
		return PROV_REFUSE_ALL;
	return PROV_DROP_TUNING;
}

static void
fill_target(const struct conf_target *t, struct prov_target *out)
{
	const struct conf_provider *p = t->provider;
	const struct prov_kind *kind = prov_kind_find(p->kind);

	ASSERT(kind); /* conf knows no other (conf_kinds_set) */
	*out = (struct prov_target){
		.kind = kind,
		.provider = p->name,
		.vendor = p->vendor,
		.base_url = str_present(p->base_url)
				? p->base_url
				: str_z(kind->default_base_url),
		.model = t->model,
		.api_version = p->api_version,
		.family = t->family,
		.default_max_tokens = t->max_output_tokens,
		.on_unsupported = unsupported(p->on_unsupported),
	};
}

static _Atomic int64_t *
learned_cell(const struct req *r)
{
	struct shm_slot *slot = r->plan.candidates[r->plan.current].slot;

	return slot ? &slot->cell[SHM_CELL_LEARNED] : NULL;
}

/* "Unsupported parameter: 'max_tokens' is not supported with this model." */
static bool
speaks_of_reasoning(const struct msg_fail *fail)
{
	static const char *const params[] = { "max_tokens", "temperature",
		"top_p", "presence_penalty", "frequency_penalty" };

	if (fail->class != MSG_FAIL_INVALID ||
	    (strcmp(fail->code, "unsupported_parameter") != 0 &&
		strcmp(fail->code, "unsupported_value") != 0))
		return false;
	for (size_t i = 0; i < sizeof(params) / sizeof(*params); i++)
		if (strcmp(fail->param, params[i]) == 0)
			return true;
	return false;
}

/*
 * The name of a deployment does not tell that a reasoning model is behind it,
 * its refusal of a parameter does (wire.md 10 #72). All workers remember.
 */
static bool
learn(struct req *r)
{
	const struct prov_target *asked = &r->attempt.target;
	const struct conf_target *t = route_plan_target(&r->plan);
	_Atomic int64_t *cell = learned_cell(r);

	if (!(asked->kind->caps & PROV_CAP_LEARNS) || asked->is_reasoning ||
	    asked->family.n > 0 || !speaks_of_reasoning(&r->fail))
		return false;
	r->learned = t;
	if (cell)
		atomic_store(cell, 1);
	return true;
}

static bool
is_known_to_reason(const struct req *r, const struct conf_target *t)
{
	_Atomic int64_t *cell = learned_cell(r);

	return t->family.n == 0 &&
	       (r->learned == t || (cell && atomic_load(cell) == 1));
}

/*
 * A connection that breaks at the last try says less than what the provider
 * itself said before (wire.md 10 #99).
 */
static void
remember(struct req *r)
{
	if (r->fail.upstream_status == 0)
		return;
	if (!r->told)
		r->told = arena_alloc(r->arena, sizeof(*r->told));
	if (r->told)
		*r->told = r->fail;
}

static enum flow_step
give_up(struct req *r)
{
	if (r->told && (r->fail.class == MSG_FAIL_CONNECT ||
			   r->fail.class == MSG_FAIL_CUT))
		r->fail = *r->told;
	return flow_refuse(r);
}

static enum err
add_headers(struct req *r, const struct conf_provider *p)
{
	struct http_headers *h = &r->attempt.http.headers;

	for (uint32_t i = 0; i < p->n_headers; i++)
		if (http_headers_set(
			h, p->headers[i].name, p->headers[i].value) != ERR_OK)
			return ERR_NOMEM;
	return ERR_OK;
}

/*
 * Uploading and fetching images may have taken all of it. The failure before,
 * if there was one, is the better answer.
 */
bool
choose_is_late(struct req *r)
{
	if (clock_mono() < r->deadline)
		return false;
	if (r->fail.class == MSG_FAIL_NONE)
		msg_fail_set(&r->fail, MSG_FAIL_TIMEOUT,
		    "The time for this request was over before a provider "
		    "could be asked.");
	return true;
}

/* 0 would mean without limit to libcurl. */
usec_t
choose_left(const struct req *r)
{
	usec_t left = r->deadline - clock_mono();

	return left < USEC_PER_MSEC ? USEC_PER_MSEC : left;
}

static usec_t
at_most(usec_t limit, usec_t left)
{
	return limit < left ? limit : left;
}

static void
fill_call(struct req *r, const struct conf_target *t)
{
	const struct conf_timeouts *limit = &t->timeouts;
	const struct conf_provider *p = t->provider;
	struct req_attempt *a = &r->attempt;
	usec_t left = choose_left(r);

	a->call = (struct upstream_call){
		.method = a->http.method,
		.url = a->http.url,
		.headers = &a->http.headers,
		.key = a->key ? a->key->secret : NULL,
		.key_header = a->http.key_header,
		.key_prefix = a->http.key_prefix,
		.body = buf_str(&a->http.body),
		.timeout_connect = at_most(limit->connect, left),
		.timeout_first_byte = at_most(limit->first_byte, left),
		.timeout_idle = at_most(limit->idle, left),
		.timeout_total = at_most(limit->total, left),
		.max_body_bytes = a->stream ? 0 : r->conf->max_answer,
		.is_stream = a->stream,
		.allow_http = p->allow_private,
		.allow_private = p->allow_private,
		.http2 = p->http2,
		.ca_file = p->ca_file,
	};
}

void
choose_release(struct req *r, const struct gate_use *use)
{
	gate_limit_settle(&r->flow->limit, &r->call_holds, use, NULL);
}

/* Client and provider may differ about streaming; norm and writer bridge. */
static bool
ask_to_stream(const struct req *r, const struct conf_target *t)
{
	if (!t->provider->streaming || r->no_stream == t)
		return false;
	return r->msg.stream ||
	       (r->attempt.target.kind->caps & PROV_CAP_ALWAYS_STREAM);
}

static enum err
build(struct req *r, const struct conf_target *t)
{
	struct req_attempt *a = &r->attempt;
	struct prov_call call = {
		.req = &r->msg, .target = &a->target, .arena = r->arena
	};
	enum err e;

	a->stream = ask_to_stream(r, t);
	call.stream = a->stream;
	prov_http_init(
	    &a->http, r->conf->max_body * BODY_GROWTH + BODY_GROWTH_BASE);
	a->has_http = true;
	e = a->target.kind->build(&call, &a->http, &r->fail);
	policy_tell(r);
	if (e == ERR_OK)
		e = add_headers(r, t->provider);
	if (e != ERR_OK && r->fail.class == MSG_FAIL_NONE)
		msg_fail_set(&r->fail,
		    e == ERR_LIMIT ? MSG_FAIL_TOO_LARGE : MSG_FAIL_INTERNAL,
		    e == ERR_LIMIT ? "The translated request is too large."
				   : "Out of memory.");
	return e;
}

enum flow_step
step_translate(struct req *r)
{
	const struct conf_target *t = route_plan_target(&r->plan);

	r->fail = (struct msg_fail){ 0 };
	r->rec.target = t;
	r->rec.n_attempts++;
	fill_target(t, &r->attempt.target);
	r->attempt.target.is_reasoning = is_known_to_reason(r, t);
	if (keys_pick(r, t->provider) != ERR_OK ||
	    limits_take_call(r, t->provider) != ERR_OK ||
	    build(r, t) != ERR_OK) {
		if (r->rec.n_attempts <= METER_ATTEMPTS_MAX)
			r->rec.attempts[r->rec.n_attempts - 1] =
			    (struct meter_attempt){ .target = t,
				    .started = clock_mono() - r->started,
				    .connected = -1,
				    .first_byte = -1,
				    .fail = r->fail.class,
				    .end = "not sent",
				    .why = route_plan_why(&r->plan) };
		return choose_after_failure(r);
	}
	fill_call(r, t);
	return FLOW_SEND;
}

static void
pause_over(void *arg)
{
	struct req *r = arg;

	if (route_plan_resume(&r->plan, clock_mono()) == ROUTE_TRY)
		flow_go(r, FLOW_FETCH);
	else
		flow_go(r, flow_refuse(r));
}

/* Nothing to do: the timer is set. */
enum flow_step
step_pause(struct req *r)
{
	(void)r;
	return FLOW_WAIT;
}

enum flow_step
choose_after_failure(struct req *r)
{
	bool has_other_key = keys_failed(r);
	struct gate_use use;
	usec_t wait = 0;

	send_drop(r);
	use = settle_attempt(r);
	choose_release(r, &use);
	/* The maker does not let us stream: ask again without, at no cost. */
	if (r->fail.class == MSG_FAIL_INVALID && r->attempt.stream &&
	    strcmp(r->fail.param, "stream") == 0) {
		r->no_stream = route_plan_target(&r->plan);
		return FLOW_FETCH;
	}
	if (learn(r))
		return FLOW_FETCH;
	remember(r);
	/* It was about the key, not about the target. */
	if (has_other_key)
		return FLOW_FETCH;
	switch (route_plan_failed(&r->plan, &r->fail, clock_mono(), &wait)) {
	case ROUTE_TRY:
		return FLOW_FETCH;
	case ROUTE_WAIT:
		if (timer_set(r->flow->loop, &r->pause, wait, pause_over, r) ==
		    ERR_OK)
			return FLOW_PAUSE;
		break;
	case ROUTE_GIVE_UP:
		break;
	}
	return give_up(r);
}
