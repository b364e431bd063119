#include "flow/life.h"

#include "api/health.h"
#include "api/models.h"
#include "base/log.h"
#include "gate/net.h"
#include "meter/spool.h"
#include "route/breaker.h"
#include "sys/stats.h"

/* Lines of one sort in /health/ready; further ones are left out. */
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

/* ---- /health/ready --------------------------------------------------------- */

/*
 * What may be wrong. Everybody is told in these words; names, addresses and
 * what other programs said are for those who may read /metrics, and the log.
 */
enum problem {
	P_CONF,
	P_STORE,
	P_LOG,
	P_KEYS,
	P_AWAY,
	P_TABLE,
	P_JOBD,
	P_LEDGER,
	P__MAX
};

static const char *const problem_words[P__MAX] = {
	[P_CONF] = "the newest configuration was refused",
	[P_STORE] = "the database does not answer; who is known is served",
	[P_LOG] = "the log cannot be written",
	[P_KEYS] = "keys of providers are missing or were refused",
	[P_AWAY] = "the counters that hosts share are away",
	[P_TABLE] = "the table of counters is full",
	[P_JOBD] = "bookings wait to be taken over",
	[P_LEDGER] = "calls cannot be booked",
};

/* Each in full, more of one sort on lines of their own; empty: none. */
struct problems {
	struct str of[P__MAX];
};

static struct str
ledger_problem(const struct req *r)
{
	const struct flow *f = r->flow;
	const char *why = f->ledger_problem;

	if (f->spool)
		why = spool_is_full(f->spool) ? spool_why(f->spool) : "";
	if (!f->conf || !f->conf->ledger || !why[0])
		return (struct str){ 0 };
	return arena_printf(r->arena, "calls cannot be booked: %s", why);
}

/* llmgw-jobd looks five times a second, or takes a batch to the database. */
#define JOBD_LATE (60 * USEC_PER_SEC)

/* One that was never there is none that has gone. */
static struct str
jobd_problem(const struct req *r)
{
	const struct flow *f = r->flow;
	usec_t seen = stats_value(f->shm, STATS_V_JOBD_SEEN);
	usec_t age = clock_wall() - seen;

	if (!f->conf || !f->conf->ledger || seen <= 0 || age <= JOBD_LATE)
		return (struct str){ 0 };
	return arena_printf(r->arena,
	    "llmgw-jobd was last seen %lld s ago: what calls took waits in "
	    "the spool",
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

static struct str
notes_of(const struct req *r, void (*put)(struct flow *f, struct buf *out))
{
	struct buf notes;
	struct str s;

	buf_init(&notes, NOTES_MAX);
	put(r->flow, &notes);
	s = arena_str(r->arena, buf_str(&notes));
	buf_fini(&notes);
	return s;
}

static void
look(const struct req *r, struct problems *p)
{
	const struct flow *f = r->flow;

	*p = (struct problems){ {
	    [P_CONF] = str_z(f->conf_problem),
	    [P_STORE] = store_problem(r),
	    [P_LOG] = str_z(f->log_problem),
	    [P_KEYS] = notes_of(r, keys_notes),
	    [P_AWAY] = notes_of(r, limits_notes),
	    [P_TABLE] = notes_of(r, limits_table_notes),
	    [P_JOBD] = jobd_problem(r),
	    [P_LEDGER] = ledger_problem(r),
	} };
}

/* Once when it comes, for those who see the words only. */
static void
log_problems(struct flow *f, const struct problems *p)
{
	unsigned now = 0;

	for (int i = 0; i < P__MAX; i++) {
		struct str rest = p->of[i];

		if (rest.n == 0)
			continue;
		now |= 1u << i;
		while (!(f->problems_told & 1u << i) && rest.n > 0) {
			struct str line = str_cut(&rest, '\n');

			log_msg(LOG_WARN, "health: %.*s", STR_ARG(line));
		}
	}
	f->problems_told = now;
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

static struct str
words_of(const struct problems *p, enum problem i, bool is_inside)
{
	if (p->of[i].n == 0 || is_inside)
		return p->of[i];
	return str_z(problem_words[i]);
}

static void
put_notes(const struct problems *p, bool is_inside, struct buf *out)
{
	static const enum problem notes[] = { P_KEYS, P_AWAY, P_TABLE, P_JOBD };

	for (size_t i = 0; i < sizeof(notes) / sizeof(*notes); i++) {
		struct str s = str_trim(words_of(p, notes[i], is_inside));

		if (s.n > 0)
			buf_printf(out, "%.*s\n", STR_ARG(s));
	}
}

/* Ready: a configuration is in force and one target at least is usable. */
static enum flow_step
page_ready(struct req *r)
{
	struct flow *f = r->flow;
	bool is_inside = may_see_metrics(r);
	struct problems p;
	struct api_health h = { .is_draining = f->is_draining,
		.must_book =
		    f->conf && f->conf->ledger_when_full == CONF_FULL_REFUSE,
		.has_conf = f->conf != NULL };
	struct buf notes;
	bool ready;

	look(r, &p);
	log_problems(f, &p);
	h.conf_problem = words_of(&p, P_CONF, is_inside);
	h.store_problem = words_of(&p, P_STORE, is_inside);
	h.log_problem = words_of(&p, P_LOG, is_inside);
	h.ledger_problem = words_of(&p, P_LEDGER, is_inside);
	for (uint32_t i = 0; f->conf && i < f->conf->n_models; i++) {
		h.n_models++;
		h.n_usable += is_usable(f, &f->conf->models[i]);
	}
	buf_init(&notes, P__MAX * (NOTES_MAX + 256));
	put_notes(&p, is_inside, &notes);
	h.notes = buf_str(&notes);
	ready = api_health_print(&h, &r->out);
	buf_fini(&notes);
	return page_done(r, ready ? 200 : 503, "application/json");
}

/* ---- /metrics -------------------------------------------------------------- */

static int
target_breaker(void *arg, const struct conf_target *t)
{
	struct flow *f = arg;

	return (int)breaker_state(shm_slot(f->shm, t->identity));
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
