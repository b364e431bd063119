#include "prov/params.h"

#include "base/num.h"
#include "prov/inner.h"

/* Answers of another kind than asked for without these (wire.md 2). */
static const uint64_t contract =
    PROV_P(MSG_P_N) | PROV_P(MSG_P_LOGPROBS) | PROV_P(MSG_P_TOP_LOGPROBS) |
    PROV_P(MSG_P_MODALITIES) | PROV_P(MSG_P_AUDIO) | PROV_P(MSG_P_STOP) |
    PROV_P(MSG_P_WEB_SEARCH_OPTIONS);

/* The value says what is so without it. */
static bool
is_default(const struct msg_request *req, enum msg_param p)
{
	struct str v = req->param[p];
	double d;

	switch (p) {
	case MSG_P_N:
		return msg_param_double(req, p, &d) && d == 1;
	case MSG_P_LOGPROBS:
	case MSG_P_TOP_LOGPROBS:
	case MSG_P_STORE:
		return str_eqz(v, "false") || str_eqz(v, "0");
	case MSG_P_PARALLEL_TOOL_CALLS:
		return str_eqz(v, "true");
	case MSG_P_PRESENCE_PENALTY:
	case MSG_P_FREQUENCY_PENALTY:
		return msg_param_double(req, p, &d) && d == 0;
	case MSG_P_LOGIT_BIAS:
	case MSG_P_METADATA:
		return str_trim(str_skip(v, 1)).n == 1;
	case MSG_P_STOP:
		return v.p[0] == '[' && str_trim(str_skip(v, 1)).n == 1;
	case MSG_P_MODALITIES:
		return !str_contains(v, STR("audio")) &&
		       !str_contains(v, STR("image"));
	case MSG_P_VERBOSITY:
		return str_eqz(v, "\"medium\"");
	case MSG_P_SERVICE_TIER:
		return str_eqz(v, "\"auto\"") || str_eqz(v, "\"default\"");
	default:
		return false;
	}
}

static bool
is_member(const char *const *members, struct str key)
{
	for (; members != NULL && *members != NULL; members++) {
		if (str_eqz(key, *members))
			return true;
	}
	return false;
}

enum err
prov_params_lose(const struct prov_call *call, struct prov_http *h,
    struct msg_fail *fail, uint64_t known, const char *const *members)
{
	const struct msg_request *req = call->req;
	const struct msg_member *m;
	enum err e = ERR_OK;

	for (unsigned p = 0; p < MSG_P__MAX && e == ERR_OK; p++) {
		if (!str_present(req->param[p]) || (known & PROV_P(p)) ||
		    is_default(req, p))
			continue;
		e = prov_lose(call, h, fail,
		    (contract & PROV_P(p)) ? PROV_LOSS_CONTRACT
					   : PROV_LOSS_TUNING,
		    "%s", msg_param_table[p].name);
	}
	for (m = req->extra; m != NULL && e == ERR_OK; m = m->next) {
		if (!is_member(members, m->key))
			e = prov_lose(call, h, fail, PROV_LOSS_TUNING, "%.*s",
			    (int)(m->key.n < 64 ? m->key.n : 64), m->key.p);
	}
	return e;
}

static const struct {
	const char *word;
	int64_t budget;
} efforts[PROV_EFFORT__MAX] = {
	[PROV_EFFORT_UNSET] = { "", 0 },
	[PROV_EFFORT_NONE] = { "none", 0 },
	[PROV_EFFORT_MINIMAL] = { "minimal", 1024 },
	[PROV_EFFORT_LOW] = { "low", 1024 },
	[PROV_EFFORT_MEDIUM] = { "medium", 4096 },
	[PROV_EFFORT_HIGH] = { "high", 16384 },
	[PROV_EFFORT_XHIGH] = { "xhigh", 24576 },
	[PROV_EFFORT_MAX] = { "max", 32000 },
};

int64_t
prov_effort_budget(enum prov_effort e)
{
	return efforts[e].budget;
}

static enum prov_effort
effort_find(struct str word)
{
	for (int i = PROV_EFFORT_NONE; i < PROV_EFFORT__MAX; i++) {
		if (str_eqz(word, efforts[i].word))
			return (enum prov_effort)i;
	}
	return PROV_EFFORT_UNSET;
}

static enum prov_effort
effort_of_budget(int64_t budget)
{
	if (budget <= 0)
		return PROV_EFFORT_NONE;
	if (budget <= 1024)
		return PROV_EFFORT_LOW;
	if (budget <= 4096)
		return PROV_EFFORT_MEDIUM;
	return PROV_EFFORT_HIGH;
}

static void
set_budget(struct prov_reasoning *r, int64_t budget)
{
	r->effort = effort_of_budget(budget);
	r->budget = budget > 0 ? budget : 0;
}

/* {"type":"enabled"|"adaptive"|"disabled","budget_tokens":N,"display":...} */
static void
from_thinking(struct prov_reasoning *r, const struct json *j)
{
	int64_t n;

	if (json_str_is(j, json_get(j, 0, "type"), "disabled"))
		r->effort = PROV_EFFORT_NONE;
	else if (json_i64(j, json_get(j, 0, "budget_tokens"), &n) == ERR_OK)
		set_budget(r, n);
	else
		r->effort = PROV_EFFORT_MEDIUM;
	r->is_hidden = json_str_is(j, json_get(j, 0, "display"), "omitted");
}

/* {"effort":"high","max_tokens":N,"enabled":true,"exclude":false} */
static void
from_object(struct prov_reasoning *r, const struct json *j, struct arena *a)
{
	int64_t n;

	r->effort = effort_find(json_text(j, json_get(j, 0, "effort"), a));
	if (json_i64(j, json_get(j, 0, "max_tokens"), &n) == ERR_OK)
		set_budget(r, n);
	if (json_type(j, json_get(j, 0, "enabled")) == JSON_T_FALSE)
		r->effort = PROV_EFFORT_NONE;
	else if (r->effort == PROV_EFFORT_UNSET)
		r->effort = PROV_EFFORT_MEDIUM;
	r->is_hidden = json_is_true(j, json_get(j, 0, "exclude"));
}

struct prov_reasoning
prov_reasoning_asked(const struct msg_request *req, struct prov_tape *tape)
{
	static const enum msg_param order[] = { MSG_P_THINKING, MSG_P_REASONING,
		MSG_P_REASONING_EFFORT };
	struct prov_reasoning r = { .effort = PROV_EFFORT_UNSET };
	struct json j;

	for (size_t i = 0; i < 3 && r.effort == PROV_EFFORT_UNSET; i++) {
		enum msg_param p = order[i];

		if (!str_present(req->param[p]) ||
		    !prov_tape_scan(tape, req->param[p], &j))
			continue;
		r.param = msg_param_table[p].name;
		if (json_type(&j, 0) == JSON_T_STRING)
			r.effort = effort_find(json_text(&j, 0, req->arena));
		else if (p == MSG_P_THINKING)
			from_thinking(&r, &j);
		else if (p == MSG_P_REASONING)
			from_object(&r, &j, req->arena);
	}
	return r;
}

struct str
prov_param_text(
    const struct prov_call *call, enum msg_param p, struct prov_tape *tape)
{
	struct str out = { 0 };
	struct json j;

	if (str_present(call->req->param[p]) &&
	    prov_tape_scan(tape, call->req->param[p], &j))
		out = json_text(&j, 0, call->arena);
	return out;
}
