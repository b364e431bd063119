#include "api/parse.h"

#include <inttypes.h>

/* messages[] */

enum {
	F_ROLE,
	F_CONTENT,
	F_NAME,
	F_TOOL_CALLS,
	F_TOOL_CALL_ID,
	F_FUNCTION_CALL,
	F_REFUSAL,
	F_AUDIO,
	F_REASONING_CONTENT,
	F_REASONING,
	F_THINKING_BLOCKS,
	F_REASONING_DETAILS,
	F_CACHE_CONTROL,
	F__MAX
};

static const struct api_field msg_fields[F__MAX] = {
	[F_ROLE] = API_FIELD("role"),
	[F_CONTENT] = API_FIELD("content"),
	[F_NAME] = API_FIELD("name"),
	[F_TOOL_CALLS] = API_FIELD("tool_calls"),
	[F_TOOL_CALL_ID] = API_FIELD("tool_call_id"),
	[F_FUNCTION_CALL] = API_FIELD("function_call"),
	[F_REFUSAL] = API_FIELD("refusal"),
	[F_AUDIO] = API_FIELD("audio"),
	[F_REASONING_CONTENT] = API_FIELD("reasoning_content"),
	[F_REASONING] = API_FIELD("reasoning"),
	[F_THINKING_BLOCKS] = API_FIELD("thinking_blocks"),
	[F_REASONING_DETAILS] = API_FIELD("reasoning_details"),
	[F_CACHE_CONTROL] = API_FIELD("cache_control"),
};

struct role_row {
	const char *word;
	enum msg_role role;
};

static const struct role_row role_rows[] = {
	{ "system", MSG_SYSTEM },
	{ "developer", MSG_DEVELOPER },
	{ "user", MSG_USER },
	{ "assistant", MSG_ASSISTANT },
	{ "tool", MSG_TOOL },
	{ "function", MSG_TOOL },
};

static enum err
role_parse(struct api_parse *p, const struct api_where *up, json_ref v,
    struct msg *m, bool *is_function)
{
	struct api_where w = { up, "role", 0 };
	struct str word = { NULL, 0 };
	enum err e = api_req_text(p, up, "role", v, &word);
	size_t i;

	if (e != ERR_OK)
		return e;
	for (i = 0; i < sizeof(role_rows) / sizeof(role_rows[0]); i++) {
		if (!str_eqz(word, role_rows[i].word))
			continue;
		m->role = role_rows[i].role;
		*is_function = str_eqz(word, "function");
		return ERR_OK;
	}
	if (word.n > 40)
		word.n = 40;
	return api_refuse(p, ERR_RANGE, &w,
	    "unknown role '%.*s'; it must be system, developer, user, "
	    "assistant, tool or function",
	    STR_ARG(word));
}

/* ---- tool calls of an assistant ---------------------------------------- */

/* {"name","arguments"} or {"name","input"}: a call's inside. */
static enum err
call_body(struct api_parse *p, const struct api_where *up, const char *name,
    json_ref v, struct msg_call *c)
{
	static const struct api_field fields[] = {
		API_FIELD("name"),
		API_FIELD("arguments"),
		API_FIELD("input"),
	};
	struct api_where w = { up, name, 0 };
	json_ref f[3];
	enum err e = api_req_object(p, up, name, v);

	if (e != ERR_OK)
		return e;
	api_fields(p, v, fields, 3, f);
	/* many clients leave them out where a tool takes none */
	c->arguments = STR("");
	e = api_req_text(p, &w, "name", f[0], &c->name);
	if (e != ERR_OK)
		return e;
	if (c->is_custom)
		return api_opt_inner(p, &w, "input", f[2], &c->arguments);
	return api_opt_inner(p, &w, "arguments", f[1], &c->arguments);
}

enum {
	C_ID,
	C_TYPE,
	C_FUNCTION,
	C_CUSTOM,
	C_EXTRA,
	C__MAX
};

