#ifndef BASE_SEAL_H
#define BASE_SEAL_H
/*
 * Sealing a small secret with a key, for keeping it where others may look:
 * XChaCha20-Poly1305 with a random nonce of 24 bytes. What it belongs to (a
 * row's id, a name) is bound to it: under another it does not open.
 *
 * Sealed: a byte 1 (the form), the nonce, the ciphertext with its tag.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"

#define SEAL_KEY_BYTES 32
#define SEAL_PLAIN_MAX 8192u
#define SEAL_EXTRA 41 /* a sealed one is so much longer */
/* Of a key, to tell which: 16 hexadecimal digits of its hash and a NUL. */
#define SEAL_ID_SIZE 17

/* key, in all of these: SEAL_KEY_BYTES. */
void seal_key_id(struct str key, char out[SEAL_ID_SIZE]);
/* Appends to out. ERR_LIMIT: plain is too long; ERR_NOMEM. */
MUST_CHECK enum err
seal_close(struct str key, struct str bound, struct str plain, struct buf *out);
/*
 * ERR_SYNTAX: it is none, or of a newer form. ERR_DENIED: of another key, bound
 * to something else, or changed. ERR_NOMEM.
 */
MUST_CHECK enum err seal_open(
    struct str key, struct str bound, struct str sealed, struct secret **out);

#endif
