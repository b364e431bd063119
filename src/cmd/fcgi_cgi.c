#include "cmd/fcgi.h"

#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/fcgi_spool.h"
#include "flow/flow.h"
#include "front/cgi.h"
#include "sys/loop.h"
#include "sys/stats.h"
#include "upstream/upstream.h"

/* One request at a time needs few connections kept. */
#define MAX_IDLE 4

static void
on_term(int sig)
{
	(void)sig;
	front_cgi_stop();
}

struct one {
	struct fcgi_main *main;
	struct flow *flow;
	struct fcgi_spool *spool;
};

/* No loop runs between requests, so the files are looked at here. */
static void
before(void *arg)
{
	struct one *o = arg;
	struct fcgi_conf *c = &o->main->conf;

	flow_refresh(o->flow);
	if (conf_stamp(c->file) == c->stamp)
		return;
	if (fcgi_conf_load(c) != ERR_OK) {
		flow_conf_failed(o->flow, c->problem);
		fcgi_spool_audit(o->spool, "config.refused",
		    str_z(c->conf ? c->conf->digest : "none"),
		    str_z(c->problem), c->stamp);
		return;
	}
	flow_conf_set(o->flow, c->conf);
	fcgi_spool_conf(o->spool, c->conf);
	fcgi_log_open(c);
	flow_log_failed(o->flow, c->log_problem);
}

static int
serve(struct fcgi_main *m, struct loop *loop, struct flow *flow,
    struct fcgi_spool *spool)
{
	struct one one = { m, flow, spool };
	struct front_cgi door = {
		.loop = loop,
		.flow = flow,
		.before = before,
		.arg = &one,
	};
	struct sigaction sa = { .sa_handler = on_term };
	enum err e;

	if (m->listen_fd < 0) {
		e = front_cgi_once(&door);
	} else {
		/* No SA_RESTART: it ends the wait for a request. */
		sigaction(SIGTERM, &sa, NULL);
		sigaction(SIGINT, &sa, NULL);
		e = front_cgi_serve(&door, m->listen_fd);
	}
	return e == ERR_OK || e == ERR_CLOSED ? 0 : 1;
}

int
fcgi_cgi_run(struct fcgi_main *m)
{
	struct loop *loop = loop_new();
	struct upstream *up = loop ? upstream_curl_new(loop, MAX_IDLE) : NULL;
	struct store_pool *store = fcgi_store_open(&m->conf);
	struct flow *flow = NULL;
	struct fcgi_spool spool = { 0 };
	int code = 1;

	if (shm_worker_take(m->shm) != ERR_OK) {
		log_msg(LOG_ERROR, "too many workers on this host");
	} else {
		stats_worker_begin(m->shm);
		if (store)
			store_pool_share(store, m->shm);
		if (up)
			flow = flow_new(loop, up, m->shm, shm_worker(m->shm),
			    m->conf.conf, store);
	}
	if (flow && m->conf.problem[0])
		flow_conf_failed(flow, m->conf.problem);
	if (flow)
		flow_log_failed(flow, m->conf.log_problem);
	if (flow) {
		fcgi_spool_begin(&spool, loop, flow, m->conf.conf, true);
		code = serve(m, loop, flow, &spool);
	}
	flow_free(flow);
	fcgi_spool_end(&spool);
	store_pool_free(store);
	upstream_free(up);
	loop_free(loop);
	shm_worker_give_back(m->shm);
	return code;
}
