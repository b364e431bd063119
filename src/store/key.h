#ifndef STORE_KEY_H
#define STORE_KEY_H
/*
 * Client keys: llmgw_<8 public>_<43 random>. Only a keyed BLAKE2b of the whole
 * key is kept (gate/pepper.h), so nobody reads a key out of the database, and
 * nobody who has the database can try keys without the pepper's file.
 *
 * Ownership and errors as in people.h. person.h tells who stands behind a hash.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "store/store.h"

#define STORE_KEY_PREFIX "llmgw_"
#define STORE_KEY_PUBLIC 8
#define STORE_KEY_RANDOM 43
/* A whole key; and one byte for a NUL. */
#define STORE_KEY_SIZE (6 + STORE_KEY_PUBLIC + 1 + STORE_KEY_RANDOM)

struct store_key {
	int64_t id;
	/* whose it is, for ever: store/spent.h reads by it */
	int64_t tenant_id;
	int64_t team_id; /* or 0 */
	int64_t user_id; /* or 0 */
	struct str name; /* of the tenant's keys */
	struct str public_part; /* the 8 characters after llmgw_ */
	struct str pepper_id; /* which pepper its hash is keyed with */
	bool is_blocked;
	usec_t expires; /* wall; 0: never */
	/*
	 * Not 0: this is a former secret of that key. It is the same client:
	 * only expires and is_blocked of this row count beside the other's.
	 */
	int64_t replaced_by;
	/* Restrictions, empty: none. */
	struct str models; /* globs over aliases, one blank between */
	struct str networks; /* addresses and CIDR, one blank between */
	struct str hours; /* sys/hours.h, in the tenant's time zone */
	usec_t created;
	usec_t changed;
	/* for reading */
	struct str tenant, team, user;
};

typedef enum err (*store_key_fn)(void *arg, const struct store_key *k);

/* Writes a new key and a NUL; wipe it (secret_wipe). */
void store_key_make(char out[STORE_KEY_SIZE + 1]);
/* Its public part: borrowed from key; absent when key has not that form. */
struct str store_key_public(struct str key);

/* Sets id, created, changed. ERR_DENIED: the name is taken. */
MUST_CHECK enum err store_key_add(struct store *s, struct store_key *k,
    const unsigned char hash[HASH_KEY_BYTES]);
/* By its name in the tenant. */
MUST_CHECK enum err store_key_find(struct store *s, int64_t tenant_id,
    struct str name, struct arena *a, struct store_key *out);
/* By its public part. */
MUST_CHECK enum err store_key_find_public(struct store *s,
    struct str public_part, struct arena *a, struct store_key *out);
/* is_blocked, expires, models, networks, hours; sets changed of *k. */
MUST_CHECK enum err store_key_set(struct store *s, struct store_key *k);
/*
 * Gives k, which was read, a new secret: its row stays (so do grants, limits
 * and its place in the ledger) and the old secret moves to a row of its own,
 * named "NAME~PUBLIC", with replaced_by = k->id, which is good until old_until
 * (wall, > 0). *k is what it is now; public_part and pepper_id are borrowed.
 */
MUST_CHECK enum err store_key_rotate(struct store *s, struct store_key *k,
    struct str public_part, struct str pepper_id,
    const unsigned char hash[HASH_KEY_BYTES], usec_t old_until);
/* What person.h looks it up by. ERR_NOT_FOUND. */
MUST_CHECK enum err
store_key_hash(struct store *s, int64_t id, unsigned char out[HASH_KEY_BYTES]);
/* tenant_id, team_id, user_id 0: of all. In order of tenant and name. */
MUST_CHECK enum err store_key_each(struct store *s, int64_t tenant_id,
    int64_t team_id, int64_t user_id, store_key_fn fn, void *arg);

/*
 * How many secrets (former ones too) hang on each pepper, and how many of them
 * have not expired at that time (wall). By its id, which is borrowed.
 */
typedef enum err (*store_pepper_fn)(
    void *arg, struct str pepper_id, int64_t secrets, int64_t lasting);
MUST_CHECK enum err
store_key_peppers(struct store *s, usec_t now, store_pepper_fn fn, void *arg);

extern const struct store_sql store_key_sql[];

#endif
