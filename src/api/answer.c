#include "api/answer.h"

#include <stdlib.h>

#include "api/answer_int.h"
#include "base/fault.h"
#include "base/rand.h"

enum {
	WHOLE_MAX = 32 * 1024 * 1024,
	NAME_MAX_BYTES = 64 * 1024, /* ids, models: also of hostile makers */
	MADE_ID_CHARS = 24,
};

#define ID_PREFIX "chatcmpl-"

/* A copy that *s points to from now on. */
static bool
own(struct buf *b, struct str *s)
{
	if (!str_present(*s))
		return true;
	/* it never grows: no more memory than it has bytes */
	buf_init(b, s->n < NAME_MAX_BYTES ? s->n : NAME_MAX_BYTES);
	buf_adds(b, *s);
	*s = buf_str(b);
	return !b->failed;
}

struct api_answer *
api_answer_new(const struct api_answer_options *o)
{
	struct api_answer *a =
	    fault("api.answer") ? NULL : calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->o = *o;
	if (a->o.max_bytes == 0)
		a->o.max_bytes = WHOLE_MAX;
	a->usage = MSG_USAGE_UNKNOWN;
	buf_init(&a->id, NAME_MAX_BYTES);
	/* two names, each at worst six times as long when escaped */
	buf_init(&a->prefix, 16 * NAME_MAX_BYTES);
	buf_init(&a->text_prefix, 17 * NAME_MAX_BYTES);
	if (!own(&a->model, &a->o.model) ||
	    !own(&a->asked_model, &a->o.asked_model) ||
	    !own(&a->given_id, &a->o.id) ||
	    !own(&a->provider, &a->o.provider)) {
		api_answer_free(a);
		return NULL;
	}
	return a;
}

static void
choice_fini(struct answer_choice *c)
{
	uint32_t i;

	buf_fini(&c->extra_choice.b);
	buf_fini(&c->extra_delta.b);
	buf_fini(&c->text);
	buf_fini(&c->reasoning);
	buf_fini(&c->refusal);
	buf_fini(&c->thinking);
	buf_fini(&c->images);
	buf_fini(&c->annotations);
	buf_fini(&c->lp_content);
	buf_fini(&c->lp_refusal);
	buf_fini(&c->lp_other);
	buf_fini(&c->native);
	for (i = 0; i < c->n_calls; i++) {
		buf_fini(&c->calls[i].id);
		buf_fini(&c->calls[i].name);
		buf_fini(&c->calls[i].signature);
		buf_fini(&c->calls[i].arguments);
	}
	free(c->calls);
}

void
api_answer_free(struct api_answer *a)
{
	uint32_t i;

	if (!a)
		return;
	for (i = 0; i < a->n_choices; i++)
		choice_fini(&a->choices[i]);
	free(a->choices);
	buf_fini(&a->model);
	buf_fini(&a->asked_model);
	buf_fini(&a->given_id);
	buf_fini(&a->provider);
	buf_fini(&a->id);
	buf_fini(&a->prefix);
	buf_fini(&a->text_prefix);
	buf_fini(&a->extra_top.b);
	buf_fini(&a->usage_extra);
	free(a->tok);
	free(a->tok2);
	free(a);
}

struct answer_choice *
answer_choice_get(struct api_answer *a, uint32_t index)
{
	struct answer_choice *c;

	if (index < a->n_choices)
		return &a->choices[index];
	if (index >= ANSWER_CHOICES_MAX) {
		a->err = ERR_LIMIT;
		return NULL;
	}
	c = fault("api.answer") ? NULL
				: realloc(a->choices, (index + 1) * sizeof(*c));
	if (!c) {
		a->err = ERR_NOMEM;
		return NULL;
	}
	memset(c + a->n_choices, 0, (index + 1 - a->n_choices) * sizeof(*c));
	a->choices = c;
	a->n_choices = index + 1;
	return &c[index];
}

/* id, model and created are fixed now, for good (wire.md 5.3). */
static void
start(struct api_answer *a, const struct msg_event *ev)
{
	struct str id = a->o.id;
	char made[MADE_ID_CHARS + 1];

	a->is_started = true;
	if (!str_present(id)) {
		id = ev->id;
		if (id.n == 0) {
			rand_id(made, MADE_ID_CHARS);
			id = str_z(made);
		}
		if (!str_starts(id, STR(ID_PREFIX)))
			buf_addz(&a->id, ID_PREFIX);
	}
	buf_adds(&a->id, id);
	if (!str_present(a->o.model) && ev->model.n > 0) {
		a->o.model = ev->model;
		if (!own(&a->model, &a->o.model))
			a->err = ERR_LIMIT;
	}
	/* AI21 and Snowflake name no model; an answer must (wire.md 3.2) */
	if (!str_present(a->o.model))
		a->o.model = a->o.asked_model;
	if (!str_present(a->o.model))
		a->o.model = STR("");
	a->created = a->o.created;
	if (a->created == 0)
		a->created = ev->created > 0 ? ev->created : a->o.now;
	if (a->id.failed)
		a->err = ERR_LIMIT;
	if (a->o.stream)
		answer_stream_start(a);
}

/*
 * The small envelope has the members that it promises and no others of the
 * maker's: those are for /v1/chat/completions. Inside the message all is kept.
 */
static void
make_small(const struct msg_event *ev, struct msg_event *small)
{
	*small = *ev;
	small->extra_top = small->extra_choice = small->native =
	    (struct str){ NULL, 0 };
	small->usage = MSG_USAGE_UNKNOWN;
	small->usage.prompt = ev->usage.prompt;
	small->usage.completion = ev->usage.completion;
}

enum err
api_answer_event(
    struct api_answer *a, const struct msg_event *ev, struct buf *out)
{
	static const struct msg_event nameless = { .type = MSG_EV_START };
	struct msg_event small;

	if (a->err != ERR_OK || a->is_done || ev->type == MSG_EV_PING)
		return a->err;
	if (ev->type == MSG_EV_FAIL) {
		if (a->o.stream)
			api_answer_fail(a, ev->fail, out);
		a->is_done = true;
		return ERR_OK;
	}
	if (a->o.dialect == MSG_DIALECT_CHAT) {
		make_small(ev, &small);
		ev = &small;
	}
	if (!a->is_started)
		start(a, ev->type == MSG_EV_START ? ev : &nameless);
	if (a->err != ERR_OK)
		return a->err;
	a->is_done = ev->type == MSG_EV_END;
	if (a->o.stream)
		answer_stream_event(a, ev, out);
	else if (ev->type == MSG_EV_END)
		answer_whole_print(a, out);
	else
		answer_whole_event(a, ev);
	return a->err;
}

const char *
api_answer_content_type(bool stream)
{
	return stream ? "text/event-stream; charset=utf-8" : "application/json";
}

void
api_answer_ping(struct buf *out)
{
	buf_addz(out, ": ping\n\n");
}

void
api_answer_fail(
    struct api_answer *a, const struct msg_fail *fail, struct buf *out)
{
	buf_addz(out, "data: ");
	api_error_print(a->o.dialect, fail, (struct str){ NULL, 0 }, out);
	buf_addz(out, "\n\n");
	a->is_done = true;
}
