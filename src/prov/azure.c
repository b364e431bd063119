#include "prov/openai.h"

#include "prov/kinds.h"
#include "wire/url.h"

/*
 * Azure has three surfaces with one dialect; base_url tells which:
 *
 *	https://RES.openai.azure.com/openai/v1		v1, no api-version
 *	https://RES.services.ai.azure.com/models	Foundry's other models
 *	https://RES.openai.azure.com			classic: deployments
 *
 * A classic deployment's name does not tell the model behind it: that is what
 * `family` is for (wire.md 10 #72).
 */

/* The newest GA version; what knows max_completion_tokens. */
#define VERSION_PLAIN "2024-10-21"
#define VERSION_REASONING "2025-01-01-preview"
#define VERSION_FOUNDRY "2024-05-01-preview"
/* Older ones answer 400 to the field (wire.md 2.1). */
#define HAS_STREAM_OPTIONS "2024-09-01"
#define HAS_MAX_COMPLETION_TOKENS "2024-12-01"

static bool
is_before(struct str version, const char *date)
{
	/* dates of one form: by bytes is by time */
	return version.n >= 10 &&
	       str_cmp(str_of(version.p, 10), str_z(date)) < 0;
}

static struct str
classic_path(const struct prov_call *call, struct str version)
{
	const struct prov_target *t = call->target;
	struct str path = { NULL, 0 };
	struct buf b;

	buf_init(&b, URL_MAX_BYTES);
	/* a base that names the deployment is taken as it is */
	if (!str_contains(t->base_url, STR("/deployments/"))) {
		buf_addz(&b, "/openai/deployments/");
		if (url_put_segment(&b, t->model) != ERR_OK)
			goto out;
	}
	buf_addz(&b, "/chat/completions?api-version=");
	if (url_put_segment(&b, version) == ERR_OK && !b.failed)
		path = arena_str(call->arena, buf_str(&b));
out:
	buf_fini(&b);
	return path;
}

static struct str
foundry_path(const struct prov_call *call, struct str version)
{
	return arena_printf(call->arena, "/chat/completions?api-version=%.*s",
	    STR_ARG(version));
}

static enum err
azure_build(
    const struct prov_call *call, struct prov_http *http, struct msg_fail *fail)
{
	const struct prov_target *t = call->target;
	struct str version = t->api_version;
	struct openai_plan plan;
	struct str path;
	enum err e;

	openai_plan_init(&plan, prov_quirks_find(STR("azure")), t);
	http->key_header = "api-key";
	http->key_prefix = "";
	if (str_contains(t->base_url, STR("/openai/v1"))) {
		path = STR("/openai/v1/chat/completions");
	} else if (str_contains(t->base_url, STR("/models"))) {
		path = foundry_path(
		    call, version.n != 0 ? version : STR(VERSION_FOUNDRY));
	} else {
		if (version.n == 0)
			version = plan.is_reasoning ? STR(VERSION_REASONING)
						    : STR(VERSION_PLAIN);
		if (is_before(version, HAS_MAX_COMPLETION_TOKENS) &&
		    !plan.is_reasoning) {
			plan.keep_limit_name = false;
			plan.use_max_completion_tokens = false;
		}
		plan.no_stream_options = is_before(version, HAS_STREAM_OPTIONS);
		path = classic_path(call, version);
	}
	if (path.n == 0) {
		msg_fail_set(fail, MSG_FAIL_INTERNAL,
		    "the model %.*s of provider %.*s cannot be a deployment",
		    STR_ARG(t->model), STR_ARG(t->provider));
		return ERR_SYNTAX;
	}
	e = prov_http_begin(call, http, path, fail);
	return e == ERR_OK ? openai_body(call, &plan, http, fail) : e;
}

const struct prov_kind prov_kind_azure = {
	.name = "azure",
	.caps = PROV_CAP_CHAT | PROV_CAP_OPENAI_DIALECT | PROV_CAP_URL_IMAGES |
		PROV_CAP_LEARNS,
	.default_base_url = NULL,
	.build = azure_build,
	.answer_new = openai_answer_new,
	.answer_free = openai_answer_free,
	.answer_head = prov_collect_head,
	.answer_feed = prov_collect_feed,
	.answer_end = prov_collect_end,
	.models_path = "/openai/v1/models",
};
