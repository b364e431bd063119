/*
 * Which of the provider's keys a request carries, and what the answer says of
 * it. Decisions are route/keys.h and route/headroom.h; here they meet requests.
 */
#include "flow/life.h"

#include "base/hash.h"
#include "base/log.h"
#include "meter/event.h"
#include "meter/family.h"
#include "route/headroom.h"

/* ---- the ring ------------------------------------------------------------ */

/* A ring of the present configuration; NULL when there is no memory. */
static void
ring_renew(struct flow *f)
{
	struct route_ring *old = f->ring;

	f->ring = f->conf ? route_ring_new(f->conf, f->sealed, f->shm) : NULL;
	route_ring_unref(old);
}

void
keys_conf_set(struct flow *f)
{
	ring_renew(f);
}

void
keys_sealed_take(struct flow *f, struct store_secrets *set)
{
	store_secrets_free(f->sealed);
	f->sealed = set;
	ring_renew(f);
}

void
keys_fini(struct flow *f)
{
	route_ring_unref(f->ring);
	store_secrets_free(f->sealed);
}

static const struct route_keys *
keys_of(struct req *r, const struct conf_provider *p)
{
	/* There was no memory when the configuration came. */
	if (!r->ring)
		r->ring =
		    route_ring_new(r->conf, r->flow->sealed, r->flow->shm);
	return r->ring ? route_ring_keys(r->ring, p) : NULL;
}

/* ---- what is used of limits ---------------------------------------------- */

static struct shm_slot *
headroom_slot(struct flow *f, const struct conf_target *t, uint64_t key)
{
	return shm_find(f->shm, headroom_identity(t->identity, key));
}

static double
key_used(void *arg, const struct route_key *k)
{
	const struct req *r = arg;

	return headroom_used(
	    headroom_slot(r->flow, route_plan_target(&r->plan), k->identity),
	    clock_mono(), NULL);
}

/* Of the target's keys the one that has most left. */
static void
used_by_headers(struct req *r, const struct conf_target *t,
    const struct route_keys *keys, usec_t now, struct route_used *out)
{
	bool any = false;

	for (uint32_t i = 0; i < (keys->n > 0 ? keys->n : 1); i++) {
		uint64_t id = keys->n > 0 ? keys->v[i].identity : 0;
		usec_t reset;
		double used;

		if (keys->n > 0 &&
		    !route_key_is_usable(&keys->v[i], now, clock_wall()))
			continue;
		used =
		    headroom_used(headroom_slot(r->flow, t, id), now, &reset);
		if (any && used >= out->share)
			continue;
		any = true;
		*out = (struct route_used){
			.share = used, .slow = used, .reset = reset
		};
	}
}

void
keys_used(
    void *arg, const struct conf_target *t, usec_t now, struct route_used *out)
{
	struct req *r = arg;
	const struct conf_provider *p = t->provider;
	const struct route_keys *keys = keys_of(r, p);
	struct gate_share own;

	*out = (struct route_used){ 0 };
	if (keys)
		used_by_headers(r, t, keys, now, out);
	if (p->n_limits == 0)
		return;
	limits_share(r, p, &own);
	if (own.share > out->share)
		out->share = own.share;
	/* Who has none left is refused here, without asking it. */
	if (own.window > out->slow && own.window < 1) {
		out->slow = own.window;
		out->reset = own.reset;
	}
}

/* ---- the key of an attempt ----------------------------------------------- */

static struct route_key_ask
ask_for(struct req *r, const struct route_keys *keys)
{
	const struct conf_target *t = route_plan_target(&r->plan);

	if (r->keys_target != t)
		r->n_keys_tried = 0;
	r->keys_target = t;
	return (struct route_key_ask){ .keys = keys,
		.conf = r->conf,
		.tried = r->keys_tried,
		.n_tried = r->n_keys_tried,
		.now = clock_mono(),
		.wall = clock_wall(),
		.is_last_resort =
		    !route_plan_has_other(&r->plan, MSG_FAIL_UPSTREAM_AUTH),
		.used = key_used,
		.arg = r };
}

