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

#endif
