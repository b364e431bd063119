#include "prov/openai.h"

/* ---- small words ------------------------------------------------------- */

void
openai_no_room(struct openai_answer *a)
{
	prov_answer_no_memory(&a->c.a);
}

/* Decoded text of a string; absent when v is none. In a slot if escaped. */
struct str
openai_text(struct openai_answer *a, const struct json *j, json_ref v,
    enum openai_text s)
{
	struct str inner = json_inner(j, v);
	struct buf *b = &a->text[s];

	if (str_chr(inner, '\\') == inner.n)
		return inner;
	buf_reset(b);
	json_unescape(b, inner);
	if (!b->failed)
		return buf_str(b);
	openai_no_room(a);
	return str_of(NULL, 0);
}

/* null and empty containers say nothing. */
bool
openai_is_blank(const struct json *j, json_ref v)
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

void
openai_keep(struct buf *b, const struct json *j, json_ref key)
{
	struct str k = json_raw(j, key);

	if (openai_is_blank(j, json_value(j, key)))
		return;
	if (b->n != 0)
		buf_addc(b, ',');
	buf_adds(b, k);
	buf_addc(b, ':');
	buf_adds(b, json_raw(j, json_value(j, key)));
}

void
openai_emit_bare(struct openai_answer *a, const struct msg_event *ev)
{
	a->n_emitted++;
	a->only = *ev;
	prov_answer_emit(&a->c.a, ev);
}

/* An event that a client sees as a chunk: what is waiting goes with it. */
void
openai_emit(struct openai_answer *a, struct msg_event *ev)
{
	if (a->padding.n != 0) {
		if (a->top.n != 0)
			buf_addc(&a->top, ',');
		buf_adds(&a->top, a->padding);
		a->was_padded = true;
		a->padding = str_of(NULL, 0);
	}
	/* half a member would be no JSON */
	if (a->top.failed || a->choice.failed || a->delta.failed) {
		openai_no_room(a);
		return;
	}
	if (a->top.n != 0)
		ev->extra_top = buf_str(&a->top);
	if (a->choice.n != 0)
		ev->extra_choice = buf_str(&a->choice);
	if (a->delta.n != 0)
		ev->extra_delta = buf_str(&a->delta);
	openai_emit_bare(a, ev);
	buf_reset(&a->top);
	buf_reset(&a->choice);
	buf_reset(&a->delta);
}
