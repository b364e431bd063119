#include "mock.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/*
 * What an answer says. In this order: calls that tool_choice demands or that
 * the last message of the user asks for ("call:NAME {json}"), JSON by a schema,
 * filler of a stated size, or the demo text.
 */
#define QUOTE_MAX 160
#define CALL_TEXT_MAX ((size_t)64 << 10)
#define SCHEMA_DEPTH_MAX 16

static char filler[MOCK_FILLER_MAX];

const char *
mock_say_filler(void)
{
	return filler;
}

/* The first n bytes are there afterwards; memory is used as far as asked. */
static void
fill(size_t n)
{
	static const char words[] =
	    "The quick brown fox jumps over the lazy dog. ";
	static size_t filled;

	for (; filled < n; filled++)
		filler[filled] = words[filled % (sizeof(words) - 1)];
}

static json_t *
load_span(struct str s)
{
	if (!str_present(s))
		return NULL;
	return json_loadb(s.p, s.n, JSON_DECODE_ANY, NULL);
}

/* --- an instance of a JSON schema ---------------------------------------- */

static json_t *sample(const json_t *root, const json_t *schema, int depth);

static json_t *
sample_object(const json_t *root, const json_t *schema, int depth)
{
	json_t *out = json_object(), *props, *sub;
	const char *key;

	props = json_object_get(schema, "properties");
	json_object_foreach(props, key, sub)
	    json_object_set_new(out, key, sample(root, sub, depth + 1));
	return out;
}

static json_t *
sample_array(const json_t *root, const json_t *schema, int depth)
{
	json_t *out = json_array();
	json_t *items = json_object_get(schema, "items");

	if (items)
		json_array_append_new(out, sample(root, items, depth + 1));
	return out;
}

/* "#/$defs/name" and "#/definitions/name". */
static const json_t *
follow_ref(const json_t *root, const char *ref)
{
	const char *name = strrchr(ref, '/');
	json_t *defs = json_object_get(root, "$defs");

	if (!defs)
		defs = json_object_get(root, "definitions");
	return name ? json_object_get(defs, name + 1) : NULL;
}

static json_t *
sample_type(
    const json_t *root, const json_t *schema, const char *type, int depth)
{
	if (strcasecmp(type, "object") == 0)
		return sample_object(root, schema, depth);
	if (strcasecmp(type, "array") == 0)
		return sample_array(root, schema, depth);
	if (strcasecmp(type, "integer") == 0)
		return json_integer(1);
	if (strcasecmp(type, "number") == 0)
		return json_real(1.5);
	if (strcasecmp(type, "boolean") == 0)
		return json_true();
	if (strcasecmp(type, "null") == 0)
		return json_null();
	return json_string("demo");
}

static json_t *
sample(const json_t *root, const json_t *schema, int depth)
{
	const json_t *v;

	if (depth > SCHEMA_DEPTH_MAX || !json_is_object(schema))
		return json_null();
	if ((v = json_object_get(schema, "const")))
		return json_deep_copy(v);
	if ((v = json_array_get(json_object_get(schema, "enum"), 0)))
		return json_deep_copy(v);
	if ((v = json_object_get(schema, "$ref")))
		return sample(
		    root, follow_ref(root, json_string_value(v)), depth + 1);
	if ((v = json_array_get(json_object_get(schema, "anyOf"), 0)) ||
	    (v = json_array_get(json_object_get(schema, "oneOf"), 0)))
		return sample(root, v, depth + 1);
	v = json_object_get(schema, "type");
	if (json_is_array(v))
		v = json_array_get(v, 0);
	if (!v)
		v = json_object_get(schema, "properties");
	return sample_type(root, schema,
	    json_is_string(v) ? json_string_value(v)
	    : v		      ? "object"
			      : "string",
	    depth);
}

static char *
dump_new(json_t *v, size_t *n)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	*n = text ? strlen(text) : 0;
	json_decref(v);
	return text;
}

/* --- tool calls ----------------------------------------------------------- */

struct tool {
	const char *name;
	const json_t *schema;
};

