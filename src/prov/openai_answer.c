#include "prov/openai.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/json_out.h"

/* What the maker's own members of one event may take together. */
#define EXTRA_MAX (8u << 20)

enum slot {
	SLOT_ID,
	SLOT_MODEL,
	SLOT_NAME,
	SLOT_SIGNATURE,
	SLOT_NATIVE
};

/* ---- small words ------------------------------------------------------- */

/* Decoded text of a string; absent when v is none. In a slot if escaped. */
static struct str
text_of(struct openai_answer *a, const struct json *j, json_ref v, enum slot s)
{
	struct str inner = json_inner(j, v);
	struct buf *b = &a->text[s];

	if (str_chr(inner, '\\') == inner.n)
		return inner;
	buf_reset(b);
	json_unescape(b, inner);
	return b->failed ? str_of(NULL, 0) : buf_str(b);
}

static bool
key_is(struct str k, const char *lit, size_t n)
{
	return k.n == n && memcmp(k.p, lit, n) == 0;
}
#define KEY(k, lit) key_is((k), lit, sizeof(lit) - 1)

/* null and empty containers say nothing. */
static bool
is_blank(const struct json *j, json_ref v)
{
	switch (json_type(j, v)) {
	case JSON_T_NONE:
	case JSON_T_NULL:
		return true;
	case JSON_T_ARRAY:
	case JSON_T_OBJECT:
		return json_count(j, v) == 0;
	case JSON_T_FALSE:
	case JSON_T_TRUE:
	case JSON_T_NUMBER:
	case JSON_T_STRING:
		break;
	}
	return false;
}

/* ---- the maker's own members ------------------------------------------- */

static void
keep(struct buf *b, const struct json *j, json_ref key)
{
	struct str k = json_raw(j, key);

	if (is_blank(j, json_value(j, key)))
		return;
	if (b->n != 0)
		buf_addc(b, ',');
	buf_adds(b, k);
	buf_addc(b, ':');
	buf_adds(b, json_raw(j, json_value(j, key)));
}

/* An event that a client sees as a chunk: what is waiting goes with it. */
static void
emit(struct openai_answer *a, struct msg_event *ev)
{
	if (a->padding.n != 0) {
		if (a->top.n != 0)
			buf_addc(&a->top, ',');
		buf_adds(&a->top, a->padding);
		a->padding = str_of(NULL, 0);
	}
	if (a->top.n != 0)
		ev->extra_top = buf_str(&a->top);
	if (a->choice.n != 0)
		ev->extra_choice = buf_str(&a->choice);
	if (a->delta.n != 0)
		ev->extra_delta = buf_str(&a->delta);
	prov_answer_emit(&a->c.a, ev);
	buf_reset(&a->top);
	buf_reset(&a->choice);
	buf_reset(&a->delta);
}

static void
emit_text(struct openai_answer *a, enum msg_event_type type, uint32_t choice,
    struct str inner)
{
	if (inner.n == 0)
		return;
	emit(a, &(struct msg_event){
		    .type = type, .choice = choice, .text = inner });
}

static void
emit_raw(struct openai_answer *a, enum msg_event_type type, uint32_t choice,
    struct str raw)
{
	emit(a,
	    &(struct msg_event){ .type = type, .choice = choice, .raw = raw });
}

/* Any JSON value as the inside of a string. */
static struct str
as_inner(struct openai_answer *a, const struct json *j, json_ref v)
{
	switch (json_type(j, v)) {
	case JSON_T_STRING:
		return json_inner(j, v);
	case JSON_T_NONE:
	case JSON_T_NULL:
		return str_of(NULL, 0);
	case JSON_T_FALSE:
	case JSON_T_TRUE:
	case JSON_T_NUMBER:
	case JSON_T_ARRAY:
	case JSON_T_OBJECT:
		break;
	}
	buf_reset(&a->args);
	json_escape(&a->args, json_raw(j, v));
	return buf_str(&a->args);
}