static enum err
call_parse(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_call *c)
{
	static const struct api_field fields[C__MAX] = {
		[C_ID] = API_FIELD("id"),
		[C_TYPE] = API_FIELD("type"),
		[C_FUNCTION] = API_FIELD("function"),
		[C_CUSTOM] = API_FIELD("custom"),
		[C_EXTRA] = API_FIELD("extra_content"),
	};
	json_ref f[C__MAX];
	json_ref sig;
	enum err e;

	if (json_type(p->j, v) != JSON_T_OBJECT)
		return api_refuse_type(p, w, v, "an object");
	api_fields(p, v, fields, C__MAX, f);
	c->raw = json_raw(p->j, v);
	c->is_custom = json_str_is(p->j, f[C_TYPE], "custom");
	e = api_req_text(p, w, "id", f[C_ID], &c->id);
	if (e != ERR_OK)
		return e;
	e = c->is_custom ? call_body(p, w, "custom", f[C_CUSTOM], c)
			 : call_body(p, w, "function", f[C_FUNCTION], c);
	if (e != ERR_OK)
		return e;
	sig = json_at(p->j, f[C_EXTRA], "google", "thought_signature", NULL);
	if (json_type(p->j, sig) == JSON_T_STRING &&
	    json_str(p->j, sig, p->a, &c->signature) != ERR_OK)
		return api_nomem(p);
	if (!p->calls)
		p->calls = map_new(p->lim->json.nodes);
	if (!p->calls || map_put(p->calls, c->id, c) != ERR_OK)
		return api_nomem(p);
	return ERR_OK;
}

static enum err
calls_parse(
    struct api_parse *p, const struct api_where *up, json_ref v, struct msg *m)
{
	struct api_where w = { up, "tool_calls", 0 };
	struct api_where at = { &w, NULL, 0 };
	struct msg_call **tail = &m->calls;
	enum err e;

	if (json_type(p->j, v) != JSON_T_ARRAY)
		return api_refuse_type(p, &w, v, "an array");
	if (json_count(p->j, v) > p->lim->calls)
		return api_refuse(p, ERR_LIMIT, &w,
		    "has %" PRIu32 " calls; at most %" PRIu32 " are allowed",
		    json_count(p->j, v), p->lim->calls);
	json_each (p->j, v, elem) {
		struct msg_call *c = ARENA_NEW(p->a, struct msg_call);

		if (!c)
			return api_nomem(p);
		e = call_parse(p, &at, elem, c);
		if (e != ERR_OK)
			return e;
		*tail = c;
		tail = &c->next;
		at.index++;
	}
	return ERR_OK;
}

/* The legacy form has no id: one that is unique in the request is made. */
static enum err
function_call_parse(
    struct api_parse *p, const struct api_where *up, json_ref v, struct msg *m)
{
	struct msg_call *c = ARENA_NEW(p->a, struct msg_call);
	enum err e;

	if (!c)
		return api_nomem(p);
	e = call_body(p, up, "function_call", v, c);
	if (e != ERR_OK)
		return e;
	c->raw = json_raw(p->j, v);
	c->id = arena_printf(p->a, "call_fn%" PRIu32, m->index);
	if (!str_present(c->id))
		return api_nomem(p);
	m->calls = c;
	p->legacy = c;
	return ERR_OK;
}

/* ---- the parts of a message by role ------------------------------------ */

/* message.refusal becomes the last part. */
static enum err
refusal_add(struct api_parse *p, json_ref v, struct str text, struct msg *m)
{
	struct msg_part **tail = &m->parts;
	struct msg_part *part = ARENA_NEW(p->a, struct msg_part);

	if (!part)
		return api_nomem(p);
	part->type = MSG_PART_REFUSAL;
	part->text = text;
	part->raw = json_raw(p->j, v);
	while (*tail)
		tail = &(*tail)->next;
	*tail = part;
	m->content_is_string = false;
	return ERR_OK;
}

/* Nothing in it that a model could have said. */
static bool
is_bare(const json_ref *f, const struct msg *m)
{
	return f[F_CONTENT] == JSON_NONE && f[F_AUDIO] == JSON_NONE &&
	       !m->calls && !m->parts && !m->thinking &&
	       !str_present(m->reasoning);
}

static enum err
assistant_parse(struct api_parse *p, const struct api_where *w,
    const json_ref *f, struct msg *m)
{
	json_ref think = f[F_REASONING_CONTENT];
	struct api_where at = { w, "content", 0 };
	struct str refusal = { NULL, 0 };
	enum err e = ERR_OK;

	if (f[F_TOOL_CALLS] != JSON_NONE)
		e = calls_parse(p, w, f[F_TOOL_CALLS], m);
	if (e == ERR_OK && f[F_FUNCTION_CALL] != JSON_NONE && !m->calls)
		e = function_call_parse(p, w, f[F_FUNCTION_CALL], m);
	if (e == ERR_OK)
		e = api_opt_inner(p, w, "refusal", f[F_REFUSAL], &refusal);
	if (e != ERR_OK)
		return e;
	/* OpenRouter's and newer vLLM's name; an object there is not text */
	if (think == JSON_NONE)
		think = f[F_REASONING];
	m->reasoning = json_inner(p->j, think);
	if (f[F_THINKING_BLOCKS] != JSON_NONE)
		e = api_thinking_parse(
		    p, w, "thinking_blocks", f[F_THINKING_BLOCKS], m);
	else if (f[F_REASONING_DETAILS] != JSON_NONE)
		e = api_thinking_parse(
		    p, w, "reasoning_details", f[F_REASONING_DETAILS], m);
	if (e != ERR_OK)
		return e;
	if (refusal.n > 0)
		e = refusal_add(p, f[F_REFUSAL], refusal, m);
	if (e == ERR_OK && is_bare(f, m))
		e = api_refuse(p, ERR_RANGE, &at,
		    "is required unless tool_calls are given");
	return e;
}

