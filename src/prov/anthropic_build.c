/* Canonical request -> body of POST /v1/messages. */
#include "prov/anthropic.h"

#include <stdio.h>

/*
 * Pinned: 2026-10-21 refuses what 2023-06-01 takes (wire.md 1.1). Another is
 * sent only when the operator says so.
 */
#define VERSION "2023-06-01"
/* From here on temperature, top_p and top_k are refused whatever the model. */
#define VERSION_WITHOUT_SAMPLING "2026-10-21"
#define BETA_FILES "files-api-2025-04-14"
#define CACHE_MARKS_MAX 4

void
anthropic_put_cache(struct anthropic_build *b, struct str cache_control)
{
	if (!str_present(cache_control))
		return;
	if (b->cache_marks == CACHE_MARKS_MAX) {
		PROV_LOSE(b, PROV_LOSS_TUNING, "cache_control");
		return;
	}
	b->cache_marks++;
	json_out_kv_raw(&b->out, "cache_control", cache_control);
}

static struct str
version_of(const struct prov_target *t)
{
	return t->api_version.n != 0 ? t->api_version : STR(VERSION);
}

static void
plan(struct anthropic_build *b)
{
	const struct prov_target *t = b->call->target;
	struct str name = t->family.n != 0 ? t->family : t->model;

	b->family = anthropic_family_find(name);
	if (str_cmp(version_of(t), STR(VERSION_WITHOUT_SAMPLING)) >= 0)
		b->family.has_sampling = false;
	anthropic_plan_tools(b);
	anthropic_plan_limits(b);
}

static void
write_body(struct anthropic_build *b)
{
	json_out_init(&b->out, &b->http->body);
	json_out_obj(&b->out);
	json_out_kv_str(&b->out, "model", b->call->target->model);
	json_out_kv_i64(&b->out, "max_tokens", b->max_tokens);
	if (b->call->stream)
		json_out_kv_bool(&b->out, "stream", true);
	anthropic_put_params(b);
	anthropic_put_tools(b);
	anthropic_put_system(b);
	anthropic_put_messages(b);
	json_out_end(&b->out);
}

static enum err
headers(struct anthropic_build *b)
{
	enum err e = prov_http_header(
	    b->http, "anthropic-version", version_of(b->call->target));

	if (e == ERR_OK && b->uses_files)
		e = prov_http_header(
		    b->http, "anthropic-beta", STR(BETA_FILES));
	return e;
}

enum err
anthropic_build(
    const struct prov_call *call, struct prov_http *http, struct msg_fail *fail)
{
	struct anthropic_build b = {
		.call = call,
		.req = call->req,
		.http = http,
		.fail = fail,
	};

	http->key_header = "x-api-key";
	http->key_prefix = "";
	b.err = prov_http_begin(call, http, STR("/v1/messages"), fail);
	if (b.err == ERR_OK)
		plan(&b);
	if (b.err == ERR_OK)
		write_body(&b);
	if (b.err == ERR_OK)
		b.err = headers(&b);
	if (b.tape.failed)
		b.err = ERR_NOMEM;
	prov_tape_fini(&b.tape);
	return b.err == ERR_OK ? prov_http_done(call, http, fail) : b.err;
}