/* ---- tool calls -------------------------------------------------------- */

static struct openai_choice *
choice_get(struct openai_answer *a, int64_t index)
{
	struct openai_choice *p;
	uint32_t n;

	if (index < 0 || index >= OPENAI_CHOICES_MAX) {
		prov_answer_failf(&a->c.a, MSG_FAIL_BAD_ANSWER,
		    "the provider's answer has a choice with index %lld",
		    (long long)index);
		return NULL;
	}
	n = (uint32_t)index + 1;
	if (n > a->n_choices) {
		p = realloc(a->choices, n * sizeof(*p));
		if (p == NULL) {
			prov_answer_failf(&a->c.a, MSG_FAIL_INTERNAL,
			    "out of memory while reading the provider's "
			    "answer");
			return NULL;
		}
		memset(p + a->n_choices, 0, (n - a->n_choices) * sizeof(*p));
		a->choices = p;
		a->n_choices = n;
	}
	return &a->choices[index];
}

static void
call_start(struct openai_answer *a, uint32_t index, uint32_t key,
    struct openai_call *c, struct msg_event *ev)
{
	struct str args = ev->text; /* go in an event of their own */
	char *kept = c->id;

	/* An id without its name: wait, the name comes in the next piece. */
	if (ev->name.n == 0 && ev->text.n == 0) {
		if (c->id == NULL && ev->id.n != 0)
			c->id = strndup(ev->id.p, ev->id.n);
		return;
	}
	if (kept != NULL && ev->id.n == 0)
		ev->id = str_z(kept);
	ev->type = MSG_EV_CALL_START;
	ev->choice = index;
	ev->call = key;
	ev->text = str_of(NULL, 0);
	emit(a, ev);
	ev->text = args;
	c->is_started = true;
	c->id = NULL;
	free(kept);
}

/*
 * One element of tool_calls[], or a legacy function_call: {"name","arguments"}
 * itself, where f is v.
 */
static void
on_call(struct openai_answer *a, const struct json *j, uint32_t index,
    json_ref v, bool is_whole)
{
	struct openai_choice *ch = &a->choices[index];
	bool is_custom = json_str_is(j, json_get(j, v, "type"), "custom");
	json_ref f = json_get_set(j, v, is_custom ? "custom" : "function");
	json_ref args;
	struct msg_event ev = { .is_custom = is_custom };
	struct openai_call *c;
	uint32_t key;

	if (f == JSON_NONE)
		f = v;
	args = json_get(j, f, is_custom ? "input" : "arguments");
	ev.id = text_of(a, j, json_get(j, v, "id"), SLOT_ID);
	ev.name = text_of(a, j, json_get(j, f, "name"), SLOT_NAME);
	ev.signature = text_of(a, j,
	    json_at(j, v, "extra_content", "google", "thought_signature", NULL),
	    SLOT_SIGNATURE);
	ev.text = as_inner(a, j, args);
	key = openai_call_find(ch, ev.id, ev.name,
	    json_i64_or(j, json_get(j, v, "index"), -1), is_whole, ev.text);
	if (key == UINT32_MAX) {
		prov_answer_failf(&a->c.a, MSG_FAIL_BAD_ANSWER,
		    "the provider's answer has more than %u tool calls",
		    OPENAI_CALLS_MAX);
		return;
	}
	c = &ch->calls[key];
	if (!c->is_started)
		call_start(a, index, key, c, &ev);
	if (ev.text.n != 0)
		emit(a, &(struct msg_event){ .type = MSG_EV_CALL_ARGS,
			    .choice = index,
			    .call = key,
			    .text = ev.text });
}

static void
on_calls(struct openai_answer *a, const struct json *j, uint32_t index,
    json_ref v, bool is_whole)
{
	if (json_type(j, v) == JSON_T_OBJECT) {
		on_call(a, j, index, v, is_whole);
		return;
	}
	if (json_type(j, v) != JSON_T_ARRAY)
		return;
	json_each (j, v, e)
		on_call(a, j, index, e, is_whole);
}

