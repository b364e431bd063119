#include "api/norm_int.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/rand.h"

/* Tool calls: which upstream piece belongs to which call (wire.md 10 A). */

#define MADE_ID_CHARS 24

/* The newest call with this key. */
static struct norm_call *
call_find(const struct api_norm *n, uint32_t choice, uint32_t key)
{
	uint32_t i;

	for (i = n->n_calls; i-- > 0;)
		if (n->calls[i].choice == choice && n->calls[i].key == key)
			return &n->calls[i];
	return NULL;
}

static bool
id_taken(const struct api_norm *n, uint32_t choice, struct str id)
{
	uint32_t i;

	for (i = 0; i < n->n_calls; i++)
		if (n->calls[i].choice == choice && n->calls[i].id &&
		    str_eqz(id, n->calls[i].id))
			return true;
	return false;
}

static struct norm_call *
call_add(struct api_norm *n, uint32_t choice, uint32_t key)
{
	struct norm_choice *c = norm_choice_get(n, choice);
	struct norm_call *calls;

	if (!c)
		return NULL;
	if (n->n_calls >= n->o.max_calls) {
		msg_fail_set(&n->fail, MSG_FAIL_BAD_ANSWER,
		    "the answer has more than %u tool calls", n->o.max_calls);
		n->has_fail = true;
		return NULL;
	}
	if (n->n_calls == n->cap_calls) {
		uint32_t cap = n->cap_calls ? n->cap_calls * 2 : 4;

		calls = fault("api.norm")
			    ? NULL
			    : realloc(n->calls, cap * sizeof(*calls));
		if (!calls)
			return NULL;
		n->calls = calls;
		n->cap_calls = cap;
	}
	n->calls[n->n_calls] =
	    (struct norm_call){ .choice = choice, .key = key };
	c->is_seen = true;
	c->n_calls++;
	return &n->calls[n->n_calls++];
}

static enum api_step
add_failed(struct api_norm *n)
{
	return n->has_fail ? norm_failed(n) : norm_nomem(n);
}

/* True: this start means another call than c, which has the same key. */
static bool
is_another(const struct norm_call *c, const struct msg_event *ev)
{
	bool told_id = c->id && !c->is_id_made;

	if (ev->id.n > 0 && told_id)
		return !str_eqz(ev->id, c->id);
	if (ev->name.n == 0 || !c->name)
		return false;
	if (!str_eqz(ev->name, c->name))
		return true;
	/* the same name again: a repetition, unless the first is through */
	return c->is_ended || c->is_complete;
}

/* What a later start still tells. False: no memory. */
static bool
call_fill(struct api_norm *n, struct norm_call *c, const struct msg_event *ev)
{
	if (!c->id && ev->id.n > 0 && !id_taken(n, c->choice, ev->id)) {
		c->id = norm_copy(ev->id);
		if (!c->id)
			return false;
	}
	if (!c->name && ev->name.n > 0) {
		c->name = norm_copy(ev->name);
		if (!c->name)
			return false;
	}
	if (!c->signature && ev->signature.n > 0) {
		c->signature = norm_copy(ev->signature);
		if (!c->signature)
			return false;
	}
	c->is_custom |= ev->is_custom;
	return true;
}

static bool
id_make(struct norm_call *c)
{
	char id[5 + MADE_ID_CHARS + 1] = "call_";

	rand_id(id + 5, MADE_ID_CHARS);
	c->id = norm_copy(str_z(id));
	c->is_id_made = true;
	return c->id != NULL;
}

/* CALL_START goes out, once. False: no memory. */
static bool
call_send(struct api_norm *n, struct norm_call *c)
{
	struct msg_event ev = {
		.type = MSG_EV_CALL_START,
		.choice = c->choice,
		.is_custom = c->is_custom,
		.signature = str_z(c->signature),
	};

	if (c->is_sent)
		return true;
	if (!c->id && !id_make(c))
		return false;
	/* numbered as they go out: one that waits for its name has no number */
	c->number = n->choices[c->choice].n_sent++;
	ev.call = c->number;
	ev.id = str_z(c->id);
	ev.name = c->name ? str_z(c->name) : STR("");
	c->is_sent = true;
	norm_open(n);
	msg_emit(&n->sink, &ev);
	return true;
}

enum api_step
norm_call_start(struct api_norm *n, const struct msg_event *ev)
{
	struct norm_call *c = call_find(n, ev->choice, ev->call);

	if (!c || is_another(c, ev)) {
		c = call_add(n, ev->choice, ev->call);
		if (!c)
			return add_failed(n);
	} else if (c->is_sent) {
		return API_STEP_QUIET;
	}
	if (!call_fill(n, c, ev))
		return norm_nomem(n);
	/* some send id and name apart: it goes out when the name is known */
	if (!c->name)
		return API_STEP_QUIET;
	if (!call_send(n, c))
		return norm_nomem(n);
	return API_STEP_CONTENT;
}

