/* Events for the audit: which requests have one, and what it says. */
#include "flow/life.h"

#include "base/hash.h"
#include "base/json_out.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "meter/event.h"
#include "meter/tally.h"
#include "sys/stats.h"

/* Of a client's texts in the detail: nobody's name is longer. */
#define TEXT_MAX 200u
#define ERROR_MAX 400u

#define GATEWAY STR("gateway")

/* ---- writing ---------------------------------------------------------------- */

static void
put(struct flow *f, const struct meter_event *ev)
{
	if (!f->audit.fn || !f->audit.fn(f->audit.arg, ev))
		stats_add(f->shm, STATS_AUDIT_LOST, 1);
}

static void
new_id(unsigned char id[METER_EVENT_ID])
{
	uint64_t parts[2] = { rand_u64(), rand_u64() };

	memcpy(id, parts, METER_EVENT_ID);
}

void
flow_audit_set(struct flow *f, flow_audit_fn fn, void *arg)
{
	f->audit.fn = fn;
	f->audit.arg = arg;
}

/*
 * What the gateway itself has done or seen. once: what several processes tell
 * alike is one row; absent: each is one.
 */
static void
put_own(struct flow *f, struct meter_event *ev, struct str once)
{
	unsigned char hash[HASH_KEY_BYTES];

	if (!f->audit.fn)
		return;
	ev->at = clock_wall();
	ev->actor = GATEWAY;
	new_id(ev->id);
	if (str_present(once)) {
		hash_key(once, (struct str){ 0 }, hash);
		memcpy(ev->id, hash, sizeof(ev->id));
	}
	put(f, ev);
}

void
flow_audit(struct flow *f, const char *action, struct str object,
    struct str result, struct str detail, struct str once)
{
	struct meter_event ev = { .action = str_z(action),
		.object = object,
		.result = result,
		.detail = detail };

	put_own(f, &ev, once);
}

/* ---- refusals, bounded ------------------------------------------------------ */

static bool
may_tell_address(const struct conf *c)
{
	return c && c->audit_addresses;
}

/* What was not written of the window that is over, one event for each sort. */
static void
tell_rest(struct flow *f)
{
	struct meter_tally_row row;

	while (meter_tally_take(f->audit.tally, &row)) {
		char reason[96], detail[64];
		struct meter_event ev = { .at = clock_wall(),
			.actor = GATEWAY,
			.action = str_z(row.action),
			.object = STR(""),
			.result = row.is_others ? STR("many sorts")
						: str_z(row.result) };

		snprintf(reason, sizeof(reason), "... and %llu more %s",
		    (unsigned long long)row.count,
		    row.is_others ? "from many addresses"
				  : "from this address");
		snprintf(detail, sizeof(detail), "{\"more\":%llu}",
		    (unsigned long long)row.count);
		ev.reason = str_z(reason);
		ev.detail = str_z(detail);
		if (may_tell_address(f->conf))
			ev.address = str_z(row.address);
		new_id(ev.id);
		put(f, &ev);
	}
}

static void
window_is_over(void *arg)
{
	tell_rest(arg);
}

void
audit_fini(struct flow *f)
{
	timer_stop(f->loop, &f->audit.due);
	if (f->audit.tally)
		tell_rest(f);
	meter_tally_free(f->audit.tally);
	f->audit.tally = NULL;
}

/* Without memory to count them none is let through: the disk is worth more. */
static bool
may_write(struct req *r, const struct meter_event *ev)
{
	struct flow *f = r->flow;
	usec_t now = clock_mono();
	bool may;

	if (!f->audit.tally)
		f->audit.tally = meter_tally_new();
	if (!f->audit.tally) {
		stats_add(f->shm, STATS_AUDIT_LOST, 1);
		return false;
	}
	if (meter_tally_due(f->audit.tally) > 0 &&
	    meter_tally_due(f->audit.tally) <= now)
		tell_rest(f);
	may = meter_tally_add(f->audit.tally, ev->action, ev->result,
	    r->rec.remote_addr, r->conf->audit_per_minute, now);
	/* No timer: the next window, or the end, tells it. */
	if (!timer_is_set(&f->audit.due))
		(void)!timer_set(f->loop, &f->audit.due,
		    meter_tally_due(f->audit.tally) - now, window_is_over, f);
	return may;
}

