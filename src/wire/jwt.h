#ifndef WIRE_JWT_H
#define WIRE_JWT_H
/*
 * Signed JSON web tokens (RFC 7519 in the compact form of RFC 7515) and the
 * keys that sign them (RFC 7517), strict (RFC 8725):
 *
 * - RS256, ES256 and EdDSA with Ed25519. The key says which: a token whose
 *   header names another algorithm than its key's ("none", HS256 with a public
 *   key) is refused.
 * - What a header may bring along (jku, jwk, x5u, x5c) is never looked at, and
 *   a header with crit is refused.
 * - exp must be there; nbf and iat must not be in the future. iss and aud must
 *   be the expected ones.
 *
 * Nothing here is a secret but the token itself: it must not be logged.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

#define JWT_BYTES_MAX 8192u
#define JWT_KEYS_MAX 64u
#define JWT_KEY_SET_BYTES_MAX (256u * 1024)

/* ---- keys ---------------------------------------------------------------- */

struct jwt_keys;

/*
 * A key set: {"keys":[{"kty","kid","alg","use",...}]}. Keys of other sorts or
 * uses are passed over; RSA keys have 2048 to 8192 bits. ERR_SYNTAX: no key
 * set. ERR_LIMIT. ERR_NOT_FOUND: no key in it that can be used. ERR_NOMEM.
 */
MUST_CHECK enum err jwt_keys_parse(struct str json, struct jwt_keys **out);
/* NULL is allowed. */
void jwt_keys_free(struct jwt_keys *k);
uint32_t jwt_keys_count(const struct jwt_keys *k);

/* ---- tokens -------------------------------------------------------------- */

enum jwt_fault {
	JWT_FINE,
	JWT_MALFORMED,
	JWT_NO_KEY, /* none of the keys has its kid: perhaps a newer one */
	JWT_ALGORITHM,
	JWT_SIGNATURE,
	JWT_EXPIRED,
	JWT_EARLY, /* nbf or iat */
	JWT_ISSUER,
	JWT_AUDIENCE,
	JWT_NO_MEMORY,
	JWT_FAULT__MAX
};
/* "expired" ...: for the log. */
extern const char *const jwt_fault_words[JWT_FAULT__MAX];

struct jwt_expect {
	struct str issuer; /* equal to iss */
	struct str audience; /* equal to aud, or one of its list */
	usec_t wall; /* now */
	usec_t leeway; /* that clocks may differ */
};

struct jwt_claims {
	struct json json; /* the payload; its text lies in the arena */
	usec_t expires; /* wall */
};

/* Has it the form of one: three parts of base64url? Says no more. */
bool jwt_is_token(struct str text);
/* JWT_FINE and *out, in the arena; else *out is not written. */
MUST_CHECK enum jwt_fault
jwt_verify(const struct jwt_keys *keys, struct str token,
    const struct jwt_expect *expect, struct arena *a, struct jwt_claims *out);

/* Base64url without padding (RFC 7515, appendix C), into the arena. */
MUST_CHECK enum err
jwt_decode(struct str text, struct arena *a, struct str *out);

/* ---- jwt_key.c ------------------------------------------------------------ */

enum jwt_algorithm {
	JWT_RS256,
	JWT_ES256,
	JWT_EDDSA
};

struct jwt_key;

/* kid absent: the one key there is, if it is one. NULL: none. */
const struct jwt_key *jwt_key_find(const struct jwt_keys *keys, struct str kid);
enum jwt_algorithm jwt_key_algorithm(const struct jwt_key *k);
bool jwt_key_verify(
    const struct jwt_key *k, struct str signed_text, struct str signature);

#endif