/* A result names the call that it answers; a made-up name is refused. */
static enum err
tool_parse(struct api_parse *p, const struct api_where *w, const json_ref *f,
    struct msg *m)
{
	struct api_where at = { w, "tool_call_id", 0 };
	enum err e;

	e = api_req_text(p, w, "tool_call_id", f[F_TOOL_CALL_ID], &m->call_id);
	if (e != ERR_OK)
		return e;
	m->answers = map_find(p->calls, m->call_id);
	if (!m->answers)
		return api_refuse(p, ERR_RANGE, &at,
		    "matches no tool call of an earlier assistant message");
	return ERR_OK;
}

static enum err
function_parse(struct api_parse *p, const struct api_where *w,
    const json_ref *f, struct msg *m)
{
	struct api_where at = { w, "name", 0 };

	if (f[F_NAME] == JSON_NONE)
		return api_refuse_missing(p, &at);
	if (p->legacy && str_eq(p->legacy->name, m->name)) {
		m->answers = p->legacy;
		m->call_id = p->legacy->id;
		return ERR_OK;
	}
	m->call_id = arena_printf(p->a, "call_fn%" PRIu32, m->index);
	return str_present(m->call_id) ? ERR_OK : api_nomem(p);
}

static enum err
message_parse(
    struct api_parse *p, const struct api_where *w, json_ref v, struct msg *m)
{
	struct api_where at = { w, "content", 0 };
	bool is_function = false;
	json_ref f[F__MAX];
	enum err e;

	if (json_type(p->j, v) != JSON_T_OBJECT)
		return api_refuse_type(p, w, v, "an object");
	api_fields(p, v, msg_fields, F__MAX, f);
	m->raw = json_raw(p->j, v);
	e = role_parse(p, w, f[F_ROLE], m, &is_function);
	if (e == ERR_OK)
		e = api_opt_text(p, w, "name", f[F_NAME], &m->name);
	if (e == ERR_OK)
		e = api_opt_object(p, w, "cache_control", f[F_CACHE_CONTROL],
		    &m->cache_control);
	if (e == ERR_OK && f[F_CONTENT] != JSON_NONE)
		e = api_content_parse(p, w, f[F_CONTENT], m);
	if (e != ERR_OK)
		return e;
	if (m->role == MSG_ASSISTANT)
		return assistant_parse(p, w, f, m);
	/* the result of a function may be null: OpenAI's own schema says so */
	if (f[F_CONTENT] == JSON_NONE && !is_function)
		return api_refuse_missing(p, &at);
	if (m->role != MSG_TOOL)
		return ERR_OK;
	return is_function ? function_parse(p, w, f, m)
			   : tool_parse(p, w, f, m);
}

enum err
api_messages_parse(struct api_parse *p, json_ref v)
{
	struct api_where w = { NULL, "messages", 0 };
	struct api_where at = { &w, NULL, 0 };
	struct msg **tail = &p->out->messages;
	enum err e;

	if (v == JSON_NONE)
		return api_refuse_missing(p, &w);
	if (json_type(p->j, v) != JSON_T_ARRAY)
		return api_refuse_type(p, &w, v, "an array");
	if (json_count(p->j, v) == 0)
		return api_refuse(
		    p, ERR_RANGE, &w, "must have at least one message");
	if (json_count(p->j, v) > p->lim->messages)
		return api_refuse(p, ERR_LIMIT, &w,
		    "has %" PRIu32 " messages; at most %" PRIu32 " are allowed",
		    json_count(p->j, v), p->lim->messages);
	json_each (p->j, v, elem) {
		struct msg *m = ARENA_NEW(p->a, struct msg);

		if (!m)
			return api_nomem(p);
		m->index = at.index;
		e = message_parse(p, &at, elem, m);
		if (e != ERR_OK)
			return e;
		*tail = m;
		tail = &m->next;
		at.index++;
	}
	p->out->n_messages = at.index;
	return ERR_OK;
}