/* ---- what a request was ------------------------------------------------------ */

static bool
is_refused_by_us(const struct req *r)
{
	return r->rec.n_attempts == 0 && r->fail.class != MSG_FAIL_NONE;
}

/* The action of a refusal and its result; NULL: it was none. */
static const char *
refusal(const struct req *r, struct str *result)
{
	bool ours = is_refused_by_us(r);

	*result = str_z(msg_fail_table[r->fail.class].word);
	if (r->rec.refusal) {
		*result = str_z(r->rec.refusal);
		return "auth.refused";
	}
	if (ours && r->rec.policy.n > 0) {
		*result = r->rec.policy;
		return "policy.refused";
	}
	if (ours && r->rec.limit.n > 0) {
		*result = r->rec.limit;
		return "limit.refused";
	}
	if (!ours)
		return NULL;
	switch (r->fail.class) {
	case MSG_FAIL_AUTHENTICATION:
	case MSG_FAIL_PERMISSION:
		return "auth.refused";
	case MSG_FAIL_LIMIT:
	case MSG_FAIL_QUOTA:
		return "limit.refused";
	case MSG_FAIL_MODEL_NOT_FOUND:
		/* told apart here, and not to the client */
		*result = conf_model_find(r->conf, r->rec.alias)
			      ? STR("not_granted")
			      : STR("unknown");
		return "model.refused";
	default:
		return NULL;
	}
}

static struct str
actor_of(struct req *r)
{
	const struct gate_client *c = &r->client;

	if (c->person) {
		const struct store_person *p = &c->person->facts;

		return p->key_id > 0
			   ? arena_printf(r->arena, "key:%.*s/%.*s",
				 STR_ARG(p->tenant), STR_ARG(p->key))
			   : arena_printf(r->arena, "user:%.*s/%.*s",
				 STR_ARG(p->tenant), STR_ARG(p->user));
	}
	if (c->key)
		return arena_printf(
		    r->arena, "key:%.*s", STR_ARG(c->key->name));
	if (c->is_user)
		return arena_printf(r->arena, "user:%.*s", STR_ARG(c->name));
	if (r->rec.refusal && r->rec.credential.n > 0)
		return r->rec.credential;
	return c->name.n > 0 ? c->name : STR("nobody");
}

static void
put_clipped(struct json_out *o, const char *key, struct str s, size_t max)
{
	if (s.n > 0)
		json_out_kv_str(o, key, utf8_clip(s, max));
}

static void
put_target(struct json_out *o, const struct conf_target *t)
{
	if (!t)
		return;
	put_clipped(o, "provider", t->provider->name, TEXT_MAX);
	put_clipped(o, "model", t->model, TEXT_MAX);
}

static void
put_detail(const struct req *r, struct buf *b)
{
	const struct meter_record *rec = &r->rec;
	struct json_out o;

	json_out_init(&o, b);
	json_out_obj(&o);
	put_clipped(&o, "request_id", rec->request_id, TEXT_MAX);
	put_clipped(&o, "surface", str_z(rec->surface), TEXT_MAX);
	if (rec->status > 0)
		json_out_kv_i64(&o, "status", rec->status);
	put_clipped(&o, "client_id", rec->client_id, TEXT_MAX);
	put_target(&o, rec->target);
	/* of who is refused the result tells all, the error less */
	if (!rec->refusal)
		put_clipped(&o, "error", rec->error, ERROR_MAX);
	json_out_end(&o);
}