static bool
tool_at(const json_t *tools, size_t i, struct tool *t)
{
	const json_t *v = json_array_get(tools, i), *inner;

	if (!v)
		return false;
	/* Gemini: tools[0].functionDeclarations[i] */
	inner =
	    json_object_get(json_array_get(tools, 0), "functionDeclarations");
	if (inner)
		v = json_array_get(inner, i);
	inner = json_object_get(v, "function");
	if (inner)
		v = inner;
	t->name = json_string_value(json_object_get(v, "name"));
	t->schema = json_object_get(v, "parameters");
	if (!t->schema)
		t->schema = json_object_get(v, "parametersJsonSchema");
	if (!t->schema)
		t->schema = json_object_get(v, "input_schema");
	return t->name != NULL;
}

static bool
tool_named(const json_t *tools, const char *name, struct tool *t)
{
	for (size_t i = 0; i < 1024 && tool_at(tools, i, t); i++) {
		if (!name || strcmp(t->name, name) == 0)
			return true;
	}
	return false;
}

static void
add_call(struct mock_answer *a, const char *name, size_t n, char *args)
{
	struct mock_call *c = &a->calls[a->n_calls];

	c->name = strndup(name, n);
	c->args = args;
	if (!c->name || !args) {
		free(c->name);
		free(args);
		return;
	}
	c->n_args = strlen(args);
	a->n_calls++;
}

static void
add_sample_call(struct mock_answer *a, const struct tool *t)
{
	size_t n;
	char *args = dump_new(sample(t->schema, t->schema, 0), &n);

	if (args && args[0] != '{') {
		free(args);
		args = strdup("{}");
	}
	add_call(a, t->name, strlen(t->name), args);
}

/* tool_choice that names or demands a tool, in any maker's words. */
static bool
is_demanded(const json_t *choice, const char **name)
{
	const json_t *v = json_object_get(choice, "functionCallingConfig");
	const char *word;

	*name = NULL;
	if (v) {
		*name = json_string_value(json_array_get(
		    json_object_get(v, "allowedFunctionNames"), 0));
		word = json_string_value(json_object_get(v, "mode"));
		return word && strcasecmp(word, "ANY") == 0;
	}
	if (json_is_string(choice))
		return strcmp(json_string_value(choice), "required") == 0;
	*name = json_string_value(
	    json_object_get(json_object_get(choice, "function"), "name"));
	if (!*name)
		*name = json_string_value(json_object_get(choice, "name"));
	word = json_string_value(json_object_get(choice, "type"));
	return *name || (word && strcmp(word, "any") == 0);
}

