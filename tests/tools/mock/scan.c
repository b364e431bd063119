#include "mock.h"

#include <string.h>

#include "base/num.h"

/*
 * A walker over JSON text that skips what it is not asked for at the speed of
 * memchr: a prompt of a megabyte must not make the mock the slowest part of a
 * benchmark. It is tolerant; --strict validation is Jansson's (refuse.c).
 */
struct walk {
	const char *p, *end;
};

static void
skip_space(struct walk *w)
{
	while (w->p < w->end && (*w->p == ' ' || *w->p == '\n' ||
				    *w->p == '\r' || *w->p == '\t'))
		w->p++;
}

static bool
take(struct walk *w, char c)
{
	skip_space(w);
	if (w->p >= w->end || *w->p != c)
		return false;
	w->p++;
	return true;
}

static char
peek(struct walk *w)
{
	skip_space(w);
	return w->p < w->end ? *w->p : '\0';
}

/* The content between the quotes, still escaped; w is at the first quote. */
static struct str
take_string(struct walk *w)
{
	const char *from = ++w->p, *q = from;

	for (;;) {
		size_t slashes = 0;

		q = memchr(q, '"', (size_t)(w->end - q));
		if (!q) {
			w->p = w->end;
			return (struct str){ NULL, 0 };
		}
		while (q - slashes > from && q[-1 - (ptrdiff_t)slashes] == '\\')
			slashes++;
		if (slashes % 2 == 0)
			break;
		q++;
	}
	w->p = q + 1;
	return str_of(from, (size_t)(q - from));
}

/* Any value; returns its span. */
static struct str
take_value(struct walk *w)
{
	const char *from;
	size_t depth = 0;

	skip_space(w);
	from = w->p;
	while (w->p < w->end) {
		char c = *w->p;

		if (c == '"') {
			(void)take_string(w);
		} else if (c == '{' || c == '[') {
			depth++;
			w->p++;
			continue;
		} else if (c == '}' || c == ']') {
			if (depth == 0)
				break;
			depth--;
			w->p++;
		} else if (depth == 0 && (c == ',' || c == ' ' || c == '\n')) {
			break;
		} else {
			w->p++;
			continue;
		}
		if (depth == 0)
			break;
	}
	return str_of(from, (size_t)(w->p - from));
}

/* Next member of an object whose '{' was taken; w is then at the value. */
static bool
next_key(struct walk *w, struct str *key)
{
	(void)take(w, ',');
	if (peek(w) != '"')
		return false;
	*key = take_string(w);
	return take(w, ':') && w->p < w->end;
}

/* --- messages ----------------------------------------------------------- */

static void
note_text(struct walk *w, struct mock_ask *ask, bool is_turn)
{
	struct str s = take_string(w);

	ask->prompt_bytes += s.n;
	if (is_turn)
		ask->last_text = s;
}

static void
note_role(struct walk *w, struct mock_ask *ask)
{
	struct str s = take_string(w);

	ask->last_is_user = str_eqz(s, "user");
	ask->last_is_tool = str_eqz(s, "tool") || str_eqz(s, "function");
}

static bool
is_text_key(struct str key)
{
	return str_eqz(key, "content") || str_eqz(key, "text");
}

static bool
is_result_key(struct str key, struct str type)
{
	return str_eqz(key, "functionResponse") || str_eqz(type, "tool_result");
}

/* Gemini's result of a tool is an object: {"name":..,"response":{"KEY":..}}. */
static bool
in_result(const struct mock_ask *ask, struct str key)
{
	return ask->dialect == DIALECT_GEMINI && ask->last_is_tool &&
	       !str_eqz(key, "name") && !str_eqz(key, "id");
}

/*
 * One turn and all parts below it: counts texts, remembers the last text, the
 * role, and whether a part is the result of a tool.
 */
static void
walk_turn(struct walk *w, struct mock_ask *ask, bool is_turn, int depth)
{
	struct str key = { NULL, 0 };

	if (depth > 32 || (peek(w) != '{' && peek(w) != '[')) {
		(void)take_value(w);
		return;
	}
	if (take(w, '[')) {
		while (w->p < w->end && !take(w, ']')) {
			walk_turn(w, ask, is_turn, depth + 1);
			(void)take(w, ',');
		}
		return;
	}
	(void)take(w, '{');
	while (next_key(w, &key)) {
		char c = peek(w);

		if (c == '"' && (is_text_key(key) || in_result(ask, key)))
			note_text(w, ask, is_turn);
		else if (c == '"' && depth == 0 && str_eqz(key, "role"))
			note_role(w, ask);
		else if (c == '"' && str_eqz(key, "type") && is_turn)
			ask->last_is_tool |= is_result_key(key, take_string(w));
		else {
			if (is_result_key(key, (struct str){ NULL, 0 }))
				ask->last_is_tool = true;
			walk_turn(w, ask, is_turn, depth + 1);
		}
	}
	(void)take(w, '}');
}