/* ---- content ----------------------------------------------------------- */

/* Mistral's thinking[] and Databricks' summary[]: a list of {type, text}. */
static void
on_texts(struct openai_answer *a, const struct json *j, uint32_t index,
    json_ref list, enum msg_event_type type)
{
	if (json_type(j, list) == JSON_T_STRING)
		emit_text(a, type, index, json_inner(j, list));
	if (json_type(j, list) != JSON_T_ARRAY)
		return;
	json_each (j, list, e)
		emit_text(
		    a, type, index, json_inner(j, json_get(j, e, "text")));
}

static void
on_part(
    struct openai_answer *a, const struct json *j, uint32_t index, json_ref v)
{
	json_ref type = json_get(j, v, "type");

	if (json_type(j, v) == JSON_T_STRING)
		emit_text(a, MSG_EV_TEXT, index, json_inner(j, v));
	else if (json_str_is(j, type, "text") ||
		 json_str_is(j, type, "output_text"))
		emit_text(a, MSG_EV_TEXT, index,
		    json_inner(j, json_get(j, v, "text")));
	else if (json_str_is(j, type, "thinking"))
		on_texts(
		    a, j, index, json_get(j, v, "thinking"), MSG_EV_REASONING);
	else if (json_str_is(j, type, "reasoning"))
		on_texts(
		    a, j, index, json_get(j, v, "summary"), MSG_EV_REASONING);
	else if (json_str_is(j, type, "refusal"))
		emit_text(a, MSG_EV_REFUSAL, index,
		    json_inner(j, json_get(j, v, "refusal")));
	else if (json_str_is(j, type, "image_url"))
		emit_raw(a, MSG_EV_IMAGE, index, json_raw(j, v));
	else
		/* Mistral's reference and what else may come */
		emit_raw(a, MSG_EV_ANNOTATION, index, json_raw(j, v));
}

static void
on_content(struct openai_answer *a, const struct json *j, uint32_t index,
    json_ref v, json_ref logprobs)
{
	struct msg_event ev = { .type = MSG_EV_TEXT, .choice = index };

	if (json_type(j, v) == JSON_T_ARRAY) {
		json_each (j, v, e)
			on_part(a, j, index, e);
		return;
	}
	/* Cloudflare's JSON mode answers with the object itself */
	ev.text = as_inner(a, j, v);
	if (json_type(j, logprobs) == JSON_T_OBJECT)
		ev.raw = json_raw(j, logprobs);
	if (ev.text.n != 0)
		emit(a, &ev);
	else if (json_get_set(j, logprobs, "content") != JSON_NONE ||
		 json_get_set(j, logprobs, "refusal") != JSON_NONE)
		emit_raw(a, MSG_EV_LOGPROBS, index, ev.raw);
}

static void
on_each_raw(struct openai_answer *a, const struct json *j, uint32_t index,
    json_ref list, enum msg_event_type type)
{
	if (json_type(j, list) != JSON_T_ARRAY)
		return;
	json_each (j, list, e)
		emit_raw(a, type, index, json_raw(j, e));
}

/* OpenRouter's details when no plain text stands beside them. */
static void
on_reasoning_details(struct openai_answer *a, const struct json *j,
    uint32_t index, json_ref list)
{
	if (json_type(j, list) != JSON_T_ARRAY)
		return;
	json_each (j, list, e) {
		json_ref t = json_get_set(j, e, "text");

		if (t == JSON_NONE)
			t = json_get_set(j, e, "summary");
		emit_text(a, MSG_EV_REASONING, index, json_inner(j, t));
	}
}

/* The members of a delta or message. */
struct members {
	json_ref content, reasoning, reasoning_content, details, refusal;
	json_ref calls, function_call, annotations, images;
};

