#ifndef WIRE_B64_H
#define WIRE_B64_H
/*
 * Base64 (RFC 4648), strict: the standard alphabet, padded, no blanks, no
 * bits behind the end. And what comes as base64: data: URLs and images.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Appends. out->failed tells when there is no room. */
void b64_encode(struct buf *out, const void *p, size_t n);
/*
 * Appends the bytes. ERR_SYNTAX: out is as it was. ERR_NOMEM: no room in out,
 * whose `failed` is then set.
 */
MUST_CHECK enum err b64_decode(struct buf *out, struct str text);

/*
 * data:image/png;base64,iVBOR... taken apart; spans point into the text. The
 * scheme and ";base64" in any case. media_type is absent when the URL has none.
 * ERR_SYNTAX: no data: URL. ERR_UNSUPPORTED: one that is not base64. The
 * payload is not checked.
 */
struct b64_data_url {
	struct str media_type; /* "image/png" */
	struct str
	    params; /* "charset=utf-8", without ";base64"; perhaps empty */
	struct str payload;
};

MUST_CHECK enum err
b64_data_url_parse(struct str text, struct b64_data_url *out);

/*
 * "image/png", "image/jpeg", "image/gif" or "image/webp" by the first bytes of
 * a base64 text; NULL for anything else. Providers refuse a wrong media type,
 * and clients do send image/jpg or guess by the file's name (wire.md 10 #80).
 */
const char *b64_sniff_image(struct str text);

#endif
