#include "flow/life.h"

#include "base/log.h"
#include "base/num.h"
#include "meter/reqlog.h"

static usec_t
retry_after(const struct req *r, int status)
{
	usec_t t = r->fail.retry_after;

	if (r->fail.class == MSG_FAIL_NO_TARGET && r->plan.n > 0)
		t = route_plan_retry_after(&r->plan, clock_mono());
	/* Every 429 and 503 of ours tells when to come again. */
	if (t < 0 && (status == 429 || status == 503))
		t = USEC_PER_SEC;
	return t;
}

/* May the client's SDK try again? -1: as it likes (field.md 4.4). */
static int
should_retry(const struct req *r)
{
	if (r->fail.class == MSG_FAIL_QUOTA ||
	    r->fail.class == MSG_FAIL_UPSTREAM_AUTH)
		return 0;
	/* We have tried for it already: tries must not multiply. */
	if (r->rec.n_attempts > 1 && r->fail.class != MSG_FAIL_RATE_LIMIT)
		return 0;
	return r->fail.should_retry;
}

static void
put_error_headers(const struct req *r, int status, struct buf *b)
{
	usec_t after = retry_after(r, status);

	if (status == 401)
		buf_addz(b, "WWW-Authenticate: Bearer\r\n");
	if (status == 405 && r->target.allow)
		buf_printf(b, "Allow: %s\r\n", r->target.allow);
	if (after >= 0 && status >= 400)
		buf_printf(b, "Retry-After: %lld\r\n",
		    (long long)((after + USEC_PER_SEC - 1) / USEC_PER_SEC) < 1
			? 1LL
			: (long long)((after + USEC_PER_SEC - 1) /
				      USEC_PER_SEC));
	if (should_retry(r) >= 0)
		buf_printf(b, "x-should-retry: %s\r\n",
		    should_retry(r) ? "true" : "false");
	write_rate_headers(r, b);
	if (r->rec.n_attempts > 0)
		buf_printf(b, "x-llmgw-attempts: %u\r\n", r->rec.n_attempts);
	if (r->fail.upstream_status > 0)
		buf_printf(b, "x-llmgw-upstream-status: %d\r\n",
		    r->fail.upstream_status);
}

/* An error's body when there is no memory for one; any dialect reads it. */
#define NO_MEMORY                                                       \
	"{\"error\":{\"message\":\"Out of memory.\","                   \
	"\"type\":\"server_error\",\"param\":null,\"code\":\"internal_" \
	"error\"}}"

static void
write_static(struct req *r, const char *text)
{
	r->rec.bytes_out += strlen(text);
	r->door->write(r->door_arg, str_z(text), true);
}

static void
refuse_whole(struct req *r, int status)
{
	struct buf more;
	bool is_empty;

	buf_init(&more, 1024);
	put_error_headers(r, status, &more);
	buf_reset(&r->out);
	api_error_print(
	    r->target.dialect, &r->fail, r->rec.request_id, &r->out);
	is_empty = r->out.failed;
	if (is_empty)
		buf_reset(&r->out);
	write_page(r, status, "application/json",
	    more.failed ? (struct str){ 0 } : buf_str(&more));
	if (is_empty && !r->target.is_head)
		write_static(r, NO_MEMORY);
	buf_fini(&more);
}

static enum meter_outcome
outcome(const struct req *r, int status)
{
	if (r->fail.class == MSG_FAIL_INTERNAL)
		return METER_INTERNAL;
	if (r->rec.n_attempts > 0 && status >= 429)
		return METER_UPSTREAM_ERROR;
	return status < 500 ? METER_CLIENT_ERROR : METER_UPSTREAM_ERROR;
}

enum flow_step
step_refuse(struct req *r)
{
	int status = msg_fail_status(&r->fail);

	r->rec.fail = r->fail.class;
	r->rec.error = echo_hidden(r, str_z(r->fail.message));
	r->rec.outcome = outcome(r, status);
	if (!r->is_head_sent) {
		refuse_whole(r, status);
		return FLOW_SETTLE;
	}
	/* A stream that has begun ends with an honest error event. */
	if (r->writer || answer_begin(r) == ERR_OK) {
		buf_reset(&r->out);
		api_answer_fail(r->writer, &r->fail, &r->out);
		if (r->out.failed)
			buf_reset(&r->out);
	}
	if (r->out.n > 0)
		write_out(r, true);
	else
		write_static(r, "data: " NO_MEMORY "\n\n");
	return FLOW_SETTLE;
}

