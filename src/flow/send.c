#include "flow/life.h"

#include "base/warm.h"

/* What is kept of an error answer's body. */
#define ERROR_BODY_MAX (64u * 1024)
#define ERROR_HEADERS_MAX (160u * 1024)
/* How long the upstream may take to end after it said it is complete. */
#define LINGER (1 * USEC_PER_SEC)

static void
keep_headers(struct req_attempt *a, const struct http_headers *h)
{
	if (!a->headers_arena)
		a->headers_arena = arena_new(ERROR_HEADERS_MAX);
	if (!a->headers_arena)
		return;
	http_headers_init(&a->headers, a->headers_arena);
	for (uint32_t i = 0; i < h->n; i++)
		if (http_headers_add(
			&a->headers, h->v[i].name, h->v[i].value) != ERR_OK)
			return;
}

static void
on_head(void *arg, int status, const struct http_headers *h)
{
	struct req *r = arg;
	struct req_attempt *a = &r->attempt;
	struct prov_answer_options o = { .stream = a->stream,
		.max_event = r->conf->max_answer,
		.max_body = r->conf->max_answer };
	struct msg_sink sink = { answer_event, r };

	a->status = status;
	ledger_status(r);
	keys_head(r, status, h);
	if (status < 200 || status > 299) {
		keep_headers(a, h);
		return;
	}
	a->answer = a->target.kind->answer_new(&a->target, &o, sink);
	if (a->answer)
		a->target.kind->answer_head(a->answer, status, h);
	else
		msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
}

static void linger_over(void *arg);

/* Sends what the events have made, and holds the upstream if need be. */
static void
pass_on(struct req *r)
{
	if (r->out.n == 0 || !r->msg.stream)
		return;
	if (!r->is_head_sent)
		write_answer_head(r);
	write_out(r, true);
	if (!r->is_upstream_paused && r->attempt.xfer &&
	    r->door->pending(r->door_arg) > r->conf->max_output_buffer) {
		r->is_upstream_paused = true;
		r->flow->upstream->ops->pause(r->attempt.xfer);
	}
}

static enum err
on_body(void *arg, const char *p, size_t n)
{
	struct req *r = arg;
	struct req_attempt *a = &r->attempt;

	if (!a->answer) {
		if (r->fail.class != MSG_FAIL_NONE)
			return ERR_CLOSED;
		buf_add(&a->error_body, p,
		    n < ERROR_BODY_MAX - a->error_body.n
			? n
			: ERROR_BODY_MAX - a->error_body.n);
		return ERR_OK;
	}
	if (a->ended)
		return ERR_OK;
	buf_lend(&r->flow->spare, &r->out);
	a->target.kind->answer_feed(a->answer, p, n);
	write_rest(r);
	if (r->fail.class != MSG_FAIL_NONE)
		return ERR_CLOSED;
	if (a->ended && !timer_is_set(&r->linger))
		(void)!timer_set(
		    r->flow->loop, &r->linger, LINGER, linger_over, r);
	return ERR_OK;
}

/*
 * What a chunk touches on its way. The ends of what lies behind the pointers
 * are not known here, and need not be: their first lines are used most.
 */
static void
on_soon(void *arg, bool is_next)
{
	const struct req *r = arg;

	if (is_next) {
		warm(r->attempt.answer, 768);
		warm(r->norm, 256);
		warm(r->writer, 512);
		warm(r->door_arg, 320);
		return;
	}
	warm(r, 128);
	warm(&r->attempt.answer, 1);
	warm(&r->norm, sizeof(r->norm) + sizeof(r->writer) + sizeof(r->out));
	warm(&r->last_write, 1);
	warm(&r->rec.first_byte, 1);
	warm(&r->rec.bytes_out, 1);
}

/* Several events that came at once go out at once. */
static void
on_rest(void *arg)
{
	pass_on(arg);
}

