#include "api/split.h"

#include <stdbool.h>

/* How far beyond `want` the end of a word is looked for. */
#define WORD_MAX 24

/* Bytes of the character or escape at p. */
static size_t
unit_length(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = 1;

	if (c == '\\')
		n = s.n > 1 && s.p[1] == 'u' ? 6 : 2;
	else if (c >= 0xf0)
		n = 4;
	else if (c >= 0xe0)
		n = 3;
	else if (c >= 0xc0)
		n = 2;
	return n < s.n ? n : s.n;
}

/* \uD8xx .. \uDBxx: its second half belongs to it. */
static bool
is_high_surrogate(struct str unit)
{
	return unit.n == 6 && (unit.p[2] == 'd' || unit.p[2] == 'D') &&
	       (unit.p[3] == '8' || unit.p[3] == '9' || unit.p[3] == 'a' ||
		   unit.p[3] == 'A' || unit.p[3] == 'b' || unit.p[3] == 'B');
}

size_t
api_split(struct str inner, size_t want)
{
	size_t at = 0;

	while (at < inner.n) {
		struct str rest = str_skip(inner, at);
		size_t n = unit_length(rest);

		if (is_high_surrogate(str_of(rest.p, n)))
			n += n < rest.n ? unit_length(str_skip(rest, n)) : 0;
		at += n;
		if (at >= want + WORD_MAX || (at >= want && rest.p[0] == ' '))
			break;
	}
	return at;
}
