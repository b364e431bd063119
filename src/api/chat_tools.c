#include "api/parse.h"

#include <inttypes.h>

/* tools[], functions[], tool_choice, function_call */

/* ---- tools ------------------------------------------------------------- */

enum {
	T_NAME,
	T_DESCRIPTION,
	T_PARAMETERS,
	T_STRICT,
	T__MAX
};

/* {"name","description","parameters","strict"} */
static enum err
function_parse(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_tool *t)
{
	static const struct api_field fields[T__MAX] = {
		[T_NAME] = API_FIELD("name"),
		[T_DESCRIPTION] = API_FIELD("description"),
		[T_PARAMETERS] = API_FIELD("parameters"),
		[T_STRICT] = API_FIELD("strict"),
	};
	json_ref f[T__MAX];
	enum err e;

	api_fields(p, v, fields, T__MAX, f);
	e = api_req_text(p, w, "name", f[T_NAME], &t->name);
	if (e == ERR_OK)
		e = api_opt_inner(
		    p, w, "description", f[T_DESCRIPTION], &t->description);
	if (e == ERR_OK)
		e = api_opt_object(
		    p, w, "parameters", f[T_PARAMETERS], &t->parameters);
	if (e == ERR_OK)
		e = api_opt_bool(p, w, "strict", f[T_STRICT], &t->strict);
	return e;
}

enum {
	O_TYPE,
	O_FUNCTION,
	O_CUSTOM,
	O_CACHE,
	O__MAX
};

static enum err
tool_parse(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_tool *t)
{
	static const struct api_field fields[O__MAX] = {
		[O_TYPE] = API_FIELD("type"),
		[O_FUNCTION] = API_FIELD("function"),
		[O_CUSTOM] = API_FIELD("custom"),
		[O_CACHE] = API_FIELD("cache_control"),
	};
	struct api_where at = { w, "function", 0 };
	struct str type = { NULL, 0 };
	json_ref f[O__MAX];
	enum err e;

	if (json_type(p->j, v) != JSON_T_OBJECT)
		return api_refuse_type(p, w, v, "an object");
	api_fields(p, v, fields, O__MAX, f);
	t->raw = json_raw(p->j, v);
	e = api_opt_object(
	    p, w, "cache_control", f[O_CACHE], &t->cache_control);
	/* Mistral's clients leave it out */
	if (f[O_TYPE] == JSON_NONE && f[O_FUNCTION] != JSON_NONE)
		type = STR("function");
	else if (e == ERR_OK)
		e = api_req_text(p, w, "type", f[O_TYPE], &type);
	if (e != ERR_OK)
		return e;
	if (str_eqz(type, "function")) {
		t->type = MSG_TOOL_FUNCTION;
		e = api_req_object(p, w, "function", f[O_FUNCTION]);
		if (e == ERR_OK)
			e = function_parse(p, &at, f[O_FUNCTION], t);
	} else if (str_eqz(type, "custom")) {
		t->type = MSG_TOOL_CUSTOM;
		at.name = "custom";
		e = api_req_object(p, w, "custom", f[O_CUSTOM]);
		if (e == ERR_OK)
			e = function_parse(p, &at, f[O_CUSTOM], t);
	} else {
		t->type = MSG_TOOL_OTHER;
	}
	return e;
}

static enum err
list_check(struct api_parse *p, const struct api_where *w, json_ref v)
{
	if (json_type(p->j, v) != JSON_T_ARRAY)
		return api_refuse_type(p, w, v, "an array");
	if (json_count(p->j, v) > p->lim->tools)
		return api_refuse(p, ERR_LIMIT, w,
		    "has %" PRIu32 " entries; at most %" PRIu32 " are allowed",
		    json_count(p->j, v), p->lim->tools);
	return ERR_OK;
}

enum err
api_tools_parse(struct api_parse *p, json_ref tools, json_ref functions)
{
	bool is_legacy = tools == JSON_NONE;
	json_ref list = is_legacy ? functions : tools;
	struct api_where w = { NULL, is_legacy ? "functions" : "tools", 0 };
	struct api_where at = { &w, NULL, 0 };
	struct msg_tool **tail = &p->out->tools;
	enum err e;

	if (list == JSON_NONE)
		return ERR_OK;
	if (!is_legacy && functions != JSON_NONE)
		return api_refuse(
		    p, ERR_RANGE, &w, "cannot be used together with functions");
	e = list_check(p, &w, list);
	if (e != ERR_OK)
		return e;
	json_each (p->j, list, elem) {
		struct msg_tool *t = ARENA_NEW(p->a, struct msg_tool);

		if (!t)
			return api_nomem(p);
		t->index = at.index;
		t->raw = json_raw(p->j, elem);
		if (!is_legacy)
			e = tool_parse(p, &at, elem, t);
		else if (json_type(p->j, elem) == JSON_T_OBJECT)
			e = function_parse(p, &at, elem, t);
		else
			e = api_refuse_type(p, &at, elem, "an object");
		if (e != ERR_OK)
			return e;
		*tail = t;
		tail = &t->next;
		at.index++;
	}
	p->out->n_tools = at.index;
	p->out->legacy_functions = is_legacy && at.index > 0;
	return ERR_OK;
}

/* ---- tool_choice ------------------------------------------------------- */

static enum err
tool_known(struct api_parse *p, const struct api_where *w, struct str name)
{
	const struct msg_tool *t;

	for (t = p->out->tools; t; t = t->next)
		if (t->type == MSG_TOOL_OTHER || str_eq(t->name, name))
			return ERR_OK;
	return api_refuse(
	    p, ERR_RANGE, w, "is not the name of one of the given tools");
}

