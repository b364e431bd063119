#ifndef GATE_ROLE_H
#define GATE_ROLE_H
/*
 * Roles and what each may: one table. What is in no row of it nobody may, and
 * a row without a role is for nobody. The command line acts as the owner of the
 * installation and is not asked.
 *
 * Roles are granted to users and teams (role_grant), in one tenant or in all,
 * and add up. A key of a user may what the user may; a key without a user is
 * made to call models: it counts as a developer.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum gate_role {
	GATE_VIEWER,
	GATE_DEVELOPER,
	GATE_OPERATOR,
	GATE_ADMIN,
	GATE_AUDITOR,
	GATE_ROLE__MAX
};

enum gate_permission {
	GATE_USE_MODELS, /* /v1/chat ..., each model by its grants */
	GATE_SEE_OWN_USAGE,
	GATE_SEE_USAGE, /* of the whole tenant */
	GATE_SEE_SETTINGS, /* models, providers, limits, prices, people */
	GATE_MANAGE_OWN_KEYS,
	GATE_MANAGE_KEYS, /* of others */
	GATE_MANAGE_LIMITS,
	GATE_MANAGE_PRICES,
	GATE_MANAGE_PEOPLE, /* teams, users, model grants */
	GATE_MANAGE_ROLES,
	GATE_MANAGE_SECRETS, /* providers' keys */
	GATE_READ_AUDIT,
	GATE_PERMISSION__MAX
};

struct gate_permission_row {
	const char *name; /* "models.use" */
	unsigned roles; /* bits 1u << enum gate_role */
};

extern const struct gate_permission_row
    gate_permission_table[GATE_PERMISSION__MAX];
/* "viewer" ... */
extern const char *const gate_role_words[GATE_ROLE__MAX];

/* ERR_RANGE: none of them. */
MUST_CHECK enum err gate_role_parse(struct str word, enum gate_role *out);
/* roles: bits 1u << enum gate_role. */
bool gate_role_may(unsigned roles, enum gate_permission permission);

#endif
