#include "api/answer_int.h"

#include <stdlib.h>

#include "base/fault.h"

/* Whole answers: pieces are collected, the object is printed at the end. */

static void
collect(struct api_answer *a, struct buf *to, struct str s)
{
	if (s.n > a->o.max_bytes - a->bytes) {
		if (a->err == ERR_OK)
			a->err = ERR_LIMIT;
		return;
	}
	a->bytes += s.n;
	to->max = a->o.max_bytes;
	buf_adds(to, s);
	if (to->failed && a->err == ERR_OK)
		a->err = ERR_NOMEM;
}

/* One more element of an array that is printed later. */
static void
collect_element(struct api_answer *a, struct buf *to, struct str raw)
{
	if (raw.n == 0)
		return;
	if (to->n > 0)
		collect(a, to, STR(","));
	collect(a, to, raw);
}

static void
collect_elements(struct api_answer *a, struct buf *to, const struct json *j,
    const char *name)
{
	json_ref list = json_get_set(j, 0, name);

	json_each (j, list, e)
		collect_element(a, to, json_raw(j, e));
}

/* {"content":[...],"refusal":[...]}: lists grow, another shape is replaced. */
static void
collect_logprobs(struct api_answer *a, struct answer_choice *c, struct str raw)
{
	struct json j;
	enum err e;

	if (raw.n == 0)
		return;
	e = json_scan_reuse(
	    &j, &a->tok, &a->cap_tok, raw, &MSG_ANSWER_LIMITS, NULL);
	if (e != ERR_OK) {
		a->err = e;
		return;
	}
	if (json_type(&j, json_get(&j, 0, "content")) == JSON_T_NONE &&
	    json_type(&j, json_get(&j, 0, "refusal")) == JSON_T_NONE) {
		buf_reset(&c->lp_other);
		collect(a, &c->lp_other, raw);
		return;
	}
	collect_elements(a, &c->lp_content, &j, "content");
	collect_elements(a, &c->lp_refusal, &j, "refusal");
}

static struct answer_call *
call_get(struct api_answer *a, struct answer_choice *c, uint32_t number)
{
	struct answer_call *calls;

	if (number < c->n_calls)
		return &c->calls[number];
	if (number >= ANSWER_CALLS_MAX) {
		a->err = ERR_LIMIT;
		return NULL;
	}
	calls = fault("api.answer")
		    ? NULL
		    : realloc(c->calls, (number + 1) * sizeof(*calls));
	if (!calls) {
		a->err = ERR_NOMEM;
		return NULL;
	}
	memset(
	    calls + c->n_calls, 0, (number + 1 - c->n_calls) * sizeof(*calls));
	c->calls = calls;
	c->n_calls = number + 1;
	return &calls[number];
}

static void
collect_call(
    struct api_answer *a, struct answer_choice *c, const struct msg_event *ev)
{
	struct answer_call *call = call_get(a, c, ev->call);

	if (!call)
		return;
	if (ev->type == MSG_EV_CALL_START) {
		collect(a, &call->id, ev->id);
		collect(a, &call->name, ev->name);
		collect(a, &call->signature, ev->signature);
		call->is_custom = ev->is_custom;
	} else {
		collect(a, &call->arguments, ev->text);
	}
}

static void
collect_usage(struct api_answer *a, const struct msg_usage *u)
{
	a->usage = *u;
	buf_reset(&a->usage_extra);
	collect(a, &a->usage_extra, u->extra);
}

