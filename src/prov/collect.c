#include "prov/collect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXTS_MAX 65536

void
prov_collect_init(struct prov_collect *c, const struct prov_target *target,
    const struct prov_answer_options *o, struct msg_sink sink,
    const struct prov_collect_ops *ops)
{
	c->a = (struct prov_answer){
		.kind = target->kind,
		.target = target,
		.sink = sink,
	};
	c->ops = ops;
	c->mode = PROV_COLLECT_UNDECIDED;
	sse_init(&c->sse, o->max_event);
	prov_array_init(&c->array, o->max_event);
	buf_init(&c->body, o->max_body);
	c->tok = NULL;
	c->tok_cap = 0;
}

/* Streams wait most of the time: thousands of them share one tape's memory. */
static void
tape_drop(struct prov_collect *c)
{
	free(c->tok);
	c->tok = NULL;
	c->tok_cap = 0;
}

void
prov_collect_fini(struct prov_collect *c)
{
	sse_fini(&c->sse);
	prov_array_fini(&c->array);
	buf_fini(&c->body);
	arena_free(c->texts);
	tape_drop(c);
}

/* More tokens than all makers together give in a year. */
#define COUNT_MAX 1000000000000000

int64_t
prov_answer_count(const struct json *j, json_ref v)
{
	int64_t n = json_i64_or(j, v, -1);

	return n >= 0 && n <= COUNT_MAX ? n : -1;
}

void
prov_answer_emit(struct prov_answer *a, const struct msg_event *ev)
{
	if (a->ended)
		return;
	a->ended = ev->type == MSG_EV_END || ev->type == MSG_EV_FAIL;
	msg_emit(&a->sink, ev);
}

void
prov_answer_end(struct prov_answer *a)
{
	prov_answer_emit(a, &(struct msg_event){ .type = MSG_EV_END });
}

void
prov_answer_fail(struct prov_answer *a, const struct msg_fail *fail)
{
	prov_answer_emit(
	    a, &(struct msg_event){ .type = MSG_EV_FAIL, .fail = fail });
}

void
prov_answer_failf(
    struct prov_answer *a, enum msg_fail_class class, const char *fmt, ...)
{
	char text[MSG_FAIL_MESSAGE_SIZE];
	struct msg_fail fail;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	msg_fail_set(&fail, class, "%s", text);
	prov_answer_fail(a, &fail);
}

void
prov_answer_no_memory(struct prov_answer *a)
{
	prov_answer_failf(a, MSG_FAIL_INTERNAL,
	    "out of memory while reading the provider's answer");
}

struct str
prov_answer_text(struct prov_collect *c, const struct json *j, json_ref v)
{
	struct str inner = json_inner(j, v);

	if (str_chr(inner, '\\') == inner.n)
		return inner;
	if (c->texts == NULL)
		c->texts = arena_new(TEXTS_MAX);
	if (c->texts != NULL)
		inner = json_text(j, v, c->texts);
	if (c->texts == NULL || arena_failed(c->texts)) {
		prov_answer_no_memory(&c->a);
		return str_of(NULL, 0);
	}
	return inner;
}

static void
ping(struct prov_answer *a)
{
	prov_answer_emit(a, &(struct msg_event){ .type = MSG_EV_PING });
}

/* False: it is no JSON, or too much of it; FAIL was emitted. */
static bool
scan(struct prov_collect *c, struct str text, struct json *j)
{
	struct json_problem why = { 0, "?" };
	enum err e = json_scan_reuse(
	    j, &c->tok, &c->tok_cap, text, &MSG_ANSWER_LIMITS, &why);

	if (e == ERR_OK)
		return true;
	if (e == ERR_NOMEM)
		prov_answer_no_memory(&c->a);
	else
		prov_answer_failf(&c->a, MSG_FAIL_BAD_ANSWER,
		    "the provider's answer is not valid JSON: %s at byte %zu",
		    why.why, why.pos);
	return false;
}

/*
 * Spans of the JSON go out in events of ours, where a line's end would be the
 * event's: in valid JSON it can only be a blank between values.
 */
static void
blank_lines(char *p, size_t n)
{
	static const char ends[] = { '\n', '\r' };

	if (n == 0)
		return;
	for (size_t i = 0; i < sizeof(ends); i++)
		for (char *at = p;
		     (at = memchr(at, ends[i], n - (size_t)(at - p)));)
			*at = ' ';
}

/* An event of several lines: a copy, since the bytes are not ours. */
static bool
in_one_line(struct prov_collect *c, struct str *text)
{
	struct json j;

	if (str_chr(*text, '\n') == text->n && str_chr(*text, '\r') == text->n)
		return true;
	/* before it is changed: an end of line inside a string is no JSON */
	if (!scan(c, *text, &j))
		return false;
	buf_reset(&c->body);
	c->body.max = c->sse.max;
	buf_adds(&c->body, *text);
	if (c->body.failed) {
		prov_answer_no_memory(&c->a);
		return false;
	}
	blank_lines(c->body.p, c->body.n);
	*text = buf_str(&c->body);
	return true;
}

static void
each_element(struct prov_collect *c, const struct json *j, struct str name)
{
	json_each (j, 0, e) {
		if (c->a.ended)
			break;
		c->ops->event(c, j, e, name);
	}
}

