#include "sys/heap.h"

#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Bodies of 100 KB to a few MB come and go with every request. Left alone, the
 * allocator gives their pages back and has the kernel clear new ones each time:
 * half of what a request of 100 KB cost. A process may keep KEEP of free memory
 * instead. One arena: the pool's threads allocate little.
 *
 * It grows by more than it needs, since what has been touched before heap_grown
 * looks stays in small pages. Address space that nobody touches costs nothing.
 */
enum {
	KEEP = 16 << 20,
	MMAP_FROM = 4 << 20,
	GROW_BY = 16 << 20,
};

static char *advised; /* up to here; NULL: not tuned */
static long page;

void
heap_tune(void)
{
	mallopt(M_TRIM_THRESHOLD, KEEP);
	mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
	mallopt(M_TOP_PAD, GROW_BY);
	mallopt(M_ARENA_MAX, 1);
	page = sysconf(_SC_PAGESIZE);
	advised = sbrk(0);
}

void
heap_grown(void)
{
	char *end, *from;

	if (!advised)
		return;
	end = sbrk(0);
	if (end == advised)
		return;
	if (end > advised) {
		from = advised - ((uintptr_t)advised % (uintptr_t)page);
		(void)madvise(from, (size_t)(end - from), MADV_HUGEPAGE);
	}
	advised = end;
}