static void
members_read(struct openai_answer *a, const struct json *j, json_ref v,
    struct members *m)
{
	*m = (struct members){ JSON_NONE, JSON_NONE, JSON_NONE, JSON_NONE,
		JSON_NONE, JSON_NONE, JSON_NONE, JSON_NONE, JSON_NONE };
	if (json_type(j, v) != JSON_T_OBJECT)
		return;
	json_each (j, v, k) {
		struct str key = json_inner(j, k);
		json_ref value = json_value(j, k);

		if (KEY(key, "content"))
			m->content = value;
		else if (KEY(key, "role"))
			continue;
		else if (KEY(key, "tool_calls"))
			m->calls = value;
		else if (KEY(key, "reasoning_content"))
			m->reasoning_content = value;
		else if (KEY(key, "reasoning") &&
			 json_type(j, value) == JSON_T_STRING)
			m->reasoning = value;
		else if (KEY(key, "refusal"))
			m->refusal = value;
		else if (KEY(key, "function_call"))
			m->function_call = value;
		else if (KEY(key, "annotations"))
			m->annotations = value;
		else if (KEY(key, "images"))
			m->images = value;
		else
			keep(&a->delta, j, k);
		if (KEY(key, "reasoning_details"))
			m->details = value;
	}
}

static void
on_delta(struct openai_answer *a, const struct json *j, uint32_t index,
    json_ref v, json_ref logprobs, bool is_whole)
{
	struct members m;
	struct str thought;

	members_read(a, j, v, &m);
	/* some send both names with the same text */
	thought = json_inner(j, m.reasoning_content);
	if (thought.n == 0)
		thought = json_inner(j, m.reasoning);
	if (thought.n != 0)
		emit_text(a, MSG_EV_REASONING, index, thought);
	else
		on_reasoning_details(a, j, index, m.details);
	on_content(a, j, index, m.content, logprobs);
	emit_text(a, MSG_EV_REFUSAL, index, json_inner(j, m.refusal));
	on_each_raw(a, j, index, m.images, MSG_EV_IMAGE);
	on_each_raw(a, j, index, m.annotations, MSG_EV_ANNOTATION);
	on_calls(a, j, index, m.calls, is_whole);
	if (json_type(j, m.function_call) == JSON_T_OBJECT)
		on_call(a, j, index, m.function_call, false);
}

/* ---- finish ------------------------------------------------------------ */

static const struct {
	const char *word;
	enum msg_finish finish;
	enum msg_fail_class fail; /* it is none: the answer has failed */
} finish_table[] = {
	{ "stop", MSG_FINISH_STOP, MSG_FAIL_NONE },
	{ "length", MSG_FINISH_LENGTH, MSG_FAIL_NONE },
	{ "tool_calls", MSG_FINISH_TOOL_CALLS, MSG_FAIL_NONE },
	{ "content_filter", MSG_FINISH_CONTENT_FILTER, MSG_FAIL_NONE },
	{ "function_call", MSG_FINISH_TOOL_CALLS, MSG_FAIL_NONE },
	{ "max_tokens", MSG_FINISH_LENGTH, MSG_FAIL_NONE },
	{ "model_length", MSG_FINISH_LENGTH, MSG_FAIL_NONE },
	{ "tool_use", MSG_FINISH_TOOL_CALLS, MSG_FAIL_NONE },
	{ "refusal", MSG_FINISH_CONTENT_FILTER, MSG_FAIL_NONE },
	{ "safety", MSG_FINISH_CONTENT_FILTER, MSG_FAIL_NONE },
	/* OpenRouter, Mistral */
	{ "error", MSG_FINISH_STOP, MSG_FAIL_UNAVAILABLE },
	/* DeepSeek */
	{ "insufficient_system_resource", MSG_FINISH_STOP,
	    MSG_FAIL_OVERLOADED },
	/* vLLM: the request was given up, the text has no end */
	{ "abort", MSG_FINISH_STOP, MSG_FAIL_CUT },
};

