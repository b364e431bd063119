#include "prov/openai.h"

#include "prov/inner.h"
#include "prov/kinds.h"
#include "prov/params.h"

#include "base/json_out.h"
#include "base/num.h"

/*
 * The body is walked once, member by member; what no rule touches is copied as
 * the bytes that the client sent. For a prompt of 100 KB that is one memcpy.
 */

/* ---- the model's family ------------------------------------------------ */

static bool
starts(struct str s, const char *prefix)
{
	return str_case_starts(s, str_z(prefix));
}

bool
openai_is_reasoning(struct str family)
{
	if (family.n >= 2 && (family.p[0] | 32) == 'o' && family.p[1] >= '1' &&
	    family.p[1] <= '9')
		return true;
	return starts(family, "gpt-5") && !starts(family, "gpt-5-chat");
}

static struct str
family_of(const struct prov_target *t)
{
	return t->family.n != 0 ? t->family : t->model;
}

void
openai_plan_init(struct openai_plan *plan, const struct prov_quirks *q,
    const struct prov_target *target)
{
	bool is_own = str_eqz(str_z(q->vendor), "openai") ||
		      str_eqz(str_z(q->vendor), "azure");
	struct str family = family_of(target);

	*plan = (struct openai_plan){ .q = q };
	plan->is_reasoning =
	    is_own && (target->is_reasoning || openai_is_reasoning(family));
	plan->use_max_completion_tokens = plan->is_reasoning;
	plan->keep_limit_name =
	    !plan->is_reasoning && (q->flags & PROV_Q_MAX_TOKENS) == 0;
	plan->no_stream_options = (q->flags & PROV_Q_NO_STREAM_OPTIONS) != 0;
	plan->system_to_user = is_own && (starts(family, "o1-mini") ||
					     starts(family, "o1-preview"));
}

/* ---- one member -------------------------------------------------------- */

static bool
is_harmless(const struct prov_quirk_field *f, struct str raw)
{
	double have, want;

	if (f->harmless == NULL)
		return false;
	if (str_eqz(raw, f->harmless))
		return true;
	return num_parse_double(raw, &have) == ERR_OK &&
	       num_parse_double(str_z(f->harmless), &want) == ERR_OK &&
	       have >= want && have <= want;
}

enum err
openai_refuse(struct openai_build *b, const struct prov_quirk_field *f,
    struct str key, struct str raw)
{
	if (is_harmless(f, raw))
		return ERR_OK;
	return prov_lose(
	    b->call, b->http, b->fail, f->loss, "%.*s", STR_ARG(key));
}

/*
 * The effort that other makers' words for it (OpenRouter's reasoning,
 * Anthropic's thinking) amount to, where OpenAI's own is not given; NULL: none.
 */
static const char *
effort_word(const struct openai_build *b)
{
	static const char *const words[PROV_EFFORT__MAX] = {
		[PROV_EFFORT_MINIMAL] = "minimal",
		[PROV_EFFORT_LOW] = "low",
		[PROV_EFFORT_MEDIUM] = "medium",
		[PROV_EFFORT_HIGH] = "high",
		[PROV_EFFORT_XHIGH] = "high",
		[PROV_EFFORT_MAX] = "high",
	};
	const struct msg_request *r = b->call->req;
	struct str family = family_of(b->call->target);
	struct prov_tape tape = { .tok = NULL };
	enum prov_effort e;

	if (!b->plan->is_reasoning ||
	    str_present(r->param[MSG_P_REASONING_EFFORT]))
		return NULL;
	e = prov_reasoning_asked(r, &tape).effort;
	prov_tape_fini(&tape);
	if (e == PROV_EFFORT_NONE)
		/* the least that each knows: only gpt-5.1 and later can stop */
		return starts(family, "gpt-5.")	 ? "none"
		       : starts(family, "gpt-5") ? "minimal"
						 : "low";
	if (e == PROV_EFFORT_MINIMAL && !starts(family, "gpt-5"))
		e = PROV_EFFORT_LOW;
	return words[e];
}