static void
collect_content(
    struct api_answer *a, struct answer_choice *c, const struct msg_event *ev)
{
	switch (ev->type) {
	case MSG_EV_TEXT:
		c->has_text = true;
		collect(a, &c->text, ev->text);
		collect_logprobs(a, c, ev->raw);
		break;
	case MSG_EV_REASONING:
		c->has_reasoning = true;
		collect(a, &c->reasoning, ev->text);
		break;
	case MSG_EV_REFUSAL:
		c->has_refusal = true;
		collect(a, &c->refusal, ev->text);
		break;
	case MSG_EV_THINKING:
		collect_element(a, &c->thinking, ev->raw);
		break;
	case MSG_EV_IMAGE:
		collect_element(a, &c->images, ev->raw);
		break;
	case MSG_EV_ANNOTATION:
		collect_element(a, &c->annotations, ev->raw);
		break;
	case MSG_EV_LOGPROBS:
		collect_logprobs(a, c, ev->raw);
		break;
	case MSG_EV_CALL_START:
	case MSG_EV_CALL_ARGS:
		collect_call(a, c, ev);
		break;
	case MSG_EV_FINISH:
		c->has_finish = true;
		c->finish = ev->finish;
		collect(a, &c->native, ev->native);
		break;
	default:
		return;
	}
	c->is_used = true;
}

void
answer_whole_event(struct api_answer *a, const struct msg_event *ev)
{
	struct answer_choice *c;

	if (ev->type == MSG_EV_USAGE) {
		collect_usage(a, &ev->usage);
		return;
	}
	c = answer_choice_get(a, ev->choice);
	if (!c)
		return;
	collect_content(a, c, ev);
	answer_members_add(a, &a->extra_top, ev->extra_top, false);
	answer_members_add(a, &c->extra_choice, ev->extra_choice, false);
	answer_members_add(a, &c->extra_delta, ev->extra_delta, true);
}

/* ---- printing ---------------------------------------------------------- */

static void
put_call(const struct answer_call *call, struct buf *out)
{
	buf_addz(out, "{\"id\":");
	answer_put_text(buf_str(&call->id), out);
	buf_addz(out, call->is_custom
			  ? ",\"type\":\"custom\",\"custom\":{\"name\":"
			  : ",\"type\":\"function\",\"function\":{\"name\":");
	answer_put_text(buf_str(&call->name), out);
	buf_addz(out, call->is_custom ? ",\"input\":" : ",\"arguments\":");
	answer_put_inner(buf_str(&call->arguments), out);
	buf_addc(out, '}');
	if (call->signature.n > 0) {
		buf_addz(out, ",\"extra_content\":{\"google\":"
			      "{\"thought_signature\":");
		answer_put_text(buf_str(&call->signature), out);
		buf_addz(out, "}}");
	}
	buf_addc(out, '}');
}

static void
put_calls(
    const struct api_answer *a, const struct answer_choice *c, struct buf *out)
{
	uint32_t i;

	if (c->n_calls == 0)
		return;
	if (a->o.legacy_functions) {
		buf_addz(out, ",\"function_call\":{\"name\":");
		answer_put_text(buf_str(&c->calls[0].name), out);
		buf_addz(out, ",\"arguments\":");
		answer_put_inner(buf_str(&c->calls[0].arguments), out);
		buf_addc(out, '}');
		return;
	}
	buf_addz(out, ",\"tool_calls\":[");
	for (i = 0; i < c->n_calls; i++) {
		if (i > 0)
			buf_addc(out, ',');
		put_call(&c->calls[i], out);
	}
	buf_addc(out, ']');
}

static void
put_list(const char *name, const struct buf *elements, struct buf *out)
{
	if (elements->n == 0)
		return;
	buf_add(out, ",\"", 2);
	buf_addz(out, name);
	buf_add(out, "\":[", 3);
	buf_adds(out, buf_str(elements));
	buf_addc(out, ']');
}

/* {"role","content",...}; content is null where calls stand in its place. */
static void
put_message(
    const struct api_answer *a, const struct answer_choice *c, struct buf *out)
{
	bool is_null = !c->has_text && (c->n_calls > 0 || c->has_refusal);

	buf_addz(out, "{\"role\":\"assistant\",\"content\":");
	if (is_null)
		buf_addz(out, "null");
	else
		answer_put_inner(buf_str(&c->text), out);
	if (c->has_refusal) {
		buf_addz(out, ",\"refusal\":");
		answer_put_inner(buf_str(&c->refusal), out);
	} else if (a->o.dialect == MSG_DIALECT_OPENAI) {
		buf_addz(out, ",\"refusal\":null");
	}
	if (c->has_reasoning) {
		buf_addz(out, ",\"reasoning_content\":");
		answer_put_inner(buf_str(&c->reasoning), out);
	}
	put_list("thinking_blocks", &c->thinking, out);
	put_calls(a, c, out);
	put_list("annotations", &c->annotations, out);
	put_list("images", &c->images, out);
	answer_put_members(buf_str(&c->extra_delta.b), out);
	buf_addc(out, '}');
}

