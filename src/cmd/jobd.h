#ifndef CMD_JOBD_H
#define CMD_JOBD_H
/* Inside of llmgw-jobd. */
#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "jobs/audit.h"
#include "jobs/drain.h"
#include "jobs/replica.h"
#include "jobs/retention.h"
#include "meter/price.h"
#include "store/store.h"
#include "sys/loop.h"
#include "sys/opt.h"
#include "sys/shm.h"

struct jobd_args {
	const char *config;
	bool once;
	bool foreground;
	bool version;
	bool help;
};

extern struct jobd_args jobd_args;
extern const struct opt_row jobd_opts[];
#define JOBD_SYNOPSIS "[--config FILE] [--once] [--foreground]"

/* What it works with: jobd_work.c. */
struct jobd_work {
	struct shm *shm; /* never NULL */
	const struct conf *conf; /* in force; NULL: none could be loaded */
	char node[129];
	char folder[1024]; /* of the spool */
	char url[1024]; /* of the database */
	struct secret *password; /* its; borrowed, may be NULL */
	struct jobs_drain *drain;
	struct store *store; /* NULL: away */
	bool has_lock; /* of the store, for this node */
	usec_t next_try; /* mono; to open it */
	usec_t pause; /* before the one after */
	usec_t next_chores; /* mono: retention, prices */
	struct meter_prices *prices;
	struct jobs_audit audit;
	struct jobs_replica replica;
	uint64_t audit_damaged; /* told of already */
	struct jobs_drain_report seen; /* of the last pass */
	char problem[STORE_WHY_SIZE + 128]; /* said last; "": all is well */
};

/*
 * state_dir and url: of the configuration. ERR_DENIED: another llmgw-jobd works
 * on that spool; others as jobs_drain_new. shm is borrowed.
 */
MUST_CHECK enum err jobd_work_begin(
    struct jobd_work *w, struct shm *shm, struct str state_dir, struct str url);
void jobd_work_end(struct jobd_work *w);
/* Another snapshot is in force; borrowed until the next. */
void jobd_work_conf(struct jobd_work *w, const struct conf *conf);
/* One round. The time until the next; 0: at once. */
usec_t jobd_work_round(struct jobd_work *w);
/* Nothing waits in the spool, as far as the last round knows. */
bool jobd_work_is_idle(const struct jobd_work *w);

#endif