static void
on_finish(struct openai_answer *a, const struct json *j, uint32_t index,
    json_ref reason, json_ref native)
{
	struct msg_event ev = { .type = MSG_EV_FINISH, .choice = index };
	struct str word = text_of(a, j, reason, SLOT_NATIVE);
	size_t i = 0;

	if (word.n == 0)
		return;
	while (i < sizeof(finish_table) / sizeof(*finish_table) &&
	       !str_eqz(word, finish_table[i].word))
		i++;
	if (i == sizeof(finish_table) / sizeof(*finish_table)) {
		/* Together's eos, TGI's eos_token: stop in other words */
		ev.finish = MSG_FINISH_STOP;
		ev.native = word;
	} else if (finish_table[i].fail != MSG_FAIL_NONE) {
		prov_answer_failf(&a->c.a, finish_table[i].fail,
		    "%.*s ended its answer with \"%.*s\"",
		    STR_ARG(a->c.a.target->provider), STR_ARG(word));
		return;
	} else {
		ev.finish = finish_table[i].finish;
		/* the first five are OpenAI's own words */
		if (i > MSG_FINISH__MAX)
			ev.native = word;
	}
	if (json_inner(j, native).n != 0)
		ev.native = text_of(a, j, native, SLOT_NATIVE);
	a->choices[index].has_finished = true;
	emit(a, &ev);
}

/* ---- chunks and bodies ------------------------------------------------- */

static void
on_usage(struct openai_answer *a, const struct json *j, json_ref v)
{
	struct msg_event ev = { .type = MSG_EV_USAGE };

	if (json_type(j, v) != JSON_T_OBJECT || json_count(j, v) == 0)
		return;
	openai_usage(j, v, &ev.usage, &a->args);
	prov_answer_emit(&a->c.a, &ev);
}

/* What no event has taken along goes alone, if it says something new. */
static void
flush_extras(struct openai_answer *a, uint32_t index)
{
	a->padding = str_of(NULL, 0);
	if (a->choice.n == 0 && a->delta.n == 0)
		return;
	emit(a, &(struct msg_event){ .type = MSG_EV_EXTRA, .choice = index });
}

static void
on_choice(struct openai_answer *a, const struct json *j, json_ref v,
    uint32_t position, bool is_whole)
{
	json_ref delta = JSON_NONE, message = JSON_NONE, finish = JSON_NONE;
	json_ref native = JSON_NONE, logprobs = JSON_NONE;
	int64_t index = position;
	struct openai_choice *ch;

	if (json_type(j, v) != JSON_T_OBJECT)
		return;
	json_each (j, v, k) {
		struct str key = json_inner(j, k);
		json_ref value = json_value(j, k);

		if (KEY(key, "delta"))
			delta = value;
		else if (KEY(key, "index"))
			index = json_i64_or(j, value, position);
		else if (KEY(key, "finish_reason"))
			finish = value;
		else if (KEY(key, "logprobs"))
			logprobs = value;
		else if (KEY(key, "message"))
			message = value;
		else if (KEY(key, "native_finish_reason"))
			native = value;
		else if (KEY(key, "usage"))
			on_usage(a, j, value); /* Moonshot */
		else if (!KEY(key, "text"))
			/* text: Together says delta.content twice */
			keep(&a->choice, j, k);
	}
	ch = choice_get(a, index);
	if (ch == NULL)
		return;
	/* Azure's filter speaks of a choice without adding to it */
	if (is_blank(j, delta) && !is_blank(j, message)) {
		delta = message;
		is_whole = true;
	}
	if (delta != JSON_NONE)
		ch->has_begun = true;
	on_delta(a, j, (uint32_t)index, delta, logprobs, is_whole);
	on_finish(a, j, (uint32_t)index, finish, native);
	flush_extras(a, (uint32_t)index);
}

struct top {
	json_ref id, created, model, choices, usage, error, x_groq;
	bool is_error; /* {"object":"error",...} */
	bool has_words; /* "message" or "detail" */
};

static void
top_read(
    struct openai_answer *a, const struct json *j, json_ref v, struct top *t)
{
	/* since before the first chunk that names the answer (Azure) */
	bool has_waiting = a->top.n != 0;

