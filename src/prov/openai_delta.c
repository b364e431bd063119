#include "prov/openai.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/json_out.h"

static void
emit_text(struct openai_answer *a, enum msg_event_type type, uint32_t choice,
    struct str inner)
{
	if (inner.n == 0)
		return;
	openai_emit(a, &(struct msg_event){
			   .type = type, .choice = choice, .text = inner });
}

static void
emit_raw(struct openai_answer *a, enum msg_event_type type, uint32_t choice,
    struct str raw)
{
	openai_emit(a,
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
	if (!a->args.failed)
		return buf_str(&a->args);
	openai_no_room(a);
	return str_of(NULL, 0);
}

/* ---- tool calls -------------------------------------------------------- */

static void
call_start(struct openai_answer *a, uint32_t index, uint32_t key,
    struct openai_call *c, struct msg_event *ev)
{
	struct str args = ev->text; /* go in an event of their own */
	char *kept = c->id;

	/* An id without its name: wait, the name comes in the next piece. */
	if (ev->name.n == 0 && ev->text.n == 0) {
		if (c->id == NULL && ev->id.n != 0) {
			c->id = fault("prov.openai")
				    ? NULL
				    : strndup(ev->id.p, ev->id.n);
			if (c->id == NULL)
				openai_no_room(a);
		}
		return;
	}
	if (kept != NULL && ev->id.n == 0)
		ev->id = str_z(kept);
	ev->type = MSG_EV_CALL_START;
	ev->choice = index;
	ev->call = key;
	ev->text = str_of(NULL, 0);
	openai_emit(a, ev);
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
	ev.id = openai_text(a, j, json_get(j, v, "id"), OPENAI_TEXT_ID);
	ev.name = openai_text(a, j, json_get(j, f, "name"), OPENAI_TEXT_NAME);
	ev.signature = openai_text(a, j,
	    json_at(j, v, "extra_content", "google", "thought_signature", NULL),
	    OPENAI_TEXT_SIGNATURE);
	ev.text = as_inner(a, j, args);
	key = openai_call_find(ch, ev.id, ev.name,
	    json_i64_or(j, json_get(j, v, "index"), -1), is_whole, ev.text);
	if (key == UINT32_MAX) {
		prov_answer_failf(&a->c.a, MSG_FAIL_BAD_ANSWER,
		    "the provider's answer has more tool calls than there is "
		    "room for");
		return;
	}
	c = &ch->calls[key];
	if (!c->is_started)
		call_start(a, index, key, c, &ev);
	if (ev.text.n != 0)
		openai_emit(a, &(struct msg_event){ .type = MSG_EV_CALL_ARGS,
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
		openai_emit(a, &ev);
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

		if (OPENAI_KEY(key, "content"))
			m->content = value;
		else if (OPENAI_KEY(key, "role"))
			continue;
		else if (OPENAI_KEY(key, "tool_calls"))
			m->calls = value;
		else if (OPENAI_KEY(key, "reasoning_content"))
			m->reasoning_content = value;
		else if (OPENAI_KEY(key, "reasoning") &&
			 json_type(j, value) == JSON_T_STRING)
			m->reasoning = value;
		else if (OPENAI_KEY(key, "refusal"))
			m->refusal = value;
		else if (OPENAI_KEY(key, "function_call"))
			m->function_call = value;
		else if (OPENAI_KEY(key, "annotations"))
			m->annotations = value;
		else if (OPENAI_KEY(key, "images"))
			m->images = value;
		else
			openai_keep(&a->delta, j, k);
		if (OPENAI_KEY(key, "reasoning_details"))
			m->details = value;
	}
}

void
openai_delta(struct openai_answer *a, const struct json *j, uint32_t index,
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
