/* Canonical request -> :generateContent or :streamGenerateContent. */
#include "prov/gemini.h"

#include "prov/schema.h"
#include "wire/url.h"

/* Members of the maker's own that a client may add. */
static const struct {
	const char *theirs[3];
	const char *ours;
} members[] = {
	{ { "safetySettings", "safety_settings" }, "safetySettings" },
	{ { "cachedContent", "cached_content" }, "cachedContent" },
	{ { "labels" }, "labels" },
};
static const char *const member_names[] = { "safetySettings", "safety_settings",
	"cachedContent", "cached_content", "labels", NULL };

#define KNOWN                                                                  \
	(PROV_P(MSG_P_TEMPERATURE) | PROV_P(MSG_P_TOP_P) |                     \
	    PROV_P(MSG_P_TOP_K) | PROV_P(MSG_P_MAX_TOKENS) |                   \
	    PROV_P(MSG_P_MAX_COMPLETION_TOKENS) | PROV_P(MSG_P_STOP) |         \
	    PROV_P(MSG_P_N) | PROV_P(MSG_P_SEED) | PROV_P(MSG_P_LOGPROBS) |    \
	    PROV_P(MSG_P_TOP_LOGPROBS) | PROV_P(MSG_P_PRESENCE_PENALTY) |      \
	    PROV_P(MSG_P_FREQUENCY_PENALTY) | PROV_P(MSG_P_REASONING_EFFORT) | \
	    PROV_P(MSG_P_REASONING) | PROV_P(MSG_P_THINKING) |                 \
	    PROV_P(MSG_P_MODALITIES) | PROV_P(MSG_P_SERVICE_TIER) |            \
	    PROV_P(MSG_P_WEB_SEARCH_OPTIONS))

/*
 * "/v1beta/models/gemini-2.5-pro:generateContent". A name with a folder
 * ("models/x", "tunedModels/x") brings its own. Always alt=sse: without it the
 * stream is one JSON array.
 */
static enum err
path_of(const struct prov_call *call, struct str *out)
{
	struct str rest = call->target->model;
	struct buf b;
	enum err e = ERR_OK;

	buf_init(&b, URL_MAX_BYTES);
	buf_addz(&b, "/v1beta/");
	if (!str_contains(rest, STR("/")))
		buf_addz(&b, "models/");
	while (str_present(rest) && e == ERR_OK) {
		e = url_put_segment(&b, str_cut(&rest, '/'));
		if (str_present(rest))
			buf_addc(&b, '/');
	}
	buf_addz(&b, call->stream ? ":streamGenerateContent?alt=sse"
				  : ":generateContent");
	if (e == ERR_OK && b.failed)
		e = ERR_LIMIT;
	if (e == ERR_OK) {
		*out = arena_str(call->arena, buf_str(&b));
		if (!str_present(*out))
			e = ERR_NOMEM;
	}
	buf_fini(&b);
	return e;
}

static void
begin(struct gemini_build *b)
{
	const struct prov_target *t = b->call->target;
	struct str path;

	b->err = path_of(b->call, &path);
	if (b->err == ERR_OK)
		b->err = prov_http_begin(b->call, b->http, path, b->fail);
	else if (b->err != ERR_NOMEM)
		msg_fail_set(b->fail, MSG_FAIL_INTERNAL,
		    "the model name of a target of provider %.*s cannot be "
		    "part of a URL",
		    STR_ARG(t->provider));
}

static void
put_members(struct gemini_build *b)
{
	const struct msg_member *m;
	uint32_t done = 0;

	for (m = b->req->extra; m != NULL; m = m->next) {
		for (size_t i = 0; i < sizeof(members) / sizeof(*members);
		     i++) {
			bool is_it = false;

			for (size_t k = 0; k < 3 && members[i].theirs[k]; k++)
				is_it |= str_eqz(m->key, members[i].theirs[k]);
			/* both spellings: the first counts */
			if (!is_it || (done & (1u << i)))
				continue;
			done |= 1u << i;
			json_out_kv_raw(&b->out, members[i].ours, m->raw);
		}
	}
}

static void
put_service_tier(struct gemini_build *b)
{
	struct str tier =
	    prov_param_text(b->call, MSG_P_SERVICE_TIER, &b->tape);
	const char *word = NULL;

	if (!str_present(tier) || str_eqz(tier, "auto"))
		return;
	if (str_eqz(tier, "default") || str_eqz(tier, "standard"))
		word = "standard";
	else if (str_eqz(tier, "flex"))
		word = "flex";
	else if (str_eqz(tier, "priority"))
		word = "priority";
	if (word == NULL) {
		PROV_LOSE(b, PROV_LOSS_TUNING, "service_tier");
		return;
	}
	json_out_key(&b->out, "serviceTier");
	json_out_strz(&b->out, word);
}

static void
write_body(struct gemini_build *b)
{
	json_out_init(&b->out, &b->http->body);
	json_out_obj(&b->out);
	gemini_put_system(b);
	gemini_put_contents(b);
	gemini_put_tools(b);
	gemini_put_config(b);
	put_service_tier(b);
	put_members(b);
	json_out_end(&b->out);
}

enum err
gemini_build(
    const struct prov_call *call, struct prov_http *http, struct msg_fail *fail)
{
	const struct prov_target *t = call->target;
	struct gemini_build b = {
		.call = call,
		.req = call->req,
		.http = http,
		.fail = fail,
		.budget = PROV_SUBSET_BUDGET,
	};

	http->key_header = "x-goog-api-key";
	http->key_prefix = "";
	b.family = gemini_family_find(t->family.n != 0 ? t->family : t->model);
	begin(&b);
	if (b.err == ERR_OK)
		b.err = prov_params_lose(call, http, fail, KNOWN, member_names);
	if (b.err == ERR_OK)
		gemini_plan_tools(&b);
	if (b.err == ERR_OK)
		write_body(&b);
	if (b.tape.failed)
		b.err = ERR_NOMEM;
	prov_tape_fini(&b.tape);
	return b.err == ERR_OK ? prov_http_done(call, http, fail) : b.err;
}
