#ifndef GATE_TOKEN_H
#define GATE_TOKEN_H
/*
 * Tokens of an identity provider as credentials: who is meant, by the claims
 * that auth.jwt names. A token only says who asks; what he may is in the
 * database (and, with roles_claim and team_claim, what his issuer vouches for).
 */
#include <stdbool.h>

#include "base/err.h"
#include "conf/conf.h"
#include "gate/directory.h"
#include "wire/jwt.h"

/*
 * Verifies it: 30 to 100 us of a processor, once per token and worker, since
 * the directory then knows it by its id. want->id is set (gate_want_token); on
 * GATE_WELCOME the rest of it is. GATE_EXPIRED, GATE_BAD_TOKEN, or GATE_AWAY: it
 * cannot be told (no memory, or no key set was read yet). *has_key: false when
 * the key set may be too old to have its key. keys may be NULL.
 */
MUST_CHECK enum gate_refusal
gate_token_read(const struct conf_jwt *conf, const struct jwt_keys *keys,
    struct str token, usec_t wall, struct gate_want *want, bool *has_key);

#endif