/* The row that concerns this member, of the model's family or the maker's. */
const struct prov_quirk_field *
openai_row_of(const struct openai_build *b, struct str key)
{
	const struct prov_quirk_field *f = prov_quirk_steers(key);
	struct str model = b->call->target->model;

	if (f != NULL)
		return f;
	if (b->plan->is_reasoning)
		f = prov_quirk_field(prov_quirk_openai_reasoning, key);
	else if (str_eqz(str_z(b->plan->q->vendor), "xai") &&
		 (starts(model, "grok-4") || starts(model, "grok-3-mini")) &&
		 !str_case_contains(model, STR("non-reasoning")))
		f = prov_quirk_field(prov_quirk_xai_reasoning, key);
	return f != NULL ? f : prov_quirk_field(b->plan->q->fields, key);
}

void
openai_splice(struct openai_build *b, struct str key, struct str raw)
{
	json_out_key_str(&b->o, key);
	json_out_raw(&b->o, raw);
}

/* Together's: the number of alternatives instead of true. */
static void
logprobs_number(struct openai_build *b, struct str raw)
{
	int64_t top = 1;

	(void)msg_param_i64(b->call->req, MSG_P_TOP_LOGPROBS, &top);
	if (str_eq(raw, STR("true")))
		json_out_kv_i64(&b->o, "logprobs", top > 0 ? top : 1);
	else if (!str_eq(raw, STR("false")))
		json_out_kv_raw(&b->o, "logprobs", raw);
}

static enum err
put_member(struct openai_build *b, struct str key, json_ref v)
{
	struct str raw = json_raw(&b->call->req->json, v);
	const struct prov_quirk_field *f = openai_row_of(b, key);
	const struct prov_quirks *q = b->plan->q;

	/* said again as reasoning_effort at the end */
	if ((str_eq(key, STR("reasoning")) || str_eq(key, STR("thinking"))) &&
	    effort_word(b) != NULL)
		return ERR_OK;
	if (f != NULL && f->renamed == NULL)
		return openai_refuse(b, f, key, raw);
	if (f != NULL)
		key = str_z(f->renamed);
	if ((q->flags & PROV_Q_STRICT) != 0 && !prov_quirk_knows(q->known, key))
		return prov_lose(b->call, b->http, b->fail, PROV_LOSS_TUNING,
		    "%.*s", STR_ARG(key));
	if ((q->flags & PROV_Q_LOGPROBS_NUMBER) != 0) {
		if (str_eq(key, STR("logprobs"))) {
			logprobs_number(b, raw);
			return ERR_OK;
		}
		if (str_eq(key, STR("top_logprobs")))
			return ERR_OK;
	}
	/* models that do not reason refuse to be told how much */
	if (str_eq(key, STR("reasoning_effort")) &&
	    !prov_quirk_has_effort(q, family_of(b->call->target)))
		return prov_lose(b->call, b->http, b->fail, PROV_LOSS_TUNING,
		    "reasoning_effort");
	openai_splice(b, key, raw);
	return ERR_OK;
}

/* ---- members with a rule of their own ---------------------------------- */

enum own {
	OWN_MODEL,
	OWN_MESSAGES,
	OWN_TOOLS,
	OWN_FUNCTIONS,
	OWN_FUNCTION_CALL,
	OWN_TOOL_CHOICE, /* and parallel_tool_calls: nothing without tools */
	OWN_GATEWAY, /* for us alone: makers refuse what they do not know */
	OWN_METADATA, /* of /v1/chat: not for a provider */
	OWN_WRITTEN, /* written at the end, or not at all */
	OWN__MAX
};

static const struct {
	const char *name;
	enum own own;
} own_table[] = {
	{ "model", OWN_MODEL },
	{ "messages", OWN_MESSAGES },
	{ "stream", OWN_WRITTEN },
	{ "stream_options", OWN_WRITTEN },
	{ "max_tokens", OWN_WRITTEN },
	{ "max_completion_tokens", OWN_WRITTEN },
	{ "tools", OWN_TOOLS },
	{ "functions", OWN_FUNCTIONS },
	{ "function_call", OWN_FUNCTION_CALL },
	{ "tool_choice", OWN_TOOL_CHOICE },
	{ "parallel_tool_calls", OWN_TOOL_CHOICE },
	{ "client_id", OWN_GATEWAY },
	{ "metadata", OWN_METADATA },
};

