#ifndef GATE_WANT_H
#define GATE_WANT_H
/*
 * Who is wanted of the directory: a client key by its hash, or a user by name.
 * Each has an id of one size, by which it is known. Keys and names are hashed
 * with different secrets: they never meet.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "store/key.h"
#include "store/person.h"

#define GATE_NAME_SIZE 192 /* of a tenant, team or user, with its NUL */

enum gate_want_sort {
	GATE_WANT_KEY, /* by the hash of a client key */
	GATE_WANT_USER, /* by the names of tenant and user */
};

struct gate_want {
	enum gate_want_sort sort;
	/* the key's hash; else a hash of what else is here */
	unsigned char id[HASH_KEY_BYTES];
	/* of a key: with the peppers before the present one (gate/pepper.h) */
	unsigned char older[STORE_PERSON_OLDER_MAX][HASH_KEY_BYTES];
	uint32_t n_older;
	char public_part[STORE_KEY_PUBLIC + 1]; /* of a key */
	char tenant[GATE_NAME_SIZE];
	char user[GATE_NAME_SIZE];
	/* of a token: what its issuer says of the user */
	char team[GATE_NAME_SIZE]; /* "": nothing */
	unsigned roles; /* bits 1u << enum gate_role */
	usec_t expires; /* wall; 0: never */
	bool may_be_new; /* auth.jwt.create_users: GATE_NEW, not GATE_UNKNOWN */
};

struct gate_pepper;

/* A client key. False: it has not the form of one. */
MUST_CHECK bool gate_want_key(
    const struct gate_pepper *pepper, struct str key, struct gate_want *out);
/* Of any text: could it be a client key? */
bool gate_key_has_form(struct str key);
/* A token: only its id, which is enough for gate_directory_find. */
void gate_want_token(struct str token, struct gate_want *out);
/* False: nobody has such names. out->id is made of them. */
MUST_CHECK bool
gate_want_user(struct str tenant, struct str user, struct gate_want *out);

#endif
