#ifndef STORE_SECRET_H
#define STORE_SECRET_H
/*
 * Keys of providers, sealed in the database (table provider_secret).
 *
 * NAMES. sealed:NAME in the configuration means the secret NAME and those that
 * it took the place of. A rotation renames the old one to NAME@ID, with the end
 * of its time, and gives NAME to the new one: both are of the family NAME, and
 * both are used while both are valid.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/str.h"

/* NAME of NAME@ID. */
static inline struct str
store_secret_family(struct str name)
{
	return str_of(name.p, str_chr(name, '@'));
}

/* One of a set, opened. */
struct store_sealed {
	int64_t id;
	struct str name;
	struct str provider; /* empty: only by reference */
	struct secret *secret; /* NULL: no master key of ours opens it */
	uint32_t weight;
	usec_t not_before; /* clock_wall; 0: since ever */
	usec_t not_after; /* 0: for ever */
};

/*
 * What is in the database, opened: immutable, counted (by one thread at a
 * time: the pool's that makes it, then the worker's).
 */
struct store_secrets {
	uint32_t refs;
	struct arena *arena;
	struct store_sealed *v;
	uint32_t n;
	uint32_t n_closed; /* of them those that could not be opened */
};

static inline struct store_secrets *
store_secrets_ref(struct store_secrets *set)
{
	set->refs++;
	return set;
}

/* NULL is allowed. */
static inline void
store_secrets_unref(struct store_secrets *set)
{
	if (!set || --set->refs > 0)
		return;
	for (uint32_t i = 0; i < set->n; i++)
		secret_unref(set->v[i].secret);
	arena_free(set->arena);
}

#endif
