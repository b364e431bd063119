#ifndef JOBS_AUDIT_H
#define JOBS_AUDIT_H
/*
 * The audit in llmgw-jobd: events of the workers (meter/event.h) are appended
 * to the chain, and whole days leave when they are too old. What an event says
 * of a sealed key of a provider is written beside the secret, in the same
 * transaction and as the event itself only once (store_secret_told).
 */
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

struct jobs_audit {
	uint64_t damaged; /* payloads that are no event: left out */
};

/*
 * One event, within the drain's transaction (jobs/batch.h: jobs_audit_fn; arg
 * is a struct jobs_audit). ERR_DENIED: it is in the chain. What no version of
 * ours has written is counted and left out: it must not hold up the rest.
 * Otherwise errors as store_run.
 */
MUST_CHECK enum err
jobs_audit_add(struct store *s, void *arg, struct str payload);

/*
 * Room for today's and tomorrow's rows, and days that are older than keep (0:
 * for ever) leave. *n: rows or partitions that went. Not in a transaction.
 */
MUST_CHECK enum err
jobs_audit_keep(struct store *s, usec_t keep, usec_t now, uint64_t *n);

#endif
