#include "prov/openai.h"

#include "base/hash.h"
#include "base/json_out.h"

/*
 * Messages that some rule of the maker touches. Even then they are not built
 * anew: each message is walked member by member and its bytes are copied but
 * for the members that the rule names.
 */
struct writer {
	const struct prov_call *call;
	const struct openai_plan *plan;
	struct prov_http *http;
	struct msg_fail *fail;
	const struct json *j;
	struct json_out o;
	unsigned flags;
};

/* ---- whether anything is to be done ------------------------------------ */

static bool
has_cache(const struct msg *m)
{
	if (str_present(m->cache_control))
		return true;
	for (const struct msg_part *p = m->parts; p != NULL; p = p->next) {
		if (str_present(p->cache_control))
			return true;
	}
	return false;
}

static bool
has_signature(const struct msg *m)
{
	for (const struct msg_call *c = m->calls; c != NULL; c = c->next) {
		if (str_present(c->signature))
			return true;
	}
	return false;
}

static bool
touches_reasoning(const struct msg *m, unsigned flags)
{
	if (str_present(m->reasoning) &&
	    (flags & (PROV_Q_NO_REASONING | PROV_Q_REASONING_SHORT)) != 0)
		return true;
	if (m->thinking != NULL && (flags & PROV_Q_NO_THINKING) != 0)
		return true;
	return (flags & PROV_Q_REASONING_EMPTY) != 0 &&
	       m->role == MSG_ASSISTANT &&
	       (m->calls != NULL || str_present(m->reasoning));
}

static bool
touches_role(const struct msg *m, const struct openai_plan *plan)
{
	if (m->role == MSG_DEVELOPER &&
	    (plan->q->flags & PROV_Q_NO_DEVELOPER) != 0)
		return true;
	return (m->role == MSG_DEVELOPER || m->role == MSG_SYSTEM) &&
	       plan->system_to_user;
}

static bool
touches(const struct msg *m, const struct openai_plan *plan, bool is_legacy)
{
	unsigned flags = plan->q->flags;

	if (touches_role(m, plan))
		return true;
	if (str_present(m->name) && m->role != MSG_TOOL &&
	    (flags & PROV_Q_NO_NAME) != 0)
		return true;
	if ((flags & PROV_Q_ID9) != 0 &&
	    (m->calls != NULL || str_present(m->call_id)))
		return true;
	if ((flags & PROV_Q_NO_CACHE) != 0 && has_cache(m))
		return true;
	if ((flags & PROV_Q_NO_SIGNATURE) != 0 && has_signature(m))
		return true;
	/* an answer in the older form to a call of the older form */
	if (is_legacy && (flags & PROV_Q_LEGACY) == 0 &&
	    (m->calls != NULL || m->role == MSG_TOOL))
		return true;
	return touches_reasoning(m, flags);
}

static bool
is_legacy_history(const struct msg_request *r)
{
	for (const struct msg *m = r->messages; m != NULL; m = m->next) {
		if (m->calls != NULL && m->calls->raw.n != 0 &&
		    m->role == MSG_ASSISTANT &&
		    !str_contains(m->calls->raw, STR("\"function\"")) &&
		    !str_contains(m->calls->raw, STR("\"custom\"")))
			return true;
	}
	return r->legacy_functions;
}

bool
openai_messages_plain(
    const struct msg_request *r, const struct openai_plan *plan)
{
	bool is_legacy = is_legacy_history(r);

	/* a strict maker's members are checked one by one */
	if ((plan->q->flags & PROV_Q_STRICT) != 0)
		return false;
	for (const struct msg *m = r->messages; m != NULL; m = m->next) {
		if (touches(m, plan, is_legacy))
			return false;
	}
	return true;
}

/* ---- writing ----------------------------------------------------------- */

static enum err
lose(struct writer *w, const char *what)
{
	return prov_lose(
	    w->call, w->http, w->fail, PROV_LOSS_TUNING, "messages.%s", what);
}

static void
splice(struct writer *w, struct str key, json_ref v)
{
	json_out_key_str(&w->o, key);
	json_out_raw(&w->o, json_raw(w->j, v));
}

/*
 * Mistral's rule for ids, "a-z, A-Z, 0-9, with a length of 9": one that keeps it
 * stays, any other becomes a hash of itself, the same for call and result.
 */
static void
put_id(struct writer *w, const char *key, struct str id)
{
	char hash[10];
	bool is_fit = id.n == 9;

	for (size_t i = 0; i < id.n && is_fit; i++) {
		char c = id.p[i];

		is_fit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			 (c >= 'A' && c <= 'Z');
	}
	if ((w->flags & PROV_Q_ID9) != 0 && !is_fit) {
		hash_base62(id, 9, hash);
		id = str_of(hash, 9);
	}
	json_out_kv_str(&w->o, key, id);
}

