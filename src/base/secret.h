#ifndef BASE_SECRET_H
#define BASE_SECRET_H
/*
 * A secret: bytes that are wiped when freed, kept out of core dumps, and never
 * printed (it is no char *, so no %s). Counted: a snapshot and the requests
 * that use it share one. Counting is atomic.
 */
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct secret;

/* Copies s; the caller wipes its own copy. NULL when there is no memory. */
struct secret *secret_new(struct str s);
struct secret *secret_ref(struct secret *s);
/* NULL is allowed. */
void secret_unref(struct secret *s);
/* Borrowed; valid while a reference is held. Absent for NULL. */
struct str secret_str(const struct secret *s);
/* For bytes that were a secret in passing. */
void secret_wipe(void *p, size_t n);

#endif
