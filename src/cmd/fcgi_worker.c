#include "cmd/fcgi.h"

#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rand.h"
#include "cmd/fcgi_spool.h"
#include "conf/watch.h"
#include "flow/flow.h"
#include "front/front.h"
#include "front/listen.h"
#include "sys/heap.h"
#include "sys/loop.h"
#include "sys/sigwatch.h"
#include "sys/slice.h"
#include "sys/stats.h"
#include "upstream/upstream.h"

/* How often a draining worker looks whether all has gone. */
#define DRAIN_LOOK (10 * USEC_PER_MSEC)

static const int signums[] = { SIGTERM, SIGHUP, SIGUSR1 };

struct worker {
	struct fcgi_main *main;
	struct fcgi_conf *conf; /* main's, which this process owns now */
	struct loop *loop;
	struct upstream *upstream;
	struct store_pool *store;
	struct flow *flow;
	struct fcgi_spool spool;
	struct front_fcgi *front;
	struct conf_watch *watch;
	struct sigwatch *signals;
	bool is_draining;
	bool is_over; /* the loop was left: its parts are being freed */
	usec_t drain_until;
	struct timer look;
};

/* ---- configuration ----------------------------------------------------- */

/* All workers of the host see the same files: one row. */
static void
tell_conf(struct worker *w, const char *action, struct str result)
{
	char object[64];

	(void)snprintf(object, sizeof(object), "config:%s",
	    w->conf->conf ? w->conf->conf->digest : "none");
	fcgi_spool_audit(&w->spool, action, str_z(object), result,
	    conf_stamp(w->conf->file));
}

static void
tell_worker(struct worker *w, const char *action, struct str result)
{
	char object[64];

	(void)snprintf(object, sizeof(object), "worker:%ld", (long)getpid());
	fcgi_spool_audit(&w->spool, action, str_z(object), result, 0);
}

static void
on_conf(void *arg, struct conf *c, const struct conf_problems *problems)
{
	struct worker *w = arg;

	fcgi_conf_problems(w->conf, problems);
	if (!c) {
		flow_conf_failed(w->flow, w->conf->problem);
		log_msg(LOG_ERROR, "configuration refused; %s stays in force",
		    w->conf->conf ? w->conf->conf->digest : "none");
		tell_conf(w, "config.refused", str_z(w->conf->problem));
		return;
	}
	conf_unref(w->conf->conf);
	w->conf->conf = conf_ref(c);
	flow_conf_set(w->flow, c);
	fcgi_spool_conf(&w->spool, c);
	fcgi_log_open(w->conf);
	flow_log_failed(w->flow, w->conf->log_problem);
	log_msg(LOG_INFO, "configuration %s in force", c->digest);
	tell_conf(w, "config.reloaded", STR("ok"));
}

/* The parent's last good one serves when the files are bad now. */
static void
first_conf(struct worker *w)
{
	struct fcgi_conf *c = w->conf;

	if (c->stamp == conf_stamp(c->file))
		return;
	if (fcgi_conf_load(c) == ERR_OK)
		fcgi_log_open(c);
}

/* ---- the end ----------------------------------------------------------- */

static void
on_look(void *arg)
{
	struct worker *w = arg;
	bool is_late = clock_mono() >= w->drain_until;

	if (front_fcgi_connections(w->front) == 0 && flow_jobs(w->flow) == 0) {
		loop_stop(w->loop);
	} else if (is_late) {
		log_msg(LOG_WARN, "ending with %u requests under way",
		    (unsigned)flow_active(w->flow));
		tell_worker(w, "worker.ended", STR("requests under way"));
		loop_stop(w->loop);
	} else if (timer_set(w->loop, &w->look, DRAIN_LOOK, on_look, w) !=
		   ERR_OK) {
		loop_stop(w->loop);
	}
}

