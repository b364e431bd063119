#ifndef BASE_JSON_INT_H
#define BASE_JSON_INT_H
/* What the files of the JSON scanner share. Not for other users. */
#include "base/json.h"

/* JSON_PORTABLE: a test of the form that other machines get. */
#if defined(__SSE2__) && !defined(JSON_PORTABLE)
#define JSON_SSE2
#include <emmintrin.h>

/*
 * A bit for each of 16 bytes that a string cannot hold as they are (control
 * characters, quote, backslash) or that are not ASCII. As signed bytes, those
 * above 0x7f are below 0x20 too.
 */
static inline uint32_t
json_special16(const unsigned char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(' '));
	__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
	__m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));

	return (uint32_t)_mm_movemask_epi8(
	    _mm_or_si128(low, _mm_or_si128(quote, slash)));
}
#endif

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
