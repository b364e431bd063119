#ifndef BASE_UTF8_H
#define BASE_UTF8_H
/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, <= U+10FFFF. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

bool utf8_valid(struct str s);
/* Bytes of s up to at most max, not cutting a character. */
struct str utf8_clip(struct str s, size_t max);
/* Writes cp (a valid scalar value) to out, returns its 1..4 bytes. */
size_t utf8_put(uint32_t cp, char out[4]);

static inline bool
utf8_is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/*
 * Bytes of the character at p (1..4; p < end), 0 when it is not valid or cut
 * off by end.
 */
static inline size_t
utf8_seq(const unsigned char *p, const unsigned char *end)
{
	size_t left = (size_t)(end - p);
	unsigned char c = p[0];
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */

	if (c < 0x80)
		return 1;
	if (c < 0xe0)
		return c >= 0xc2 && left >= 2 && utf8_is_tail(p[1]) ? 2 : 0;
	if (left < 3 || !utf8_is_tail(p[2]))
		return 0;
	if (c == 0xe0) /* 80..9F would be overlong */
		low = 0xa0;
	else if (c == 0xed) /* A0..BF would be a surrogate */
		high = 0x9f;
	else if (c == 0xf0) /* 80..8F would be overlong */
		low = 0x90;
	else if (c == 0xf4) /* 90..BF would be beyond U+10FFFF */
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	if (c < 0xf0)
		return 3;
	return c <= 0xf4 && left >= 4 && utf8_is_tail(p[3]) ? 4 : 0;
}

#endif