static enum err
no_key(struct req *r, const struct conf_provider *p)
{
	msg_fail_set(&r->fail, MSG_FAIL_UPSTREAM_AUTH,
	    "No key of provider %.*s can be used at present.",
	    STR_ARG(p->name));
	return ERR_DENIED;
}

enum err
keys_pick(struct req *r, const struct conf_provider *p)
{
	const struct route_keys *keys = keys_of(r, p);
	struct req_attempt *a = &r->attempt;
	struct route_key_ask ask;

	if (!keys) {
		msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
		return ERR_NOMEM;
	}
	if (keys->n == 0)
		return ERR_OK;
	ask = ask_for(r, keys);
	a->key = route_key_pick(&ask, &a->is_key_probe);
	return a->key ? ERR_OK : no_key(r, p);
}

void
keys_send(struct req *r)
{
	const struct route_key *k = r->attempt.key;
	const struct conf_target *t = route_plan_target(&r->plan);

	if (k)
		route_key_count(k);
	headroom_count(
	    headroom_slot(r->flow, t, k ? k->identity : 0), clock_mono());
}

/*
 * A row of the audit beside the line. llmgw-jobd has it from there and writes
 * it beside the secret, if the key is one of the database (jobs/audit.h).
 */
static void
audit_key(const struct req *r, const char *action, struct str result,
    int status, usec_t at)
{
	const struct route_key *k = r->attempt.key;
	struct str provider = r->attempt.target.provider;
	struct str object = arena_printf(r->arena, "provider:%.*s/%.*s",
	    STR_ARG(provider), STR_ARG(k->name));
	struct str detail = { 0 };

	if (k->sealed_id > 0)
		detail = arena_printf(r->arena,
		    "{\"secret_id\":%lld,\"provider\":\"%.*s\","
		    "\"status\":%d,\"at\":%lld}",
		    (long long)k->sealed_id, STR_ARG(provider), status,
		    (long long)at);
	flow_audit(r->flow, action, object, result, detail, (struct str){ 0 });
}

/* The lines that an operator looks for. */
static void
tell_out(const struct req *r, int status, usec_t at)
{
	log_msg(LOG_WARN,
	    "provider %.*s: key %.*s is out: it was refused with %d",
	    STR_ARG(r->attempt.target.provider), STR_ARG(r->attempt.key->name),
	    status);
	audit_key(r, METER_EVENT_OUT,
	    arena_printf(r->arena, "refused with %d", status), status, at);
}

static void
tell_in(const struct req *r)
{
	log_msg(LOG_WARN, "provider %.*s: key %.*s is accepted again",
	    STR_ARG(r->attempt.target.provider), STR_ARG(r->attempt.key->name));
	audit_key(r, METER_EVENT_IN, STR("accepted again"), 0, clock_wall());
}

static void
accepted(struct req *r)
{
	struct req_attempt *a = &r->attempt;

	if (a->is_key_probe && route_key_accepted(a->key))
		tell_in(r);
	a->is_key_probe = false;
}

void
keys_head(struct req *r, int status, const struct http_headers *h)
{
	const struct conf_target *t = route_plan_target(&r->plan);
	const struct route_key *k = r->attempt.key;
	struct http_rates rates;

	if (http_rates_parse(h, clock_wall(), &rates))
		headroom_learn(
		    shm_slot(r->flow->shm,
			headroom_identity(t->identity, k ? k->identity : 0)),
		    &rates, clock_mono());
	if (k && status >= 200 && status <= 299)
		accepted(r);
}

static bool
is_refusal(const struct msg_fail *fail)
{
	return fail->upstream_status >= 400 &&
	       (fail->class == MSG_FAIL_UPSTREAM_AUTH ||
		   fail->class == MSG_FAIL_QUOTA);
}

static void
remember_tried(struct req *r, const struct route_key *k)
{
	if (r->n_keys_tried < FLOW_KEYS_TRIED_MAX)
		r->keys_tried[r->n_keys_tried++] = k->identity;
}

