#ifndef API_SPLIT_H
#define API_SPLIT_H
/* Cutting escaped JSON text where it may be cut. */
#include <stddef.h>

#include "base/str.h"

/*
 * Length of a first piece of inner (the inside of a JSON string, still
 * escaped): about `want` bytes (> 0), up to the end of a word where one is near, never
 * within an escape, a surrogate pair or a UTF-8 character. 1 .. inner.n.
 */
size_t api_split(struct str inner, size_t want);

#endif
