/*
 * JSON Schema -> the subset that Gemini's `parameters` and `responseSchema`
 * take (wire.md 6.3): anything else, anywhere in the tree, is a 400 for the
 * whole request. Keys are judged where a schema stands, never inside
 * `properties`, where they are names of the tool's own (wire.md 10 #54).
 */
#include "prov/schema.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32
/* Longest text that goes into a description. */
#define WORDS_MAX 512
#define REFS_MAX 32

struct subset {
	json_t *root;
	json_t *refs[REFS_MAX]; /* being inlined, outermost first */
	unsigned n_refs;
	unsigned depth;
	unsigned *budget; /* members that may still be written */
	bool is_lossy; /* something that constrains was left out */
	bool failed; /* no memory */
};

static json_t *convert(struct subset *c, json_t *s);

static void
set(struct subset *c, json_t *o, const char *key, json_t *v)
{
	/* set_new takes the reference also when it fails */
	if (json_object_set_new(o, key, v) != 0)
		c->failed = true;
}

/* $ref may double what is written at each step: all of it is paid for. */
static bool
pay(struct subset *c, size_t n)
{
	if (n > *c->budget) {
		*c->budget = 0;
		return false;
	}
	*c->budget -= (unsigned)n;
	return true;
}

static void
set_word(struct subset *c, json_t *o, const char *key, const char *word)
{
	set(c, o, key, json_string(word));
}

static json_t *
any_object(struct subset *c)
{
	json_t *o = json_object();

	set_word(c, o, "type", "object");
	return o;
}

/* What cannot be said in the subset is said to the model in words. */
static void
describe(struct subset *c, json_t *o, const char *what, json_t *v)
{
	const char *old = json_string_value(json_object_get(o, "description"));
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text == NULL) {
		c->failed = true;
		return;
	}
	if (strlen(text) <= WORDS_MAX)
		set(c, o, "description",
		    json_sprintf("%s%s(%s: %s)", old == NULL ? "" : old,
			old == NULL || *old == '\0' ? "" : " ", what, text));
	free(text);
}

static bool
is_word(json_t *v, const char *word)
{
	return json_is_string(v) && strcmp(json_string_value(v), word) == 0;
}

/* {"type":"null"} or {"const":null} or {"enum":[null]} */
static bool
is_null_schema(json_t *s)
{
	json_t *e = json_object_get(s, "enum");

	return is_word(json_object_get(s, "type"), "null") ||
	       json_is_null(json_object_get(s, "const")) ||
	       (json_array_size(e) == 1 && json_is_null(json_array_get(e, 0)));
}

/* ---- $ref --------------------------------------------------------------- */

/* One step of a JSON pointer, its escapes undone, into key. */
static bool
pointer_step(const char **p, char *key, size_t size)
{
	size_t n = 0;

	for (; **p != '\0' && **p != '/'; (*p)++) {
		char c = **p;

		if (c == '~' && ((*p)[1] == '0' || (*p)[1] == '1')) {
			c = (*p)[1] == '0' ? '~' : '/';
			(*p)++;
		}
		if (n + 1 >= size)
			return false;
		key[n++] = c;
	}
	key[n] = '\0';
	return true;
}

/* "#/$defs/x": what it points at; NULL for anything but the document itself. */
static json_t *
pointer_find(json_t *root, const char *ref)
{
	json_t *at = root;
	char key[256];

	if (*ref++ != '#')
		return NULL;
	while (*ref == '/' && at != NULL) {
		ref++;
		if (!pointer_step(&ref, key, sizeof(key)))
			return NULL;
		at = json_object_get(at, key);
	}
	return *ref == '\0' ? at : NULL;
}

/* Inlined; a cycle ends in an object of whatever members (#53, #57). */
static json_t *
convert_ref(struct subset *c, json_t *s, const char *ref)
{
	json_t *to = pointer_find(c->root, ref);
	json_t *text = json_object_get(s, "description");
	json_t *o;

	for (unsigned i = 0; i < c->n_refs; i++) {
		if (c->refs[i] == to)
			to = NULL;
	}
	if (to == NULL || c->n_refs == REFS_MAX) {
		c->is_lossy = true;
		o = any_object(c);
	} else {
		c->refs[c->n_refs++] = to;
		o = convert(c, to);
		c->n_refs--;
	}
	if (json_is_string(text))
		set(c, o, "description", json_string(json_string_value(text)));
	return o;
}

