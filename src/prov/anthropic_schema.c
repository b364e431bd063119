/*
 * Schemas for output_config.format: each object closed, constraints that
 * structured outputs refuse taken out. Most clients send them right already
 * (OpenAI's strict mode asks for the same); then the text is spliced.
 */
#include "prov/anthropic.h"

#include "prov/schema.h"

#define DEPTH_MAX PROV_SCHEMA_DEPTH

/* Members whose value is one schema, a list or a map of schemas. */
static const char *const single[] = { "items", "not", "if", "then", "else" };
static const char *const lists[] = { "anyOf", "allOf", "oneOf", "prefixItems" };
static const char *const maps[] = { "properties", "$defs", "definitions" };
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* ---- is it right as it is? --------------------------------------------- */

static bool is_right(const struct json *j, json_ref v, int depth);

static bool
all_right(const struct json *j, json_ref v, int depth, bool is_map)
{
	json_each (j, v, e) {
		if (!is_right(j, is_map ? json_value(j, e) : e, depth))
			return false;
	}
	return true;
}

static bool
is_object_schema(const struct json *j, json_ref v)
{
	return json_str_is(j, json_get(j, v, "type"), "object") ||
	       json_get(j, v, "properties") != JSON_NONE;
}

static bool
is_right(const struct json *j, json_ref v, int depth)
{
	if (depth == 0)
		return false;
	if (json_type(j, v) != JSON_T_OBJECT)
		return true;
	if (is_object_schema(j, v) &&
	    json_type(j, json_get(j, v, "additionalProperties")) !=
		JSON_T_FALSE)
		return false;
	for (size_t i = 0; i < PROV_SCHEMA_REFUSED; i++) {
		if (json_get(j, v, prov_schema_refused[i]) != JSON_NONE)
			return false;
	}
	for (size_t i = 0; i < COUNT(single); i++) {
		if (!is_right(j, json_get(j, v, single[i]), depth - 1))
			return false;
	}
	for (size_t i = 0; i < COUNT(lists); i++) {
		if (!all_right(j, json_get(j, v, lists[i]), depth - 1, false))
			return false;
	}
	for (size_t i = 0; i < COUNT(maps); i++) {
		if (!all_right(j, json_get(j, v, maps[i]), depth - 1, true))
			return false;
	}
	return true;
}

bool
anthropic_put_schema(struct anthropic_build *b, struct str schema)
{
	struct json j;
	struct buf text;
	bool ok;

	if (!prov_tape_scan(&b->tape, schema, &j) ||
	    json_type(&j, 0) != JSON_T_OBJECT) {
		json_out_null(&b->out);
		return false;
	}
	if (is_right(&j, 0, DEPTH_MAX)) {
		json_out_raw(&b->out, schema);
		return true;
	}
	buf_init(&text, b->http->body.max);
	ok = prov_schema_close(&text, schema);
	if (ok) {
		json_out_raw(&b->out, buf_str(&text));
		PROV_LOSE(
		    b, PROV_LOSS_TUNING, "response_format.json_schema.schema");
	} else {
		json_out_null(&b->out);
		if (text.failed && b->err == ERR_OK)
			b->err = ERR_NOMEM;
	}
	buf_fini(&text);
	return ok;
}
