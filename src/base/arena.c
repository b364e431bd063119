#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/num.h"

/*
 * Under AddressSanitizer objects are some bytes apart and what is not theirs
 * is poisoned, so that a write beyond one is seen as with malloc.
 */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define GAP ((size_t)16)
#else
#define GAP ((size_t)0)
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum {
	BLOCK_FIRST = 1024,
	BLOCK_MAX = 65536,
	ALIGN = 16,
};

struct block {
	struct block *next;
	size_t size; /* of data */
	size_t used;
	size_t pad; /* keeps data aligned for any type */
	char data[];
};

_Static_assert(sizeof(struct block) % ALIGN == 0, "data must be aligned");

struct arena {
	struct block *head; /* where small objects go; others follow it */
	size_t max;
	size_t taken;
	size_t next_size; /* of the next block, header included */
	bool failed;
	bool is_full; /* for its maximum, not for the system */
};

static void *
full(struct arena *a)
{
	a->failed = a->is_full = true;
	return NULL;
}

static struct block *
block_new(struct arena *a, size_t data_size)
{
	struct block *b;
	size_t total;

	if (!num_add_size(data_size, sizeof(*b), &total) ||
	    total > a->max - a->taken)
		return full(a);
	b = fault("arena.block") ? NULL : malloc(total);
	if (!b) {
		a->failed = true;
		return NULL;
	}
	a->taken += total;
	b->next = NULL;
	b->size = data_size;
	b->used = 0;
	ASAN_POISON_MEMORY_REGION(b->data, data_size);
	return b;
}

struct arena *
arena_new(size_t max_bytes)
{
	struct arena *a = fault("arena.new") ? NULL : calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->max = max_bytes;
	a->next_size = BLOCK_FIRST;
	return a;
}

void
arena_free(struct arena *a)
{
	struct block *b, *next;

	if (!a)
		return;
	for (b = a->head; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

/* A block of the next size, or what the maximum still leaves if n fits it. */
static struct block *
block_next(struct arena *a, size_t n)
{
	size_t left = a->max - a->taken;
	size_t size = a->next_size;
	struct block *b;

	if (size > left)
		size = left;
	if (size < sizeof(*b) + n)
		return full(a);
	b = block_new(a, size - sizeof(*b));
	if (!b)
		return NULL;
	if (a->next_size < BLOCK_MAX)
		a->next_size *= 2;
	b->next = a->head;
	a->head = b;
	return b;
}

static void *
take(struct arena *a, size_t n, size_t align)
{
	struct block *b = a->head;
	size_t at;

	if (b) {
		at = (b->used + GAP + align - 1) & ~(align - 1);
		if (at <= b->size && n <= b->size - at) {
			b->used = at + n;
			ASAN_UNPOISON_MEMORY_REGION(b->data + at, n);
			return b->data + at;
		}
	}
	if (n > a->next_size / 4) {
		/* A block of its own, behind the one still being filled. */
		b = block_new(a, n);
		if (!b)
			return NULL;
		if (a->head) {
			b->next = a->head->next;
			a->head->next = b;
		} else {
			a->head = b;
		}
	} else {
		b = block_next(a, n);
		if (!b)
			return NULL;
	}
	b->used = n;
	ASAN_UNPOISON_MEMORY_REGION(b->data, n);
	return b->data;
}

void *
arena_raw(struct arena *a, size_t n)
{
	return take(a, n, ALIGN);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	void *p = take(a, n, ALIGN);

	if (p)
		memset(p, 0, n);
	return p;
}

void *
arena_calloc(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (!num_mul_size(count, size, &n))
		return full(a);
	return arena_alloc(a, n);
}

/* The block that holds p alone, and the link to it; NULL when shared. */
static struct block **
own_block(struct arena *a, const void *p)
{
	struct block **link;

	if (!a->head)
		return NULL;
	for (link = &a->head; *link; link = &(*link)->next) {
		if ((*link)->data == p)
			return link;
		if (link != &a->head)
			break; /* only the newest own block is grown */
	}
	return NULL;
}

static void *
block_resize(struct arena *a, struct block **link, size_t n)
{
	struct block *b = *link;
	size_t total = 0;

	if (n > b->size && (!num_add_size(n, sizeof(*b), &total) ||
			       n - b->size > a->max - a->taken))
		return full(a);
	if (n <= b->size) { /* never fails */
		b->used = n;
		b = realloc(b, sizeof(*b) + n);
		if (!b)
			return (*link)->data;
	} else if (fault("arena.block") || !(b = realloc(b, total))) {
		a->failed = true;
		return NULL;
	}
	*link = b;
	a->taken = a->taken - b->size + n;
	b->size = n;
	b->used = n;
	ASAN_UNPOISON_MEMORY_REGION(b->data, n);
	return b->data;
}

void *
arena_resize(struct arena *a, void *p, size_t old_n, size_t n)
{
	struct block *b = a->head;
	struct block **link;
	bool is_alone;
	void *q;

	if (!p)
		return arena_raw(a, n);
	link = own_block(a, p);
	is_alone = link && (*link)->used == old_n;
	if (is_alone && n < old_n && (*link)->size > BLOCK_MAX)
		return block_resize(a, link, n);
	if (b && b->data + b->used == (char *)p + old_n &&
	    n <= b->size - (b->used - old_n)) {
		b->used = b->used - old_n + n;
		ASAN_UNPOISON_MEMORY_REGION(p, n);
		if (n < old_n)
			ASAN_POISON_MEMORY_REGION((char *)p + n, old_n - n);
		return p;
	}
	if (is_alone)
		return block_resize(a, link, n);
	if (n <= old_n)
		return p;
	q = arena_raw(a, n);
	if (q)
		memcpy(q, p, old_n);
	return q;
}

char *
arena_strz(struct arena *a, struct str s)
{
	size_t n;
	char *p;

	if (!num_add_size(s.n, 1, &n))
		return full(a);
	p = take(a, n, 1);
	if (!p)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct str
arena_str(struct arena *a, struct str s)
{
	char *p = arena_strz(a, s);

	return (struct str){ p, p ? s.n : 0 };
}

struct str
arena_printf(struct arena *a, const char *fmt, ...)
{
	struct str none = { NULL, 0 };
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		a->failed = true;
		return none;
	}
	p = take(a, (size_t)n + 1, 1);
	if (!p)
		return none;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (struct str){ p, (size_t)n };
}

bool
arena_failed(const struct arena *a)
{
	return a->failed;
}

bool
arena_is_full(const struct arena *a)
{
	return a->is_full;
}

size_t
arena_bytes(const struct arena *a)
{
	return a->taken;
}