/* ---- members ------------------------------------------------------------ */

/* Copied when they have the right kind of value. */
static const struct {
	const char *key;
	char kind; /* s string, n number, i integer, b boolean, * any */
} plain[] = {
	{ "title", 's' },
	{ "description", 's' },
	{ "pattern", 's' },
	{ "nullable", 'b' },
	{ "minItems", 'i' },
	{ "maxItems", 'i' },
	{ "minProperties", 'i' },
	{ "maxProperties", 'i' },
	{ "minLength", 'i' },
	{ "maxLength", 'i' },
	{ "minimum", 'n' },
	{ "maximum", 'n' },
	{ "example", '*' },
	{ "default", '*' },
};

/* Members that say nothing about values: gone without a word. */
static const char *const harmless[] = { "$schema", "$id", "$comment", "$defs",
	"definitions", "$anchor", "examples", "deprecated", "readOnly",
	"writeOnly", "strict", "type", "properties", "required", "items",
	"anyOf", "oneOf", "allOf", "const", "enum", "format", "$ref",
	"prefixItems", "propertyOrdering" };

static bool
has_kind(json_t *v, char kind)
{
	switch (kind) {
	case 's':
		return json_is_string(v);
	case 'n':
		return json_is_number(v);
	case 'i':
		return json_is_integer(v);
	case 'b':
		return json_is_boolean(v);
	default:
		return !json_is_null(v);
	}
}

static void
note_losses(struct subset *c, json_t *s)
{
	const char *key;
	json_t *v;

	json_object_foreach(s, key, v)
	{
		bool known = strcmp(key, "additionalProperties") == 0 &&
			     !json_is_object(v);

		for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
			known |= strcmp(key, plain[i].key) == 0;
		for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless);
		     i++)
			known |= strcmp(key, harmless[i]) == 0;
		c->is_lossy |= !known;
	}
}

static void
copy_plain(struct subset *c, json_t *o, json_t *s)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		json_t *v = json_object_get(s, plain[i].key);

		if (v != NULL && has_kind(v, plain[i].kind))
			set(c, o, plain[i].key, json_incref(v));
	}
}

/* On strings only these are taken; numbers have formats of their own. */
static void
copy_format(struct subset *c, json_t *o, json_t *s)
{
	static const char *const good[] = { "enum", "date-time", "float",
		"double", "int32", "int64" };
	const char *f = json_string_value(json_object_get(s, "format"));

	if (f == NULL)
		return;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		if (strcmp(f, good[i]) == 0) {
			set_word(c, o, "format", f);
			return;
		}
	}
	describe(c, o, "format", json_object_get(s, "format"));
	c->is_lossy = true;
}

/* Strings stay; numbers go into the description (6.3). */
static void
copy_enum(struct subset *c, json_t *o, json_t *list)
{
	json_t *strings = json_array();
	bool has_others = false;
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		if (json_is_null(v)) {
			set(c, o, "nullable", json_true());
		} else if (!json_is_string(v)) {
			has_others = true;
		} else if (json_string_length(v) != 0 &&
			   json_array_append(strings, v) != 0) {
			c->failed = true;
		}
	}
	if (!has_others && json_array_size(strings) != 0) {
		set_word(c, o, "type", "string");
		set(c, o, "enum", strings);
		return;
	}
	json_decref(strings);
	if (!has_others)
		return;
	describe(c, o, "one of", list);
	c->is_lossy = true;
	v = json_array_get(list, 0);
	set_word(c, o, "type",
	    json_is_integer(v)	 ? "integer"
	    : json_is_number(v)	 ? "number"
	    : json_is_boolean(v) ? "boolean"
				 : "string");
}