static void
write_event(struct req *r, struct meter_event *ev)
{
	struct buf detail;

	buf_init(&detail, METER_EVENT_DETAIL_MAX);
	put_detail(r, &detail);
	ev->at = r->rec.wall;
	ev->tenant_id = r->client.tenant_id;
	ev->actor = actor_of(r);
	if (r->rec.alias.n > 0)
		ev->object =
		    arena_printf(r->arena, "model:%.*s", STR_ARG(r->rec.alias));
	ev->reason = r->rec.reason;
	if (may_tell_address(r->conf))
		ev->address = r->rec.remote_addr;
	if (!detail.failed)
		ev->detail = buf_str(&detail);
	new_id(ev->id);
	put(r->flow, ev);
	buf_fini(&detail);
}

void
audit_new_user(struct req *r, const struct gate_want *w)
{
	struct meter_event ev = { .at = clock_wall(),
		.action = STR(METER_EVENT_NEW_USER),
		.result = STR("ok") };
	struct json_out o;
	struct buf b;

	buf_init(&b, METER_EVENT_DETAIL_MAX);
	json_out_init(&o, &b);
	json_out_obj(&o);
	json_out_kv_str(&o, "tenant", str_z(w->tenant));
	json_out_kv_str(&o, "name", str_z(w->user));
	json_out_end(&o);
	ev.actor =
	    arena_printf(r->arena, "issuer:%.*s", STR_ARG(r->conf->jwt.issuer));
	ev.object = STR("user");
	if (may_tell_address(r->conf))
		ev.address = r->rec.remote_addr;
	ev.detail = buf_str(&b);
	new_id(ev.id);
	if (!b.failed)
		put(r->flow, &ev);
	buf_fini(&b);
}

/* Whose counter it is: a limit with `each` has one for many. */
static void
put_whose(struct req *r, struct json_out *o)
{
	put_clipped(o, "request_id", r->rec.request_id, TEXT_MAX);
	put_clipped(o, "by", actor_of(r), TEXT_MAX);
	if (r->client.person) {
		const struct store_person *p = &r->client.person->facts;

		put_clipped(o, "team", p->team, TEXT_MAX);
		put_clipped(o, "user", p->user, TEXT_MAX);
	}
	put_clipped(o, "alias", r->rec.alias, TEXT_MAX);
	put_target(o, r->rec.target);
}

void
audit_soft(struct req *r, const struct conf_limit *l, const char *amount,
    int64_t percent)
{
	struct meter_event ev = { 0 };
	struct json_out o;
	struct buf b;

	buf_init(&b, METER_EVENT_DETAIL_MAX);
	json_out_init(&o, &b);
	json_out_obj(&o);
	json_out_kv_str(&o, "limit", str_z(amount));
	json_out_kv_i64(&o, "used_percent", percent);
	put_whose(r, &o);
	json_out_end(&o);
	ev.tenant_id = r->client.tenant_id;
	ev.action = STR("limit.soft");
	ev.object = arena_printf(r->arena, "limit:%.*s", STR_ARG(l->name));
	ev.result =
	    arena_printf(r->arena, "told at %u%%", (unsigned)l->soft_percent);
	if (!b.failed)
		ev.detail = buf_str(&b);
	put_own(r->flow, &ev, (struct str){ 0 });
	buf_fini(&b);
}

void
audit_request(struct req *r)
{
	struct meter_event ev = { 0 };
	const char *action;

	if (!r->flow->audit.fn || !r->conf || !r->target.needs_client ||
	    r->conf->audit_access == CONF_AUDIT_NONE)
		return;
	action = refusal(r, &ev.result);
	if (!action && r->conf->audit_access != CONF_AUDIT_ALL)
		return;
	ev.action = action ? str_z(action) : STR("request");
	if (!action)
		ev.result = str_z(meter_outcome_words[r->rec.outcome]);
	if (!action || may_write(r, &ev))
		write_event(r, &ev);
}
