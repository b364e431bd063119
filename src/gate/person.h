#ifndef GATE_PERSON_H
#define GATE_PERSON_H
/*
 * A person: a key or a user of the database with all that decides what it may
 * (store/person.h), read once and then shared by its requests. Immutable and
 * counted; made by any thread, counted by the loop's alone. About 1.3 KB each,
 * at most GATE_PERSON_BYTES_MAX.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/conf.h"
#include "store/person.h"
#include "sys/hours.h"
#include "sys/zone.h"

/* A key's restrictions and grants of a whole organisation fit; more is an
 * error of the look-up (ERR_LIMIT), never a part of them. */
#define GATE_PERSON_BYTES_MAX (256u * 1024)

struct gate_person {
	struct arena *arena; /* it lies there itself */
	uint32_t refs;
	struct store_person facts; /* names, ids, teams, roles, grants */
	unsigned roles; /* bits 1u << enum gate_role */
	struct str name; /* for logs: the key's name or "tenant/user" */
	struct str *models; /* the key's own; n_models 0: all of its grants */
	uint32_t n_models;
	struct str *networks;
	uint32_t n_networks;
	struct hours hours; /* n 0: always */
	const struct zone *zone; /* the tenant's; never NULL */
	bool is_broken; /* a restriction cannot be read: nothing is allowed */
};

/* Why a credential is refused. The client learns none of it but HOURS. */
enum gate_refusal {
	GATE_WELCOME,
	GATE_NO_CREDENTIAL,
	GATE_UNKNOWN, /* no such key or user */
	GATE_FOREIGN, /* the first 8 characters are a key's, the rest is not */
	GATE_BLOCKED, /* it, its user, team or tenant */
	GATE_EXPIRED,
	GATE_NETWORK, /* not from this address */
	GATE_HOURS, /* not at this time */
	GATE_BROKEN, /* its restrictions cannot be read */
	GATE_BAD_TOKEN, /* a JWT that is not valid here */
	GATE_NEW, /* a token's user who is to be made: not there yet */
	GATE_AWAY, /* it is not known here and the database is away */
	GATE_REFUSAL__MAX
};

/* "unknown", "expired" ...: for the log, the audit and counters. */
extern const char *const gate_refusal_words[GATE_REFUSAL__MAX];

/* Copies facts. One reference. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err
gate_person_new(const struct store_person *facts, struct gate_person **out);
struct gate_person *gate_person_ref(struct gate_person *p);
/* NULL is allowed. */
void gate_person_unref(struct gate_person *p);

/* May it come in from this address at this time? GATE_WELCOME, or why not. */
enum gate_refusal
gate_person_check(const struct gate_person *p, struct str address, usec_t wall);
/*
 * May it use this alias? Denied wins; then one grant must allow it; then the
 * key's own models must have it. By its roles it must be allowed to use models
 * at all.
 */
bool
gate_person_may_use(const struct gate_person *p, const struct conf_model *m);

#endif