/* What an exchange that did not come to its end means (wire.md 4.2). */
static const struct {
	enum msg_fail_class class;
	const char *text;
} end_rows[UPSTREAM__MAX] = {
	[UPSTREAM_DNS] = { MSG_FAIL_CONNECT, "its name could not be resolved" },
	[UPSTREAM_CONNECT] = { MSG_FAIL_CONNECT, "it refused the connection" },
	[UPSTREAM_TLS] = { MSG_FAIL_CONNECT, "TLS could not be agreed on" },
	[UPSTREAM_TIMEOUT_CONNECT] = { MSG_FAIL_CONNECT,
	    "connecting took too long" },
	[UPSTREAM_TIMEOUT_FIRST_BYTE] = { MSG_FAIL_TIMEOUT,
	    "it did not begin to answer in time" },
	[UPSTREAM_TIMEOUT_IDLE] = { MSG_FAIL_TIMEOUT,
	    "it stopped in the middle of its answer" },
	[UPSTREAM_TIMEOUT_TOTAL] = { MSG_FAIL_TIMEOUT,
	    "its answer took too long" },
	[UPSTREAM_CUT] = { MSG_FAIL_CUT, "it closed the connection too early" },
	[UPSTREAM_TOO_LARGE] = { MSG_FAIL_BAD_ANSWER,
	    "its answer is larger than allowed" },
	[UPSTREAM_PROTOCOL] = { MSG_FAIL_BAD_ANSWER,
	    "its answer is not valid HTTP" },
	[UPSTREAM_BLOCKED] = { MSG_FAIL_CONNECT,
	    "its address is private, and allow_private is off" },
	[UPSTREAM_STOPPED] = { MSG_FAIL_INTERNAL, "the gateway stopped it" },
	[UPSTREAM_FAILED] = { MSG_FAIL_INTERNAL,
	    "the request could not be made" },
};

/*
 * Did the attempt end for want of time that its target would have had by its
 * own limits? Then a client in a hurry is the cause, or one that does not read.
 */
static bool
is_cut_short(const struct req *r, enum upstream_end end)
{
	const struct upstream_call *c = &r->attempt.call;
	const struct conf_timeouts *t = &route_plan_target(&r->plan)->timeouts;

	if (end == UPSTREAM_TIMEOUT_CONNECT)
		return c->timeout_connect < t->connect;
	if (end == UPSTREAM_TIMEOUT_FIRST_BYTE)
		return c->timeout_first_byte < t->first_byte;
	if (end == UPSTREAM_TIMEOUT_IDLE)
		return c->timeout_idle < t->idle;
	if (end == UPSTREAM_TIMEOUT_TOTAL)
		return c->timeout_total < t->total || r->is_upstream_paused;
	return false;
}

static void
fail_by_end(struct req *r, const struct upstream_result *result)
{
	const char *word = upstream_end_word(result->end);

	r->plan.is_cut_short = is_cut_short(r, result->end);
	/* For the log alone: a client has no use for it. */
	if (result->detail[0] && strcmp(result->detail, word) != 0)
		r->rec.detail = arena_str(r->arena, str_z(result->detail));
	msg_fail_set(&r->fail, end_rows[result->end].class,
	    "Provider %.*s failed: %s.", STR_ARG(r->attempt.target.provider),
	    end_rows[result->end].text);
}

static void
record(struct req *r, const struct upstream_result *result)
{
	struct meter_attempt *m;

	if (r->rec.n_attempts > METER_ATTEMPTS_MAX)
		return;
	m = &r->rec.attempts[r->rec.n_attempts - 1];
	*m = (struct meter_attempt){
		.target = route_plan_target(&r->plan),
		.started = r->attempt.started - r->started,
		.connected = result->connected,
		.first_byte = result->first_byte,
		.total = result->total,
		.status = r->attempt.status,
		.fail = r->fail.class,
		.end = upstream_end_word(result->end),
		.reused = result->reused,
		.is_probe = r->plan.is_probe,
		.slowed = r->rec.n_attempts == 1 ? r->slowed : 0,
	};
	keys_record(r, m);
}