static void
walk_messages(struct walk *w, struct mock_ask *ask)
{
	ask->has_messages = false;
	if (!take(w, '[')) {
		(void)take_value(w);
		return;
	}
	while (w->p < w->end && !take(w, ']')) {
		ask->has_messages = true;
		ask->last_text = (struct str){ NULL, 0 };
		ask->last_is_user = ask->dialect == DIALECT_GEMINI;
		ask->last_is_tool = false;
		walk_turn(w, ask, true, 0);
		(void)take(w, ',');
	}
}

/* --- the top object ------------------------------------------------------ */

static void
walk_system(struct walk *w, struct mock_ask *ask)
{
	if (peek(w) == '"')
		note_text(w, ask, false);
	else
		walk_turn(w, ask, false, 1);
}

static void
walk_stream_options(struct walk *w, struct mock_ask *ask)
{
	struct str key;

	if (!take(w, '{')) {
		(void)take_value(w);
		return;
	}
	while (next_key(w, &key)) {
		struct str v = take_value(w);

		if (str_eqz(key, "include_usage"))
			ask->include_usage = str_eqz(v, "true");
	}
	(void)take(w, '}');
}

static void
note_n(struct str v, struct mock_ask *ask)
{
	uint64_t n;

	if (num_parse_u64(v, &n) == ERR_OK && n >= 1 && n <= MOCK_N_MAX)
		ask->n = (unsigned)n;
}

enum field {
	F_MODEL,
	F_STREAM,
	F_STREAM_OPTIONS,
	F_MESSAGES,
	F_SYSTEM,
	F_TOOLS,
	F_TOOL_CHOICE,
	F_FORMAT,
	F_N,
	F_MAX_TOKENS,
};

static const struct {
	const char *name;
	enum field field;
} fields[] = {
	{ "model", F_MODEL },
	{ "stream", F_STREAM },
	{ "stream_options", F_STREAM_OPTIONS },
	{ "messages", F_MESSAGES },
	{ "contents", F_MESSAGES },
	{ "system", F_SYSTEM },
	{ "systemInstruction", F_SYSTEM },
	{ "system_instruction", F_SYSTEM },
	{ "tools", F_TOOLS },
	{ "tool_choice", F_TOOL_CHOICE },
	{ "toolConfig", F_TOOL_CHOICE },
	{ "response_format", F_FORMAT },
	{ "output_config", F_FORMAT },
	{ "output_format", F_FORMAT },
	{ "generationConfig", F_FORMAT },
	{ "n", F_N },
	{ "max_tokens", F_MAX_TOKENS },
};

static void
walk_field(struct walk *w, struct mock_ask *ask, enum field f)
{
	switch (f) {
	case F_MODEL:
		if (peek(w) == '"')
			ask->model = take_string(w);
		break;
	case F_STREAM:
		ask->is_stream = str_eqz(take_value(w), "true");
		break;
	case F_STREAM_OPTIONS:
		walk_stream_options(w, ask);
		break;
	case F_MESSAGES:
		walk_messages(w, ask);
		break;
	case F_SYSTEM:
		walk_system(w, ask);
		break;
	case F_TOOLS:
		ask->tools = take_value(w);
		break;
	case F_TOOL_CHOICE:
		ask->tool_choice = take_value(w);
		break;
	case F_FORMAT:
		ask->format = take_value(w);
		break;
	case F_N:
		note_n(take_value(w), ask);
		break;
	case F_MAX_TOKENS:
		(void)take_value(w);
		ask->has_max_tokens = true;
		break;
	}
}

void
mock_scan(struct str body, enum mock_dialect d, struct mock_ask *ask)
{
	struct walk w = { body.p, body.p + body.n };
	struct str key;
	const size_t n = sizeof(fields) / sizeof(fields[0]);

	*ask = (struct mock_ask){ .dialect = d, .n = 1 };
	ask->is_object = take(&w, '{');
	while (ask->is_object && next_key(&w, &key)) {
		size_t i;

		for (i = 0; i < n && !str_eqz(key, fields[i].name); i++)
			;
		if (i < n)
			walk_field(&w, ask, fields[i].field);
		else
			(void)take_value(&w);
	}
	ask->is_object = ask->is_object && take(&w, '}');
}
