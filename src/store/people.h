#ifndef STORE_PEOPLE_H
#define STORE_PEOPLE_H
/*
 * Tenants, their teams and their users; roles. Nothing is deleted: what shall
 * not count any more is blocked, and the history keeps its names.
 *
 * For all functions here: strings that come out lie in the given arena (or are
 * borrowed for the call of an _each function, in which the store must not be
 * used); strings that go in are borrowed. Writing functions belong into a
 * transaction with store_act_note. ERR_DENIED of an _add: the name is taken (or
 * what it belongs to does not exist). ERR_NOT_FOUND; of a _set also: somebody
 * changed the row since it was read (`changed` is another). Others as
 * store_run.
 *
 * Names do not change: file names, reports and grants hold them.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

/*
 * Tenants, teams, keys: 1..64 of A-Z a-z 0-9 . _ - @ + and the first is a
 * letter or a digit.
 */
bool store_name_valid(struct str name);
/* Users: 1..190 bytes of UTF-8 without control characters ("CN=Kim,O=Acme"). */
bool store_user_name_valid(struct str name);
/* Titles, e-mail addresses: up to 250 bytes of UTF-8 on one line. */
bool store_title_valid(struct str title);

/* ---- tenants (tenant.c) -------------------------------------------------- */

struct store_tenant {
	int64_t id;
	struct str name;
	struct str title;
	struct str timezone; /* "Europe/Berlin"; the caller checks it */
	struct str residency; /* tags, one blank between */
	bool is_blocked;
	usec_t created;
	usec_t changed;
};

typedef enum err (*store_tenant_fn)(void *arg, const struct store_tenant *t);

/* Sets id, created and changed of *t. */
MUST_CHECK enum err store_tenant_add(struct store *s, struct store_tenant *t);
MUST_CHECK enum err store_tenant_find(struct store *s, struct str name,
    struct arena *a, struct store_tenant *out);
/* By id: title, timezone, residency, is_blocked; sets changed of *t. */
MUST_CHECK enum err store_tenant_set(struct store *s, struct store_tenant *t);
/* By name. */
MUST_CHECK enum err
store_tenant_each(struct store *s, store_tenant_fn fn, void *arg);

/* ---- teams (team.c) ------------------------------------------------------ */

struct store_team {
	int64_t id;
	int64_t tenant_id;
	struct str tenant; /* its name; for reading */
	struct str name;
	struct str title;
	bool is_blocked;
	int64_t n_members; /* for reading */
	usec_t created;
	usec_t changed;
};

typedef enum err (*store_team_fn)(void *arg, const struct store_team *t);

MUST_CHECK enum err store_team_add(struct store *s, struct store_team *t);
MUST_CHECK enum err store_team_find(struct store *s, int64_t tenant_id,
    struct str name, struct arena *a, struct store_team *out);
/* title, is_blocked */
MUST_CHECK enum err store_team_set(struct store *s, struct store_team *t);
/* tenant_id 0: of all tenants. */
MUST_CHECK enum err store_team_each(
    struct store *s, int64_t tenant_id, store_team_fn fn, void *arg);
/* ERR_DENIED: is one already (or one of both does not exist). */
MUST_CHECK enum err
store_team_join(struct store *s, int64_t team_id, int64_t user_id);
/* ERR_NOT_FOUND: is none. */
MUST_CHECK enum err
store_team_leave(struct store *s, int64_t team_id, int64_t user_id);

/* ---- users (user.c) ------------------------------------------------------ */

struct store_user {
	int64_t id;
	int64_t tenant_id;
	struct str tenant; /* its name; for reading */
	struct str name; /* REMOTE_USER, a certificate's DN, a JWT's subject */
	struct str title;
	struct str email;
	bool is_blocked;
	usec_t created;
	usec_t changed;
};

typedef enum err (*store_user_fn)(void *arg, const struct store_user *u);

MUST_CHECK enum err store_user_add(struct store *s, struct store_user *u);
MUST_CHECK enum err store_user_find(struct store *s, int64_t tenant_id,
    struct str name, struct arena *a, struct store_user *out);
/* title, email, is_blocked */
MUST_CHECK enum err store_user_set(struct store *s, struct store_user *u);
/* tenant_id, team_id 0: of all. */
MUST_CHECK enum err store_user_each(struct store *s, int64_t tenant_id,
    int64_t team_id, store_user_fn fn, void *arg);

/* Of a tenant. */
MUST_CHECK enum err
store_user_count(struct store *s, int64_t tenant_id, int64_t *n);

/* ---- roles (role.c) ------------------------------------------------------ */

/* The words are gate/role.h's: viewer developer operator admin auditor. */

/* One role for one user or for all members of one team. */
struct store_role_grant {
	int64_t id;
	int64_t tenant_id; /* 0: in all tenants */
	int64_t user_id; /* or 0 */
	int64_t team_id; /* or 0 */
	struct str role;
	usec_t created;
	/* for reading */
	struct str tenant, user, team;
};

typedef enum err (*store_role_fn)(void *arg, const struct store_role_grant *r);

/* ERR_DENIED: has it already. */
MUST_CHECK enum err store_role_add(struct store *s, struct store_role_grant *r);
/* The same tenant, user, team, role. *id: which it was. ERR_NOT_FOUND. */
MUST_CHECK enum err store_role_remove(
    struct store *s, const struct store_role_grant *r, int64_t *id);
/* tenant_id 0: all, and those that hold in all tenants. */
MUST_CHECK enum err store_role_each(
    struct store *s, int64_t tenant_id, store_role_fn fn, void *arg);

extern const struct store_sql store_tenant_sql[];
extern const struct store_sql store_team_sql[];
extern const struct store_sql store_user_sql[];
extern const struct store_sql store_role_sql[];

#endif
