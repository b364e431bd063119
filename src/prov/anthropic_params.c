/* What tunes and steers: limits, thinking, sampling, stop, user, tier. */
#include "prov/anthropic.h"

#include "base/num.h"

/* The least that the API takes. */
#define BUDGET_MIN 1024

#define KNOWN                                                            \
	(PROV_P(MSG_P_TEMPERATURE) | PROV_P(MSG_P_TOP_P) |               \
	    PROV_P(MSG_P_TOP_K) | PROV_P(MSG_P_MAX_TOKENS) |             \
	    PROV_P(MSG_P_MAX_COMPLETION_TOKENS) | PROV_P(MSG_P_STOP) |   \
	    PROV_P(MSG_P_USER) | PROV_P(MSG_P_SAFETY_IDENTIFIER) |       \
	    PROV_P(MSG_P_REASONING_EFFORT) | PROV_P(MSG_P_REASONING) |   \
	    PROV_P(MSG_P_THINKING) | PROV_P(MSG_P_PARALLEL_TOOL_CALLS) | \
	    PROV_P(MSG_P_SERVICE_TIER) | PROV_P(MSG_P_WEB_SEARCH_OPTIONS))

/* ---- before anything is written ---------------------------------------- */

static bool
last_is_assistant(const struct msg_request *req)
{
	const struct msg *last = NULL;

	for (const struct msg *m = req->messages; m != NULL; m = m->next)
		last = m;
	return last != NULL && last->role == MSG_ASSISTANT &&
	       last->calls == NULL;
}

/* Why thinking cannot be had although it was asked for. */
static bool
cannot_think(const struct anthropic_build *b)
{
	return !b->family.has_thinking || b->is_forced ||
	       last_is_assistant(b->req) || anthropic_is_bare_tool_loop(b->req);
}

/* The budget has to leave room for an answer (wire.md 2, max_tokens). */
static void
plan_budget(struct anthropic_build *b, bool has_limit)
{
	int64_t budget = b->reasoning.budget;

	if (budget == 0)
		budget = prov_effort_budget(b->reasoning.effort);
	if (budget < BUDGET_MIN)
		budget = BUDGET_MIN;
	if (!has_limit && b->max_tokens <= budget)
		b->max_tokens = budget + b->family.max_tokens;
	if (budget >= b->max_tokens)
		budget = b->max_tokens - b->max_tokens / 5;
	if (budget < BUDGET_MIN || budget >= b->max_tokens) {
		PROV_LOSE(b, PROV_LOSS_TUNING, "%s", b->reasoning.param);
		return;
	}
	b->thinking_budget = budget;
	b->has_thinking = true;
}

void
anthropic_plan_limits(struct anthropic_build *b)
{
	const struct prov_target *t = b->call->target;
	int64_t asked = msg_max_tokens(b->req, 0);

	b->max_tokens = asked > 0		    ? asked
			: t->default_max_tokens > 0 ? t->default_max_tokens
						    : b->family.max_tokens;
	b->reasoning = prov_reasoning_asked(b->req, &b->tape);
	if (b->reasoning.effort == PROV_EFFORT_UNSET) {
		if (b->reasoning.param != NULL)
			PROV_LOSE(
			    b, PROV_LOSS_TUNING, "%s", b->reasoning.param);
		return;
	}
	if (b->reasoning.effort == PROV_EFFORT_NONE)
		return;
	if (cannot_think(b))
		PROV_LOSE(b, PROV_LOSS_TUNING, "%s", b->reasoning.param);
	else if (b->family.is_adaptive)
		b->has_thinking = true;
	else
		plan_budget(b, asked > 0 || t->default_max_tokens > 0);
}

/* ---- the body ---------------------------------------------------------- */

/*
 * Whether the text of thinking comes: the newest leave it out unless asked
 * (wire.md 3.4); those before 4.6 do not know the word.
 */
