#ifndef METER_EVENT_H
#define METER_EVENT_H
/*
 * An event for the audit on its way from a worker: the payload of a spool's
 * record SPOOL_AUDIT. llmgw-jobd appends it to the chain (store/audit.h), once,
 * however often it reads it: the id tells.
 *
 * Texts may come from clients. They are cut to the lengths below and made text
 * that any database takes: what is no UTF-8 becomes '?', control characters
 * become blanks.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

#define METER_EVENT_ID 16
#define METER_EVENT_WORD_MAX 190
#define METER_EVENT_REASON_MAX 1000
#define METER_EVENT_DETAIL_MAX 4000 /* a JSON object; longer: left out */
/* Of an encoded one. */
#define METER_EVENT_MAX 6200

/*
 * A provider's key went out, or is in again. Of a sealed one the detail has
 * {"secret_id":12,"provider":"openai-main","status":401,"at":MICROSECONDS}; in
 * again: status 0. at: as the shared memory has it, so that a worker knows his
 * own word when he reads it in the database.
 */
#define METER_EVENT_OUT "provider_key.out"
#define METER_EVENT_IN "provider_key.in"

/*
 * A user whom a token names is to be made: detail {"tenant":"acme",
 * "name":"kim"}. Not in the audit until he is (jobs/newuser.h).
 */
#define METER_EVENT_NEW_USER "user.create"

struct meter_event {
	unsigned char id[METER_EVENT_ID];
	usec_t at; /* wall */
	int64_t tenant_id; /* 0: none */
	/* borrowed; never absent when decoded */
	struct str actor; /* "key:acme/ci", "user:acme/kim", "gateway:HOST" */
	struct str action; /* "auth.refused" */
	struct str object; /* "model:gpt" */
	struct str result; /* "ok", "unknown" ... */
	struct str reason;
	struct str address;
	struct str detail;
};

size_t
meter_event_encode(const struct meter_event *ev, char out[METER_EVENT_MAX]);
/* Texts are spans into payload. ERR_SYNTAX. */
MUST_CHECK enum err
meter_event_decode(struct str payload, struct meter_event *out);

#endif
