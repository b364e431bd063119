#include "api/norm.h"

#include <stdlib.h>

#include "api/norm_int.h"
#include "base/fault.h"
#include "base/utf8.h"

enum {
	CHOICES_MAX = 128,
	CALLS_MAX = 1024,
	HELD_MAX = 64, /* EXTRA events before the first content */
	HELD_BYTES_MAX = 256 * 1024,
};

struct api_norm *
api_norm_new(const struct api_norm_options *options, struct msg_sink sink)
{
	struct api_norm *n = fault("api.norm") ? NULL : calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	if (options)
		n->o = *options;
	if (n->o.max_choices == 0)
		n->o.max_choices = CHOICES_MAX;
	if (n->o.max_calls == 0)
		n->o.max_calls = CALLS_MAX;
	n->sink = sink;
	n->usage = MSG_USAGE_UNKNOWN;
	return n;
}

static void
held_free(struct api_norm *n)
{
	uint32_t i;

	for (i = 0; i < n->n_held; i++)
		free(n->held[i].bytes);
	free(n->held);
	n->held = NULL;
	n->n_held = 0;
	n->held_bytes = 0;
}

void
api_norm_reset(struct api_norm *n)
{
	struct api_norm_options o = n->o;
	struct msg_sink sink = n->sink;

	norm_calls_free(n);
	held_free(n);
	free(n->choices);
	free(n->id);
	free(n->model);
	buf_fini(&n->usage_extra);
	*n = (struct api_norm){
		.o = o, .sink = sink, .usage = MSG_USAGE_UNKNOWN
	};
}

void
api_norm_free(struct api_norm *n)
{
	if (!n)
		return;
	api_norm_reset(n);
	free(n);
}

/* ---- shared with norm_call.c ------------------------------------------- */

char *
norm_copy(struct str s)
{
	char *z;

	if (s.n == 0)
		return NULL;
	z = fault("api.norm") ? NULL : malloc(s.n + 1);
	if (!z)
		return NULL;
	memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	return z;
}

/* n->fail says why. */
enum api_step
norm_failed(struct api_norm *n)
{
	struct msg_event ev = { .type = MSG_EV_FAIL, .fail = &n->fail };

	n->has_fail = true;
	n->is_ended = true;
	if (n->is_open)
		msg_emit(&n->sink, &ev);
	return API_STEP_FAIL;
}

enum api_step
norm_nomem(struct api_norm *n)
{
	msg_fail_set(&n->fail, MSG_FAIL_INTERNAL, "out of memory");
	return norm_failed(n);
}

void
norm_open(struct api_norm *n)
{
	struct msg_event ev = {
		.type = MSG_EV_START,
		.id = str_z(n->id),
		.model = str_z(n->model),
		.created = n->created,
	};
	uint32_t i;

	if (n->is_open)
		return;
	n->is_open = true;
	msg_emit(&n->sink, &ev);
	for (i = 0; i < n->n_held; i++) {
		const struct norm_held *h = &n->held[i];

		ev = (struct msg_event){ .type = MSG_EV_EXTRA,
			.choice = h->choice };
		if (h->n_top)
			ev.extra_top = str_of(h->bytes, h->n_top);
		if (h->n_choice)
			ev.extra_choice =
			    str_of(h->bytes + h->n_top, h->n_choice);
		if (h->n_delta)
			ev.extra_delta = str_of(
			    h->bytes + h->n_top + h->n_choice, h->n_delta);
		msg_emit(&n->sink, &ev);
	}
	held_free(n);
}

struct norm_choice *
norm_choice_get(struct api_norm *n, uint32_t index)
{
	struct norm_choice *c;

	if (index < n->n_choices)
		return &n->choices[index];
	if (index >= n->o.max_choices) {
		msg_fail_set(&n->fail, MSG_FAIL_BAD_ANSWER,
		    "the answer has a choice with index %u", index);
		n->has_fail = true;
		return NULL;
	}
	c = fault("api.norm") ? NULL
			      : realloc(n->choices, (index + 1) * sizeof(*c));
	if (!c)
		return NULL;
	memset(c + n->n_choices, 0, (index + 1 - n->n_choices) * sizeof(*c));
	n->choices = c;
	n->n_choices = index + 1;
	return &n->choices[index];
}

/* ---- events ------------------------------------------------------------ */

