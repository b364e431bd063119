#include "mock.h"

#include <stdlib.h>
#include <string.h>

/*
 * The job that plays one answer: waits, writes the head, the text or the calls
 * piece by piece, the end; and does the wrong thing where a knob says so.
 */
#define ARGS_PIECE 7 /* bytes of arguments in one event of a stream */

static bool
is_due(int64_t knob, const struct mock_answer *a)
{
	return knob != KNOB_OFF && knob >= 0 && a->chunk >= knob;
}

/* --- one piece of a stream ------------------------------------------------ */

/* Length of the next piece of text: the next word, or its share of all. */
static size_t
text_piece(const struct mock_answer *a)
{
	const char *space;
	size_t left = a->n_text - a->at;

	if (a->n_chunks > 0) {
		/* the end of chunk i is at (i + 1) / n of the text */
		size_t end = (size_t)((__int128)a->n_text * (a->chunk + 1) /
				      a->n_chunks);

		return end > a->n_text ? left : end - a->at;
	}
	space = memchr(a->text + a->at + 1, ' ', left > 1 ? left - 1 : 0);
	return space ? (size_t)(space - (a->text + a->at)) : left;
}

static void
give_text(struct mock_answer *a)
{
	size_t n = text_piece(a);
	struct str piece = str_of(a->text + a->at, n);

	a->maker->text(a, piece);
	mock_counters.streamed_bytes += (int64_t)(n * a->n);
	a->at += n;
	a->bytes_given += n * a->n;
}

static void
give_call(struct mock_answer *a)
{
	struct mock_call *c = &a->calls[a->call];
	size_t n = c->n_args - a->at;

	if (!a->call_open) {
		a->maker->call_start(a, a->call);
		a->call_open = true;
		a->bytes_given += strlen(c->name);
		return;
	}
	if (n > ARGS_PIECE) {
		n = ARGS_PIECE;
		/* no maker cuts a character in two */
		while (((unsigned char)c->args[a->at + n] & 0xc0) == 0x80)
			n++;
	}
	a->maker->call_args(a, a->call, str_of(c->args + a->at, n));
	a->at += n;
	a->bytes_given += n;
	if (a->at < c->n_args)
		return;
	a->maker->call_end(a, a->call);
	a->call++;
	a->call_open = false;
	a->at = 0;
}

static bool
has_more(const struct mock_answer *a)
{
	if (a->n_calls)
		return a->call < a->n_calls;
	if (a->n_chunks > 0)
		return a->chunk < a->n_chunks;
	return a->at < a->n_text;
}

static void
send_body(struct mock_answer *a, struct mock_conn *c)
{
	mock_http_chunk(&c->out, buf_str(&a->body));
	buf_reset(&a->body);
}

static enum mock_next
end_stream(struct mock_answer *a, struct mock_conn *c)
{
	if (a->knobs.nodone != KNOB_BARE)
		a->maker->finish(a);
	send_body(a, c);
	buf_addz(&c->out, "0\r\n\r\n");
	a->is_complete = true;
	return c->wants_close ? NEXT_CLOSE : NEXT_DONE;
}

static enum mock_next
fail_stream(struct mock_answer *a, struct mock_conn *c)
{
	const struct mock_error *e = mock_error_by_word(STR("overloaded"));

	if (a->knobs.status > 0)
		e = mock_error_by_status((int)a->knobs.status);
	a->maker->error_event(&a->body, e, str_z(e->message));
	send_body(a, c);
	buf_addz(&c->out, "0\r\n\r\n");
	return NEXT_CLOSE;
}

