/* tools, tool_choice, response_format. */
#include "prov/anthropic.h"

#define EMPTY_SCHEMA "{\"type\":\"object\",\"properties\":{}}"

/* Tools that run at Anthropic's: passed through as the client wrote them. */
static const char *const server_tools[] = {
	"web_search_",
	"web_fetch_",
	"bash_",
	"text_editor_",
	"computer_",
	"code_execution_",
	"memory_",
	"tool_search_tool_",
};

/* ---- before anything is written ---------------------------------------- */

static bool
name_is_good(struct str name)
{
	if (name.n == 0 || name.n > 128)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c | 32) >= 'a' && (c | 32) <= 'z') &&
		    !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return true;
}

static bool
is_server_tool(struct anthropic_build *b, const struct msg_tool *t)
{
	struct json j;
	struct str type;

	if (!prov_tape_scan(&b->tape, t->raw, &j))
		return false;
	type = json_inner(&j, json_get(&j, 0, "type"));
	for (size_t i = 0; i < sizeof(server_tools) / sizeof(*server_tools);
	     i++) {
		if (str_starts(type, str_z(server_tools[i])))
			return true;
	}
	return false;
}

/* Whether the tool goes out; refuses what cannot. */
static bool
plan_tool(struct anthropic_build *b, const struct msg_tool *t)
{
	char param[MSG_FAIL_WORD_SIZE];

	switch (t->type) {
	case MSG_TOOL_FUNCTION:
		break;
	case MSG_TOOL_OTHER:
		if (is_server_tool(b, t))
			return true;
		/* fall through */
	case MSG_TOOL_CUSTOM:
		/*
		 * As a function it would come back as a function call, which is
		 * not what a client of custom tools reads.
		 */
		PROV_LOSE(b, PROV_LOSS_CONTRACT, "tools[%u]", t->index);
		return false;
	}
	(void)snprintf(param, sizeof(param), "tools[%u].function.name",
	    (unsigned)t->index);
	if (!name_is_good(t->name))
		PROV_REFUSE(b, param,
		    "%s: this provider takes 1 to 128 of a-z, A-Z, 0-9, _ "
		    "and -",
		    param);
	else if (str_eq(t->name, STR(ANTHROPIC_ANSWER_TOOL)))
		PROV_REFUSE(b, param, "%s: %s is a reserved name", param,
		    ANTHROPIC_ANSWER_TOOL);
	return prov_tool_is_allowed(b->req, t);
}

static bool
has_named_tool(const struct msg_request *req)
{
	for (const struct msg_tool *t = req->tools; t != NULL; t = t->next) {
		if (t->type == MSG_TOOL_FUNCTION &&
		    str_eq(t->name, req->choice_name))
			return true;
	}
	return false;
}

static bool
choice_is_forced(const struct msg_request *req)
{
	return req->choice == MSG_CHOICE_REQUIRED ||
	       req->choice == MSG_CHOICE_NAMED ||
	       (req->choice == MSG_CHOICE_ALLOWED && req->choice_required);
}

static void
plan_choice(struct anthropic_build *b)
{
	const struct msg_request *req = b->req;

	b->is_forced = choice_is_forced(req);
	if (req->choice == MSG_CHOICE_NAMED && !has_named_tool(req))
		PROV_REFUSE(b, "tool_choice",
		    "tool_choice: there is no function '%.*s' in tools",
		    STR_ARG(req->choice_name));
	else if (b->is_forced && !b->has_tools) {
		PROV_LOSE(b, PROV_LOSS_CONTRACT, "tool_choice");
		b->is_forced = false;
	}
}

static void
plan_format(struct anthropic_build *b)
{
	switch (b->req->format) {
	case MSG_FORMAT_UNSET:
	case MSG_FORMAT_TEXT:
	case MSG_FORMAT_JSON_OBJECT: /* by an instruction */
		return;
	case MSG_FORMAT_OTHER:
		PROV_LOSE(b, PROV_LOSS_CONTRACT, "response_format");
		return;
	case MSG_FORMAT_JSON_SCHEMA:
		break;
	}
	if (!str_present(b->req->schema)) {
		PROV_REFUSE(b, "response_format.json_schema.schema",
		    "response_format.json_schema.schema: this provider needs "
		    "one");
		return;
	}
	if (b->family.has_schema) {
		b->format_is_native = true;
		return;
	}
	/* A tool is forced by the client: no content can be expected. */
	if (b->is_forced)
		return;
	b->answer_tool = true;
	b->has_tools = true;
	b->is_forced = true;
}

void
anthropic_plan_tools(struct anthropic_build *b)
{
	for (const struct msg_tool *t = b->req->tools; t != NULL; t = t->next)
		b->has_tools |= plan_tool(b, t);
	if (str_present(b->req->param[MSG_P_WEB_SEARCH_OPTIONS]))
		b->has_tools = true;
	plan_choice(b);
	plan_format(b);
}

/* ---- the body ---------------------------------------------------------- */

/*
 * input_schema must be an object of type "object": a missing type is put in
 * front, anything else cannot be helped.
 */
