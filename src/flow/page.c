#include "flow/life.h"

#include "api/health.h"
#include "api/models.h"
#include "base/log.h"
#include "gate/net.h"
#include "meter/spool.h"
#include "route/breaker.h"
#include "sys/stats.h"

/* Lines on keys in /health/ready; further ones are left out. */
#define NOTES_MAX 16384

static void
to_api_model(
    const struct req *r, const struct conf_model *m, struct api_model *out)
{
	*out = (struct api_model){ .name = m->name,
		.created = r->conf->loaded_wall / USEC_PER_SEC,
		.owned_by = STR("llmgw"),
		.tags = m->tags,
		.n_tags = m->n_tags };
}

static enum flow_step
page_done(struct req *r, int status, const char *content_type)
{
	if (r->out.failed) {
		msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
		return flow_refuse(r);
	}
	r->rec.outcome = METER_OK;
	write_page(r, status, content_type, (struct str){ 0 });
	return FLOW_SETTLE;
}

static enum flow_step
page_models(struct req *r)
{
	struct api_model *list =
	    arena_calloc(r->arena, r->conf->n_models + 1, sizeof(*list));
	size_t n = 0;

	if (!list) {
		msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
		return flow_refuse(r);
	}
	for (uint32_t i = 0; i < r->conf->n_models; i++)
		if (gate_may_use(&r->client, &r->conf->models[i]))
			to_api_model(r, &r->conf->models[i], &list[n++]);
	api_models_print(list, n, &r->out);
	return page_done(r, 200, "application/json");
}

static enum flow_step
page_model(struct req *r)
{
	const struct conf_model *m = conf_model_find(r->conf, r->target.id);
	struct api_model one;

	if (!m || !gate_may_use(&r->client, m)) {
		msg_fail_set(&r->fail, MSG_FAIL_MODEL_NOT_FOUND,
		    "The model '%.*s' does not exist or you do not have "
		    "access to it.",
		    STR_ARG(r->target.id));
		return flow_refuse(r);
	}
	to_api_model(r, m, &one);
	api_model_print(&one, &r->out);
	return page_done(r, 200, "application/json");
}

static enum flow_step
page_live(struct req *r)
{
	api_live_print(&r->out);
	return page_done(r, 200, "application/json");
}

static bool
is_usable(struct flow *f, const struct conf_model *m)
{
	for (uint32_t i = 0; i < m->n_targets; i++)
		if (keys_usable(f, m->targets[i].provider) &&
		    route_target_usable(
			f->conf, &m->targets[i], f->shm, clock_mono()))
			return true;
	return false;
}

/* "" when calls can be booked, or need not be. */
static const char *
ledger_problem(const struct flow *f, char *out, size_t size)
{
	const char *why = f->ledger_problem;

	out[0] = '\0';
	if (f->spool)
		why = spool_is_full(f->spool) ? spool_why(f->spool) : "";
	if (f->conf && f->conf->ledger && why[0])
		snprintf(out, size, "calls cannot be booked: %s", why);
	return out;
}

/* llmgw-jobd looks five times a second, or takes a batch to the database. */
#define JOBD_LATE (60 * USEC_PER_SEC)

/* One that was never there is none that has gone. */
static void
jobd_notes(struct flow *f, struct buf *out)
{
	usec_t seen = stats_value(f->shm, STATS_V_JOBD_SEEN);
	usec_t age = clock_wall() - seen;

	if (f->conf && f->conf->ledger && seen > 0 && age > JOBD_LATE)
		buf_printf(out,
		    "llmgw-jobd was last seen %lld s ago: what calls took "
		    "waits in the spool\n",
		    (long long)(age / USEC_PER_SEC));
}

/* Not a reason to be out of service: who is known is served. */
static struct str
store_problem(const struct req *r)
{
	struct gate_directory_state st;

	if (!r->flow->directory)
		return (struct str){ 0 };
	gate_directory_state(r->flow->directory, &st);
	if (!st.is_away)
		return (struct str){ 0 };
	return arena_printf(r->arena,
	    "the database has not answered for %lld s; keys that this "
	    "worker knows work for another %lld s, others get 503: %s",
	    (long long)(st.away_for / USEC_PER_SEC),
	    (long long)(st.known_until / USEC_PER_SEC), st.why);
}

/* Ready: a configuration is in force and one target at least is usable. */
static enum flow_step
page_ready(struct req *r)
{
	struct flow *f = r->flow;
	struct api_health h = { .is_draining = f->is_draining,
		.conf_problem = str_z(f->conf_problem),
		.log_problem = str_z(f->log_problem),
		.must_book =
		    f->conf && f->conf->ledger_when_full == CONF_FULL_REFUSE,
		.store_problem = store_problem(r),
		.has_conf = f->conf != NULL };
	struct buf notes;
	char ledger[SPOOL_WHY_SIZE + 32];
	bool ready;

	h.ledger_problem = str_z(ledger_problem(f, ledger, sizeof(ledger)));

	for (uint32_t i = 0; f->conf && i < f->conf->n_models; i++) {
		h.n_models++;
		h.n_usable += is_usable(f, &f->conf->models[i]);
	}
	buf_init(&notes, NOTES_MAX);
	keys_notes(f, &notes);
	limits_notes(f, &notes);
	jobd_notes(f, &notes);
	h.notes = buf_str(&notes);
	ready = api_health_print(&h, &r->out);
	buf_fini(&notes);
	return page_done(r, ready ? 200 : 503, "application/json");
}

static int
target_breaker(void *arg, const struct conf_target *t)
{
	struct flow *f = arg;

	return (int)breaker_state(shm_slot(f->shm, t->identity));
}

/* Without a configuration only this host. */
static bool
may_see_metrics(const struct req *r)
{
	static const struct str local[] = { { "127.0.0.0/8", 11 },
		{ "::1", 3 } };

	if (r->conf)
		return gate_net_allowed(r->conf->metrics_allow,
		    r->conf->n_metrics_allow, r->rec.remote_addr);
	return gate_net_allowed(local, 2, r->rec.remote_addr);
}

static enum flow_step
page_metrics(struct req *r)
{
	struct flow *f = r->flow;
	struct meter_page page = { .conf = f->conf,
		.conf_ok = f->conf && !f->conf_problem[0],
		.loop_longest_turn = loop_longest_turn(f->loop),
		.breaker_state = target_breaker,
		.arg = f };

	if (!may_see_metrics(r)) {
		msg_fail_set(&r->fail, MSG_FAIL_PERMISSION,
		    "Metrics are not shown to this address "
		    "(server.metrics_allow).");
		return flow_refuse(r);
	}
	meter_metrics_print(f->metrics, &page, &r->out);
	keys_metrics(f, &r->out);
	return page_done(r, 200, "text/plain; version=0.0.4; charset=utf-8");
}

enum flow_step
step_page(struct req *r)
{
	switch (r->target.route) {
	case API_ROUTE_MODELS:
		return page_models(r);
	case API_ROUTE_MODEL:
		return page_model(r);
	case API_ROUTE_HEALTH_LIVE:
		return page_live(r);
	case API_ROUTE_HEALTH_READY:
		return page_ready(r);
	case API_ROUTE_METRICS:
		return page_metrics(r);
	case API_ROUTE_CHAT_COMPLETIONS:
	case API_ROUTE_CHAT:
	case API_ROUTE__MAX:
		break;
	}
	ASSERT(!"a route without a page");
	return FLOW_WAIT;
}