static void
drain(struct worker *w)
{
	usec_t timeout = w->conf->conf ? w->conf->conf->drain_timeout : 0;

	if (w->is_draining) { /* told again: now */
		loop_stop(w->loop);
		return;
	}
	w->is_draining = true;
	w->drain_until = clock_mono() + timeout;
	/* What waits in the queue of the socket is for whoever comes next. */
	front_fcgi_stop_accepting(w->front);
	front_listen_drop(w->main->listen_fd);
	flow_drain(w->flow);
	tell_worker(w, "worker.draining", STR("ok"));
	on_look(w);
}

static void
on_signal(void *arg, int signum)
{
	struct worker *w = arg;

	if (w->is_over)
		return;
	switch (signum) {
	case SIGTERM:
		drain(w);
		break;
	case SIGHUP:
		conf_watch_now(w->watch);
		break;
	case SIGUSR1:
		if (log_reopen() != ERR_OK)
			log_msg(LOG_ERROR, "cannot open the log again");
		break;
	default:
		break;
	}
}

/* ---- life -------------------------------------------------------------- */

static const char *
init(struct worker *w)
{
	struct conf *c;
	unsigned max_idle = 256;

	if (shm_worker_take(w->main->shm) != ERR_OK)
		return "too many workers on this host";
	stats_worker_begin(w->main->shm);
	first_conf(w);
	c = w->conf->conf;
	if (c)
		max_idle = c->max_idle_connections;
	w->loop = loop_new();
	if (!w->loop)
		return "no event loop";
	w->upstream = upstream_curl_new(w->loop, max_idle);
	if (!w->upstream)
		return "no transfer engine";
	w->store = fcgi_store_open(w->conf);
	if (w->store)
		store_pool_share(w->store, w->main->shm);
	w->flow = flow_new(w->loop, w->upstream, w->main->shm,
	    shm_worker(w->main->shm), c, w->store);
	if (!w->flow)
		return "no memory";
	flow_stored_read(w->flow); /* nobody waits yet */
	fcgi_spool_begin(&w->spool, w->loop, w->flow, c, false);
	if (w->conf->problem[0])
		flow_conf_failed(w->flow, w->conf->problem);
	flow_log_failed(w->flow, w->conf->log_problem);
	w->front =
	    front_fcgi_new(w->loop, w->flow, w->main->shm, w->main->listen_fd);
	if (!w->front)
		return "the listening socket cannot be used";
	w->watch =
	    conf_watch_new(w->loop, w->conf->file, w->conf->stamp, on_conf, w);
	if (!w->watch)
		return "no memory";
	w->signals = sigwatch_new(w->loop, signums,
	    sizeof(signums) / sizeof(signums[0]), on_signal, w);
	return w->signals ? NULL : "no signal handlers";
}

/* The loop turns once more while its users are freed: nothing of ours runs. */
static void
deinit(struct worker *w)
{
	w->is_over = true;
	if (w->loop)
		timer_stop(w->loop, &w->look);
	front_fcgi_free(w->front);
	conf_watch_free(w->watch);
	flow_free(w->flow);
	fcgi_spool_end(&w->spool);
	store_pool_free(w->store);
	upstream_free(w->upstream);
	sigwatch_free(w->signals);
	loop_free(w->loop);
	conf_unref(w->conf->conf);
	w->conf->conf = NULL;
	shm_worker_give_back(w->main->shm);
	shm_close(w->main->shm);
}

int
fcgi_worker_run(void *arg, unsigned slot)
{
	struct fcgi_main *m = arg;
	struct worker w = { .main = m, .conf = &m->conf };
	const char *why;

	(void)slot;
	heap_tune();
	slice_ask(SLICE_SHORT);
	rand_init();
	why = init(&w);
	if (why) {
		log_msg(LOG_ERROR, "worker cannot start: %s", why);
	} else {
		tell_worker(&w, "worker.started", STR("ok"));
		worker_ready();
		loop_run(w.loop);
	}
	deinit(&w);
	return why ? 1 : 0;
}
