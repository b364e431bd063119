/* tools, toolConfig, schemas; what response_format becomes. */
#include "prov/gemini.h"

#include <stdio.h>

#include "prov/schema.h"

/* Tools that run at Google's: passed through as the client wrote them. */
static const char *const server_tools[] = { "googleSearch", "google_search",
	"googleSearchRetrieval", "urlContext", "url_context", "codeExecution",
	"code_execution", "fileSearch", "googleMaps" };

static bool
name_is_good(struct str name)
{
	if (name.n == 0 || name.n > 64)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool is_letter =
		    ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';

		if (is_letter)
			continue;
		if (i == 0 || (!(c >= '0' && c <= '9') && c != '.' &&
				  c != ':' && c != '-'))
			return false;
	}
	return true;
}

static bool
is_server_tool(struct gemini_build *b, const struct msg_tool *t)
{
	struct json j;

	if (!prov_tape_scan(&b->tape, t->raw, &j))
		return false;
	for (size_t i = 0; i < sizeof(server_tools) / sizeof(*server_tools);
	     i++) {
		if (json_type(&j, json_get(&j, 0, server_tools[i])) ==
		    JSON_T_OBJECT)
			return true;
	}
	return false;
}

static void
plan_tool(struct gemini_build *b, const struct msg_tool *t)
{
	char param[MSG_FAIL_WORD_SIZE];

	switch (t->type) {
	case MSG_TOOL_FUNCTION:
		break;
	case MSG_TOOL_OTHER:
		if (is_server_tool(b, t))
			return;
		/* fall through */
	case MSG_TOOL_CUSTOM:
		PROV_LOSE(b, PROV_LOSS_CONTRACT, "tools[%u]", t->index);
		return;
	}
	(void)snprintf(param, sizeof(param), "tools[%u].function.name",
	    (unsigned)t->index);
	if (!name_is_good(t->name))
		PROV_REFUSE(b, param,
		    "%s: this provider takes 1 to 64 of a-z, A-Z, 0-9, _, ., "
		    ": and -, beginning with a letter or _",
		    param);
	if (str_eqz(t->strict, "true"))
		PROV_LOSE(
		    b, PROV_LOSS_TUNING, "tools[%u].function.strict", t->index);
	if (prov_tool_is_allowed(b->req, t))
		b->has_tools = true;
}

/* JSON mode and tools at once are a 400 before Gemini 3. */
static void
plan_format(struct gemini_build *b)
{
	bool together = b->has_tools && !b->family.has_json_with_tools;

	switch (b->req->format) {
	case MSG_FORMAT_UNSET:
	case MSG_FORMAT_TEXT:
		break;
	case MSG_FORMAT_JSON_OBJECT:
		b->json_by_words = together || !b->family.has_system;
		b->json_native = !b->json_by_words;
		break;
	case MSG_FORMAT_JSON_SCHEMA:
		b->json_native = !together;
		if (together)
			PROV_LOSE(b, PROV_LOSS_CONTRACT, "response_format");
		break;
	case MSG_FORMAT_OTHER:
		PROV_LOSE(b, PROV_LOSS_CONTRACT, "response_format");
		break;
	}
}

void
gemini_plan_tools(struct gemini_build *b)
{
	const struct msg_request *req = b->req;

	for (const struct msg_tool *t = req->tools; t != NULL; t = t->next)
		plan_tool(b, t);
	if (!b->has_tools && (req->choice == MSG_CHOICE_REQUIRED ||
				 req->choice == MSG_CHOICE_NAMED))
		PROV_LOSE(b, PROV_LOSS_CONTRACT, "tool_choice");
	plan_format(b);
}

/* ---- the body ----------------------------------------------------------- */

void
gemini_put_schema(struct gemini_build *b, struct str schema, bool is_parameters,
    const char *param)
{
	bool as_is = is_parameters ? b->family.has_tool_json_schema
				   : b->family.has_json_schema;
	struct json_out *o = &b->out;
	struct json j;
	struct buf text;

	if (!prov_tape_scan(&b->tape, schema, &j) ||
	    json_type(&j, 0) != JSON_T_OBJECT) {
		PROV_REFUSE(b, param, "%s: must be a JSON schema", param);
		return;
	}
	if (as_is) {
		if (json_count(&j, 0) != 0)
			json_out_kv_raw(o,
			    is_parameters ? "parametersJsonSchema"
					  : "responseJsonSchema",
			    schema);
		return;
	}
	buf_init(&text, b->http->body.max);
	switch (prov_schema_subset(&text, schema, &b->budget)) {
	case PROV_SUBSET_LOSSY:
		PROV_LOSE(b, PROV_LOSS_TUNING, "%s", param);
		/* fall through */
	case PROV_SUBSET_EXACT:
		json_out_kv_raw(o,
		    is_parameters ? "parameters" : "responseSchema",
		    buf_str(&text));
		break;
	case PROV_SUBSET_EMPTY:
		break;
	case PROV_SUBSET_BAD:
		if (b->err == ERR_OK)
			b->err = ERR_NOMEM;
		break;
	}
	buf_fini(&text);
}

