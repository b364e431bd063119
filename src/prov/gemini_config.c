/* generationConfig: sampling, limits, thinking, response format. */
#include "prov/gemini.h"

#include <stdio.h>

#define STOP_MAX 5
#define CANDIDATES_MAX 8

/* Values that go as they are. */
static const struct {
	enum msg_param param;
	const char *key;
} plain[] = {
	{ MSG_P_TEMPERATURE, "temperature" },
	{ MSG_P_TOP_P, "topP" },
	{ MSG_P_SEED, "seed" },
	{ MSG_P_PRESENCE_PENALTY, "presencePenalty" },
	{ MSG_P_FREQUENCY_PENALTY, "frequencyPenalty" },
};

static void
put_limits(struct gemini_build *b)
{
	int64_t otherwise = b->call->target->default_max_tokens;
	int64_t max = msg_max_tokens(b->req, otherwise);
	int64_t v;

	if (max > 0)
		json_out_kv_i64(&b->out, "maxOutputTokens", max);
	if (msg_param_i64(b->req, MSG_P_TOP_K, &v) && v > 0)
		json_out_kv_i64(&b->out, "topK", v);
	if (!msg_param_i64(b->req, MSG_P_N, &v) || v == 1)
		return;
	if (v <= CANDIDATES_MAX)
		json_out_kv_i64(&b->out, "candidateCount", v);
	else
		PROV_LOSE(b, PROV_LOSS_CONTRACT, "n");
}

static void
put_logprobs(struct gemini_build *b)
{
	int64_t top;

	if (!msg_param_true(b->req, MSG_P_LOGPROBS))
		return;
	json_out_kv_bool(&b->out, "responseLogprobs", true);
	if (msg_param_i64(b->req, MSG_P_TOP_LOGPROBS, &top) && top > 0)
		json_out_kv_i64(&b->out, "logprobs", top);
}

static void
put_stop(struct gemini_build *b)
{
	struct str raw = b->req->param[MSG_P_STOP];
	unsigned n = 0;
	struct json j;

	if (!str_present(raw) || !prov_tape_scan(&b->tape, raw, &j))
		return;
	if (json_type(&j, 0) == JSON_T_STRING && json_inner(&j, 0).n != 0) {
		json_out_key(&b->out, "stopSequences");
		json_out_arr(&b->out);
		json_out_raw(&b->out, raw);
		json_out_end(&b->out);
		return;
	}
	json_each (&j, 0, e) {
		if (json_inner(&j, e).n == 0)
			continue;
		if (n++ == 0) {
			json_out_key(&b->out, "stopSequences");
			json_out_arr(&b->out);
		}
		if (n <= STOP_MAX)
			json_out_raw(&b->out, json_raw(&j, e));
	}
	if (n != 0)
		json_out_end(&b->out);
	if (n > STOP_MAX)
		PROV_LOSE(b, PROV_LOSS_CONTRACT, "stop[%d]", STOP_MAX);
}

static void
put_modalities(struct gemini_build *b)
{
	struct str raw = b->req->param[MSG_P_MODALITIES];

	if (!str_present(raw))
		return;
	/* Sound has no place in what the gateway answers. */
	if (str_contains(raw, STR("audio")))
		PROV_LOSE(b, PROV_LOSS_CONTRACT, "modalities");
	if (!str_contains(raw, STR("image")))
		return;
	json_out_key(&b->out, "responseModalities");
	json_out_raw(&b->out, STR("[\"TEXT\",\"IMAGE\"]"));
}

/* ---- thinking ----------------------------------------------------------- */

static int64_t
clamp(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

/* 2.5: 0 turns it off on Flash; Pro has a least; both have a most. */
static int64_t
budget_of(struct gemini_build *b, const struct prov_reasoning *r)
{
	int64_t least = b->family.is_lite ? 512 : b->family.is_flash ? 1 : 128;
	int64_t most = b->family.is_flash ? 24576 : 32768;

	if (r->effort == PROV_EFFORT_NONE && b->family.is_flash)
		return 0;
	if (r->effort == PROV_EFFORT_NONE)
		PROV_LOSE(b, PROV_LOSS_TUNING, "%s", r->param);
	return clamp(r->budget != 0 ? r->budget : prov_effort_budget(r->effort),
	    least, most);
}

/* 3: it cannot be turned off; Flash has minimal, 3.0 Pro no medium. */
static const char *
level_of(struct gemini_build *b, const struct prov_reasoning *r)
{
	switch (r->effort) {
	case PROV_EFFORT_UNSET:
	case PROV_EFFORT_NONE:
		PROV_LOSE(b, PROV_LOSS_TUNING, "%s", r->param);
		/* fall through */
	case PROV_EFFORT_MINIMAL:
		return b->family.is_flash ? "minimal" : "low";
	case PROV_EFFORT_LOW:
		return "low";
	case PROV_EFFORT_MEDIUM:
		return b->family.version > 300 || b->family.is_flash ? "medium"
								     : "high";
	case PROV_EFFORT_HIGH:
	case PROV_EFFORT_XHIGH:
	case PROV_EFFORT_MAX:
	case PROV_EFFORT__MAX:
		break;
	}
	return "high";
}

static void
put_thinking(struct gemini_build *b)
{
	struct prov_reasoning r = prov_reasoning_asked(b->req, &b->tape);
	struct json_out *o = &b->out;

	if (r.param == NULL)
		return;
	if (r.effort == PROV_EFFORT_UNSET ||
	    (!b->family.has_budget && !b->family.has_level)) {
		/* What does not think is what was asked for. */
		if (r.effort != PROV_EFFORT_NONE)
			PROV_LOSE(b, PROV_LOSS_TUNING, "%s", r.param);
		return;
	}
	json_out_key(o, "thinkingConfig");
	json_out_obj(o);
	if (b->family.has_level) {
		json_out_key(o, "thinkingLevel");
		json_out_strz(o, level_of(b, &r));
	} else {
		json_out_kv_i64(o, "thinkingBudget", budget_of(b, &r));
	}
	if (r.effort != PROV_EFFORT_NONE && !r.is_hidden)
		json_out_kv_bool(o, "includeThoughts", true);
	json_out_end(o);
}

static void
put_format(struct gemini_build *b)
{
	if (!b->json_native)
		return;
	json_out_key(&b->out, "responseMimeType");
	json_out_strz(&b->out, "application/json");
	if (b->req->format == MSG_FORMAT_JSON_SCHEMA &&
	    str_present(b->req->schema))
		gemini_put_schema(b, b->req->schema, false,
		    "response_format.json_schema.schema");
}

void
gemini_put_config(struct gemini_build *b)
{
	struct json_out *o = &b->out;
	struct buf *body = &b->http->body;
	size_t start = body->n;
	struct json_out before = *o;
	size_t empty;

	json_out_key(o, "generationConfig");
	json_out_obj(o);
	empty = body->n;
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		struct str v = b->req->param[plain[i].param];

		if (str_present(v))
			json_out_kv_raw(o, plain[i].key, v);
	}
	put_limits(b);
	put_logprobs(b);
	put_stop(b);
	put_modalities(b);
	put_thinking(b);
	put_format(b);
	if (body->n == empty && !body->failed) { /* nothing to say */
		body->n = start;
		*o = before;
		return;
	}
	json_out_end(o);
}