static enum api_step
hold(struct api_norm *n, const struct msg_event *ev)
{
	size_t bytes = ev->extra_top.n + ev->extra_choice.n + ev->extra_delta.n;
	struct norm_held *h;
	char *p;

	if (n->n_held >= HELD_MAX || bytes > HELD_BYTES_MAX - n->held_bytes) {
		msg_fail_set(&n->fail, MSG_FAIL_BAD_ANSWER,
		    "the answer has too much before its content");
		return norm_failed(n);
	}
	h = fault("api.norm") ? NULL
			      : realloc(n->held, (n->n_held + 1) * sizeof(*h));
	if (!h)
		return norm_nomem(n);
	n->held = h;
	p = fault("api.norm") ? NULL : malloc(bytes);
	if (!p)
		return norm_nomem(n);
	h = &n->held[n->n_held++];
	*h = (struct norm_held){ ev->choice, p, ev->extra_top.n,
		ev->extra_choice.n, ev->extra_delta.n };
	n->held_bytes += bytes;
	if (h->n_top)
		memcpy(p, ev->extra_top.p, h->n_top);
	if (h->n_choice)
		memcpy(p + h->n_top, ev->extra_choice.p, h->n_choice);
	if (h->n_delta)
		memcpy(
		    p + h->n_top + h->n_choice, ev->extra_delta.p, h->n_delta);
	return API_STEP_QUIET;
}

/* The extras of an event that does not go out itself. */
static enum api_step
extras(struct api_norm *n, const struct msg_event *ev)
{
	struct msg_event out = {
		.type = MSG_EV_EXTRA,
		.choice = ev->choice,
		.extra_top = ev->extra_top,
		.extra_choice = ev->extra_choice,
		.extra_delta = ev->extra_delta,
	};

	if (!ev->extra_top.n && !ev->extra_choice.n && !ev->extra_delta.n)
		return API_STEP_QUIET;
	if (!n->is_open)
		return hold(n, ev);
	msg_emit(&n->sink, &out);
	return API_STEP_QUIET;
}

static enum api_step
start(struct api_norm *n, const struct msg_event *ev)
{
	/* Azure's first chunk has neither: the first that tells, counts */
	if (!n->id && ev->id.n > 0) {
		n->id = norm_copy(ev->id);
		if (!n->id)
			return norm_nomem(n);
	}
	if (!n->model && ev->model.n > 0) {
		n->model = norm_copy(ev->model);
		if (!n->model)
			return norm_nomem(n);
	}
	if (n->created == 0)
		n->created = ev->created;
	return extras(n, ev);
}

static enum api_step
content(struct api_norm *n, const struct msg_event *ev)
{
	struct norm_choice *c = norm_choice_get(n, ev->choice);

	if (!c)
		return n->has_fail ? norm_failed(n) : norm_nomem(n);
	if (ev->text.n == 0 && ev->raw.n == 0)
		return extras(n, ev);
	c->is_seen = true;
	norm_open(n);
	msg_emit(&n->sink, ev);
	return API_STEP_CONTENT;
}

static enum api_step
finish(struct api_norm *n, const struct msg_event *ev)
{
	struct norm_choice *c = norm_choice_get(n, ev->choice);
	bool is_decisive = ev->finish != MSG_FINISH_STOP;

	if (!c)
		return n->has_fail ? norm_failed(n) : norm_nomem(n);
	if (!c->has_finish || (is_decisive && !c->is_decided)) {
		struct str word = utf8_clip(ev->native, NORM_NATIVE_SIZE - 1);

		c->finish = ev->finish;
		if (word.n > 0)
			memcpy(c->native, word.p, word.n);
		c->native[word.n] = '\0';
	}
	c->has_finish = true;
	c->is_decided |= is_decisive;
	return extras(n, ev);
}

static enum msg_finish
resolve(const struct api_norm *n, uint32_t choice)
{
	const struct norm_choice *c = &n->choices[choice];
	enum msg_finish f = c->has_finish ? c->finish : MSG_FINISH_STOP;

	if (f == MSG_FINISH_LENGTH || f == MSG_FINISH_CONTENT_FILTER)
		return f;
	if (norm_calls_cut(n, choice))
		return MSG_FINISH_LENGTH;
	return c->n_calls > 0 ? MSG_FINISH_TOOL_CALLS : MSG_FINISH_STOP;
}