static void
copy_const(struct subset *c, json_t *o, json_t *v)
{
	json_t *list = json_pack("[O]", v);

	if (list == NULL)
		c->failed = true;
	else
		copy_enum(c, o, list);
	json_decref(list);
}

/* required: only names that there are (#56). */
static void
copy_required(struct subset *c, json_t *o, json_t *list)
{
	json_t *props = json_object_get(o, "properties");
	json_t *out = json_array();
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		if (json_is_string(v) &&
		    json_object_get(props, json_string_value(v)) != NULL &&
		    json_array_append(out, v) != 0)
			c->failed = true;
	}
	if (json_array_size(out) != 0)
		set(c, o, "required", out);
	else
		json_decref(out);
}

static void
copy_properties(struct subset *c, json_t *o, json_t *s)
{
	json_t *props = json_object_get(s, "properties");
	json_t *out;
	const char *key;
	json_t *v;

	if (!json_is_object(props) || json_object_size(props) == 0)
		return;
	out = json_object();
	json_object_foreach(props, key, v) set(c, out, key, convert(c, v));
	set(c, o, "properties", out);
	if (json_object_get(o, "type") == NULL)
		set_word(c, o, "type", "object");
	copy_required(c, o, json_object_get(s, "required"));
}

/* items is wanted for every array; of a tuple its first. */
static void
copy_items(struct subset *c, json_t *o, json_t *s)
{
	json_t *items = json_object_get(s, "items");
	json_t *prefix = json_object_get(s, "prefixItems");
	bool is_array = is_word(json_object_get(o, "type"), "array");

	if (json_is_array(items))
		prefix = items;
	if (json_array_size(prefix) != 0) {
		c->is_lossy |= json_array_size(prefix) > 1;
		items = json_array_get(prefix, 0);
	}
	if (json_is_object(items)) {
		set(c, o, "items", convert(c, items));
		if (json_object_get(o, "type") == NULL)
			set_word(c, o, "type", "array");
	} else if (is_array) {
		json_t *any = json_object();

		set_word(c, any, "type", "string");
		set(c, o, "items", any);
	}
}

/* ---- unions ------------------------------------------------------------- */

/* type: ["string","null"]: one type and nullable, or anyOf. */
static void
copy_types(struct subset *c, json_t *o, json_t *types)
{
	json_t *any = json_array();
	size_t i;
	json_t *v;

	json_array_foreach(types, i, v)
	{
		json_t *one = json_object();

		if (is_word(v, "null"))
			set(c, o, "nullable", json_true());
		if (!json_is_string(v) || is_word(v, "null")) {
			json_decref(one);
			continue;
		}
		set_word(c, one, "type", json_string_value(v));
		if (json_array_append_new(any, one) != 0)
			c->failed = true;
	}
	if (json_array_size(any) == 1)
		set(c, o, "type",
		    json_incref(
			json_object_get(json_array_get(any, 0), "type")));
	else if (json_array_size(any) > 1)
		set(c, o, "anyOf", json_incref(any));
	json_decref(any);
}

static void
copy_type(struct subset *c, json_t *o, json_t *s)
{
	json_t *type = json_object_get(s, "type");

	if (json_is_array(type)) {
		copy_types(c, o, type);
	} else if (is_word(type, "null")) {
		set_word(c, o, "type", "string");
		set(c, o, "nullable", json_true());
	} else if (json_is_string(type)) {
		set_word(c, o, "type", json_string_value(type));
	}
}

/* Members of one that o has not. */
static void
merge_missing(struct subset *c, json_t *o, json_t *one)
{
	const char *key;
	json_t *v;

	json_object_foreach(one, key, v)
	{
		json_t *old = json_object_get(o, key);

		if (old == NULL)
			set(c, o, key, json_incref(v));
		else if (strcmp(key, "properties") == 0 &&
			 json_object_update_missing(old, v) != 0)
			c->failed = true;
		else if (strcmp(key, "required") == 0 &&
			 json_array_extend(old, v) != 0)
			c->failed = true;
	}
}

