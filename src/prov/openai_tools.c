#include "prov/openai.h"

static bool
has_tool_cache(const struct msg_request *r)
{
	for (const struct msg_tool *t = r->tools; t != NULL; t = t->next) {
		if (str_present(t->cache_control))
			return true;
	}
	return false;
}

/* One tool without its cache marker, or a legacy function as a tool. */
static void
put_tool(struct openai_build *b, const struct msg_tool *t)
{
	struct json_out *o = &b->o;

	json_out_obj(o);
	json_out_kv_str(o, "type", STR("function"));
	json_out_key(o, "function");
	json_out_obj(o);
	json_out_kv_str(o, "name", t->name);
	if (str_present(t->description))
		json_out_kv_inner(o, "description", t->description);
	if (str_present(t->parameters))
		json_out_kv_raw(o, "parameters", t->parameters);
	if (str_present(t->strict))
		json_out_kv_raw(o, "strict", t->strict);
	json_out_end(o);
	json_out_end(o);
}

/*
 * Tools that the server itself would run: they search, fetch and ask other
 * models, at addresses and for money of the client's choice. OpenAI has none
 * in this dialect.
 */
static uint32_t
count_others(const struct msg_request *r)
{
	uint32_t n = 0;

	for (const struct msg_tool *t = r->tools; t != NULL; t = t->next)
		n += t->type == MSG_TOOL_OTHER;
	return n;
}

static enum err
lose_others(struct openai_build *b)
{
	enum err e = ERR_OK;

	for (const struct msg_tool *t = b->call->req->tools;
	     t != NULL && e == ERR_OK; t = t->next) {
		if (t->type == MSG_TOOL_OTHER)
			e = prov_lose(b->call, b->http, b->fail,
			    PROV_LOSS_CONTRACT, "tools[%u].type", t->index);
	}
	return e;
}

/* Those that can go, one by one: a mark stays behind. */
static enum err
put_each_tool(struct openai_build *b, const struct msg_request *r)
{
	json_out_key(&b->o, "tools");
	json_out_arr(&b->o);
	for (const struct msg_tool *t = r->tools; t != NULL; t = t->next) {
		bool is_marked = str_present(t->cache_control);
		enum err e = ERR_OK;

		if (t->type == MSG_TOOL_OTHER)
			continue;
		if (is_marked)
			e = prov_lose(b->call, b->http, b->fail,
			    PROV_LOSS_TUNING, "tools.cache_control");
		if (e != ERR_OK)
			return e;
		if (t->type == MSG_TOOL_FUNCTION &&
		    (is_marked || r->legacy_functions))
			put_tool(b, t);
		else
			json_out_raw(&b->o, t->raw);
	}
	json_out_end(&b->o);
	return ERR_OK;
}

enum err
openai_put_tools(struct openai_build *b, json_ref v)
{
	const struct msg_request *r = b->call->req;
	bool no_cache =
	    (b->plan->q->flags & PROV_Q_NO_CACHE) != 0 && has_tool_cache(r);
	const struct prov_quirk_field *f = openai_row_of(b, STR("tools"));
	uint32_t n_other = count_others(r);
	enum err e;

	/* [] is refused everywhere and means what absence means */
	if (r->n_tools == 0)
		return ERR_OK;
	if (f != NULL)
		return openai_refuse(b, f, STR("tools"), json_raw(&r->json, v));
	if (!r->legacy_functions && !no_cache && !n_other) {
		openai_splice(b, STR("tools"), json_raw(&r->json, v));
		return ERR_OK;
	}
	e = lose_others(b);
	return e == ERR_OK && n_other < r->n_tools ? put_each_tool(b, r) : e;
}

/* function_call of the older form. */
void
openai_put_legacy_choice(struct openai_build *b)
{
	const struct msg_request *r = b->call->req;
	struct json_out *o = &b->o;

	switch (r->choice) {
	case MSG_CHOICE_AUTO:
		json_out_kv_str(o, "tool_choice", STR("auto"));
		break;
	case MSG_CHOICE_NONE:
		json_out_kv_str(o, "tool_choice", STR("none"));
		break;
	case MSG_CHOICE_NAMED:
		json_out_key(o, "tool_choice");
		json_out_obj(o);
		json_out_kv_str(o, "type", STR("function"));
		json_out_key(o, "function");
		json_out_obj(o);
		json_out_kv_str(o, "name", r->choice_name);
		json_out_end(o);
		json_out_end(o);
		break;
	case MSG_CHOICE_UNSET:
	case MSG_CHOICE_REQUIRED:
	case MSG_CHOICE_ALLOWED:
		break;
	}
}
