#ifndef STORE_PERSON_H
#define STORE_PERSON_H
/*
 * All that decides what a client may, in one look: a key (or a user whom the
 * web server or a JWT names) with its tenant, teams, roles and grants. Read only;
 * the aggregates that change these rows are tenant, team, user, role, grant and
 * key.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "store/store.h"

/* Rows of one sort that one person may have; more is ERR_LIMIT. */
#define STORE_PERSON_TEAMS_MAX 256u
#define STORE_PERSON_ROLES_MAX 64u
#define STORE_PERSON_GRANTS_MAX 1000u

struct store_person_grant {
	struct str pattern; /* '*' stands for any run */
	bool is_tag; /* of the alias's tags, not of its name */
	bool is_allowed; /* false: denied whatever else allows it */
};

struct store_person {
	/* 0 and absent: none. team: the key's, or the user's only one. */
	int64_t tenant_id, team_id, user_id, key_id;
	struct str tenant, team, user, key;
	struct str timezone; /* the tenant's: "Europe/Berlin" */
	struct str residency; /* the tenant's: tags, blanks between */
	/* not blocked ones, by name: the key's and those of its user */
	struct str *teams;
	uint32_t n_teams;
	/* "developer" ..., of the user and the teams, in this tenant */
	struct str *roles;
	uint32_t n_roles;
	/* that hold for the person, denials first */
	struct store_person_grant *grants;
	uint32_t n_grants;
	bool is_blocked; /* tenant, key's team, user or key */
	usec_t expires; /* wall; 0: never */
	/* of the key, as text; empty: no restriction */
	struct str models, networks, hours;
};

/* Roles of the program (gate/role.h): a token cannot give more. */
#define STORE_PERSON_GIVEN_MAX 5

/* A user, and what somebody who vouches for him says of him. */
struct store_person_ask {
	struct str tenant, user;
	struct str team; /* his, by name; absent: what the database says */
	/* that he has beside those of the database; absent ones last */
	struct str roles[STORE_PERSON_GIVEN_MAX];
};

/*
 * By the key's hash (base/hash.h, keyed with the pepper), or by the names of
 * tenant and user. implied: a role that a key without a user has, or absent.
 * What *out points to lies in the arena. ERR_NOT_FOUND, ERR_LIMIT, ERR_NOMEM,
 * or as store_run.
 */
MUST_CHECK enum err
store_person_by_key(struct store *s, const unsigned char hash[HASH_KEY_BYTES],
    struct str implied, struct arena *arena, struct store_person *out);
/*
 * The same where it may hang on an older pepper: one statement, whichever it is
 * (gate/pepper.h has as many).
 */
#define STORE_PERSON_OLDER_MAX 3
MUST_CHECK enum err
store_person_by_keys(struct store *s, const unsigned char hash[HASH_KEY_BYTES],
    const unsigned char (*older)[HASH_KEY_BYTES], uint32_t n_older,
    struct str implied, struct arena *arena, struct store_person *out);
MUST_CHECK enum err
store_person_by_user(struct store *s, const struct store_person_ask *ask,
    struct arena *arena, struct store_person *out);
/*
 * Is there a key with these 8 characters? Tells a wrong secret behind a right
 * name from a key that was never ours.
 */
MUST_CHECK enum err
store_person_has_public(struct store *s, struct str public_part, bool *out);

extern const struct store_sql store_person_sql[];

#endif
