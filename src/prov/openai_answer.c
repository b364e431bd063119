#include "prov/openai.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/hash.h"

/* What the maker's own members of one event may take together. */
#define EXTRA_MAX (8u << 20)

/* ---- choices ----------------------------------------------------------- */

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
		p = fault("prov.openai") ? NULL
					 : realloc(a->choices, n * sizeof(*p));
		if (p == NULL) {
			openai_no_room(a);
			return NULL;
		}
		memset(p + a->n_choices, 0, (n - a->n_choices) * sizeof(*p));
		a->choices = p;
		a->n_choices = n;
	}
	return &a->choices[index];
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
	struct str word = openai_text(a, j, reason, OPENAI_TEXT_NATIVE);
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
		ev.native = openai_text(a, j, native, OPENAI_TEXT_NATIVE);
	a->choices[index].has_finished = true;
	openai_emit(a, &ev);
}

/* ---- chunks and bodies ------------------------------------------------- */

/* llama.cpp tells what came from its cache in timings.cache_n. */
static void
cached_by_timings(const struct json *j, json_ref timings, struct msg_usage *u)
{
	int64_t n = json_i64_or(j, json_get_set(j, timings, "cache_n"), -1);

	if (u->cached < 0 && n >= 0 && u->prompt >= 0)
		u->cached = n < u->prompt ? n : u->prompt;
}

static void
on_usage(
    struct openai_answer *a, const struct json *j, json_ref v, json_ref timings)
{
	struct msg_event ev = { .type = MSG_EV_USAGE };

	if (json_type(j, v) != JSON_T_OBJECT || json_count(j, v) == 0)
		return;
	openai_usage(j, v, &ev.usage, &a->args);
	if (a->args.failed) {
		openai_no_room(a);
		return;
	}
	cached_by_timings(j, timings, &ev.usage);
	openai_emit_bare(a, &ev);
}

/* What no event has taken along goes alone, if it says something new. */
static void
flush_extras(struct openai_answer *a, uint32_t index)
{
	a->padding = str_of(NULL, 0);
	if (a->choice.n == 0 && a->delta.n == 0)
		return;
	openai_emit(
	    a, &(struct msg_event){ .type = MSG_EV_EXTRA, .choice = index });
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

		if (OPENAI_KEY(key, "delta"))
			delta = value;
		else if (OPENAI_KEY(key, "index"))
			index = json_i64_or(j, value, position);
		else if (OPENAI_KEY(key, "finish_reason"))
			finish = value;
		else if (OPENAI_KEY(key, "logprobs"))
			logprobs = value;
		else if (OPENAI_KEY(key, "message"))
			message = value;
		else if (OPENAI_KEY(key, "native_finish_reason"))
			native = value;
		else if (OPENAI_KEY(key, "usage"))
			on_usage(a, j, value, JSON_NONE); /* Moonshot */
		else if (!OPENAI_KEY(key, "text"))
			/* text: Together says delta.content twice */
			openai_keep(&a->choice, j, k);
	}
	ch = choice_get(a, index);
	if (ch == NULL)
		return;
	/* Azure's filter speaks of a choice without adding to it */
	if (openai_is_blank(j, delta) && !openai_is_blank(j, message)) {
		delta = message;
		is_whole = true;
	}
	if (delta != JSON_NONE)
		ch->has_begun = true;
	openai_delta(a, j, (uint32_t)index, delta, logprobs, is_whole);
	on_finish(a, j, (uint32_t)index, finish, native);
	flush_extras(a, (uint32_t)index);
}

struct top {
	json_ref id, created, model, choices, usage, error, x_groq, timings;
	bool is_error; /* {"object":"error",...} */
	bool has_words; /* "message" or "detail" */
};

/* null, "", false, 0, {} and [] in "error" mean that there was none. */
static bool
says_something(const struct json *j, json_ref v)
{
	switch (json_type(j, v)) {
	case JSON_T_TRUE:
		return true;
	case JSON_T_NUMBER:
		return json_i64_or(j, v, 1) != 0;
	case JSON_T_STRING:
		return json_inner(j, v).n != 0;
	case JSON_T_ARRAY:
	case JSON_T_OBJECT:
		return json_count(j, v) != 0;
	case JSON_T_NONE:
	case JSON_T_NULL:
	case JSON_T_FALSE:
		break;
	}
	return false;
}