/* What the failure says of the key. True: of the key alone. */
static bool
judge(struct req *r)
{
	struct req_attempt *a = &r->attempt;
	const struct msg_fail *fail = &r->fail;
	usec_t now = clock_mono(), wall = clock_wall();

	if (is_refusal(fail)) {
		if (route_key_refused(
			a->key, r->conf, fail->upstream_status, now, wall))
			tell_out(r, fail->upstream_status, wall);
		a->is_key_probe = false;
		return true;
	}
	/* Who is slowed, or told what is wrong, has been let in. */
	if (fail->upstream_status >= 400 && fail->upstream_status < 500)
		accepted(r);
	if (fail->class != MSG_FAIL_RATE_LIMIT || fail->upstream_status == 0)
		return false;
	route_key_cool(a->key, fail->retry_after, now);
	return true;
}

bool
keys_failed(struct req *r)
{
	const struct route_key *k = r->attempt.key;
	const struct conf_target *t;
	const struct route_keys *keys;
	struct route_key_ask ask;

	if (!k)
		return false;
	t = route_plan_target(&r->plan);
	keys = route_ring_keys(r->ring, t->provider);
	if (!judge(r) || r->n_keys_tried == FLOW_KEYS_TRIED_MAX)
		return false;
	ask = ask_for(r, keys);
	remember_tried(r, k);
	ask.n_tried = r->n_keys_tried;
	return route_key_has_other(&ask);
}

void
keys_drop(struct req *r)
{
	if (r->attempt.key && r->attempt.is_key_probe)
		route_key_release(r->attempt.key);
	r->attempt.key = NULL;
	r->attempt.is_key_probe = false;
}

void
keys_record(const struct req *r, struct meter_attempt *m)
{
	const struct conf_provider *p = route_plan_target(&r->plan)->provider;
	const struct route_used *used =
	    &r->plan.candidates[r->plan.current].used;

	m->why = route_plan_why(&r->plan);
	m->used_percent = (int)(used->share * 100);
	if (r->attempt.key && route_ring_keys(r->ring, p)->n > 1)
		m->key = r->attempt.key->name;
}

/* ---- pages --------------------------------------------------------------- */

bool
keys_usable(struct flow *f, const struct conf_provider *p)
{
	const struct route_keys *keys;

	if (!f->ring)
		return true;
	keys = route_ring_keys(f->ring, p);
	for (uint32_t i = 0; i < keys->n; i++)
		if (route_key_is_there(&keys->v[i], clock_wall()))
			return true;
	return keys->n == 0;
}

static void
put_note(struct buf *out, const struct conf_provider *p,
    const struct route_key *k, const struct route_key_view *v)
{
	char since[CLOCK_ISO_SIZE];

	buf_printf(out, "provider %.*s: key %.*s ", STR_ARG(p->name),
	    STR_ARG(k->name));
	switch (v->state) {
	case ROUTE_KEY_OUT:
		clock_iso(v->since, since);
		buf_printf(out, "out: %d since %s", v->status, since);
		break;
	case ROUTE_KEY_MISSING:
		buf_addz(out,
		    "missing: it is not in the database, the database was "
		    "not there, or no master key opens it");
		break;
	case ROUTE_KEY_EXPIRED:
		buf_addz(out, "out: its time has not come or is over");
		break;
	case ROUTE_KEY_IN:
	case ROUTE_KEY_COOLING:
		break;
	}
	buf_addc(out, '\n');
}

/* Calls print for each key of each provider. */
static void
each_key(struct flow *f, struct buf *out,
    void (*print)(struct buf *out, const struct conf_provider *p,
	const struct route_key *k, const struct route_key_view *v))
{
	for (uint32_t i = 0; f->ring && i < f->conf->n_providers; i++) {
		const struct conf_provider *p = &f->conf->providers[i];
		const struct route_keys *keys = route_ring_keys(f->ring, p);

		for (uint32_t n = 0; n < keys->n; n++) {
			struct route_key_view v;

			route_key_view(
			    &keys->v[n], clock_mono(), clock_wall(), &v);
			print(out, p, &keys->v[n], &v);
		}
	}
}

