#include "flow/req.h"

#include "base/fault.h"
#include "flow/life.h"

/* A body that tells its length gets its room at once up to here. */
#define BODY_ROOM_MAX (256u * 1024)
/* Arena of a request whose configuration is not there. */
#define ARENA_SMALL (256u * 1024)
/* Tape, decoded strings and headers: a few times the largest body. */
#define ARENA_PER_BODY 4
#define ARENA_BASE ((size_t)4 << 20)

static void
list_add(struct flow *f, struct req *r)
{
	r->next = f->all;
	if (r->next)
		r->next->prev = r;
	f->all = r;
	f->active++;
}

size_t
req_arena_max(const struct conf *c)
{
	return c ? c->max_body * ARENA_PER_BODY + ARENA_BASE : ARENA_SMALL;
}

struct req *
req_new(struct flow *f, const struct req_door *door, void *door_arg)
{
	struct req *r = fault("req.new") ? NULL : calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->arena = arena_new(req_arena_max(f->conf));
	if (!r->arena) {
		free(r);
		return NULL;
	}
	r->flow = f;
	r->conf = f->conf ? conf_ref(f->conf) : NULL;
	r->ring = f->ring ? route_ring_ref(f->ring) : NULL;
	r->door = door;
	r->door_arg = door_arg;
	r->step = FLOW_RECEIVE;
	r->started = clock_mono();
	r->meta.content_length = -1;
	r->rec.wall = clock_wall();
	r->rec.surface = "unknown";
	r->rec.first_byte = -1;
	r->rec.cache = "bypass";
	r->rec.usage = MSG_USAGE_UNKNOWN;
	buf_init(&r->body, r->conf ? r->conf->max_body : 0);
	buf_init(&r->out, ARENA_BASE + (r->conf ? 2 * r->conf->max_answer : 0));
	list_add(f, r);
	meter_metrics_begin(f->metrics);
	return r;
}

/*
 * Route and identity are decided here, while the credentials are still the
 * door's: no copy of them is made.
 */
void
req_params(struct req *r, const struct req_var *vars, size_t n)
{
	struct gate_credentials cred = { 0 };
	enum flow_step next;

	receive_vars(r, vars, n, &cred);
	next = step_receive(r);
	if (next == FLOW_IDENTIFY && r->target.needs_client)
		next = identify_now(r, &cred);
	flow_go(r, next);
}

bool
req_body(struct req *r, const char *p, size_t n)
{
	bool is_too_large;
	size_t told;

	if (!r->wants_body)
		return false;
	if (r->body.n == 0 && r->meta.content_length > 0) {
		told = (size_t)r->meta.content_length;
		(void)buf_room(
		    &r->body, told < BODY_ROOM_MAX ? told : BODY_ROOM_MAX);
	}
	is_too_large = n > r->conf->max_body - r->body.n;
	buf_add(&r->body, p, n);
	r->rec.bytes_in += n;
	if (!r->body.failed && (r->meta.content_length < 0 ||
				   r->body.n <= (size_t)r->meta.content_length))
		return true;
	r->wants_body = false;
	if (r->body.failed && !is_too_large)
		msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
	else if (r->body.failed)
		msg_fail_set(&r->fail, MSG_FAIL_TOO_LARGE,
		    "The request body is larger than the %llu bytes allowed.",
		    (unsigned long long)r->conf->max_body);
	else
		msg_fail_set(&r->fail, MSG_FAIL_INVALID,
		    "The request body is longer than its Content-Length of "
		    "%lld bytes.",
		    (long long)r->meta.content_length);
	flow_go(r, flow_refuse(r));
	return false;
}

enum flow_step
read_body_end(struct req *r)
{
	if (r->meta.content_length >= 0 &&
	    r->body.n != (size_t)r->meta.content_length) {
		msg_fail_set(&r->fail, MSG_FAIL_INVALID,
		    "The request body ended after %zu bytes, but "
		    "Content-Length said %lld.",
		    r->body.n, (long long)r->meta.content_length);
		return flow_refuse(r);
	}
	return FLOW_PARSE;
}

void
req_body_end(struct req *r)
{
	if (!r->wants_body)
		return;
	r->wants_body = false;
	r->ready = clock_mono();
	if (r->step == FLOW_IDENTIFY)
		r->is_body_whole = true; /* step_read goes on with it */
	else
		flow_go(r, read_body_end(r));
}

void
req_abort(struct req *r)
{
	r->rec.outcome = METER_ABORTED;
	r->door = NULL;
	/* It answers well enough, even if nobody waits for the end. */
	if (r->attempt.xfer && api_norm_has_content(r->norm))
		route_plan_succeeded(&r->plan, clock_mono());
	send_stop(r);
	send_drop(r);
	r->step = FLOW_REFUSE; /* whatever it was, only settling is left */
	flow_go(r, FLOW_SETTLE);
}

void
req_writable(struct req *r)
{
	if (!r->is_upstream_paused || !r->attempt.xfer)
		return;
	r->is_upstream_paused = false;
	r->flow->upstream->ops->resume(r->attempt.xfer);
}