static void
put_logprobs(const struct answer_choice *c, struct buf *out)
{
	if (c->lp_other.n > 0) {
		buf_adds(out, buf_str(&c->lp_other));
		return;
	}
	if (c->lp_content.n + c->lp_refusal.n == 0) {
		buf_addz(out, "null");
		return;
	}
	buf_addz(out, "{\"content\":[");
	buf_adds(out, buf_str(&c->lp_content));
	buf_addc(out, ']');
	if (c->lp_refusal.n > 0)
		put_list("refusal", &c->lp_refusal, out);
	else
		buf_addz(out, ",\"refusal\":null");
	buf_addc(out, '}');
}

static void
put_choice(const struct api_answer *a, const struct answer_choice *c,
    uint32_t index, struct buf *out)
{
	struct str extra = buf_str(&c->extra_choice.b);

	buf_addz(out, "{\"index\":");
	buf_addi(out, index);
	buf_addz(out, ",\"message\":");
	put_message(a, c, out);
	buf_addz(out, ",\"logprobs\":");
	put_logprobs(c, out);
	buf_addc(out, ',');
	answer_put_finish(a, c->finish, buf_str(&c->native), extra, out);
	answer_put_members(extra, out);
	buf_addc(out, '}');
}

static void
put_usage(struct api_answer *a, struct buf *out)
{
	struct msg_usage u = a->usage;

	u.extra = buf_str(&a->usage_extra);
	buf_addz(out, "\"usage\":");
	answer_put_usage(&u, out);
}

static void
print_chat(struct api_answer *a, struct buf *out)
{
	static const struct answer_choice none;
	const struct answer_choice *c = a->n_choices ? a->choices : &none;
	struct str extra = buf_str(&c->extra_choice.b);

	buf_addz(out, ",\"model\":");
	answer_put_text(a->o.model, out);
	buf_addz(out, ",\"provider\":");
	answer_put_text(a->o.provider, out);
	buf_addc(out, ',');
	put_usage(a, out);
	buf_addz(out, ",\"message\":");
	put_message(a, c, out);
	buf_addc(out, ',');
	answer_put_finish(a, c->finish, buf_str(&c->native), extra, out);
	if (c->lp_content.n + c->lp_refusal.n + c->lp_other.n > 0) {
		buf_addz(out, ",\"logprobs\":");
		put_logprobs(c, out);
	}
	answer_put_members(extra, out);
}

static void
print_openai(struct api_answer *a, struct buf *out)
{
	bool any = false;
	uint32_t i;

	buf_addz(out, ",\"object\":\"chat.completion\",\"created\":");
	buf_addi(out, a->created);
	buf_addz(out, ",\"model\":");
	answer_put_text(a->o.model, out);
	buf_addz(out, ",\"choices\":[");
	for (i = 0; i < a->n_choices; i++) {
		if (!a->choices[i].is_used)
			continue;
		if (any)
			buf_addc(out, ',');
		any = true;
		put_choice(a, &a->choices[i], i, out);
	}
	buf_addz(out, "],");
	put_usage(a, out);
}

void
answer_whole_print(struct api_answer *a, struct buf *out)
{
	buf_addz(out, "{\"id\":");
	answer_put_text(buf_str(&a->id), out);
	if (a->o.dialect == MSG_DIALECT_CHAT)
		print_chat(a, out);
	else
		print_openai(a, out);
	answer_put_members(buf_str(&a->extra_top.b), out);
	buf_addz(out, "}");
}
