#ifndef GATE_PEPPER_H
#define GATE_PEPPER_H
/*
 * The pepper: 32 random bytes in STATE_DIR/pepper that key the hashes of
 * client keys (BLAKE2b). Who has the database alone can test no guess of a key
 * against it. All hosts that share a database share the pepper: copy the file.
 * Losing it makes every key in the database useless.
 *
 * CHANGING IT. The file may have several, the newest first: new and rotated keys
 * hang on the first one, keys from before on the older ones. A hash cannot be
 * made anew without the key, so an old pepper goes (gate_pepper_drop) when the
 * last key that hangs on it was rotated or has expired. Workers look every poll
 * whether the file is another one (gate/directory.h).
 *
 * Blocking (a small file): at start, at a reload, in a command.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/secret.h"
#include "base/str.h"

#define GATE_PEPPER_BYTES 32
/* Which pepper, for client_key.pepper_id: 16 hexadecimal digits and a NUL. */
#define GATE_PEPPER_ID_SIZE 17
#define GATE_PEPPERS_MAX 4u

struct gate_pepper_old {
	struct secret *bytes;
	char id[GATE_PEPPER_ID_SIZE];
};

/* The present one, and those before it, newest first. */
struct gate_pepper {
	struct secret *bytes; /* NULL: there is none */
	char id[GATE_PEPPER_ID_SIZE];
	uint32_t n_older;
	struct gate_pepper_old older[GATE_PEPPERS_MAX - 1];
};

/*
 * ERR_NOT_FOUND: no file. ERR_SYNTAX: not one to GATE_PEPPERS_MAX times 32
 * bytes, or one of them twice. ERR_DENIED: not ours to
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
/*
 * Puts a new one before those that are there; *out is what there is then.
 * ERR_LIMIT: there are GATE_PEPPERS_MAX. Otherwise as _load, and ERR_AGAIN:
 * somebody else changes the file. Who has the file open or is killed in the
 * middle leaves it as it was or as it shall be.
 */
MUST_CHECK enum err
gate_pepper_add(struct str state_dir, struct gate_pepper *out);
/* Takes an older one away. ERR_RANGE: none of that id, or the present one. */
MUST_CHECK enum err
gate_pepper_drop(struct str state_dir, struct str id, struct gate_pepper *out);
/* The same peppers in the same order? */
bool gate_pepper_same(const struct gate_pepper *a, const struct gate_pepper *b);
/* Another value: the file may be another one. 0: there is none. */
uint64_t gate_pepper_stamp(struct str state_dir);
/* A zeroed one is allowed. */
void gate_pepper_fini(struct gate_pepper *p);

/* What client_key.hash holds of a key. p has bytes. */
void gate_pepper_hash(const struct gate_pepper *p, struct str key,
    unsigned char out[HASH_KEY_BYTES]);
/* The same with an older one: i < p->n_older. */
void gate_pepper_hash_old(const struct gate_pepper *p, uint32_t i,
    struct str key, unsigned char out[HASH_KEY_BYTES]);

#endif
