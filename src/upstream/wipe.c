#include "upstream/wipe.h"

#include <curl/curl.h>
#include <malloc.h>
#include <stdlib.h>

#include "base/secret.h"

/* As glibc rounds WIPE_SPARED_BYTES up. */
static size_t spared;

void *
wipe_malloc(size_t n)
{
	return malloc(n);
}

void *
wipe_calloc(size_t count, size_t size)
{
	return calloc(count, size);
}

void
wipe_free(void *p)
{
	size_t n;

	if (!p) /* most of libcurl's calls */
		return;
	n = malloc_usable_size(p);
	if (n != spared)
		secret_wipe(p, n < WIPE_BYTES ? n : WIPE_BYTES);
	free(p);
}

/* Never by realloc: it would leave a copy where the block was. */
void *
wipe_realloc(void *p, size_t n)
{
	size_t old = malloc_usable_size(p);
	void *moved;

	if (p && n <= old && n > old / 2)
		return p;
	moved = malloc(n);
	if (!moved || !p)
		return moved;
	memcpy(moved, p, old < n ? old : n);
	wipe_free(p);
	return moved;
}

char *
wipe_strdup(const char *z)
{
	size_t n = strlen(z) + 1;
	char *copy = malloc(n);

	if (copy)
		memcpy(copy, z, n);
	return copy;
}

bool
wipe_begin(void)
{
	static bool is_begun; /* once in a process */
	void *p;

	if (is_begun)
		return true;
	p = malloc(WIPE_SPARED_BYTES);
	spared = malloc_usable_size(p);
	free(p);
	is_begun =
	    curl_global_init_mem(CURL_GLOBAL_DEFAULT, wipe_malloc, wipe_free,
		wipe_realloc, wipe_strdup, wipe_calloc) == CURLE_OK;
	return is_begun;
}
