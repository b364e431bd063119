#ifndef STORE_SEAL_H
#define STORE_SEAL_H
/*
 * How a provider's key lies in provider_secret: sealed (base/seal.h) with a
 * master key, bound to the row's id, the family of its name and the provider,
 * so that no row's content can be put into another.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/seal.h"
#include "base/secret.h"
#include "base/str.h"

#define STORE_MASTERS_MAX 9

/* The first one seals; all of them open what they sealed. Borrowed. */
struct store_masters {
	struct str key[STORE_MASTERS_MAX]; /* SEAL_KEY_BYTES each */
	uint32_t n;
};

/* What it is bound to. */
struct store_seal_place {
	int64_t id;
	struct str family; /* store_secret_family of its name */
	struct str provider;
};

/* ERR_UNSUPPORTED: no master key. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err store_seal(const struct store_masters *masters,
    const struct store_seal_place *place, struct str plain,
    char master_id[SEAL_ID_SIZE], struct buf *out);
/*
 * ERR_NOT_FOUND: no master key has that id. ERR_DENIED, ERR_SYNTAX: it was
 * changed, or moved from another row. ERR_NOMEM.
 */
MUST_CHECK enum err store_unseal(const struct store_masters *masters,
    const struct store_seal_place *place, struct str master_id,
    struct str sealed, struct secret **out);

#endif