/* Brings the exchange to a verdict: r->fail, or a complete answer. */
static void
conclude(struct req *r, const struct upstream_result *result)
{
	struct req_attempt *a = &r->attempt;

	if (a->ended || r->fail.class != MSG_FAIL_NONE)
		return;
	if (result->end != UPSTREAM_OK) {
		fail_by_end(r, result);
		return;
	}
	if (a->answer) {
		a->target.kind->answer_end(a->answer);
		if (!a->ended && r->fail.class == MSG_FAIL_NONE)
			msg_fail_set(
			    &r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
		return;
	}
	prov_fail(&a->target, a->status, &a->headers, buf_str(&a->error_body),
	    &r->fail);
	r->fail.upstream_status = a->status;
}

/* A whole answer goes out when it is complete, a stream has gone already. */
static enum flow_step
complete(struct req *r)
{
	r->rec.outcome = METER_OK;
	r->rec.dropped = arena_str(r->arena, buf_str(&r->attempt.http.dropped));
	route_plan_succeeded(&r->plan, clock_mono());
	if (!r->is_head_sent)
		write_answer_head(r);
	write_out(r, false); /* goes with the end */
	return FLOW_SETTLE;
}

static enum flow_step
after_attempt(struct req *r)
{
	if (r->fail.class == MSG_FAIL_NONE)
		return complete(r);
	/* Once content has gone to the client there is no second try. */
	if (r->msg.stream && api_norm_has_content(r->norm)) {
		route_plan_broke(&r->plan, &r->fail, clock_mono());
		return flow_refuse(r);
	}
	return choose_after_failure(r);
}

static void
on_done(void *arg, const struct upstream_result *result)
{
	struct req *r = arg;

	r->attempt.xfer = NULL;
	conclude(r, result);
	record(r, result);
	ledger_ended(r, result->request_sent);
	/* A good answer's last events go with the end. */
	if (r->fail.class != MSG_FAIL_NONE)
		pass_on(r);
	flow_go(r, after_attempt(r));
}

void
send_stop(struct req *r)
{
	struct upstream_result result = { .end = UPSTREAM_STOPPED,
		.connected = -1,
		.first_byte = -1,
		.total = clock_mono() - r->attempt.started };
	const struct upstream_ops *ops = r->flow->upstream->ops;
	bool may_be_asked;

	if (!r->attempt.xfer)
		return;
	may_be_asked = !ops->may_be_asked || ops->may_be_asked(r->attempt.xfer);
	ops->cancel(r->attempt.xfer);
	r->attempt.xfer = NULL;
	record(r, &result);
	ledger_ended(r, may_be_asked);
}

/* The answer is complete, but the upstream does not end: enough waited. */
static void
linger_over(void *arg)
{
	struct req *r = arg;

	send_stop(r);
	flow_go(r, after_attempt(r));
}

static const struct upstream_sink sink = {
	.head = on_head,
	.body = on_body,
	.rest = on_rest,
	.done = on_done,
	.soon = on_soon,
};

enum flow_step
step_send(struct req *r)
{
	struct req_attempt *a = &r->attempt;
	struct upstream_result none = {
		.end = UPSTREAM_FAILED, .connected = -1, .first_byte = -1
	};

	a->started = clock_mono();
	keys_send(r);
	r->rec.detail = (struct str){ 0 };
	if (r->rec.n_attempts == 1)
		r->rec.overhead = a->started - r->ready;
	buf_init(&a->error_body, ERROR_BODY_MAX);
	if (ledger_begin(r) != ERR_OK) {
		record(r, &none);
		return flow_refuse(r);
	}
	a->call.handed = ledger_handed(r);
	if (answer_begin(r) == ERR_OK)
		a->xfer = upstream_start(r->flow->upstream, &a->call, &sink, r);
	if (a->xfer)
		return FLOW_WAIT;
	fail_by_end(r, &none);
	record(r, &none);
	ledger_ended(r, false);
	return choose_after_failure(r);
}

void
send_drop(struct req *r)
{
	struct req_attempt *a = &r->attempt;
	unsigned char id[METER_BOOKING_ID];

	fetch_drop(r);
	keys_drop(r);
	timer_stop(r->flow->loop, &r->linger);
	if (a->xfer)
		r->flow->upstream->ops->cancel(a->xfer);
	if (a->answer)
		a->target.kind->answer_free(a->answer);
	if (a->has_http)
		prov_http_fini(&a->http);
	buf_fini(&a->error_body);
	arena_free(a->headers_arena);
	r->is_upstream_paused = false;
	memcpy(id, a->ledger_id, sizeof(id));
	/* Which target and how it was asked is still wanted. */
	*a = (struct req_attempt){
		.target = a->target, .stream = a->stream, .booking = a->booking
	};
	memcpy(a->ledger_id, id, sizeof(id));
}
