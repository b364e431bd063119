#include "cmd/fcgi_spool.h"

#include <unistd.h>

#include "base/log.h"

#define RETRY USEC_PER_SEC
#define SMALL_SEGMENT 65536u
#define SMALL_SLOTS 8u

static void
try_open(void *arg)
{
	struct fcgi_spool *s = arg;
	char host[256] = "", why[SPOOL_WHY_SIZE];
	struct spool_options o = { .folder = s->folder,
		.node = host,
		.max_bytes = s->max_bytes,
		.segment_bytes = s->is_small ? SMALL_SEGMENT : 0,
		.slots = s->is_small ? SMALL_SLOTS : 0 };

	(void)!gethostname(host, sizeof(host) - 1);
	if (spool_open(s->loop, &o, &s->spool, why) == ERR_OK) {
		if (s->is_told)
			log_msg(LOG_INFO, "calls are booked in %s", s->folder);
		s->is_told = false;
		flow_spool_set(s->flow, s->spool, "");
		return;
	}
	if (!s->is_told)
		log_msg(LOG_ERROR, "calls cannot be booked: %s", why);
	s->is_told = true;
	flow_spool_set(s->flow, NULL, why);
	(void)!timer_set(s->loop, &s->retry, RETRY, try_open, s);
}

void
fcgi_spool_conf(struct fcgi_spool *s, const struct conf *conf)
{
	if (!conf)
		return;
	s->max_bytes = conf->ledger_max_spool;
	if (s->spool)
		spool_limit(s->spool, s->max_bytes);
	/* What is booked already stays; flow asks the configuration. */
	if (!conf->ledger || s->spool || timer_is_set(&s->retry))
		return;
	snprintf(s->folder, sizeof(s->folder), "%.*s/spool",
	    STR_ARG(conf->state_dir));
	try_open(s);
}

void
fcgi_spool_begin(struct fcgi_spool *s, struct loop *loop, struct flow *flow,
    const struct conf *conf, bool is_small)
{
	*s = (struct fcgi_spool){
		.loop = loop, .flow = flow, .is_small = is_small
	};
	fcgi_spool_conf(s, conf);
}

void
fcgi_spool_end(struct fcgi_spool *s)
{
	if (!s->loop)
		return;
	timer_stop(s->loop, &s->retry);
	spool_close(s->spool);
	s->spool = NULL;
}
