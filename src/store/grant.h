#ifndef STORE_GRANT_H
#define STORE_GRANT_H
/*
 * Grants: who may use which models. Denied by default: a client may use an
 * alias when a grant that holds for it allows it and none denies it. What
 * holds for a client: the grants of its tenant as a whole, of its teams, its
 * user, its key, and of the roles that it has there. A key's own list of
 * models (key.h) narrows what they give.
 *
 * Ownership and errors as in people.h.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

struct store_grant {
	int64_t id;
	int64_t tenant_id; /* always */
	/* At most one of these; none: the whole tenant. */
	int64_t team_id;
	int64_t user_id;
	int64_t key_id;
	struct str role; /* absent: none */
	bool is_tag; /* pattern is of the alias's tags, else of its name */
	struct str pattern; /* '*' stands for any run */
	bool is_allowed; /* false: denied, whatever else allows it */
	usec_t created;
	/* for reading */
	struct str tenant, team, user, key;
};

typedef enum err (*store_grant_fn)(void *arg, const struct store_grant *g);

/* Sets id and created. ERR_DENIED: there is one like it. */
MUST_CHECK enum err store_grant_add(struct store *s, struct store_grant *g);
MUST_CHECK enum err store_grant_get(
    struct store *s, int64_t id, struct arena *a, struct store_grant *out);
MUST_CHECK enum err store_grant_remove(struct store *s, int64_t id);
/* tenant_id 0: of all. In order of tenant and id. */
MUST_CHECK enum err store_grant_each(
    struct store *s, int64_t tenant_id, store_grant_fn fn, void *arg);

extern const struct store_sql store_grant_sql[];

#endif