static enum err
choice_word(struct api_parse *p, const struct api_where *w, struct str word)
{
	enum msg_choice *c = &p->out->choice;

	if (str_eqz(word, "auto"))
		*c = MSG_CHOICE_AUTO;
	else if (str_eqz(word, "none"))
		*c = MSG_CHOICE_NONE;
	else if (str_eqz(word, "required") || str_eqz(word, "any"))
		*c = MSG_CHOICE_REQUIRED; /* "any" is Mistral's word */
	else
		return api_refuse(p, ERR_RANGE, w,
		    "must be auto, none, required or an object that names a "
		    "tool");
	return ERR_OK;
}

/* {"function":{"name"}}, {"custom":{"name"}}: which says `kind`. */
static enum err
choice_named(struct api_parse *p, const struct api_where *up, const char *kind,
    json_ref v, struct str *name)
{
	struct api_where w = { up, kind, 0 };
	struct api_where at = { &w, "name", 0 };
	json_ref inside = json_get_set(p->j, v, kind);
	enum err e = api_req_object(p, up, kind, inside);

	if (e == ERR_OK)
		e = api_req_text(
		    p, &w, "name", json_get_set(p->j, inside, "name"), name);
	if (e == ERR_OK)
		e = tool_known(p, &at, *name);
	return e;
}

static const char *
kind_of(struct api_parse *p, json_ref v)
{
	json_ref type = json_get_set(p->j, v, "type");

	return json_str_is(p->j, type, "custom") ? "custom" : "function";
}

/* {"mode":"auto"|"required","tools":[{"type","function":{"name"}}]} */
static enum err
choice_allowed(struct api_parse *p, const struct api_where *up, json_ref v)
{
	struct api_where w = { up, "allowed_tools", 0 };
	struct api_where list_w = { &w, "tools", 0 };
	struct api_where at = { &list_w, NULL, 0 };
	struct api_where mode_w = { &w, "mode", 0 };
	struct msg_names **tail = &p->out->allowed_names;
	json_ref inside = json_get_set(p->j, v, "allowed_tools");
	json_ref mode = json_get_set(p->j, inside, "mode");
	json_ref list = json_get_set(p->j, inside, "tools");
	enum err e = api_req_object(p, up, "allowed_tools", inside);

	if (e != ERR_OK)
		return e;
	if (mode != JSON_NONE && !json_str_is(p->j, mode, "auto") &&
	    !json_str_is(p->j, mode, "required"))
		return api_refuse(
		    p, ERR_RANGE, &mode_w, "must be auto or required");
	p->out->choice = MSG_CHOICE_ALLOWED;
	p->out->choice_required = json_str_is(p->j, mode, "required");
	e = list_check(p, &list_w, list);
	if (e != ERR_OK)
		return e;
	json_each (p->j, list, elem) {
		struct msg_names *n = ARENA_NEW(p->a, struct msg_names);

		if (!n)
			return api_nomem(p);
		e = choice_named(p, &at, kind_of(p, elem), elem, &n->name);
		if (e != ERR_OK)
			return e;
		*tail = n;
		tail = &n->next;
		at.index++;
	}
	return ERR_OK;
}

static enum err
choice_object(struct api_parse *p, const struct api_where *w, json_ref v)
{
	struct api_where at = { w, "type", 0 };
	struct str type = { NULL, 0 };
	enum err e;

	e = api_req_text(p, w, "type", json_get_set(p->j, v, "type"), &type);
	if (e != ERR_OK)
		return e;
	if (str_eqz(type, "allowed_tools"))
		return choice_allowed(p, w, v);
	if (!str_eqz(type, "function") && !str_eqz(type, "custom"))
		return choice_word(p, &at, type);
	p->out->choice = MSG_CHOICE_NAMED;
	return choice_named(p, w, kind_of(p, v), v, &p->out->choice_name);
}

/* function_call: "auto", "none" or {"name"} */
static enum err
choice_legacy(struct api_parse *p, const struct api_where *w, json_ref v)
{
	struct api_where at = { w, "name", 0 };
	enum err e;

	p->out->choice = MSG_CHOICE_NAMED;
	e = api_req_text(
	    p, w, "name", json_get_set(p->j, v, "name"), &p->out->choice_name);
	if (e == ERR_OK)
		e = tool_known(p, &at, p->out->choice_name);
	return e;
}

enum err
api_choice_parse(
    struct api_parse *p, json_ref choice, json_ref function_call, bool has_list)
{
	bool is_legacy = choice == JSON_NONE;
	json_ref v = is_legacy ? function_call : choice;
	struct api_where w = { NULL,
		is_legacy ? "function_call" : "tool_choice", 0 };
	struct str word = { NULL, 0 };
	enum err e;

	if (v == JSON_NONE)
		return ERR_OK;
	switch (json_type(p->j, v)) {
	case JSON_T_STRING:
		e = api_opt_text(p, NULL, w.name, v, &word);
		if (e == ERR_OK)
			e = choice_word(p, &w, word);
		break;
	case JSON_T_OBJECT:
		e = ERR_OK;
		if (p->out->tools)
			e = is_legacy ? choice_legacy(p, &w, v)
				      : choice_object(p, &w, v);
		break;
	default:
		return api_refuse_type(p, &w, v, "a string or an object");
	}
	if (e != ERR_OK)
		return e;
	/* "none" asks for what is the case anyway; so does "auto" beside an
	 * empty list, which some clients always send */
	if (!p->out->tools && p->out->choice == MSG_CHOICE_AUTO && has_list)
		p->out->choice = MSG_CHOICE_UNSET;
	else if (!p->out->tools && p->out->choice != MSG_CHOICE_NONE)
		return api_refuse(p, ERR_RANGE, &w,
		    "is only allowed when %s are given",
		    is_legacy ? "functions" : "tools");
	return ERR_OK;
}