static void
put_display(struct anthropic_build *b)
{
	bool is_hidden = b->reasoning.is_hidden;

	if (!b->family.is_adaptive) {
		if (is_hidden)
			PROV_LOSE(b, PROV_LOSS_TUNING, "%s.%s",
			    b->reasoning.param,
			    str_eqz(STR("thinking"), b->reasoning.param)
				? "display"
				: "exclude");
		return;
	}
	if (!is_hidden && !b->family.has_xhigh)
		return;
	json_out_key(&b->out, "display");
	json_out_strz(&b->out, is_hidden ? "omitted" : "summarized");
}

static void
put_thinking(struct anthropic_build *b)
{
	struct json_out *o = &b->out;

	if (b->reasoning.effort == PROV_EFFORT_NONE) {
		if (!b->family.has_thinking)
			return;
		json_out_key(o, "thinking");
		json_out_obj(o);
		json_out_key(o, "type");
		json_out_strz(o, "disabled");
		json_out_end(o);
		return;
	}
	if (!b->has_thinking)
		return;
	json_out_key(o, "thinking");
	json_out_obj(o);
	json_out_key(o, "type");
	json_out_strz(o, b->family.is_adaptive ? "adaptive" : "enabled");
	if (!b->family.is_adaptive)
		json_out_kv_i64(o, "budget_tokens", b->thinking_budget);
	put_display(b);
	json_out_end(o);
}

static const char *
effort_word(const struct anthropic_build *b)
{
	switch (b->reasoning.effort) {
	case PROV_EFFORT_MINIMAL:
	case PROV_EFFORT_LOW:
		return "low";
	case PROV_EFFORT_MEDIUM:
		return "medium";
	case PROV_EFFORT_HIGH:
		return "high";
	case PROV_EFFORT_XHIGH:
		return b->family.has_xhigh ? "xhigh" : "high";
	case PROV_EFFORT_MAX:
		return "max";
	case PROV_EFFORT_UNSET:
	case PROV_EFFORT_NONE:
	case PROV_EFFORT__MAX:
		break;
	}
	return NULL;
}

static void
put_output_config(struct anthropic_build *b)
{
	struct json_out *o = &b->out;
	/* Effort is more than thinking: it goes without it too. */
	const char *effort = b->family.is_adaptive ? effort_word(b) : NULL;

	if (effort == NULL && !b->format_is_native)
		return;
	json_out_key(o, "output_config");
	json_out_obj(o);
	if (effort != NULL) {
		json_out_key(o, "effort");
		json_out_strz(o, effort);
	}
	if (b->format_is_native) {
		json_out_key(o, "format");
		json_out_obj(o);
		json_out_key(o, "type");
		json_out_strz(o, "json_schema");
		json_out_key(o, "schema");
		if (!anthropic_put_schema(b, b->req->schema))
			PROV_REFUSE(b, "response_format.json_schema.schema",
			    "response_format.json_schema.schema: must be an "
			    "object");
		json_out_end(o);
	}
	json_out_end(o);
}

/* Presence counts, not truth: 0 is a temperature (wire.md 10 #78). */
static void
put_temperature(struct anthropic_build *b)
{
	double v;

	if (!msg_param_double(b->req, MSG_P_TEMPERATURE, &v))
		return;
	if (!b->family.has_sampling || b->has_thinking) {
		if (v != 1)
			PROV_LOSE(b, PROV_LOSS_TUNING, "temperature");
		return;
	}
	if (v > 1) {
		PROV_LOSE(b, PROV_LOSS_TUNING, "temperature");
		json_out_kv_i64(&b->out, "temperature", 1);
		return;
	}
	json_out_kv_raw(
	    &b->out, "temperature", b->req->param[MSG_P_TEMPERATURE]);
}

static void
put_top_p(struct anthropic_build *b)
{
	bool both = str_present(b->req->param[MSG_P_TEMPERATURE]);
	double v;

	if (!msg_param_double(b->req, MSG_P_TOP_P, &v))
		return;
	if (!b->family.has_sampling || (b->has_thinking && v < 0.95) ||
	    (both && !b->has_thinking && b->family.one_of_temperature_top_p)) {
		if (v != 1)
			PROV_LOSE(b, PROV_LOSS_TUNING, "top_p");
		return;
	}
	json_out_kv_raw(&b->out, "top_p", b->req->param[MSG_P_TOP_P]);
}