/* ---- arguments --------------------------------------------------------- */

static void
args_char(struct norm_call *c, char ch)
{
	if (c->in_string) {
		if (c->in_escape)
			c->in_escape = false;
		else if (ch == '\\')
			c->in_escape = true;
		else if (ch == '"')
			c->in_string = false;
		else
			return;
		c->is_complete = !c->in_string && c->depth == 0;
		return;
	}
	switch (ch) {
	case '"':
		c->in_string = true;
		break;
	case '{':
	case '[':
		c->depth++;
		break;
	case '}':
	case ']':
		if (c->depth > 0 && --c->depth == 0)
			c->is_complete = true;
		break;
	default:
		break;
	}
}

static char
hex4(const char *p)
{
	unsigned v = 0;
	int i;

	for (i = 0; i < 4; i++) {
		char ch = p[i];

		v <<= 4;
		if (ch >= '0' && ch <= '9')
			v |= (unsigned)(ch - '0');
		else
			v |= (unsigned)((ch | 0x20) - 'a' + 10) & 15;
	}
	return v < 0x80 ? (char)v : 'x';
}

/* Follows the JSON text that is inside the JSON string `inner`. */
static void
args_follow(struct norm_call *c, struct str inner)
{
	size_t i;

	for (i = 0; i < inner.n; i++) {
		char ch = inner.p[i];

		if (ch != '\\' || i + 1 >= inner.n) {
			args_char(c, ch);
			continue;
		}
		ch = inner.p[++i];
		if (ch == 'u' && i + 4 < inner.n) {
			ch = hex4(inner.p + i + 1);
			i += 4;
		} else if (ch != '"' && ch != '\\' && ch != '/') {
			ch = ' '; /* \n and its kin */
		}
		args_char(c, ch);
	}
}

static void
args_send(struct api_norm *n, struct norm_call *c, const struct msg_event *ev)
{
	struct msg_event out = *ev;

	out.type = MSG_EV_CALL_ARGS;
	out.is_custom = c->is_custom;
	out.call = c->number;
	c->has_args = true;
	norm_open(n);
	msg_emit(&n->sink, &out);
}

enum api_step
norm_call_args(struct api_norm *n, const struct msg_event *ev)
{
	struct norm_call *c = call_find(n, ev->choice, ev->call);

	if (ev->text.n == 0)
		return API_STEP_QUIET;
	if (!c)
		c = call_add(n, ev->choice, ev->call);
	if (!c)
		return add_failed(n);
	/* a repetition, or a piece behind the call's end */
	if (!c->is_custom && (c->is_complete || (c->is_ended && !c->depth)))
		return API_STEP_QUIET;
	if (!call_send(n, c))
		return norm_nomem(n);
	if (!c->is_custom)
		args_follow(c, ev->text);
	args_send(n, c, ev);
	return API_STEP_CONTENT;
}

static bool
call_finish(struct api_norm *n, struct norm_call *c)
{
	struct msg_event ev = { .choice = c->choice, .text = STR("{}") };

	if (!call_send(n, c))
		return false;
	ev.call = c->number;
	if (!c->has_args && !c->is_custom) {
		args_send(n, c, &ev);
		c->is_complete = true;
	}
	if (!c->is_ended) {
		ev.type = MSG_EV_CALL_END;
		ev.text = (struct str){ NULL, 0 };
		c->is_ended = true;
		msg_emit(&n->sink, &ev);
	}
	return true;
}

enum api_step
norm_call_end(struct api_norm *n, const struct msg_event *ev)
{
	struct norm_call *c = call_find(n, ev->choice, ev->call);

	if (!c || c->is_ended)
		return API_STEP_QUIET;
	return call_finish(n, c) ? API_STEP_CONTENT : norm_nomem(n);
}

bool
norm_calls_finish(struct api_norm *n, uint32_t choice)
{
	uint32_t i;

	for (i = 0; i < n->n_calls; i++)
		if (n->calls[i].choice == choice &&
		    !call_finish(n, &n->calls[i]))
			return false;
	return true;
}

bool
norm_calls_cut(const struct api_norm *n, uint32_t choice)
{
	uint32_t i;

	for (i = 0; i < n->n_calls; i++) {
		const struct norm_call *c = &n->calls[i];

		if (c->choice == choice && !c->is_custom &&
		    (c->depth > 0 || c->in_string))
			return true;
	}
	return false;
}

void
norm_calls_free(struct api_norm *n)
{
	uint32_t i;

	for (i = 0; i < n->n_calls; i++) {
		free(n->calls[i].id);
		free(n->calls[i].name);
		free(n->calls[i].signature);
	}
	free(n->calls);
	n->calls = NULL;
	n->n_calls = n->cap_calls = 0;
}