	*t = (struct top){ JSON_NONE, JSON_NONE, JSON_NONE, JSON_NONE,
		JSON_NONE, JSON_NONE, JSON_NONE, false, false };
	json_each (j, v, k) {
		struct str key = json_inner(j, k);
		json_ref value = json_value(j, k);

		if (KEY(key, "id"))
			t->id = value;
		else if (KEY(key, "object"))
			t->is_error = json_str_is(j, value, "error");
		else if (KEY(key, "created"))
			t->created = value;
		else if (KEY(key, "model"))
			t->model = value;
		else if (KEY(key, "choices"))
			t->choices = value;
		else if (KEY(key, "usage"))
			t->usage = value;
		else if (KEY(key, "error"))
			t->error = is_blank(j, value) ? JSON_NONE : value;
		else if (KEY(key, "obfuscation"))
			a->padding = str_of(j->text.p + j->tok[k].pos,
			    (size_t)(j->tok[value].pos + j->tok[value].len) -
				j->tok[k].pos);
		else if (!KEY(key, "p") &&
			 !(has_waiting &&
			     str_contains(buf_str(&a->top), json_raw(j, k))))
			/* p: Mistral's padding, which means nothing */
			keep(&a->top, j, k);
		if (KEY(key, "x_groq"))
			t->x_groq = value;
		t->has_words |= KEY(key, "message") || KEY(key, "detail");
	}
}

static void
on_start(struct openai_answer *a, const struct json *j, const struct top *t)
{
	struct msg_event ev = { .type = MSG_EV_START };

	ev.id = text_of(a, j, t->id, SLOT_ID);
	ev.model = text_of(a, j, t->model, SLOT_MODEL);
	ev.created = json_i64_or(j, t->created, 0);
	if (ev.created < 0)
		ev.created = 0;
	/* Azure's first chunk names nothing: the next one does */
	if (ev.id.n == 0 && json_count(j, t->choices) == 0)
		return;
	a->has_started = true;
	prov_answer_emit(&a->c.a, &ev);
}

/* True when it is an error; FAIL was emitted. */
static bool
on_error(struct openai_answer *a, const struct json *j, json_ref v,
    const struct top *t, struct str name)
{
	json_ref in_groq = json_get_set(j, t->x_groq, "error");
	json_ref error = t->error;
	struct msg_fail fail;

	/* an error's text beside content (Groq): not on its own */
	if (error == JSON_NONE && t->choices == JSON_NONE &&
	    json_type(j, in_groq) != JSON_T_NONE)
		error = in_groq;
	if (error == JSON_NONE &&
	    (t->is_error || str_eq(name, STR("error")) ||
		(t->has_words && t->choices == JSON_NONE &&
		    t->usage == JSON_NONE)))
		error = v;
	if (error == JSON_NONE)
		return false;
	prov_fail_object(
	    a->c.a.target, j, error == t->error ? v : error, 200, &fail);
	prov_answer_fail(&a->c.a, &fail);
	return true;
}

/* Top-level extras of a chunk without content: once each value. */
static void
flush_top(struct openai_answer *a, uint64_t hash)
{
	a->padding = str_of(NULL, 0);
	if (a->top.n != 0 && hash != a->last_top && a->has_started)
		emit(a, &(struct msg_event){ .type = MSG_EV_EXTRA });
	if (a->has_started)
		buf_reset(&a->top);
}

static void
on_object(struct openai_answer *a, const struct json *j, json_ref v,
    struct str name, bool is_whole)
{
	uint64_t hash;
	uint32_t n = 0;
	struct top t;