static void
put_function(struct gemini_build *b, const struct msg_tool *t)
{
	char param[MSG_FAIL_WORD_SIZE];

	(void)snprintf(param, sizeof(param), "tools[%u].function.parameters",
	    (unsigned)t->index);
	json_out_obj(&b->out);
	json_out_kv_str(&b->out, "name", t->name);
	if (t->description.n != 0)
		json_out_kv_inner(&b->out, "description", t->description);
	if (str_present(t->parameters))
		gemini_put_schema(b, t->parameters, true, param);
	json_out_end(&b->out);
}

static void
put_functions(struct gemini_build *b)
{
	if (!b->has_tools)
		return;
	json_out_obj(&b->out);
	json_out_key(&b->out, "functionDeclarations");
	json_out_arr(&b->out);
	for (const struct msg_tool *t = b->req->tools; t != NULL; t = t->next) {
		if (t->type == MSG_TOOL_FUNCTION &&
		    prov_tool_is_allowed(b->req, t))
			put_function(b, t);
	}
	json_out_end(&b->out);
	json_out_end(&b->out);
}

static void
put_mode(struct gemini_build *b, const char *mode)
{
	const struct msg_request *req = b->req;
	bool is_any = str_eqz(STR("ANY"), mode);
	struct json_out *o = &b->out;

	json_out_key(o, "toolConfig");
	json_out_obj(o);
	json_out_key(o, "functionCallingConfig");
	json_out_obj(o);
	json_out_key(o, "mode");
	json_out_strz(o, mode);
	if (req->choice == MSG_CHOICE_NAMED ||
	    (req->choice == MSG_CHOICE_ALLOWED && is_any)) {
		json_out_key(o, "allowedFunctionNames");
		json_out_arr(o);
		if (req->choice == MSG_CHOICE_NAMED)
			json_out_str(o, req->choice_name);
		for (const struct msg_names *n = req->allowed_names;
		     req->choice == MSG_CHOICE_ALLOWED && n != NULL;
		     n = n->next)
			json_out_str(o, n->name);
		json_out_end(o);
	}
	json_out_end(o);
	json_out_end(o);
}

static void
put_choice(struct gemini_build *b)
{
	switch (b->req->choice) {
	case MSG_CHOICE_UNSET:
		break;
	case MSG_CHOICE_AUTO:
		put_mode(b, "AUTO");
		break;
	case MSG_CHOICE_NONE:
		put_mode(b, "NONE");
		break;
	case MSG_CHOICE_REQUIRED:
	case MSG_CHOICE_NAMED:
		put_mode(b, "ANY");
		break;
	case MSG_CHOICE_ALLOWED: /* AUTO ignores names: tools are filtered */
		put_mode(b, b->req->choice_required ? "ANY" : "AUTO");
		break;
	}
}

void
gemini_put_tools(struct gemini_build *b)
{
	bool has_search = str_present(b->req->param[MSG_P_WEB_SEARCH_OPTIONS]);
	bool has_server = has_search;

	for (const struct msg_tool *t = b->req->tools; t != NULL; t = t->next)
		has_server |= t->type == MSG_TOOL_OTHER && is_server_tool(b, t);
	if (!b->has_tools && !has_server)
		return;
	json_out_key(&b->out, "tools");
	json_out_arr(&b->out);
	put_functions(b);
	for (const struct msg_tool *t = b->req->tools; t != NULL; t = t->next) {
		if (t->type == MSG_TOOL_OTHER && is_server_tool(b, t))
			json_out_raw(&b->out, t->raw);
	}
	if (has_search)
		json_out_raw(&b->out, STR("{\"googleSearch\":{}}"));
	json_out_end(&b->out);
	if (b->has_tools)
		put_choice(b);
}
