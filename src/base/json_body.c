#include "base/json_int.h"

#include "base/utf8.h"

/*
 * Bytes of an escape by its second byte. 'u' has four hexadecimal digits more;
 * 0 is no escape.
 */
static const unsigned char escape_bytes[256] = {
	['"'] = 2,
	['/'] = 2,
	['\\'] = 2,
	['b'] = 2,
	['f'] = 2,
	['n'] = 2,
	['r'] = 2,
	['t'] = 2,
	['u'] = 6,
};

static bool
is_hex(unsigned char c)
{
	return (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Behind the escape at p (a backslash), NULL when there is no such escape. */
static inline const unsigned char *
skip_escape(const unsigned char *p, const unsigned char *end)
{
	size_t n = end - p > 1 ? escape_bytes[p[1]] : 0;

	if (n == 2)
		return p + 2;
	if (n == 6 && end - p >= 6 && is_hex(p[2]) && is_hex(p[3]) &&
	    is_hex(p[4]) && is_hex(p[5]))
		return p + 6;
	return NULL;
}

/* Behind the run of non-ASCII characters at p, NULL when one is invalid. */
static inline const unsigned char *
skip_utf8(const unsigned char *p, const unsigned char *end)
{
	size_t n;

	do {
		n = utf8_seq(p, end);
		if (n == 0)
			return NULL;
		p += n;
	} while (p < end && *p >= 0x80);
	return p;
}

/*
 * Behind the byte at p, which is neither plain nor a quote. NULL when it may
 * not stand there; b->at and b->why then say so.
 */
static inline const unsigned char *
skip_special(const unsigned char *p, struct json_body *b)
{
	const unsigned char *q = NULL;

	if (*p == '\\') {
		b->escaped = true;
		q = skip_escape(p, b->end);
		b->why = "invalid escape";
	} else if (*p >= 0x80) {
		q = skip_utf8(p, b->end);
		b->why = "invalid UTF-8";
	} else {
		b->why = "control character in a string";
	}
	b->at = p;
	return q;
}

#ifdef JSON_SSE2

enum {
	BLOCK = 32
};

/*
 * Whole blocks from p. The special bytes of a block are visited by their bits,
 * so that text with a line break every few words costs no second look. Returns
 * true with b->at on the closing quote; false with b->at where less than a
 * block is left, or with b->why set when the byte at b->at was refused.
 */
static bool
scan_blocks(const unsigned char *p, struct json_body *b)
{
	const unsigned char *next, *q;
	uint32_t mask;

	for (; b->end - p >= BLOCK; p = next) {
		mask = json_special16(p) | json_special16(p + 16) << 16;
		next = p + BLOCK;
		while (mask) {
			q = p + __builtin_ctz(mask);
			if (*q == '"') {
				b->at = q;
				return true;
			}
			q = skip_special(q, b);
			if (!q)
				return false;
			if (q >= p + BLOCK) {
				next = q;
				break;
			}
			mask &= UINT32_MAX << (q - p);
		}
	}
	b->at = p;
	b->why = NULL;
	return false;
}

#else

static bool
scan_blocks(const unsigned char *p, struct json_body *b)
{
	b->at = p;
	b->why = NULL;
	return false;
}

#endif

const unsigned char *
json_body_end(
    const unsigned char *p, const unsigned char *end, struct json_body *b)
{
	const unsigned char *q;

	b->end = end;
	b->escaped = false;
	if (scan_blocks(p, b))
		return b->at;
	if (b->why)
		return NULL;
	for (p = b->at; p < b->end; p = q) {
		if (*p == '"')
			return p;
		q = p + 1;
		if (*p < 0x20 || *p >= 0x80 || *p == '\\') {
			q = skip_special(p, b);
			if (!q)
				return NULL;
		}
	}
	b->at = p;
	b->why = "unterminated string";
	return NULL;
}
