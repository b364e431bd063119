#ifndef STORE_LIMIT_H
#define STORE_LIMIT_H
/*
 * Limits of the database: rows as they are. What they mean, and which are any
 * good, is gate/rule.h's.
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

/* So many in the database; store_limit_add is ERR_LIMIT beyond. */
#define STORE_LIMITS_MAX 50000

struct store_limit {
	int64_t id;
	struct str name; /* unique in the database */
	/* 0: any. A team, user or key comes with its tenant. */
	int64_t tenant_id, team_id, user_id, key_id;
	struct str model; /* '*' stands for any run; absent: any */
	struct str provider; /* absent: any, and not asked by provider */
	struct str each_of; /* words with one blank between; may be empty */
	struct str sort; /* requests tokens input output concurrent money */
	int64_t amount; /* > 0; money: nano-dollars */
	usec_t per; /* 0: none */
	struct str period; /* day week month quarter; empty: none */
	bool is_shadow;
	int64_t soft_percent; /* 0: none */
	usec_t created;
	usec_t changed;
	/* for reading; timezone: the tenant's */
	struct str tenant, team, user, key, timezone;
};

typedef enum err (*store_limit_fn)(void *arg, const struct store_limit *l);

/* Sets id, created, changed. ERR_DENIED: the name is taken. */
MUST_CHECK enum err store_limit_add(struct store *s, struct store_limit *l);
/* amount, per, period, mode, soft_percent; sets changed of *l. */
MUST_CHECK enum err store_limit_set(struct store *s, struct store_limit *l);
MUST_CHECK enum err store_limit_remove(struct store *s, int64_t id);
MUST_CHECK enum err store_limit_find(
    struct store *s, struct str name, struct arena *a, struct store_limit *out);
/* tenant_id 0: all. In order of name. */
MUST_CHECK enum err store_limit_each(
    struct store *s, int64_t tenant_id, store_limit_fn fn, void *arg);

extern const struct store_sql store_limit_sql[];

#endif