	if (json_type(j, v) != JSON_T_OBJECT) {
		prov_answer_failf(&a->c.a, MSG_FAIL_BAD_ANSWER,
		    "the provider's answer is no JSON object");
		return;
	}
	top_read(a, j, v, &t);
	if (on_error(a, j, v, &t, name))
		return;
	if (!a->has_started)
		on_start(a, j, &t);
	hash = hash_u64(buf_str(&a->top));
	if (json_type(j, t.choices) == JSON_T_ARRAY) {
		json_each (j, t.choices, e)
			on_choice(a, j, e, n++, is_whole);
	}
	flush_top(a, hash);
	a->last_top = hash;
	on_usage(a, j, json_get(j, t.x_groq, "usage"));
	on_usage(a, j, t.usage);
}

/* ---- the kind's functions ---------------------------------------------- */

static void
on_event(
    struct prov_collect *c, const struct json *j, json_ref v, struct str name)
{
	on_object((struct openai_answer *)c, j, v, name, false);
}

/* What the maker calls complete, with or without a word why. */
static void
finish_all(struct openai_answer *a)
{
	for (uint32_t i = 0; i < a->n_choices; i++) {
		struct openai_choice *ch = &a->choices[i];

		if (ch->has_begun && !ch->has_finished)
			emit(a, &(struct msg_event){ .type = MSG_EV_FINISH,
				    .choice = i,
				    .finish = MSG_FINISH_STOP });
	}
	prov_answer_end(&a->c.a);
}

static void
on_body(struct prov_collect *c, const struct json *j, json_ref v)
{
	struct openai_answer *a = (struct openai_answer *)c;

	on_object(a, j, v, str_of(NULL, 0), true);
	if (a->c.a.ended)
		return;
	if (a->n_choices == 0)
		prov_answer_failf(&a->c.a, MSG_FAIL_BAD_ANSWER,
		    "the provider's answer has no choices");
	else
		finish_all(a);
}

/* [DONE] says complete, also where no finish reason came (Snowflake). */
static void
on_done(struct prov_collect *c)
{
	struct openai_answer *a = (struct openai_answer *)c;

	if (a->n_choices == 0)
		prov_answer_failf(&a->c.a, MSG_FAIL_BAD_ANSWER,
		    "the provider's stream ended without a choice");
	else
		finish_all(a);
}

/* Without [DONE] a finish reason for every choice says so as well. */
static void
on_end(struct prov_collect *c)
{
	struct openai_answer *a = (struct openai_answer *)c;
	bool is_complete = a->n_choices != 0;

	for (uint32_t i = 0; i < a->n_choices; i++)
		is_complete &=
		    a->choices[i].has_finished || !a->choices[i].has_begun;
	if (is_complete)
		prov_answer_end(&a->c.a);
	else
		prov_answer_failf(&a->c.a, MSG_FAIL_CUT,
		    "the provider's stream broke off before its end");
}

const struct prov_collect_ops openai_collect_ops = {
	.event = on_event,
	.body = on_body,
	.done = on_done,
	.end = on_end,
};

struct prov_answer *
openai_answer_new(const struct prov_target *target,
    const struct prov_answer_options *o, struct msg_sink sink)
{
	struct openai_answer *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	prov_collect_init(&a->c, target, o, sink, &openai_collect_ops);
	buf_init(&a->top, EXTRA_MAX);
	buf_init(&a->choice, EXTRA_MAX);
	buf_init(&a->delta, EXTRA_MAX);
	buf_init(&a->args, o->max_body);
	for (size_t i = 0; i < sizeof(a->text) / sizeof(*a->text); i++)
		buf_init(&a->text[i], 65536);
	return &a->c.a;
}

void
openai_answer_free(struct prov_answer *p)
{
	struct openai_answer *a = (struct openai_answer *)p;

	if (a == NULL)
		return;
	for (uint32_t i = 0; i < a->n_choices; i++)
		openai_choice_fini(&a->choices[i]);
	free(a->choices);
	buf_fini(&a->top);
	buf_fini(&a->choice);
	buf_fini(&a->delta);
	buf_fini(&a->args);
	for (size_t i = 0; i < sizeof(a->text) / sizeof(*a->text); i++)
		buf_fini(&a->text[i]);
	prov_collect_fini(&a->c);
	free(a);
}
