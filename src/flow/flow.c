#include "flow/flow.h"

#include "flow/life.h"

struct flow *
flow_new(struct loop *loop, struct upstream *upstream, struct shm *shm,
    unsigned worker, struct conf *conf, struct store_pool *store)
{
	struct flow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->loop = loop;
	f->upstream = upstream;
	f->shm = shm;
	f->store = store;
	buf_init(&f->spare, FLOW_SPARE_MAX);
	buf_init(&f->lines, FLOW_LINES_MAX);
	f->metrics = meter_metrics_new(shm, worker);
	if (!f->metrics) {
		free(f);
		return NULL;
	}
	gate_limit_init(&f->limit, shm, worker);
	if (conf)
		flow_conf_set(f, conf);
	return f;
}

/* Requests must be gone: their doors point at them. */
void
flow_free(struct flow *f)
{
	if (!f)
		return;
	ASSERT(f->active == 0);
	f->is_ending = true;
	audit_fini(f);
	jwks_free(f->jwks);
	gate_directory_free(f->directory);
	if (f->n_jobs > 0)
		loop_finish_work(f->loop);
	ASSERT(f->n_jobs == 0);
	limits_fini(f);
	meter_metrics_free(f->metrics);
	stored_fini(f);
	keys_fini(f);
	flow_prices_fini(&f->prices);
	conf_unref(f->conf);
	flow_flush(f);
	buf_fini(&f->lines);
	buf_fini(&f->spare);
	free(f);
}

void
flow_conf_set(struct flow *f, struct conf *c)
{
	struct conf *old = f->conf;

	f->conf = conf_ref(c);
	f->conf_problem[0] = '\0';
	keys_conf_set(f);
	conf_unref(old);
	flow_prices_renew(f);
	identify_conf(f);
	limits_conf(f);
	stored_conf(f);
}

void
flow_conf_failed(struct flow *f, const char *text)
{
	snprintf(f->conf_problem, sizeof(f->conf_problem), "%s", text);
}

void
flow_log_failed(struct flow *f, const char *text)
{
	snprintf(f->log_problem, sizeof(f->log_problem), "%s", text);
}

void
flow_spool_set(struct flow *f, struct spool *s, const char *problem)
{
	f->spool = s;
	snprintf(f->ledger_problem, sizeof(f->ledger_problem), "%s", problem);
}

void
flow_drain(struct flow *f)
{
	f->is_draining = true;
}

uint32_t
flow_jobs(const struct flow *f)
{
	return f->n_jobs + (f->remote ? gate_remote_pending(f->remote) : 0);
}

uint32_t
flow_active(const struct flow *f)
{
	return f->active;
}
