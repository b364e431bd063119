#ifndef BASE_ARENA_H
#define BASE_ARENA_H
/*
 * Arena: memory that dies together. A request has one; so has a configuration
 * snapshot. Nothing in it is freed by hand. Not for use by two threads.
 *
 * The arena has a stated maximum. An allocation beyond it, or one that the
 * system refuses, returns NULL (or an absent str) and makes arena_failed()
 * true from then on, so builders may allocate at will and test once.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct arena;

/*
 * max_bytes: what all blocks together may take. The first block is small
 * (1 KiB) and blocks double up to 64 KiB; a larger object gets a block of its
 * own. NULL when there is no memory.
 */
struct arena *arena_new(size_t max_bytes);
/* NULL is allowed. Contents are not wiped: secrets do not belong here. */
void arena_free(struct arena *a);

/* n zeroed bytes, aligned for any type. n == 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n);
/* count * size with overflow check, zeroed. */
void *arena_calloc(struct arena *a, size_t count, size_t size);
/* n bytes, not zeroed. */
void *arena_raw(struct arena *a, size_t n);
/*
 * p, of old_n bytes, with n bytes: in place when it is the newest object (a
 * large one is moved by the kernel, not copied), else a copy. Not zeroed. NULL
 * leaves p as it was. p may be NULL.
 */
void *arena_resize(struct arena *a, void *p, size_t old_n, size_t n);
/* A copy, with a NUL after it that is not counted. */
struct str arena_str(struct arena *a, struct str s);
char *arena_strz(struct arena *a, struct str s);
struct str
arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A typed object: struct x *x = ARENA_NEW(a, struct x); */
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))

bool arena_failed(const struct arena *a);
/* It failed because of its maximum; otherwise the system had no memory. */
bool arena_is_full(const struct arena *a);
/* Bytes taken from the system so far. */
size_t arena_bytes(const struct arena *a);

#endif