/* Unknown (-1) adds nothing; what an upstream tells may be absurd. */
static void
add_tokens(int64_t *sum, int64_t n)
{
	if (n >= 0)
		*sum = num_add_i64_sat(*sum > 0 ? *sum : 0, n);
}

static void
add_usage(struct msg_usage *sum, const struct msg_usage *u)
{
	add_tokens(&sum->prompt, u->prompt);
	add_tokens(&sum->completion, u->completion);
	add_tokens(&sum->cached, u->cached);
	add_tokens(&sum->written, u->written);
	add_tokens(&sum->written_1h, u->written_1h);
	add_tokens(&sum->reasoning, u->reasoning);
	add_tokens(&sum->audio_in, u->audio_in);
	add_tokens(&sum->audio_out, u->audio_out);
	add_tokens(&sum->image_in, u->image_in);
	add_tokens(&sum->image_out, u->image_out);
}

struct gate_use
settle_attempt(struct req *r)
{
	struct msg_usage u = api_norm_usage(r->norm), booked;
	struct gate_use use = { 0 };

	ledger_used(r, &u, &booked);
	ledger_settle(r, &u);
	add_usage(&r->rec.usage, &u);
	price_book(r, &u);
	api_norm_free(r->norm);
	r->norm = NULL;
	use.input = booked.prompt > 0 ? booked.prompt : 0;
	use.output = booked.completion > 0 ? booked.completion : 0;
	if (!price_attempt(r, &booked, &use.money, NULL))
		use.money = 0;
	add_tokens(&r->used.input, use.input);
	add_tokens(&r->used.output, use.output);
	add_tokens(&r->used.money, use.money);
	return use;
}

static void
on_lines_due(void *arg)
{
	struct flow *f = arg;

	log_lines(buf_str(&f->lines));
	buf_reset(&f->lines);
}

void
flow_flush(struct flow *f)
{
	loop_defer_cancel(f->loop, &f->lines_due);
	on_lines_due(f);
}

/* What one turn of the loop has finished is written at its end, in one go. */
static void
log_request(const struct req *r)
{
	struct flow *f = r->flow;
	size_t before = f->lines.n;

	if (r->target.route == API_ROUTE_HEALTH_LIVE ||
	    r->target.route == API_ROUTE_HEALTH_READY ||
	    r->target.route == API_ROUTE_METRICS)
		return;
	meter_reqlog_line(&r->rec, log_format_now(), &f->lines);
	buf_addc(&f->lines, '\n');
	if (f->lines.failed || f->lines.n - before > METER_LINE_MAX + 1) {
		f->lines.n = before;
		f->lines.failed = false;
		log_line_lost();
	} else if (before > 0 && f->lines.n > LOG_LINES_MAX) {
		log_lines(str_of(f->lines.p, before));
		buf_consume(&f->lines, before);
	}
	loop_defer(f->loop, &f->lines_due, on_lines_due, f);
}

static void
req_free(struct req *r)
{
	struct flow *f = r->flow;

	timer_stop(f->loop, &r->pause);
	timer_stop(f->loop, &r->heartbeat);
	job_leave_all(r);
	send_drop(r);
	api_norm_free(r->norm);
	api_answer_free(r->writer);
	buf_fini(&r->body);
	buf_fini(&r->out);
	identify_drop(r);
	arena_free(r->msg_arena);
	arena_free(r->arena);
	route_ring_unref(r->ring);
	gate_rules_unref(r->rules);
	conf_unref(r->conf);
	if (r->prev)
		r->prev->next = r->next;
	else
		f->all = r->next;
	if (r->next)
		r->next->prev = r->prev;
	f->active--;
	free(r);
}

/* The client gets the end of its answer before we see to our own matters. */
static void
let_go(struct req *r)
{
	const struct req_door *door = r->door;

	r->door = NULL;
	if (door)
		door->finish(r->door_arg);
}

enum flow_step
step_settle(struct req *r)
{
	struct gate_use use;

	r->rec.total = clock_mono() - r->started;
	use = settle_attempt(r);
	choose_release(r, &use);
	route_plan_abandoned(&r->plan);
	limits_settle(r);
	let_go(r);
	log_request(r);
	audit_request(r);
	meter_metrics_end(r->flow->metrics, &r->rec);
	req_free(r);
	return FLOW_WAIT;
}
