#include "cmd/fcgi_spool.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/json_out.h"
#include "base/log.h"
#include "meter/event.h"

#define RETRY USEC_PER_SEC
#define SMALL_SEGMENT 65536u
#define SMALL_SLOTS 8u

static void
try_open(void *arg)
{
	struct fcgi_spool *s = arg;
	char why[SPOOL_WHY_SIZE];
	struct spool_options o = { .folder = s->folder,
		.node = s->node,
		.max_bytes = s->max_bytes,
		.segment_bytes = s->is_small ? SMALL_SEGMENT : 0,
		.slots = s->is_small ? SMALL_SLOTS : 0 };

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

static bool
on_event(void *arg, const struct meter_event *ev)
{
	const struct fcgi_spool *s = arg;
	char bytes[METER_EVENT_MAX];

	return s->spool && spool_add(s->spool, SPOOL_AUDIT, bytes,
			       meter_event_encode(ev, bytes)) == ERR_OK;
}

void
fcgi_spool_audit(struct fcgi_spool *s, const char *action, struct str object,
    struct str result, uint64_t stamp)
{
	char once[256] = "";
	struct buf b;
	struct json_out o;

	buf_init(&b, 1024);
	json_out_init(&o, &b);
	json_out_obj(&o);
	json_out_kv_str(&o, "node", str_z(s->node));
	json_out_kv_i64(&o, "pid", getpid());
	json_out_end(&o);
	if (stamp != 0)
		snprintf(once, sizeof(once), "%s %s %llx %.*s", action, s->node,
		    (unsigned long long)stamp,
		    result.n < 100 ? (int)result.n : 100, result.p);
	flow_audit(s->flow, action, object, result, buf_str(&b),
	    stamp != 0 ? str_z(once) : (struct str){ 0 });
	buf_fini(&b);
}

void
fcgi_spool_conf(struct fcgi_spool *s, const struct conf *conf)
{
	if (!conf)
		return;
	s->max_bytes = conf->ledger_max_spool;
	if (s->spool)
		spool_limit(s->spool, s->max_bytes);
	/* What is there already stays; flow asks the configuration. */
	if ((!conf->ledger && !conf->jwt.create_users &&
		(!conf->has_store || conf->audit_access == CONF_AUDIT_NONE)) ||
	    s->spool || timer_is_set(&s->retry))
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
	if (gethostname(s->node, sizeof(s->node) - 1) != 0)
		s->node[0] = '\0';
	flow_audit_set(flow, on_event, s);
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