static bool
is_forbidden(const json_t *choice)
{
	const char *word = json_string_value(choice);

	if (!word)
		word = json_string_value(json_object_get(choice, "type"));
	if (!word)
		word = json_string_value(json_object_get(
		    json_object_get(choice, "functionCallingConfig"), "mode"));
	return word && strcasecmp(word, "none") == 0;
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/* Takes the calls written in a text. */
static void
calls_of_text(struct mock_answer *a, struct str text)
{
	size_t at;

	while (a->n_calls < MOCK_CALLS_MAX &&
	       (at = str_find(text, STR("call:"))) != SIZE_MAX) {
		json_error_t e;
		json_t *args;
		size_t n = 0, used = 0;

		text = str_skip(text, at + 5);
		while (n < text.n && is_name_char(text.p[n]))
			n++;
		at = n;
		while (at < text.n && text.p[at] == ' ')
			at++;
		args = at < text.n && text.p[at] == '{'
			   ? json_loadb(text.p + at, text.n - at,
				 JSON_DISABLE_EOF_CHECK, &e)
			   : NULL;
		if (args)
			used = (size_t)e.position;
		else
			args = json_object();
		if (n > 0)
			add_call(a, text.p, n, json_dumps(args, JSON_COMPACT));
		json_decref(args);
		text = str_skip(text, at + used);
	}
}

static void
say_calls(struct mock_answer *a, const struct mock_ask *ask)
{
	json_t *tools = load_span(ask->tools);
	json_t *choice = load_span(ask->tool_choice);
	const char *name;
	struct tool t;

	if (json_is_array(tools) && json_array_size(tools) &&
	    !is_forbidden(choice) && !ask->last_is_tool) {
		if (ask->last_is_user && ask->last_text.n < CALL_TEXT_MAX) {
			struct buf text;

			buf_init(&text, CALL_TEXT_MAX);
			mock_unescape(ask->last_text, &text);
			calls_of_text(a, buf_str(&text));
			buf_fini(&text);
		}
		for (int64_t i = 0; i < a->knobs.tools; i++) {
			if (a->n_calls < MOCK_CALLS_MAX &&
			    tool_named(tools, NULL, &t))
				add_sample_call(a, &t);
		}
		if (a->n_calls == 0 && is_demanded(choice, &name) &&
		    tool_named(tools, name, &t))
			add_sample_call(a, &t);
	}
	json_decref(tools);
	json_decref(choice);
}

/* --- texts ---------------------------------------------------------------- */

static void
take_text(struct mock_answer *a, struct buf *b)
{
	free(a->owned);
	a->owned = b->p;
	a->text = b->p ? b->p : "";
	a->n_text = b->n;
}

/* True when the request wants JSON; response_format or its cousins. */
static bool
say_json(struct mock_answer *a, const struct mock_ask *ask)
{
	static const char *const paths[][3] = {
		{ "json_schema", "schema", NULL },
		{ "format", "schema", NULL },
		{ "schema", NULL, NULL },
		{ "responseJsonSchema", NULL, NULL },
		{ "responseSchema", NULL, NULL },
	};
	json_t *format = load_span(ask->format), *v = NULL;
	struct buf b;
	size_t n;

	if (!format)
		return false;
	for (size_t i = 0; !v && i < sizeof(paths) / sizeof(paths[0]); i++) {
		v = format;
		for (size_t k = 0; k < 3 && paths[i][k]; k++)
			v = json_object_get(v, paths[i][k]);
	}
	buf_init(&b, MOCK_FILLER_MAX);
	if (v) {
		b.p = dump_new(sample(v, v, 0), &n);
		b.n = n;
	} else if (str_contains(ask->format, STR("\"json_object\"")) ||
		   str_contains(ask->format, STR("\"application/json\""))) {
		buf_addz(&b, "{\"demo\":true}");
	}
	json_decref(format);
	if (!b.p)
		return false;
	take_text(a, &b);
	return true;
}

/* The beginning of s, cut between characters. */
static struct str
begin_of(struct str s)
{
	size_t n = s.n;

	if (n > QUOTE_MAX) {
		n = QUOTE_MAX;
		while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
			n--;
	}
	return str_of(s.p, n);
}

static void
say_demo(struct mock_answer *a, const struct mock_ask *ask)
{
	struct buf b, quote;

	/* an escape takes at most six bytes for one */
	buf_init(&quote, MOCK_FILLER_MAX);
	mock_unescape(str_of(ask->last_text.p, ask->last_text.n < QUOTE_MAX * 6
						   ? ask->last_text.n
						   : QUOTE_MAX * 6),
	    &quote);
	buf_init(&b, MOCK_FILLER_MAX);
	buf_addz(&b,
	    "This is the demo provider of the LLM Gateway: no language model "
	    "is behind it. ");
	buf_addz(
	    &b, ask->last_is_tool ? "The tool answered: \"" : "You wrote: \"");
	buf_adds(&b, begin_of(buf_str(&quote)));
	buf_addz(&b, quote.n > QUOTE_MAX ? "...\". " : "\". ");
	buf_addz(&b,
	    "For real answers put OPENAI_API_KEY, ANTHROPIC_API_KEY or "
	    "GEMINI_API_KEY into the environment and run ./quickstart again, "
	    "or add a provider to llmgw.yaml.");
	buf_fini(&quote);
	take_text(a, &b);
}

void
mock_say(struct mock_answer *a, const struct mock_ask *ask)
{
	const struct mock_knobs *k = &a->knobs;

	if (str_present(ask->tools)) {
		say_calls(a, ask);
		if (a->n_calls)
			return;
	}
	if (str_present(ask->format) && say_json(a, ask))
		return;
	if (k->size >= 0 || k->chunks >= 0) {
		size_t n =
		    k->size >= 0 ? (size_t)k->size : (size_t)k->chunks * 6;

		a->text = mock_say_filler();
		a->n_text = n < MOCK_FILLER_MAX ? n : MOCK_FILLER_MAX;
		fill(a->n_text);
		return;
	}
	say_demo(a, ask);
}