static enum own
own_of(struct str key)
{
	for (size_t i = 0; i < sizeof(own_table) / sizeof(*own_table); i++) {
		if (str_eqz(key, own_table[i].name))
			return own_table[i].own;
	}
	return OWN__MAX;
}

static bool
is_web(struct str url)
{
	return str_case_starts(url, STR("https://")) ||
	       str_case_starts(url, STR("http://"));
}

/* May it go where the server would fetch it? */
static bool
may_fetch(const struct msg_part *p, bool is_inside)
{
	if (p->type == MSG_PART_OTHER)
		return !is_inside;
	if (!str_present(p->url) || p->url.n == 0 ||
	    str_case_starts(p->url, STR("data:")))
		return true;
	/* bare base64 has neither; a file's name, to some servers, has */
	if (str_chr(p->url, ':') == p->url.n &&
	    str_chr(p->url, '.') == p->url.n)
		return true;
	return is_web(p->url) && !is_inside;
}

/*
 * A client's URL is fetched by the provider, from where the provider is. Never
 * dropped: without it the question would be another.
 */
static enum err
check_urls(struct openai_build *b)
{
	bool is_inside = (b->plan->q->flags & PROV_Q_INSIDE) != 0;

	for (const struct msg *m = b->call->req->messages; m; m = m->next) {
		uint32_t i = 0;

		for (const struct msg_part *p = m->parts; p; p = p->next, i++) {
			if (may_fetch(p, is_inside))
				continue;
			msg_fail_set(b->fail, MSG_FAIL_INVALID,
			    "messages[%u].content[%u]: the model's provider "
			    "(%.*s) takes %s.",
			    m->index, i, STR_ARG(b->call->target->provider),
			    is_inside ? "data: URLs only"
				      : "https:, http: and data: URLs only");
			(void)snprintf(b->fail->param, sizeof(b->fail->param),
			    "messages[%u].content[%u]", m->index, i);
			return ERR_UNSUPPORTED;
		}
	}
	return ERR_OK;
}

static enum err
put_messages(struct openai_build *b, json_ref v)
{
	const struct msg_request *r = b->call->req;
	enum err e = check_urls(b);

	if (e != ERR_OK)
		return e;
	json_out_key(&b->o, "messages");
	if (openai_messages_plain(r, b->plan)) {
		json_out_raw(&b->o, json_raw(&r->json, v));
		return ERR_OK;
	}
	/* it writes one value to the same buffer */
	json_out_raw(&b->o, STR(""));
	return openai_messages(b->call, b->plan, v, b->http, b->fail);
}

static enum err
put_own(struct openai_build *b, enum own own, struct str key, json_ref v)
{
	const struct msg_request *r = b->call->req;
	bool is_legacy = (b->plan->q->flags & PROV_Q_LEGACY) != 0;

	switch (own) {
	case OWN_MODEL:
		json_out_kv_str(&b->o, "model", b->call->target->model);
		return ERR_OK;
	case OWN_MESSAGES:
		return put_messages(b, v);
	case OWN_TOOLS:
		return openai_put_tools(b, v);
	case OWN_FUNCTIONS:
		if (is_legacy && r->n_tools != 0)
			return put_member(b, key, v);
		return openai_put_tools(b, v);
	case OWN_FUNCTION_CALL:
		if (r->n_tools == 0)
			return ERR_OK;
		if (is_legacy)
			return put_member(b, key, v);
		openai_put_legacy_choice(b);
		return ERR_OK;
	case OWN_TOOL_CHOICE:
		/* refused by makers without tools; then it means nothing */
		if (r->n_tools == 0 && r->choice != MSG_CHOICE_REQUIRED &&
		    r->choice != MSG_CHOICE_NAMED)
			return ERR_OK;
		return put_member(b, key, v);
	case OWN_METADATA:
		if (r->dialect == MSG_DIALECT_CHAT)
			return ERR_OK;
		return put_member(b, key, v);
	case OWN_GATEWAY:
	case OWN_WRITTEN:
	case OWN__MAX:
		break;
	}
	return ERR_OK;
}

