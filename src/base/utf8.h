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

#endif