static const char *
role_word(const struct writer *w, const struct msg *m)
{
	switch (m->role) {
	case MSG_DEVELOPER:
		if (w->plan->system_to_user)
			return "user";
		return (w->flags & PROV_Q_NO_DEVELOPER) != 0 ? "system"
							     : "developer";
	case MSG_SYSTEM:
		return w->plan->system_to_user ? "user" : "system";
	case MSG_USER:
		return "user";
	case MSG_ASSISTANT:
		return "assistant";
	case MSG_TOOL:
	case MSG_ROLE__MAX:
		break;
	}
	return "tool";
}

/*
 * Some part has the peers' marker. (OpenAI's own prompt_cache_breakpoint, which
 * is read as one too, is for OpenAI.)
 */
static bool
is_marked(const struct json *j, json_ref parts)
{
	if (json_type(j, parts) != JSON_T_ARRAY)
		return false;
	json_each (j, parts, part) {
		if (json_get(j, part, "cache_control") != JSON_NONE)
			return true;
	}
	return false;
}

/* Content parts without their cache markers. */
static enum err
put_content(struct writer *w, json_ref v)
{
	enum err e;

	json_out_key(&w->o, "content");
	if ((w->flags & PROV_Q_NO_CACHE) == 0 || !is_marked(w->j, v)) {
		json_out_raw(&w->o, json_raw(w->j, v));
		return ERR_OK;
	}
	e = lose(w, "content.cache_control");
	if (e != ERR_OK)
		return e;
	json_out_arr(&w->o);
	json_each (w->j, v, part) {
		if (json_get(w->j, part, "cache_control") == JSON_NONE) {
			json_out_raw(&w->o, json_raw(w->j, part));
			continue;
		}
		json_out_obj(&w->o);
		json_each (w->j, part, k) {
			struct str key = json_text(w->j, k, w->call->arena);

			if (!str_eq(key, STR("cache_control")))
				splice(w, key, json_value(w->j, k));
		}
		json_out_end(&w->o);
	}
	json_out_end(&w->o);
	return ERR_OK;
}

static enum err
put_call(struct writer *w, json_ref v, const struct msg_call *c)
{
	enum err e = ERR_OK;

	json_out_obj(&w->o);
	json_each (w->j, v, k) {
		struct str key = json_text(w->j, k, w->call->arena);

		if (str_eq(key, STR("id")))
			put_id(w, "id", c->id);
		else if (!str_eq(key, STR("extra_content")))
			splice(w, key, json_value(w->j, k));
		else if ((w->flags & PROV_Q_NO_SIGNATURE) == 0)
			splice(w, key, json_value(w->j, k));
		else
			e = lose(w, "tool_calls.extra_content");
		if (e != ERR_OK)
			return e;
	}
	json_out_end(&w->o);
	return ERR_OK;
}

static enum err
put_calls(struct writer *w, const struct msg *m, json_ref v)
{
	const struct msg_call *c = m->calls;
	enum err e = ERR_OK;

	/* [] is refused by some and means nothing */
	if (c == NULL)
		return ERR_OK;
	json_out_key(&w->o, "tool_calls");
	if ((w->flags & (PROV_Q_ID9 | PROV_Q_NO_SIGNATURE)) == 0) {
		json_out_raw(&w->o, json_raw(w->j, v));
		return ERR_OK;
	}
	json_out_arr(&w->o);
	json_each (w->j, v, call) {
		if (c == NULL || e != ERR_OK)
			break;
		e = put_call(w, call, c);
		c = c->next;
	}
	json_out_end(&w->o);
	return e;
}

/* function_call of the older form, for makers that know only tools. */
static void
put_legacy_call(struct writer *w, const struct msg *m, json_ref v)
{
	if ((w->flags & PROV_Q_LEGACY) != 0 || m->calls == NULL) {
		splice(w, STR("function_call"), v);
		return;
	}
	json_out_key(&w->o, "tool_calls");
	json_out_arr(&w->o);
	json_out_obj(&w->o);
	put_id(w, "id", m->calls->id);
	json_out_kv_str(&w->o, "type", STR("function"));
	json_out_key(&w->o, "function");
	json_out_raw(&w->o, json_raw(w->j, v));
	json_out_end(&w->o);
	json_out_end(&w->o);
}

enum member {
	M_ROLE,
	M_CONTENT,
	M_NAME,
	M_TOOL_CALLS,
	M_FUNCTION_CALL,
	M_TOOL_CALL_ID,
	M_REASONING,
	M_THINKING,
	M_CACHE,
	M__MAX
};

static const struct {
	const char *name;
	enum member member;
} member_table[] = {
	{ "role", M_ROLE },
	{ "content", M_CONTENT },
	{ "name", M_NAME },
	{ "tool_calls", M_TOOL_CALLS },
	{ "function_call", M_FUNCTION_CALL },
	{ "tool_call_id", M_TOOL_CALL_ID },
	{ "reasoning_content", M_REASONING },
	{ "reasoning", M_REASONING },
	{ "thinking_blocks", M_THINKING },
	{ "reasoning_details", M_THINKING },
	{ "cache_control", M_CACHE },
};

static enum member
member_of(struct str key)
{
	size_t n = sizeof(member_table) / sizeof(*member_table);

	for (size_t i = 0; i < n; i++) {
		if (str_eqz(key, member_table[i].name))
			return member_table[i].member;
	}
	return M__MAX;
}