static enum mock_next
step_stream(struct mock_answer *a, struct mock_conn *c)
{
	const struct mock_knobs *k = &a->knobs;

	if (is_due(k->reset, a))
		return NEXT_RESET;
	if (is_due(k->cut, a))
		return NEXT_CLOSE;
	if (is_due(k->stall, a))
		return NEXT_HANG;
	if (is_due(k->errorat, a))
		return fail_stream(a, c);
	if (!has_more(a))
		return end_stream(a, c);
	if (k->badjson != KNOB_OFF && a->chunk == 1)
		buf_addz(&a->body, "data: {\"choices\":[{\"delta\":\r\n\r\n");
	if (a->n_calls)
		give_call(a);
	else
		give_text(a);
	a->chunk++;
	send_body(a, c);
	if (!has_more(a) && k->cut < a->chunk && k->stall < a->chunk &&
	    k->reset < a->chunk && k->errorat < a->chunk)
		return end_stream(a, c);
	c->wait = k->gap > 0 ? k->gap * USEC_PER_MSEC : 0;
	return c->wait ? NEXT_AFTER : NEXT_NOW;
}

/* --- heads and whole answers ---------------------------------------------- */

static const char *
content_type(struct mock_answer *a, struct buf *room)
{
	struct str t = a->knobs.ctype;

	if (!str_present(t))
		return a->is_stream ? a->maker->stream_type
				    : a->maker->json_type;
	if (str_eqz(t, "none"))
		return NULL;
	for (size_t i = 0; i < t.n; i++)
		buf_addc(room, t.p[i] == '_' ? '-' : t.p[i]);
	buf_addc(room, '\0');
	return room->p;
}

static void
make_head(struct mock_answer *a, struct mock_conn *c, int64_t length)
{
	struct buf extra, type;

	buf_init(&extra, 1024);
	buf_init(&type, 256);
	buf_addz(&extra, a->maker->extra);
	buf_addi(&extra, (int64_t)a->seq);
	buf_addz(&extra, "\r\n");
	mock_http_head(&a->head, 200, content_type(a, &type), buf_str(&extra),
	    length, c->wants_close);
	buf_fini(&extra);
	buf_fini(&type);
	mock_counters.by_status[200]++;
}

static void
make_answer(struct mock_answer *a, struct mock_conn *c)
{
	if (a->is_stream) {
		make_head(a, c, -1);
		a->maker->begin(a);
		mock_counters.streams_open++;
		a->stream_counted = true;
		if (mock_counters.streams_open > mock_counters.streams_max)
			mock_counters.streams_max = mock_counters.streams_open;
		return;
	}
	a->maker->whole(a);
	if (a->knobs.badjson != KNOB_OFF)
		a->body.n = a->body.n * 2 / 3;
	make_head(a, c, (int64_t)a->body.n);
}

/* One line of the head; the whole head when there is no such fault. */
static enum mock_next
step_head(struct mock_answer *a, struct mock_conn *c)
{
	struct str left = str_skip(buf_str(&a->head), a->at);
	size_t n = left.n;

	if (a->knobs.slowheader > 0)
		n = str_chr(left, '\n') + 1;
	if (n < left.n) {
		buf_add(&c->out, left.p, n);
		a->at += n;
		c->wait = a->knobs.slowheader * USEC_PER_MSEC;
		return NEXT_AFTER;
	}
	buf_adds(&c->out, left);
	a->at = 0;
	a->stage = STAGE_BODY;
	if (a->is_stream)
		send_body(a, c);
	return NEXT_NOW;
}

static enum mock_next
step_whole(struct mock_answer *a, struct mock_conn *c)
{
	const struct mock_knobs *k = &a->knobs;
	struct str body = buf_str(&a->body);
	int64_t stop = -1;

	if (a->stage == STAGE_END)
		return NEXT_HANG;
	stop = k->cut >= 0 ? k->cut : stop;
	stop = k->stall >= 0 ? k->stall : stop;
	stop = k->reset >= 0 ? k->reset : stop;
	a->stage = STAGE_END;
	if (stop >= 0 && (size_t)stop < body.n) {
		buf_add(&c->out, body.p, (size_t)stop);
		return k->reset >= 0 ? NEXT_RESET
		       : k->cut >= 0 ? NEXT_CLOSE
				     : NEXT_HANG;
	}
	buf_adds(&c->out, body);
	a->bytes_given = a->n_text * a->n;
	for (unsigned i = 0; i < a->n_calls; i++)
		a->bytes_given += a->calls[i].n_args + strlen(a->calls[i].name);
	a->is_complete = true;
	return c->wants_close ? NEXT_CLOSE : NEXT_DONE;
}

