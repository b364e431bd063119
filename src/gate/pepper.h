#ifndef GATE_PEPPER_H
#define GATE_PEPPER_H
/*
 * The pepper: 32 random bytes in STATE_DIR/pepper that key the hashes of
 * client keys (BLAKE2b). Who has the database alone can test no guess of a key
 * against it. All hosts that share a database share the pepper: copy the file.
 * Losing it makes every key in the database useless.
 *
 * Blocking (a small file): at start, at a reload, in a command.
 */
#include "base/err.h"
#include "base/hash.h"
#include "base/secret.h"
#include "base/str.h"

#define GATE_PEPPER_BYTES 32
/* Which pepper, for client_key.pepper_id: 16 hexadecimal digits and a NUL. */
#define GATE_PEPPER_ID_SIZE 17

struct gate_pepper {
	struct secret *bytes; /* NULL: there is none */
	char id[GATE_PEPPER_ID_SIZE];
};

/*
 * ERR_NOT_FOUND: no file. ERR_SYNTAX: not 32 bytes. ERR_DENIED: not ours to
 * read. ERR_IO, ERR_NOMEM. *out is written on ERR_OK only.
 */
MUST_CHECK enum err
gate_pepper_load(struct str state_dir, struct gate_pepper *out);
/*
 * The same, and makes the file (mode 0600, of the folder's owner) when there
 * is none; of two that make it at once both get the same.
 */
MUST_CHECK enum err
gate_pepper_make(struct str state_dir, struct gate_pepper *out);
/* A zeroed one is allowed. */
void gate_pepper_fini(struct gate_pepper *p);

/* What client_key.hash holds of a key. p has bytes. */
void gate_pepper_hash(const struct gate_pepper *p, struct str key,
    unsigned char out[HASH_KEY_BYTES]);

#endif
