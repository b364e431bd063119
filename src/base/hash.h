#ifndef BASE_HASH_H
#define BASE_HASH_H
/*
 * Hashes. hash_u64 is for tables and is seeded once per process from the
 * system's random source, so nobody can aim at collisions. hash_stable is the
 * same in every process and release: for ids made of content. hash_key is what
 * a client key is stored as.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

uint64_t hash_u64(struct str s);
uint64_t hash_stable(struct str s);

#define HASH_KEY_BYTES 32
/*
 * BLAKE2b-256, keyed with `pepper` (0..64 bytes; absent means unkeyed). What
 * `llmgwctl key hash` prints and `key: blake2b:HEX` in a configuration holds.
 */
void
hash_key(struct str key, struct str pepper, unsigned char out[HASH_KEY_BYTES]);

/* In constant time for equal lengths. The only compare for secrets. */
bool hash_equal(const void *a, const void *b, size_t n);

/* n bytes as 2n lower-case hexadecimal digits and a NUL. */
void hash_hex(const unsigned char *p, size_t n, char *out);

/*
 * First n characters of base62 of the stable hash of s, NUL-terminated in out
 * (n + 1 bytes, n <= 10): tool-call ids for Mistral (wire.md 3.2).
 */
void hash_base62(struct str s, size_t n, char *out);

#endif