static void
put_limit(struct openai_build *b)
{
	const struct msg_request *r = b->call->req;
	struct str mct = r->param[MSG_P_MAX_COMPLETION_TOKENS];
	struct str mt = r->param[MSG_P_MAX_TOKENS];
	int64_t n = msg_max_tokens(r, b->call->target->default_max_tokens);
	bool is_new = b->plan->use_max_completion_tokens;

	if (n <= 0)
		return;
	if (b->plan->keep_limit_name)
		is_new = str_present(mct) || !str_present(mt);
	json_out_kv_i64(
	    &b->o, is_new ? "max_completion_tokens" : "max_tokens", n);
}

static void
put_stream(struct openai_build *b)
{
	const struct msg_request *r = b->call->req;
	json_ref v = json_get_set(&r->json, 0, "stream_options");

	if (!b->call->stream)
		return;
	json_out_kv_bool(&b->o, "stream", true);
	if (b->plan->no_stream_options)
		return;
	json_out_key(&b->o, "stream_options");
	json_out_obj(&b->o);
	if (json_type(&r->json, v) == JSON_T_OBJECT) {
		json_each (&r->json, v, k) {
			struct str key = json_text(&r->json, k, b->call->arena);

			if (!str_eq(key, STR("include_usage")))
				openai_splice(b, key,
				    json_raw(
					&r->json, json_value(&r->json, k)));
		}
	}
	/* always: what it cost must be known (wire.md 11.8) */
	json_out_kv_bool(&b->o, "include_usage", true);
	json_out_end(&b->o);
}

enum err
openai_body(const struct prov_call *call, const struct openai_plan *plan,
    struct prov_http *http, struct msg_fail *fail)
{
	struct openai_build b = { call, plan, http, fail, { 0 } };
	const struct json *j = &call->req->json;
	enum err e = ERR_OK;

	/* in one piece from the start: growing would copy it again */
	(void)buf_room(&http->body, j->text.n + 512);
	http->body.failed = false;
	json_out_init(&b.o, &http->body);
	json_out_obj(&b.o);
	json_each (j, 0, k) {
		/* decoded: an escaped "mod\u0065l" must not slip through */
		struct str key = json_text(j, k, call->arena);
		json_ref v = json_value(j, k);
		enum own own = own_of(key);

		if (json_type(j, v) == JSON_T_NULL)
			continue;
		e = own == OWN__MAX ? put_member(&b, key, v)
				    : put_own(&b, own, key, v);
		if (e != ERR_OK)
			return e;
	}
	put_limit(&b);
	if (effort_word(&b) != NULL)
		json_out_kv_str(
		    &b.o, "reasoning_effort", str_z(effort_word(&b)));
	put_stream(&b);
	json_out_end(&b.o);
	return prov_http_done(call, http, fail);
}

enum err
openai_build(
    const struct prov_call *call, struct prov_http *http, struct msg_fail *fail)
{
	const struct prov_target *t = call->target;
	const struct prov_quirks *q = prov_quirks_of(t);
	struct str base = t->base_url;
	struct openai_plan plan;
	enum err e;

	/* kind openai behind a proxy of the operator's is OpenAI all the same */
	if (t->kind == &prov_kind_openai && t->vendor.n == 0)
		q = prov_quirks_find(STR("openai"));
	if (base.n == 0)
		base = str_z(q->base_url != NULL ? q->base_url
						 : t->kind->default_base_url);
	openai_plan_init(&plan, q, t);
	http->key_header = "authorization";
	http->key_prefix = "Bearer ";
	e = prov_http_begin_at(call, http, base,
	    q->path != NULL ? str_z(q->path) : STR("/v1/chat/completions"),
	    fail);
	if (e != ERR_OK)
		return e;
	return openai_body(call, &plan, http, fail);
}
