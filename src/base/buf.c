#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"

enum {
	CAP_FIRST = 256
};

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_fini(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

void
buf_lend(struct buf *from, struct buf *to)
{
	if (!from->p || from->n > 0 || to->p)
		return;
	to->p = from->p;
	to->n = 0;
	to->cap = from->cap < to->max ? from->cap : to->max;
	from->p = NULL;
	from->cap = 0;
}

/* Makes room for n more bytes; cold half of buf_room. */
static bool
grow(struct buf *b, size_t n)
{
	size_t need, cap;
	char *p;

	if (n > b->max || b->n > b->max - n)
		goto fail;
	need = b->n + n;
	cap = b->cap < CAP_FIRST ? CAP_FIRST : b->cap;
	while (cap < need) {
		if (cap > b->max / 2) {
			cap = b->max;
			break;
		}
		cap *= 2;
	}
	if (cap > b->max)
		cap = b->max;
	if (fault("buf.grow"))
		goto fail;
	p = realloc(b->p, cap ? cap : 1);
	if (!p)
		goto fail;
	b->p = p;
	b->cap = cap;
	return true;
fail:
	b->failed = true;
	return false;
}

static inline char *
room(struct buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if ((!b->p || n > b->cap - b->n) && !grow(b, n))
		return NULL;
	return b->p + b->n;
}

char *
buf_room(struct buf *b, size_t n)
{
	return room(b, n);
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	char *to;

	if (n == 0)
		return;
	to = room(b, n);
	if (!to)
		return;
	memcpy(to, p, n);
	b->n += n;
}

void
buf_addi(struct buf *b, int64_t v)
{
	char digits[20];
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	size_t at = sizeof(digits);

	if (v >= 0 && v <= 9) {
		buf_addc(b, (char)('0' + v));
		return;
	}
	do {
		digits[--at] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (v < 0)
		digits[--at] = '-';
	buf_add(b, digits + at, sizeof(digits) - at);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *to;
	char small[256];
	int n;

	if (b->failed)
		return;
	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if ((size_t)n < sizeof(small)) {
		buf_add(b, small, (size_t)n);
		return;
	}
	/* The NUL must not count against the maximum, so print aside. */
	to = malloc((size_t)n + 1);
	if (!to) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_add(b, to, (size_t)n);
	free(to);
}

void
buf_consume(struct buf *b, size_t n)
{
	ASSERT(n <= b->n);
	if (n == 0)
		return;
	b->n -= n;
	if (b->n)
		memmove(b->p, b->p + n, b->n);
}
