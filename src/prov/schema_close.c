/* See schema.h. Jansson's names and base/json.h's do not go together. */
#include "prov/schema.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX PROV_SCHEMA_DEPTH
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

const char *const prov_schema_refused[PROV_SCHEMA_REFUSED] = { "minimum",
	"maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
	"minLength", "maxLength", "maxItems", "uniqueItems", "minProperties",
	"maxProperties", "patternProperties", "propertyNames" };

/* Members whose value is one schema, a list or a map of schemas. */
static const char *const single[] = { "items", "not", "if", "then", "else" };
static const char *const lists[] = { "anyOf", "allOf", "oneOf", "prefixItems" };
static const char *const maps[] = { "properties", "$defs", "definitions" };

/* Moves a constraint into the description, where the model can read it. */
static bool
move_constraint(json_t *s, const char *key)
{
	json_t *v = json_object_get(s, key);
	const char *old = json_string_value(json_object_get(s, "description"));
	char *text;
	json_t *now;
	bool ok;

	if (v == NULL)
		return true;
	text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text == NULL)
		return false;
	now = json_sprintf("%s%s(%s: %s)", old == NULL ? "" : old,
	    old == NULL || *old == '\0' ? "" : " ", key, text);
	free(text);
	ok = now != NULL && json_object_del(s, key) == 0;
	/* set_new takes the reference also when it fails */
	return json_object_set_new(s, "description", now) == 0 && ok;
}

static bool
make_right(json_t *s, int depth)
{
	const char *key;
	size_t i, k;
	json_t *v;

	if (depth == 0)
		return false;
	if (!json_is_object(s))
		return true;
	for (i = 0; i < PROV_SCHEMA_REFUSED; i++) {
		if (!move_constraint(s, prov_schema_refused[i]))
			return false;
	}
	v = json_object_get(s, "type");
	if (((json_is_string(v) &&
		 strcmp(json_string_value(v), "object") == 0) ||
		json_object_get(s, "properties") != NULL) &&
	    json_object_set_new(s, "additionalProperties", json_false()) != 0)
		return false;
	for (i = 0; i < COUNT(single); i++) {
		if (!make_right(json_object_get(s, single[i]), depth - 1))
			return false;
	}
	for (i = 0; i < COUNT(lists); i++) {
		json_array_foreach(json_object_get(s, lists[i]), k, v)
		{
			if (!make_right(v, depth - 1))
				return false;
		}
	}
	for (i = 0; i < COUNT(maps); i++) {
		json_object_foreach(json_object_get(s, maps[i]), key, v)
		{
			if (!make_right(v, depth - 1))
				return false;
		}
	}
	return true;
}

static int
dump(const char *p, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_add(b, p, n);
	return b->failed ? -1 : 0;
}

bool
prov_schema_close(struct buf *out, struct str schema)
{
	/* The caller's scan has bounded depth and nodes. */
	json_t *root = json_loadb(schema.p, schema.n, 0, NULL);
	bool ok = root != NULL && make_right(root, DEPTH_MAX) &&
		  json_dump_callback(root, dump, out, JSON_COMPACT) == 0 &&
		  !out->failed;

	json_decref(root);
	return ok;
}