static void
deliver(struct prov_collect *c, struct str text, struct str name)
{
	struct json j;

	if (!in_one_line(c, &text) || !scan(c, text, &j))
		return;
	if (json_type(&j, 0) == JSON_T_ARRAY)
		each_element(c, &j, name);
	else
		c->ops->event(c, &j, 0, name);
}

static enum err
on_event(void *arg, const struct sse_event *ev)
{
	struct prov_collect *c = arg;
	struct str data;

	switch (ev->kind) {
	case SSE_COMMENT:
		ping(&c->a);
		break;
	case SSE_DATA:
		data = str_trim(ev->data);
		if (data.n == 0)
			break;
		if (c->ops->unread != NULL && ev->event.n == 0 &&
		    c->ops->unread(c, data))
			break;
		if (!str_eq(data, STR("[DONE]")))
			deliver(c, data, ev->event);
		else if (c->ops->done != NULL)
			c->ops->done(c);
		break;
	case SSE_STRAY:
		deliver(c, ev->data, str_of(NULL, 0));
		break;
	case SSE__MAX:
		break;
	}
	return c->a.ended ? ERR_CLOSED : ERR_OK;
}

static enum err
on_element(void *arg, struct str element)
{
	struct prov_collect *c = arg;

	deliver(c, element, str_of(NULL, 0));
	return c->a.ended ? ERR_CLOSED : ERR_OK;
}

static void
stream_result(struct prov_collect *c, enum err e)
{
	if (e == ERR_OK || c->a.ended)
		return;
	if (e == ERR_LIMIT)
		prov_answer_failf(&c->a, MSG_FAIL_BAD_ANSWER,
		    "an event of the provider's stream is larger than %zu "
		    "bytes",
		    c->sse.max);
	else
		prov_answer_failf(&c->a, MSG_FAIL_INTERNAL,
		    "the provider's stream could not be read: %s", err_word(e));
}

static void
body_add(struct prov_collect *c, const char *p, size_t n)
{
	buf_add(&c->body, p, n);
	if (!c->body.failed)
		return;
	if (n > c->body.max - c->body.n)
		prov_answer_failf(&c->a, MSG_FAIL_BAD_ANSWER,
		    "the provider's answer is larger than %zu bytes",
		    c->body.max);
	else
		prov_answer_no_memory(&c->a);
}

static void
body_end(struct prov_collect *c)
{
	struct str text = str_trim(buf_str(&c->body));
	struct json j;

	if (!scan(c, text, &j))
		return;
	blank_lines(c->body.p, c->body.n);
	if (json_type(&j, 0) == JSON_T_OBJECT)
		c->ops->body(c, &j, 0);
	else
		prov_answer_failf(&c->a, MSG_FAIL_BAD_ANSWER,
		    "the provider's answer is no JSON object");
}

void
prov_collect_head(
    struct prov_answer *a, int status, const struct http_headers *h)
{
	(void)status;
	/* A guess, put right by the first byte. */
	a->is_stream = http_type_is(
	    http_headers_find(h, "content-type"), "text/event-stream");
}

/* Blanks, and the bytes of a byte order mark. */
static bool
is_lead(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\xef' ||
	       c == '\xbb' || c == '\xbf';
}

/* Bytes to skip; sets the mode when there is one that tells. */
static size_t
decide(struct prov_collect *c, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && is_lead(p[i]))
		i++;
	if (i == n) {
		ping(&c->a);
		return i;
	}
	switch (p[i]) {
	case ':': /* a comment */
	case 'd': /* data: */
	case 'e': /* event: */
	case 'i': /* id: */
	case 'r': /* retry: */
		c->mode = PROV_COLLECT_STREAM;
		break;
	case '[':
		c->mode = PROV_COLLECT_ARRAY;
		break;
	default:
		c->mode = PROV_COLLECT_BODY;
		break;
	}
	c->a.is_stream = c->mode != PROV_COLLECT_BODY;
	return i;
}

void
prov_collect_feed(struct prov_answer *a, const char *p, size_t n)
{
	struct prov_collect *c = (struct prov_collect *)a;
	size_t skip;

	if (a->ended || n == 0)
		return;
	if (c->mode == PROV_COLLECT_UNDECIDED) {
		skip = decide(c, p, n);
		p += skip;
		n -= skip;
	}
	if (c->mode == PROV_COLLECT_STREAM)
		stream_result(c, sse_feed(&c->sse, p, n, on_event, c));
	else if (c->mode == PROV_COLLECT_ARRAY)
		stream_result(
		    c, prov_array_feed(&c->array, p, n, on_element, c));
	else if (c->mode == PROV_COLLECT_BODY)
		body_add(c, p, n);
	tape_drop(c);
}

void
prov_collect_end(struct prov_answer *a)
{
	struct prov_collect *c = (struct prov_collect *)a;

	if (a->ended)
		return;
	switch (c->mode) {
	case PROV_COLLECT_UNDECIDED:
		prov_answer_failf(a, MSG_FAIL_CUT,
		    "the provider ended its answer without a body");
		break;
	case PROV_COLLECT_STREAM:
		stream_result(c, sse_end(&c->sse, on_event, c));
		break;
	case PROV_COLLECT_ARRAY:
		break;
	case PROV_COLLECT_BODY:
		body_end(c);
		break;
	}
	if (!a->ended)
		c->ops->end(c);
}