/* A member without a rule of its own. */
static enum err
put_other(struct writer *w, struct str key, json_ref v)
{
	const struct prov_quirks *q = w->plan->q;

	if ((w->flags & PROV_Q_STRICT) == 0 ||
	    prov_quirk_knows(q->known_message, key)) {
		splice(w, key, v);
		return ERR_OK;
	}
	return prov_lose(w->call, w->http, w->fail, PROV_LOSS_TUNING,
	    "messages.%.*s", STR_ARG(key));
}

static enum err
put_message_member(
    struct writer *w, const struct msg *m, struct str key, json_ref v)
{
	switch (member_of(key)) {
	case M_ROLE:
		if (m->role == MSG_TOOL && (w->flags & PROV_Q_LEGACY) != 0)
			splice(w, key, v); /* perhaps "function" */
		else
			json_out_kv_str(&w->o, "role", str_z(role_word(w, m)));
		return ERR_OK;
	case M_CONTENT:
		return put_content(w, v);
	case M_NAME:
		if ((w->flags & PROV_Q_NO_NAME) != 0 && m->role != MSG_TOOL)
			return lose(w, "name");
		splice(w, key, v);
		return ERR_OK;
	case M_TOOL_CALLS:
		return put_calls(w, m, v);
	case M_FUNCTION_CALL:
		put_legacy_call(w, m, v);
		return ERR_OK;
	case M_TOOL_CALL_ID:
		/* it means something in a tool's message only */
		if (!str_present(m->call_id))
			return put_other(w, key, v);
		put_id(w, "tool_call_id", m->call_id);
		return ERR_OK;
	case M_REASONING:
		/* written with the message, under the maker's name */
		return ERR_OK;
	case M_THINKING:
		if ((w->flags & PROV_Q_NO_THINKING) != 0)
			return lose(w, "thinking_blocks");
		return put_other(w, key, v);
	case M_CACHE:
		if ((w->flags & PROV_Q_NO_CACHE) != 0)
			return lose(w, "cache_control");
		return put_other(w, key, v);
	case M__MAX:
		break;
	}
	return put_other(w, key, v);
}

static enum err
put_reasoning(struct writer *w, const struct msg *m)
{
	const char *key = (w->flags & PROV_Q_REASONING_SHORT) != 0
			      ? "reasoning"
			      : "reasoning_content";

	if (str_present(m->reasoning)) {
		if ((w->flags & PROV_Q_NO_REASONING) != 0)
			return lose(w, "reasoning_content");
		json_out_kv_inner(&w->o, key, m->reasoning);
	} else if ((w->flags & PROV_Q_REASONING_EMPTY) != 0 &&
		   m->role == MSG_ASSISTANT && m->calls != NULL) {
		json_out_kv_str(&w->o, key, STR(""));
	}
	return ERR_OK;
}

static enum err
put_message(struct writer *w, const struct msg *m, json_ref v)
{
	bool has_id = json_get_set(w->j, v, "tool_call_id") != JSON_NONE;
	enum err e = ERR_OK;

	json_out_obj(&w->o);
	json_each (w->j, v, k) {
		struct str key = json_text(w->j, k, w->call->arena);
		json_ref value = json_value(w->j, k);

		/* a null content stays: beside tool_calls it is demanded */
		if (json_type(w->j, value) == JSON_T_NULL &&
		    !str_eq(key, STR("content")))
			continue;
		e = put_message_member(w, m, key, value);
		if (e != ERR_OK)
			return e;
	}
	if (m->role == MSG_TOOL && !has_id && (w->flags & PROV_Q_LEGACY) == 0 &&
	    str_present(m->call_id))
		put_id(w, "tool_call_id", m->call_id);
	e = put_reasoning(w, m);
	json_out_end(&w->o);
	return e;
}

/* Mistral: "Unexpected role 'user' after role 'tool'" (wire.md 10 #71). */
static void
put_turn(struct writer *w)
{
	json_out_obj(&w->o);
	json_out_kv_str(&w->o, "role", STR("assistant"));
	json_out_kv_str(&w->o, "content", STR("."));
	json_out_end(&w->o);
}

enum err
openai_messages(const struct prov_call *call, const struct openai_plan *plan,
    json_ref v, struct prov_http *http, struct msg_fail *fail)
{
	struct writer w = { .call = call,
		.plan = plan,
		.http = http,
		.fail = fail,
		.j = &call->req->json,
		.flags = plan->q->flags };
	const struct msg *m = call->req->messages;
	enum msg_role before = MSG_ROLE__MAX;
	enum err e;

	json_out_init(&w.o, &http->body);
	json_out_arr(&w.o);
	json_each (w.j, v, element) {
		if (m == NULL)
			break;
		if ((w.flags & PROV_Q_TURN_AFTER_TOOL) != 0 &&
		    before == MSG_TOOL && m->role == MSG_USER)
			put_turn(&w);
		e = put_message(&w, m, element);
		if (e != ERR_OK)
			return e;
		before = m->role;
		m = m->next;
	}
	json_out_end(&w.o);
	return ERR_OK;
}
