#ifndef BASE_WARM_H
#define BASE_WARM_H
/*
 * Memory that will be needed soon and has not been looked at for long: asked
 * for before something else is done that takes a while (a system call), it is
 * in the cache when it is needed.
 */
#include <stddef.h>

#define WARM_LINE 64 /* bytes; elsewhere than x86 it may be another */

/*
 * Only a hint: p may be NULL, or point to fewer than n bytes or to nothing any
 * more. Nothing is read.
 */
static inline void
warm(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i += WARM_LINE)
		__builtin_prefetch((const char *)p + i);
	__builtin_prefetch((const char *)p + n - 1); /* p is on no border */
}

#endif