/* anyOf, oneOf: without null; of one alternative, that one itself. */
static void
copy_any(struct subset *c, json_t *o, json_t *list)
{
	json_t *any;
	size_t i;
	json_t *v;

	/* Beside a type the alternatives only constrain it further. */
	if (json_object_get(o, "type") != NULL) {
		c->is_lossy = true;
		return;
	}
	any = json_array();
	json_array_foreach(list, i, v)
	{
		if (is_null_schema(v))
			set(c, o, "nullable", json_true());
		else if (json_array_append_new(any, convert(c, v)) != 0)
			c->failed = true;
	}
	if (json_array_size(any) == 1)
		merge_missing(c, o, json_array_get(any, 0));
	else if (json_array_size(any) > 1)
		set(c, o, "anyOf", json_incref(any));
	json_decref(any);
}

static void
copy_all(struct subset *c, json_t *o, json_t *list)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		json_t *one = convert(c, v);

		merge_missing(c, o, one);
		json_decref(one);
	}
}

/* Every schema has a type there, also where anything goes. */
static void
guess_type(struct subset *c, json_t *o)
{
	const char *type = "string";

	if (json_object_get(o, "type") != NULL ||
	    json_object_get(o, "anyOf") != NULL)
		return;
	if (json_object_get(o, "properties") != NULL)
		type = "object";
	else if (json_object_get(o, "minimum") != NULL ||
		 json_object_get(o, "maximum") != NULL)
		type = "number";
	set_word(c, o, "type", type);
}

static json_t *
convert_object(struct subset *c, json_t *s)
{
	json_t *o = json_object();
	json_t *v;

	note_losses(c, s);
	copy_plain(c, o, s);
	copy_type(c, o, s);
	copy_format(c, o, s);
	if ((v = json_object_get(s, "const")) != NULL)
		copy_const(c, o, v);
	if (json_is_array(v = json_object_get(s, "enum")))
		copy_enum(c, o, v);
	copy_properties(c, o, s);
	copy_items(c, o, s);
	if (json_is_array(v = json_object_get(s, "allOf")))
		copy_all(c, o, v);
	if (json_is_array(v = json_object_get(s, "anyOf")))
		copy_any(c, o, v);
	else if (json_is_array(v = json_object_get(s, "oneOf")))
		copy_any(c, o, v);
	guess_type(c, o);
	return o;
}

static json_t *
convert(struct subset *c, json_t *s)
{
	json_t *ref = json_object_get(s, "$ref");
	json_t *o;

	if (!json_is_object(s) || c->depth == DEPTH_MAX ||
	    !pay(c, 1 + json_object_size(s) +
			json_array_size(json_object_get(s, "enum")) +
			json_array_size(json_object_get(s, "required")))) {
		c->is_lossy = true;
		return any_object(c);
	}
	c->depth++;
	if (json_is_string(ref))
		o = convert_ref(c, s, json_string_value(ref));
	else
		o = convert_object(c, s);
	c->depth--;
	return o;
}

static int
dump(const char *p, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_add(b, p, n);
	return b->failed ? -1 : 0;
}

enum prov_subset
prov_schema_subset(struct buf *out, struct str schema, unsigned *budget)
{
	struct subset c = { .budget = budget };
	/* The caller's scan has bounded depth and nodes. */
	json_t *root = json_loadb(schema.p, schema.n, 0, NULL);
	json_t *o;
	enum prov_subset how = PROV_SUBSET_EXACT;

	if (!json_is_object(root)) {
		json_decref(root);
		return PROV_SUBSET_BAD;
	}
	c.root = root;
	o = convert(&c, root);
	if (is_word(json_object_get(o, "type"), "object") &&
	    json_object_size(json_object_get(o, "properties")) == 0)
		how = PROV_SUBSET_EMPTY;
	else if (c.is_lossy)
		how = PROV_SUBSET_LOSSY;
	if (how != PROV_SUBSET_EMPTY &&
	    json_dump_callback(o, dump, out, JSON_COMPACT) != 0)
		c.failed = true;
	json_decref(o);
	json_decref(root);
	return c.failed || out->failed ? PROV_SUBSET_BAD : how;
}
