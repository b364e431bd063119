#ifndef BASE_BUF_H
#define BASE_BUF_H
/*
 * buf: a growable run of bytes with a stated maximum and sticky failure: after
 * an append that did not fit (or had no memory) `failed` is true, nothing was
 * written by it, and every later append is a no-op. Append at will, test once.
 *
 * `p` is valid for `n` bytes and changes with any append. Embed it; free with
 * buf_fini. A zeroed struct with `max` set is a valid empty buf.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

struct buf {
	char *p;
	size_t n; /* bytes in use */
	size_t cap;
	size_t max; /* n never exceeds it */
	bool failed;
};

void buf_init(struct buf *b, size_t max);
/* Frees the memory; the buf is empty and usable again with the same max. */
void buf_fini(struct buf *b);
/* Empties it, keeps the memory, clears `failed`. */
void buf_reset(struct buf *b);

/*
 * Lends memory: `to`, which is empty and has none, gets what the empty `from`
 * has. Nothing happens when one of them is not so. For things that are many and
 * mostly idle: one spare buffer serves them in turn.
 */
void buf_lend(struct buf *from, struct buf *to);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_addi(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/*
 * Room for n more bytes at b->p + b->n, or NULL (failed is then set). The
 * caller writes there and adds to b->n itself.
 */
char *buf_room(struct buf *b, size_t n);
/* Drops the first n bytes (n <= b->n), moving the rest to the front. */
void buf_consume(struct buf *b, size_t n);

/* In the header: what is written is mostly words that the compiler can count. */
static inline void
buf_addz(struct buf *b, const char *z)
{
	buf_add(b, z, z ? strlen(z) : 0);
}

static inline void
buf_adds(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

static inline void
buf_addc(struct buf *b, char c)
{
	if (b->n < b->cap && !b->failed)
		b->p[b->n++] = c;
	else
		buf_add(b, &c, 1);
}

static inline struct str
buf_str(const struct buf *b)
{
	return (struct str){ b->p ? b->p : "", b->n };
}

#endif