static void
top_read(
    struct openai_answer *a, const struct json *j, json_ref v, struct top *t)
{
	/* since before the first chunk that names the answer (Azure) */
	bool has_waiting = a->top.n != 0;

	*t = (struct top){ JSON_NONE, JSON_NONE, JSON_NONE, JSON_NONE,
		JSON_NONE, JSON_NONE, JSON_NONE, JSON_NONE, false, false };
	json_each (j, v, k) {
		struct str key = json_inner(j, k);
		json_ref value = json_value(j, k);

		if (OPENAI_KEY(key, "id"))
			t->id = value;
		else if (OPENAI_KEY(key, "object"))
			t->is_error = json_str_is(j, value, "error");
		else if (OPENAI_KEY(key, "created"))
			t->created = value;
		else if (OPENAI_KEY(key, "model"))
			t->model = value;
		else if (OPENAI_KEY(key, "choices"))
			t->choices = value;
		else if (OPENAI_KEY(key, "usage"))
			t->usage = value;
		else if (OPENAI_KEY(key, "error"))
			t->error = says_something(j, value) ? value : JSON_NONE;
		else if (OPENAI_KEY(key, "obfuscation"))
			a->padding = str_of(j->text.p + j->tok[k].pos,
			    (size_t)(j->tok[value].pos + j->tok[value].len) -
				j->tok[k].pos);
		else if (!OPENAI_KEY(key, "p") &&
			 !(has_waiting &&
			     str_contains(buf_str(&a->top), json_raw(j, k))))
			/* p: Mistral's padding, which means nothing */
			openai_keep(&a->top, j, k);
		if (OPENAI_KEY(key, "x_groq"))
			t->x_groq = value;
		if (OPENAI_KEY(key, "timings"))
			t->timings = value;
		t->has_words |=
		    OPENAI_KEY(key, "message") || OPENAI_KEY(key, "detail");
	}
}

static void
on_start(struct openai_answer *a, const struct json *j, const struct top *t)
{
	struct msg_event ev = { .type = MSG_EV_START };

	ev.id = openai_text(a, j, t->id, OPENAI_TEXT_ID);
	ev.model = openai_text(a, j, t->model, OPENAI_TEXT_MODEL);
	ev.created = json_i64_or(j, t->created, 0);
	if (ev.created < 0)
		ev.created = 0;
	/* Azure's first chunk names nothing: the next one does */
	if (ev.id.n == 0 && json_count(j, t->choices) == 0)
		return;
	a->has_started = true;
	openai_emit_bare(a, &ev);
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
		openai_emit(a, &(struct msg_event){ .type = MSG_EV_EXTRA });
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
	on_usage(a, j, json_get(j, t.x_groq, "usage"), JSON_NONE);
	on_usage(a, j, t.usage, t.timings);
}

/* ---- the kind's functions ---------------------------------------------- */

static void
on_event(
    struct prov_collect *c, const struct json *j, json_ref v, struct str name)
{
	struct openai_answer *a = (struct openai_answer *)c;

	a->n_emitted = 0;
	a->was_padded = false;
	on_object(a, j, v, name, false);
	if (v == 0 && name.n == 0)
		openai_alike_learn(a, j->text);
}

static bool
on_unread(struct prov_collect *c, struct str json)
{
	return openai_alike_take((struct openai_answer *)c, json);
}

/* What the maker calls complete, with or without a word why. */
static void
finish_all(struct openai_answer *a)
{
	for (uint32_t i = 0; i < a->n_choices; i++) {
		struct openai_choice *ch = &a->choices[i];

		if (ch->has_begun && !ch->has_finished)
			openai_emit(
			    a, &(struct msg_event){ .type = MSG_EV_FINISH,
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

static const struct prov_collect_ops collect_ops = {
	.unread = on_unread,
	.event = on_event,
	.body = on_body,
	.done = on_done,
	.end = on_end,
};

struct prov_answer *
openai_answer_new(const struct prov_target *target,
    const struct prov_answer_options *o, struct msg_sink sink)
{
	struct openai_answer *a =
	    fault("prov.openai") ? NULL : calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	prov_collect_init(&a->c, target, o, sink, &collect_ops);
	openai_alike_init(a);
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
	openai_alike_fini(a);
	free(a);
}
