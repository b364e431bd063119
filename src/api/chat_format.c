#include "api/parse.h"

/* response_format */

enum {
	S_NAME,
	S_SCHEMA,
	S_STRICT,
	S__MAX
};

static enum err
schema_parse(struct api_parse *p, const struct api_where *up, json_ref v)
{
	static const struct api_field fields[S__MAX] = {
		[S_NAME] = API_FIELD("name"),
		[S_SCHEMA] = API_FIELD("schema"),
		[S_STRICT] = API_FIELD("strict"),
	};
	struct api_where w = { up, "json_schema", 0 };
	struct msg_request *r = p->out;
	json_ref f[S__MAX];
	enum err e;

	e = api_req_object(p, up, "json_schema", v);
	if (e != ERR_OK)
		return e;
	api_fields(p, v, fields, S__MAX, f);
	/* OpenAI demands the name, Perplexity and others do not */
	e = api_opt_text(p, &w, "name", f[S_NAME], &r->schema_name);
	if (e == ERR_OK)
		e = api_opt_object(p, &w, "schema", f[S_SCHEMA], &r->schema);
	if (e == ERR_OK)
		e = api_opt_bool(
		    p, &w, "strict", f[S_STRICT], &r->schema_strict);
	return e;
}

enum err
api_format_parse(struct api_parse *p, json_ref v)
{
	static const struct api_field fields[] = {
		API_FIELD("type"),
		API_FIELD("json_schema"),
	};
	struct api_where w = { NULL, "response_format", 0 };
	struct msg_request *r = p->out;
	struct str type = { NULL, 0 };
	json_ref f[2];
	enum err e;

	if (v == JSON_NONE)
		return ERR_OK;
	e = api_req_object(p, NULL, "response_format", v);
	if (e != ERR_OK)
		return e;
	api_fields(p, v, fields, 2, f);
	e = api_req_text(p, &w, "type", f[0], &type);
	if (e != ERR_OK)
		return e;
	r->format_raw = json_raw(p->j, v);
	if (str_eqz(type, "text")) {
		r->format = MSG_FORMAT_TEXT;
	} else if (str_eqz(type, "json_object")) {
		r->format = MSG_FORMAT_JSON_OBJECT;
	} else if (str_eqz(type, "json_schema")) {
		r->format = MSG_FORMAT_JSON_SCHEMA;
		e = schema_parse(p, &w, f[1]);
	} else {
		r->format = MSG_FORMAT_OTHER;
	}
	return e;
}
