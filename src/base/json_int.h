#ifndef BASE_JSON_INT_H
#define BASE_JSON_INT_H
/* What the files of the JSON scanner share. Not for other users. */
#include "base/json.h"

/*
 * Decodes the escape at the front of *s (which starts with a backslash) into
 * out, returns its bytes (1..4) and moves *s behind it.
 */
size_t json_escape_take(struct str *s, char out[4]);

/*
 * Decodes an inner text to out, which has room for inner.n bytes: the decoded
 * form is never longer. Returns its length.
 */
size_t json_decode(struct str inner, char *out);

/*
 * Looks for a key that an object (closed, at least two members) has twice.
 * *which is its second appearance, or JSON_NONE. ERR_NOMEM.
 */
MUST_CHECK enum err json_dup_find(const struct json_tok *tok, uint32_t object,
    const char *text, uint32_t *which);

/* The scan of what stands between two quotes. */
struct json_body {
	const unsigned char *end; /* of the text */
	const unsigned char *at; /* where it failed */
	const char *why;
	bool escaped; /* it has a backslash */
};

/*
 * The closing quote of the string whose inner text starts at p, or NULL with
 * b->at and b->why.
 */
const unsigned char *json_body_end(
    const unsigned char *p, const unsigned char *end, struct json_body *b);

#endif
