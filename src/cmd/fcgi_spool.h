#ifndef CMD_FCGI_SPOOL_H
#define CMD_FCGI_SPOOL_H
/*
 * The spool of a worker of llmgw-fcgi, for the ledger and the audit: opened as
 * the configuration says, and tried again every second while it cannot be.
 */
#include <stdbool.h>

#include "conf/conf.h"
#include "flow/flow.h"
#include "meter/spool.h"
#include "sys/loop.h"

struct fcgi_spool {
	struct loop *loop;
	struct flow *flow;
	struct spool *spool; /* NULL: none is wanted, or it cannot be opened */
	bool is_small; /* for a process that serves a request or a few */
	bool is_told; /* of why it cannot be opened */
	char folder[1024];
	char node[SPOOL_NODE_MAX]; /* name of this host */
	uint64_t max_bytes;
	struct timer retry;
};

/* conf may be NULL. Blocks. */
void fcgi_spool_begin(struct fcgi_spool *s, struct loop *loop,
    struct flow *flow, const struct conf *conf, bool is_small);
/*
 * Something that this process did, for the audit: action "worker.started".
 * stamp: of the configuration's files, 0 for what is this process's alone;
 * workers that tell the same of the same stamp make one row.
 */
void fcgi_spool_audit(struct fcgi_spool *s, const char *action,
    struct str object, struct str result, uint64_t stamp);
/* Another configuration is in force. */
void fcgi_spool_conf(struct fcgi_spool *s, const struct conf *conf);
/* After flow_free, before loop_free. Blocks. A zeroed one is allowed. */
void fcgi_spool_end(struct fcgi_spool *s);

#endif