static void
put_input_schema(struct anthropic_build *b, struct str raw, const char *param)
{
	struct json_out *o = &b->out;
	struct json j;
	json_ref type;

	json_out_key(o, "input_schema");
	if (!str_present(raw)) {
		json_out_raw(o, STR(EMPTY_SCHEMA));
		return;
	}
	if (!prov_tape_scan(&b->tape, raw, &j) ||
	    json_type(&j, 0) != JSON_T_OBJECT) {
		json_out_null(o);
		PROV_REFUSE(
		    b, param, "%s: must be a JSON schema object", param);
		return;
	}
	type = json_get(&j, 0, "type");
	if (json_str_is(&j, type, "object")) {
		json_out_raw(o, raw);
	} else if (type == JSON_NONE) {
		json_out_obj(o);
		json_out_key(o, "type");
		json_out_strz(o, "object");
		json_out_members(o, str_trim(str_of(raw.p + 1, raw.n - 2)));
		json_out_end(o);
	} else {
		json_out_raw(o, STR(EMPTY_SCHEMA));
		PROV_LOSE(b, PROV_LOSS_CONTRACT, "%s", param);
	}
}

static void
put_function(struct anthropic_build *b, const struct msg_tool *t)
{
	struct json_out *o = &b->out;
	char param[MSG_FAIL_WORD_SIZE];

	(void)snprintf(param, sizeof(param), "tools[%u].function.parameters",
	    (unsigned)t->index);
	json_out_obj(o);
	json_out_kv_str(o, "name", t->name);
	if (t->description.n != 0)
		json_out_kv_inner(o, "description", t->description);
	put_input_schema(b, t->parameters, param);
	if (str_eqz(t->strict, "true")) {
		if (b->family.has_schema)
			json_out_kv_bool(o, "strict", true);
		else
			PROV_LOSE(b, PROV_LOSS_TUNING,
			    "tools[%u].function.strict", t->index);
	}
	anthropic_put_cache(b, t->cache_control);
	json_out_end(o);
}

/* {"search_context_size":..,"user_location":{"approximate":{..}}} */
static void
put_web_search(struct anthropic_build *b)
{
	static const char *const keys[] = { "city", "region", "country",
		"timezone" };
	struct str raw = b->req->param[MSG_P_WEB_SEARCH_OPTIONS];
	struct json_out *o = &b->out;
	struct json j;
	json_ref where;

	if (!str_present(raw) || !prov_tape_scan(&b->tape, raw, &j))
		return;
	json_out_obj(o);
	json_out_key(o, "type");
	json_out_strz(o, "web_search_20250305");
	json_out_key(o, "name");
	json_out_strz(o, "web_search");
	where = json_at(&j, 0, "user_location", "approximate", NULL);
	if (json_type(&j, where) == JSON_T_OBJECT) {
		json_out_key(o, "user_location");
		json_out_obj(o);
		json_out_key(o, "type");
		json_out_strz(o, "approximate");
		for (size_t i = 0; i < 4; i++) {
			struct str v =
			    json_raw(&j, json_get_set(&j, where, keys[i]));

			if (str_present(v))
				json_out_kv_raw(o, keys[i], v);
		}
		json_out_end(o);
	}
	json_out_end(o);
}

static void
put_answer_tool(struct anthropic_build *b)
{
	struct json_out *o = &b->out;

	json_out_obj(o);
	json_out_key(o, "name");
	json_out_strz(o, ANTHROPIC_ANSWER_TOOL);
	json_out_key(o, "description");
	json_out_strz(o, "Gives the final answer to the user. Call it exactly "
			 "once, with the whole answer as its input.");
	put_input_schema(
	    b, b->req->schema, "response_format.json_schema.schema");
	json_out_end(o);
}

/* What the client's choice is called there; NULL: nothing to say. */
static const char *
choice_word(const struct anthropic_build *b)
{
	bool has_own = b->req->tools != NULL;

	if (b->answer_tool)
		return has_own && b->req->choice != MSG_CHOICE_NONE ? "any"
								    : "tool";
	switch (b->req->choice) {
	case MSG_CHOICE_UNSET:
		break;
	case MSG_CHOICE_AUTO:
		return "auto";
	case MSG_CHOICE_NONE:
		return "none";
	case MSG_CHOICE_REQUIRED:
		return b->is_forced ? "any" : NULL;
	case MSG_CHOICE_NAMED:
		return "tool";
	case MSG_CHOICE_ALLOWED:
		return b->req->choice_required && b->is_forced ? "any" : "auto";
	}
	return NULL;
}

static void
put_choice(struct anthropic_build *b)
{
	bool is_serial =
	    str_eqz(b->req->param[MSG_P_PARALLEL_TOOL_CALLS], "false");
	const char *word = choice_word(b);
	struct json_out *o = &b->out;

	if (word == NULL && is_serial)
		word = "auto";
	if (word == NULL)
		return;
	json_out_key(o, "tool_choice");
	json_out_obj(o);
	json_out_key(o, "type");
	json_out_strz(o, word);
	if (str_eqz(str_z(word), "tool"))
		json_out_kv_str(o, "name",
		    b->answer_tool ? STR(ANTHROPIC_ANSWER_TOOL)
				   : b->req->choice_name);
	if (is_serial && !str_eqz(str_z(word), "none"))
		json_out_kv_bool(o, "disable_parallel_tool_use", true);
	json_out_end(o);
}

void
anthropic_put_tools(struct anthropic_build *b)
{
	if (!b->has_tools)
		return;
	json_out_key(&b->out, "tools");
	json_out_arr(&b->out);
	for (const struct msg_tool *t = b->req->tools; t != NULL; t = t->next) {
		if (t->type == MSG_TOOL_FUNCTION &&
		    prov_tool_is_allowed(b->req, t))
			put_function(b, t);
		else if (t->type == MSG_TOOL_OTHER && is_server_tool(b, t))
			json_out_raw(&b->out, t->raw);
	}
	put_web_search(b);
	if (b->answer_tool)
		put_answer_tool(b);
	json_out_end(&b->out);
	put_choice(b);
}