bool
api_norm_is_finished(const struct api_norm *n)
{
	bool any = false;
	uint32_t i;

	for (i = 0; i < n->n_choices; i++) {
		if (n->choices[i].is_seen && !n->choices[i].has_finish)
			return false;
		any |= n->choices[i].has_finish;
	}
	return any;
}

/* False: no memory for what the maker told. */
static bool
usage_send(struct api_norm *n)
{
	struct msg_event ev = { .type = MSG_EV_USAGE };

	if (n->usage_extra.failed)
		return false;
	ev.usage = api_norm_usage(n);
	if (n->usage_extra.n > 0)
		ev.usage.extra = buf_str(&n->usage_extra);
	if (ev.usage.prompt >= 0 || ev.usage.completion >= 0 ||
	    ev.usage.extra.n > 0)
		msg_emit(&n->sink, &ev);
	return true;
}

static enum api_step
end(struct api_norm *n, const struct msg_event *last)
{
	struct msg_event ev = { .type = MSG_EV_END };
	uint32_t i;

	if (!api_norm_is_finished(n)) {
		if (!n->o.allow_unfinished) {
			msg_fail_set(&n->fail, MSG_FAIL_CUT,
			    "the provider's answer ended before its end");
			return norm_failed(n);
		}
		if (!norm_choice_get(n, 0))
			return norm_nomem(n);
		n->choices[0].has_finish = true;
	}
	if (extras(n, last) == API_STEP_FAIL)
		return API_STEP_FAIL;
	norm_open(n);
	for (i = 0; i < n->n_choices; i++) {
		struct norm_choice *c = &n->choices[i];
		struct msg_event fin = {
			.type = MSG_EV_FINISH,
			.choice = i,
			.native = c->native[0] ? str_z(c->native)
					       : (struct str){ NULL, 0 },
		};

		if (!c->is_seen && !c->has_finish)
			continue;
		if (!norm_calls_finish(n, i))
			return norm_nomem(n);
		fin.finish = resolve(n, i);
		msg_emit(&n->sink, &fin);
	}
	if (!usage_send(n))
		return norm_nomem(n);
	n->is_ended = true;
	msg_emit(&n->sink, &ev);
	return API_STEP_END;
}

static enum api_step
pass(struct api_norm *n, const struct msg_event *ev)
{
	switch (ev->type) {
	case MSG_EV_START:
		return start(n, ev);
	case MSG_EV_TEXT:
	case MSG_EV_REASONING:
	case MSG_EV_THINKING:
	case MSG_EV_REFUSAL:
	case MSG_EV_IMAGE:
	case MSG_EV_ANNOTATION:
	case MSG_EV_LOGPROBS:
		return content(n, ev);
	case MSG_EV_FINISH:
		return finish(n, ev);
	case MSG_EV_USAGE:
		norm_usage_add(n, &ev->usage);
		return extras(n, ev);
	case MSG_EV_FAIL:
		n->fail = *ev->fail;
		return norm_failed(n);
	case MSG_EV_END:
		return end(n, ev);
	case MSG_EV_EXTRA:
	case MSG_EV_PING:
		return extras(n, ev);
	case MSG_EV_CALL_START:
	case MSG_EV_CALL_ARGS:
	case MSG_EV_CALL_END:
	case MSG_EV__MAX:
		break;
	}
	return API_STEP_QUIET;
}

enum api_step
api_norm_event(struct api_norm *n, const struct msg_event *ev)
{
	enum api_step step;

	if (n->is_ended)
		return API_STEP_QUIET;
	switch (ev->type) {
	case MSG_EV_CALL_START:
		step = norm_call_start(n, ev);
		break;
	case MSG_EV_CALL_ARGS:
		/* a piece that goes out carries its extras itself */
		step = norm_call_args(n, ev);
		if (step != API_STEP_QUIET)
			return step;
		break;
	case MSG_EV_CALL_END:
		step = norm_call_end(n, ev);
		break;
	default:
		return pass(n, ev);
	}
	if (step != API_STEP_FAIL && extras(n, ev) == API_STEP_FAIL)
		return API_STEP_FAIL;
	return step;
}

/* ---- what the caller asks ---------------------------------------------- */

bool
api_norm_has_content(const struct api_norm *n)
{
	return n && n->is_open;
}

const struct msg_fail *
api_norm_fail(const struct api_norm *n)
{
	return n && n->is_ended && n->has_fail ? &n->fail : NULL;
}
