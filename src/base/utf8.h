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

/*
 * Bytes of the character at p (1..4; p < end), 0 when it is not valid or cut
 * off by end.
 */
static inline size_t
utf8_seq(const unsigned char *p, const unsigned char *end)
{
	size_t left = (size_t)(end - p);
	unsigned char c = p[0];

	if (c < 0x80)
		return 1;
	if (c < 0xe0) {
		if (c < 0xc2 || left < 2 || (p[1] & 0xc0) != 0x80)
			return 0;
		return 2;
	}
	if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
		return 0;
	if (c < 0xf0) {
		/* E0 80..9F is overlong, ED A0..BF a surrogate */
		if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (c > 0xf4 || left < 4 || (p[3] & 0xc0) != 0x80 ||
	    (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
		return 0;
	return 4;
}

#endif
