#ifndef UPSTREAM_WIPE_H
#define UPSTREAM_WIPE_H
/*
 * Memory of libcurl that is wiped when it is freed. The header with the key of
 * a provider passes through buffers of libcurl's own; freed as they are they
 * would keep it. Only the first WIPE_BYTES of a block are wiped: a request's
 * head is there, and bodies are large. What nghttp2 (HTTP/2) and OpenSSL hold is
 * theirs; against core dumps the whole process is closed (cmd/llmgw-fcgi.c).
 */
#include <stdbool.h>
#include <stddef.h>

#define WIPE_BYTES 16384u
/*
 * Blocks of this odd size are spared: libcurl's buffer for answers, one more
 * than CURLOPT_BUFFERSIZE, in which no key of ours ever is. It is freed while
 * the client waits.
 */
#define WIPE_SPARED_BYTES 33001u

/* As malloc and its kin. For curl_global_init_mem. */
void *wipe_malloc(size_t n);
void *wipe_calloc(size_t count, size_t size);
void *wipe_realloc(void *p, size_t n);
char *wipe_strdup(const char *z);
void wipe_free(void *p);

/* Before the first use of libcurl; again is nothing. False: no memory. */
bool wipe_begin(void);

#endif
