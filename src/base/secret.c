#include "base/secret.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "base/num.h"

/*
 * Secrets live in pages of our own that are locked (as far as the limit on
 * locked memory allows) and left out of core dumps. sodium_malloc would take
 * four pages for each; an installation has thousands of client keys. Small
 * ones share a 64 KiB chunk in slots of four sizes; chunks are kept for reuse,
 * so their number is bounded by the most secrets ever held at once.
 */
enum {
	CHUNK = 65536,
	CLASSES = 4,
	SLOT_MIN = 64
};

struct secret {
	atomic_uint refs;
	uint32_t class; /* CLASSES: mapped on its own */
	size_t n;
	char byte[];
};

struct slot {
	struct slot *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *unused[CLASSES];

static void *
pages_new(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)mlock(p, n);
	(void)madvise(p, n, MADV_DONTDUMP);
	return p;
}

/* Called with the lock held. */
static bool
chunk_add(uint32_t class)
{
	size_t size = (size_t)SLOT_MIN << class;
	char *p = pages_new(CHUNK);

	if (!p)
		return false;
	for (size_t at = 0; at + size <= CHUNK; at += size) {
		struct slot *s = (struct slot *)(void *)(p + at);

		s->next = unused[class];
		unused[class] = s;
	}
	return true;
}

static struct secret *
slot_take(uint32_t class)
{
	struct slot *s = NULL;

	pthread_mutex_lock(&lock);
	if (unused[class] || chunk_add(class)) {
		s = unused[class];
		unused[class] = s->next;
	}
	pthread_mutex_unlock(&lock);
	return (struct secret *)(void *)s;
}

struct secret *
secret_new(struct str s)
{
	struct secret *x;
	uint32_t class = 0;
	size_t total;

	if (!num_add_size(sizeof(*x), s.n, &total))
		return NULL;
	while (class < CLASSES && total > (size_t)SLOT_MIN << class)
		class ++;
	x = class < CLASSES ? slot_take(class) : pages_new(total);
	if (!x)
		return NULL;
	atomic_init(&x->refs, 1);
	x->class = class;
	x->n = s.n;
	if (s.n)
		memcpy(x->byte, s.p, s.n);
	return x;
}

struct secret *
secret_ref(struct secret *s)
{
	if (s)
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void
secret_unref(struct secret *s)
{
	size_t total;
	uint32_t class;

	if (!s ||
	    atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	total = sizeof(*s) + s->n;
	class = s->class;
	sodium_memzero(s, total);
	if (class == CLASSES) {
		munmap(s, total);
		return;
	}
	struct slot *slot = (struct slot *)(void *)s;
	pthread_mutex_lock(&lock);
	slot->next = unused[class];
	unused[class] = slot;
	pthread_mutex_unlock(&lock);
}

struct str
secret_str(const struct secret *s)
{
	return s ? str_of(s->byte, s->n) : (struct str){ NULL, 0 };
}

void
secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}