static void
note_key(struct buf *out, const struct conf_provider *p,
    const struct route_key *k, const struct route_key_view *v)
{
	if (v->state != ROUTE_KEY_IN && v->state != ROUTE_KEY_COOLING)
		put_note(out, p, k, v);
}

void
keys_notes(struct flow *f, struct buf *out)
{
	each_key(f, out, note_key);
}

static void
put_sample(struct buf *out, const char *name, const struct conf_provider *p,
    const struct route_key *k, int64_t v)
{
	buf_printf(out, "%s{provider=\"%.*s\",key=\"%.*s\"} %lld\n", name,
	    STR_ARG(p->name), STR_ARG(k->name), (long long)v);
}

static void
put_state(struct buf *out, const struct conf_provider *p,
    const struct route_key *k, const struct route_key_view *v)
{
	put_sample(out, "llmgw_provider_key_state", p, k, (int64_t)v->state);
}

static void
put_status(struct buf *out, const struct conf_provider *p,
    const struct route_key *k, const struct route_key_view *v)
{
	put_sample(out, "llmgw_provider_key_refused_status", p, k,
	    v->state == ROUTE_KEY_OUT ? v->status : 0);
}

static void
put_uses(struct buf *out, const struct conf_provider *p,
    const struct route_key *k, const struct route_key_view *v)
{
	put_sample(out, "llmgw_provider_key_requests_total", p, k, v->uses);
}

static void
put_outs(struct buf *out, const struct conf_provider *p,
    const struct route_key *k, const struct route_key_view *v)
{
	put_sample(out, "llmgw_provider_key_outs_total", p, k, v->outs);
}

/* One line for each key of a target of which something is known. */
static void
put_used(struct flow *f, const struct conf_target *t, struct buf *out)
{
	const struct route_keys *keys = route_ring_keys(f->ring, t->provider);

	for (uint32_t i = 0; i < (keys->n > 0 ? keys->n : 1); i++) {
		const struct route_key *k = keys->n > 0 ? &keys->v[i] : NULL;
		const struct shm_slot *slot =
		    headroom_slot(f, t, k ? k->identity : 0);

		if (!slot)
			continue;
		buf_addz(out, "llmgw_limit_used_ratio{");
		family_target_labels(out, t);
		buf_printf(out, ",key=\"%.*s\"} %.4f\n", k ? (int)k->name.n : 0,
		    k ? k->name.p : "",
		    headroom_used(slot, clock_mono(), NULL));
	}
}

static void
put_all_used(struct flow *f, struct buf *out)
{
	struct map *seen = map_new(f->conf->n_targets + 1);

	for (uint32_t i = 0; i < f->conf->n_models && seen; i++) {
		const struct conf_model *m = &f->conf->models[i];

		for (uint32_t k = 0; k < m->n_targets; k++) {
			const struct conf_target *t = &m->targets[k];
			struct str id = str_of(
			    (const char *)&t->identity, sizeof(t->identity));

			if (map_find(seen, id) ||
			    map_put(seen, id, f) != ERR_OK)
				continue;
			put_used(f, t, out);
		}
	}
	map_free(seen);
}

void
keys_metrics(struct flow *f, struct buf *out)
{
	if (!f->ring)
		return;
	family_head(out, "llmgw_provider_key_state", "gauge",
	    "Key of a provider: 0 in, 1 cooling, 2 out, 3 missing, 4 outside "
	    "its time.");
	each_key(f, out, put_state);
	family_head(out, "llmgw_provider_key_refused_status", "gauge",
	    "Status that took a provider's key out; 0: it is in.");
	each_key(f, out, put_status);
	family_head(out, "llmgw_provider_key_requests_total", "counter",
	    "Requests sent with a provider's key.");
	each_key(f, out, put_uses);
	family_head(out, "llmgw_provider_key_outs_total", "counter",
	    "How often a provider's key went out.");
	each_key(f, out, put_outs);
	family_head(out, "llmgw_limit_used_ratio", "gauge",
	    "Used part of a provider's own limit, as its answers tell it.");
	put_all_used(f, out);
}
