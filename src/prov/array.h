#ifndef PROV_ARRAY_H
#define PROV_ARRAY_H
/*
 * The elements of one JSON array that is streamed (Gemini without alt=sse), cut
 * out as they come. Only strings and brackets are looked at: whether an element
 * is JSON is for who scans it. Every byte is looked at once; an element that
 * lies whole inside the bytes fed is handed over without a copy. Private to
 * the room.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Embed it; the fields are private. */
struct prov_array {
	struct buf hold; /* what came of the open element */
	unsigned depth;
	bool in_string;
	bool is_escaped;
	bool is_inside; /* an element is open */
	bool is_closed; /* the array has ended: the rest is not looked at */
};

/* The span is valid during the call. Anything but ERR_OK ends the feed. */
typedef enum err (*prov_array_fn)(void *arg, struct str element);

void prov_array_init(struct prov_array *a, size_t max_element_bytes);
void prov_array_fini(struct prov_array *a);
/*
 * The first byte ever fed is the array's '['. ERR_LIMIT: an element is too
 * large; ERR_NOMEM; or what fn returned.
 */
MUST_CHECK enum err prov_array_feed(
    struct prov_array *a, const char *p, size_t n, prov_array_fn fn, void *arg);

#endif
