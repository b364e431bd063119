#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H
/*
 * What all requests of a worker share. Made once after fork.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "conf/conf.h"
#include "sys/loop.h"
#include "store/pool.h"
#include "sys/shm.h"
#include "upstream/upstream.h"

struct flow;

/*
 * loop, upstream and shm are borrowed and outlive the flow. conf: the first
 * snapshot (a reference is taken), or NULL when none could be loaded: the
 * worker then serves health only and answers 503 to the rest. worker: this
 * worker's number, 0 .. SHM_WORKERS_MAX - 1; its cells in shm are zeroed.
 * store: borrowed as well; NULL: there is no database, who may ask is in the
 * configuration.
 */
struct flow *
flow_new(struct loop *loop, struct upstream *upstream, struct shm *shm,
    unsigned worker, struct conf *conf, struct store_pool *store);
/*
 * Its requests have ended. What the thread pool still does for those whose
 * clients left is waited for. NULL is allowed.
 */
void flow_free(struct flow *f);

/* Swaps the snapshot; requests under way keep theirs. Takes a reference. */
void flow_conf_set(struct flow *f, struct conf *c);
/*
 * For a process whose loop stands still between requests: hears what has
 * changed in the database, if that is due. Blocks.
 */
void flow_refresh(struct flow *f);
/*
 * Reads the sealed keys, prices and limits of the database if that is due.
 * Blocks: before the first request (nobody is let in until it is known how
 * much he may), and for who has no loop. Otherwise they are read beside the
 * requests, within a second when they change.
 */
void flow_stored_read(struct flow *f);
/* The newest file was refused: health and metrics say so. text: one line. */
void flow_conf_failed(struct flow *f, const char *text);
/* The log cannot be opened ("": it can): health says so. text: one line. */
void flow_log_failed(struct flow *f, const char *text);

struct spool;
/*
 * Where calls are booked; borrowed, outlives the flow. NULL with a text: they
 * should be and cannot (ledger.when_full decides, health tells); NULL and "":
 * they are not.
 */
void flow_spool_set(struct flow *f, struct spool *s, const char *problem);

struct meter_event;
/* Takes an event for the audit. False: it could not be kept. */
typedef bool (*flow_audit_fn)(void *arg, const struct meter_event *ev);
/*
 * Where events for the audit go; until then, and with NULL, they are not made.
 * It is called until flow_free returns.
 */
void flow_audit_set(struct flow *f, flow_audit_fn fn, void *arg);
/*
 * Something that the gateway itself does: action "config.reloaded". detail: a
 * JSON object or absent. once: what several processes tell alike is one row;
 * absent: each is one.
 */
void flow_audit(struct flow *f, const char *action, struct str object,
    struct str result, struct str detail, struct str once);

/* No new requests: the doors stop accepting; health/ready says draining. */
void flow_drain(struct flow *f);
/*
 * Writes the lines of the log that wait for the end of the loop's turn: for a
 * door that leaves the loop when its request is done.
 */
void flow_flush(struct flow *f);
/* Requests under way. */
uint32_t flow_active(const struct flow *f);
/* Jobs with the thread pool, also of requests that are gone. */
uint32_t flow_jobs(const struct flow *f);

#endif
