#ifndef STORE_SECRET_H
#define STORE_SECRET_H
/*
 * Keys of providers, sealed in the database (table provider_secret).
 *
 * NAMES. sealed:NAME in the configuration means the secret NAME and those that
 * it took the place of. A rotation renames the old one to NAME@ID, with the end
 * of its time, and gives NAME to the new one: both are of the family NAME, and
 * both are used while both are valid.
 *
 * OUT. out_why tells which provider refused it and with what; then out_since is
 * when. With out_why empty out_since is when it was last accepted after that:
 * llmgw-jobd writes both from the workers' events, and an older word that comes
 * later must not count.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/str.h"
#include "store/seal.h"
#include "store/store.h"

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
	usec_t out_since; /* wall; 0: no provider refuses it */
	struct str out_why; /* "openai-main answered 401" */
};

/* Does that provider refuse it? *status: with what. */
bool store_sealed_is_out(
    const struct store_sealed *one, struct str provider, int *status);

/*
 * What is in the database, opened: immutable, of one owner at a time (the
 * pool's thread that makes it, then the worker).
 */
struct store_secrets {
	struct arena *arena;
	struct store_sealed *v;
	uint32_t n;
	uint32_t n_closed; /* of them those that could not be opened */
};

/* NULL is allowed. */
void store_secrets_free(struct store_secrets *set);

/*
 * Reads all of them and opens what it can: on the thread pool, at start and
 * when the change log says "secret". ERR_LIMIT: more than STORE_SECRETS_MAX.
 * ERR_NOMEM, or as store_run.
 */
#define STORE_SECRETS_MAX 10000u
MUST_CHECK enum err store_secrets_load(struct store *s,
    const struct store_masters *masters, struct store_secrets **out);

/* ---- administration -------------------------------------------------------- */

/* A row without what is sealed in it. */
struct store_secret_row {
	int64_t id;
	struct str name;
	struct str provider;
	struct str master_id;
	int64_t weight;
	usec_t not_before; /* wall; 0: since ever */
	usec_t not_after; /* 0: for ever */
	usec_t created, changed;
	usec_t out_since; /* as above */
	struct str out_why;
};

struct store_secret_new {
	struct str name; /* letters, digits, . _ - : up to 64 */
	struct str provider; /* or empty */
	struct str plain;
	int64_t weight;
	usec_t not_before, not_after;
};

/*
 * All but _list and _find run in the caller's transaction (store_atomically),
 * with his store_act_note: the change log's sort is "secret". now: clock_wall.
 *
 * _add: ERR_DENIED: the name is taken. ERR_UNSUPPORTED: no master key.
 */
MUST_CHECK enum err
store_secret_add(struct store *s, const struct store_masters *masters,
    const struct store_secret_new *n, usec_t now, int64_t *id);
/*
 * The secret of that name becomes NAME@ID and is valid until old_until (or its
 * own end, if that is sooner); plain is the new NAME, valid from not_before.
 */
MUST_CHECK enum err
store_secret_rotate(struct store *s, const struct store_masters *masters,
    const struct store_secret_row *old, struct str plain, usec_t not_before,
    usec_t old_until, usec_t now, int64_t *id);
/* Sets the end of its time. */
MUST_CHECK enum err
store_secret_retire(struct store *s, int64_t id, usec_t at, usec_t now);
MUST_CHECK enum err store_secret_remove(struct store *s, int64_t id);
/*
 * Opens and seals one row anew with the first master key. ERR_NOT_FOUND: it is
 * gone, or no master key opens it; *is_done: it was of the first one already.
 */
MUST_CHECK enum err store_secret_reseal(struct store *s,
    const struct store_masters *masters, int64_t id, usec_t now, bool *is_done);

/*
 * A provider's word on a sealed key: refused with status, or accepted (0), at
 * that time (wall). Words come by the spools of several workers and hosts, in
 * any order: the newest counts. One provider's acceptance does not undo the
 * refusal of another. ERR_OK as well when there is no such secret any more.
 * Nothing is noted in the change log: the workers have it from each other.
 */
MUST_CHECK enum err store_secret_told(
    struct store *s, int64_t id, struct str provider, int status, usec_t at);

/* Texts are copied to a. ERR_NOT_FOUND. */
MUST_CHECK enum err store_secret_find(struct store *s, struct str name,
    struct arena *a, struct store_secret_row *out);
/* By name. *rows lies in a; ERR_LIMIT as above. */
MUST_CHECK enum err store_secret_list(struct store *s, struct arena *a,
    struct store_secret_row **rows, uint32_t *n);

extern const struct store_sql store_secret_sql[];

#endif