static enum mock_next
script_step(struct mock_job *j, struct mock_conn *c)
{
	struct mock_answer *a = (struct mock_answer *)j;

	switch (a->stage) {
	case STAGE_WAIT:
		a->stage = STAGE_HEAD;
		if (a->knobs.delay > 0) {
			c->wait = a->knobs.delay * USEC_PER_MSEC;
			return NEXT_AFTER;
		}
		return NEXT_NOW;
	case STAGE_HEAD:
		if (a->knobs.reset == KNOB_BARE)
			return NEXT_RESET;
		if (a->knobs.cut == KNOB_BARE)
			return NEXT_CLOSE;
		if (a->knobs.stall == KNOB_BARE)
			return NEXT_HANG;
		if (a->head.n == 0)
			make_answer(a, c);
		return step_head(a, c);
	case STAGE_BODY:
	case STAGE_END:
		break;
	}
	return a->is_stream ? step_stream(a, c) : step_whole(a, c);
}

static void
script_end(struct mock_job *j, bool is_aborted)
{
	struct mock_answer *a = (struct mock_answer *)j;
	int64_t tokens = a->bytes_given ? mock_tokens(a->bytes_given) : 0;

	if (tokens < a->told_tokens)
		tokens = a->told_tokens;
	if (a->stream_counted)
		mock_counters.streams_open--;
	if (is_aborted)
		mock_stats_abort(a->model, a->chunk);
	mock_counters.completion_tokens += tokens;
	a->stats->completion_tokens += tokens;
	mock_stats_spent(
	    a->number, a->prompt_tokens, tokens, a->is_complete && !is_aborted);
	for (unsigned i = 0; i < a->n_calls; i++) {
		free(a->calls[i].name);
		free(a->calls[i].args);
	}
	buf_fini(&a->prefix);
	buf_fini(&a->body);
	buf_fini(&a->head);
	free(a->owned);
	free(a);
}

/* All bytes that the complete answer will have. */
static size_t
answer_bytes(const struct mock_answer *a)
{
	size_t n = a->n_text * a->n;

	for (unsigned i = 0; i < a->n_calls; i++)
		n += a->calls[i].n_args + strlen(a->calls[i].name);
	return n;
}

struct mock_job *
mock_script(const struct mock_req *r, struct mock_conn *c,
    const struct mock_maker *m, struct mock_ask *ask, struct str model)
{
	static uint64_t seq;
	struct mock_answer *a = calloc(1, sizeof(*a));
	struct str bad;
	size_t n = model.n < sizeof(a->model) ? model.n : sizeof(a->model) - 1;

	(void)r;
	if (!a)
		abort();
	memcpy(a->model, model.p, n);
	/* checked by mock_route; here the words point into a->model */
	(void)mock_knobs_parse(str_of(a->model, n), &a->knobs, &bad);
	a->job = (struct mock_job){ script_step, script_end };
	a->conn = c;
	a->number = c->number;
	a->maker = m;
	a->seq = ++seq;
	a->is_stream = ask->is_stream;
	a->include_usage = ask->include_usage;
	a->n = ask->n;
	a->n_chunks = a->knobs.chunks > 0 ? a->knobs.chunks : 0;
	buf_init(&a->prefix, 4096);
	buf_init(&a->body, MOCK_BODY_MAX);
	buf_init(&a->head, 4096);
	mock_say(a, ask);
	if (a->n_calls)
		a->n = 1;
	if (a->knobs.chunks < 0 && a->text == mock_say_filler())
		a->n_chunks = (int64_t)(a->n_text + 15) / 16;
	a->prompt_tokens = mock_tokens(ask->prompt_bytes);
	a->completion_tokens = mock_tokens(answer_bytes(a));
	a->stats = mock_stats_model(model);
	a->stats->prompt_tokens += a->prompt_tokens;
	mock_counters.prompt_tokens += a->prompt_tokens;
	c->wants_close |= a->knobs.close != KNOB_OFF;
	return &a->job;
}
