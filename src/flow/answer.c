#include "flow/life.h"

#include "api/split.h"

/* Pieces of an answer that came whole and goes out as a stream. */
#define PIECE_BYTES 48

static void
write_event(struct req *r, const struct msg_event *ev)
{
	size_t before = r->out.n;
	enum err e;

	/* After a gap nothing may follow but the error. */
	if (r->fail.class != MSG_FAIL_NONE)
		return;
	e = api_answer_event(r->writer, ev, &r->out);
	if (e == ERR_OK && !r->out.failed)
		return;
	r->out.n = before; /* no half event */
	if (e == ERR_NOMEM || (e == ERR_OK && before < r->conf->max_answer))
		msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
	else
		msg_fail_set(&r->fail, MSG_FAIL_BAD_ANSWER,
		    "The provider's answer is larger than the %llu bytes "
		    "allowed.",
		    (unsigned long long)r->conf->max_answer);
}

static void
write_in_pieces(struct req *r, const struct msg_event *whole)
{
	struct msg_event ev = *whole;
	struct str rest = whole->text;

	while (rest.n > 0) {
		size_t n = api_split(rest, PIECE_BYTES);

		ev.text = str_of(rest.p, n);
		write_event(r, &ev);
		rest = str_skip(rest, n);
		/* Extras and logprobs belong to the first piece only. */
		ev.extra_top = ev.extra_choice = ev.extra_delta = ev.raw =
		    (struct str){ 0 };
	}
}

/* Normalised events -> bytes for the client. */
static void
norm_event(void *arg, const struct msg_event *ev)
{
	struct req *r = arg;
	bool came_whole = r->attempt.answer && !r->attempt.answer->is_stream;

	if (ev->type == MSG_EV_FAIL) /* written by step_refuse */
		return;
	if (r->msg.stream && came_whole && ev->text.n > PIECE_BYTES &&
	    (ev->type == MSG_EV_TEXT || ev->type == MSG_EV_REASONING))
		write_in_pieces(r, ev);
	else
		write_event(r, ev);
}

void
answer_event(void *arg, const struct msg_event *ev)
{
	struct req *r = arg;
	bool had_content = api_norm_has_content(r->norm);

	ledger_event(r, ev);
	switch (api_norm_event(r->norm, ev)) {
	case API_STEP_QUIET:
		break;
	case API_STEP_CONTENT:
		/* Others need not wait for the end of a probe's stream. */
		if (!had_content && r->attempt.stream && r->plan.is_probe)
			route_plan_succeeded(&r->plan, clock_mono());
		if (!had_content)
			admit_body_over(r);
		break;
	case API_STEP_END:
		r->attempt.ended = true;
		break;
	case API_STEP_FAIL:
		r->attempt.ended = true;
		if (r->fail.class == MSG_FAIL_NONE)
			r->fail = *api_norm_fail(r->norm);
		break;
	}
	if (ev->type == MSG_EV_USAGE || ev->type == MSG_EV_END)
		ledger_told(r);
}

static void
writer_options(const struct req *r, struct api_answer_options *o)
{
	*o = (struct api_answer_options){
		.dialect = r->target.dialect,
		.stream = r->msg.stream,
		.include_usage = r->msg.include_usage,
		.legacy_functions = r->msg.legacy_functions,
		.asked_model = r->attempt.target.model,
		.now = r->rec.wall / USEC_PER_SEC,
		.provider = r->attempt.target.provider,
		.max_bytes = r->conf->max_answer,
	};
}

enum err
answer_begin(struct req *r)
{
	struct msg_sink sink = { norm_event, r };
	struct api_answer_options o;

	api_norm_free(r->norm);
	api_answer_free(r->writer);
	writer_options(r, &o);
	r->norm = api_norm_new(NULL, sink);
	r->writer = api_answer_new(&o);
	buf_reset(&r->out);
	return r->norm && r->writer ? ERR_OK : ERR_NOMEM;
}

/*
 * A stream that is silent for long gets a comment: proxies keep it open, and
 * Apache finds out that a client has left only when it writes. The first one
 * sends the head; failures after it are events, but another target may still
 * be tried.
 */
static void
heartbeat(void *arg)
{
	struct req *r = arg;
	usec_t now = clock_mono();
	usec_t next = r->last_write + r->conf->heartbeat;

	if (next <= now) {
		if (!r->is_head_sent)
			write_answer_head(r);
		if (r->door->pending(r->door_arg) == 0) {
			struct buf ping;

			buf_init(&ping, 64);
			api_answer_ping(&ping);
			r->door->write(r->door_arg, buf_str(&ping), true);
			buf_fini(&ping);
		}
		r->last_write = now;
		next = now + r->conf->heartbeat;
	}
	(void)!timer_set(
	    r->flow->loop, &r->heartbeat, next - now, heartbeat, r);
}

void
answer_heartbeat(struct req *r)
{
	r->last_write = clock_mono();
	if (r->conf->heartbeat > 0)
		(void)!timer_set(r->flow->loop, &r->heartbeat,
		    r->conf->heartbeat, heartbeat, r);
}