static void
put_top_k(struct anthropic_build *b)
{
	int64_t v;

	if (!msg_param_i64(b->req, MSG_P_TOP_K, &v) || v <= 0)
		return;
	if (!b->family.has_sampling || b->has_thinking)
		PROV_LOSE(b, PROV_LOSS_TUNING, "top_k");
	else
		json_out_kv_i64(&b->out, "top_k", v);
}

static void
put_stop_one(
    struct anthropic_build *b, const struct json *j, json_ref v, bool *is_open)
{
	if (prov_inner_is_blank(json_inner(j, v))) {
		PROV_LOSE(b, PROV_LOSS_TUNING, "stop");
		return;
	}
	if (!*is_open) {
		json_out_key(&b->out, "stop_sequences");
		json_out_arr(&b->out);
		*is_open = true;
	}
	json_out_raw(&b->out, json_raw(j, v));
}

static void
put_stop(struct anthropic_build *b)
{
	struct str raw = b->req->param[MSG_P_STOP];
	bool is_open = false;
	struct json j;

	if (!str_present(raw) || !prov_tape_scan(&b->tape, raw, &j))
		return;
	if (json_type(&j, 0) == JSON_T_STRING)
		put_stop_one(b, &j, 0, &is_open);
	json_each (&j, 0, e)
		put_stop_one(b, &j, e, &is_open);
	if (is_open)
		json_out_end(&b->out);
}

/* E-mail addresses and telephone numbers are refused there. */
static bool
is_personal(struct str id)
{
	size_t digits = 0;
	size_t others = 0;

	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (c == '@')
			return true;
		if (c >= '0' && c <= '9')
			digits++;
		else if (c != '+' && c != '-' && c != ' ' && c != '(' &&
			 c != ')' && c != '.')
			others++;
	}
	return others == 0 && digits >= 7 && id.p[0] == '+';
}

static void
put_user(struct anthropic_build *b)
{
	static const enum msg_param order[] = { MSG_P_USER,
		MSG_P_SAFETY_IDENTIFIER };
	bool is_put = false;

	for (size_t i = 0; i < 2; i++) {
		struct str id = prov_param_text(b->call, order[i], &b->tape);

		if (id.n == 0 || is_put)
			continue;
		if (is_personal(id)) {
			PROV_LOSE(b, PROV_LOSS_TUNING, "%s",
			    msg_param_table[order[i]].name);
			continue;
		}
		json_out_key(&b->out, "metadata");
		json_out_obj(&b->out);
		json_out_kv_str(&b->out, "user_id", id);
		json_out_end(&b->out);
		is_put = true;
	}
}

static void
put_service_tier(struct anthropic_build *b)
{
	struct str tier =
	    prov_param_text(b->call, MSG_P_SERVICE_TIER, &b->tape);
	const char *word = NULL;

	if (!str_present(tier))
		return;
	if (str_eqz(tier, "auto") || str_eqz(tier, "priority"))
		word = "auto";
	else if (str_eqz(tier, "default") || str_eqz(tier, "standard_only"))
		word = "standard_only";
	if (word == NULL) {
		PROV_LOSE(b, PROV_LOSS_TUNING, "service_tier");
		return;
	}
	json_out_key(&b->out, "service_tier");
	json_out_strz(&b->out, word);
}

void
anthropic_put_params(struct anthropic_build *b)
{
	put_temperature(b);
	put_top_p(b);
	put_top_k(b);
	put_stop(b);
	put_thinking(b);
	put_output_config(b);
	put_user(b);
	put_service_tier(b);
	if (b->err == ERR_OK)
		b->err =
		    prov_params_lose(b->call, b->http, b->fail, KNOWN, NULL);
}
