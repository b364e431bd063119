#include "wire/b64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define XX 0x80

/* The six bits of a character, or XX for what is no character of ours. */
/* clang-format off */
static const unsigned char six[256] = {
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, 62, XX, XX, XX, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, XX, XX, XX, XX, XX, XX,
	XX, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, XX, XX, XX, XX, XX,
	XX, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
};
/* clang-format on */

/* Four characters without padding; false when one is none of ours. */
static bool
quad(const char *in, uint32_t *bits)
{
	const unsigned char *p = (const unsigned char *)in;
	unsigned a = six[p[0]], b = six[p[1]], c = six[p[2]], d = six[p[3]];

	if ((a | b | c | d) & XX)
		return false;
	*bits = (uint32_t)(a << 18 | b << 12 | c << 6 | d);
	return true;
}

void
b64_encode(struct buf *out, const void *p, size_t n)
{
	const unsigned char *in = p;
	char *dst;
	size_t i;

	dst = n < SIZE_MAX / 2 ? buf_room(out, (n + 2) / 3 * 4) : NULL;
	if (!dst) {
		out->failed = true;
		return;
	}
	for (i = 0; i + 2 < n; i += 3) {
		*dst++ = alphabet[in[i] >> 2];
		*dst++ = alphabet[(in[i] & 3) << 4 | in[i + 1] >> 4];
		*dst++ = alphabet[(in[i + 1] & 15) << 2 | in[i + 2] >> 6];
		*dst++ = alphabet[in[i + 2] & 63];
	}
	if (n - i == 1) {
		*dst++ = alphabet[in[i] >> 2];
		*dst++ = alphabet[(in[i] & 3) << 4];
		*dst++ = '=';
		*dst++ = '=';
	} else if (n - i == 2) {
		*dst++ = alphabet[in[i] >> 2];
		*dst++ = alphabet[(in[i] & 3) << 4 | in[i + 1] >> 4];
		*dst++ = alphabet[(in[i + 1] & 15) << 2];
		*dst++ = '=';
	}
	out->n += (n + 2) / 3 * 4;
}

/* The padding: 0, 1 or 2. What is left is whole quads and perhaps a rest. */
static unsigned
padding(struct str text)
{
	unsigned n = 0;

	while (n < 2 && n < text.n && text.p[text.n - 1 - n] == '=')
		n++;
	return n;
}

/*
 * The last quad when it is padded: its one or two bytes. No bit may be set
 * behind them, so that a text has one spelling only.
 */
static enum err
last_quad(const char *p, unsigned pad, char out[2])
{
	char full[4] = { p[0], p[1], pad == 1 ? p[2] : 'A', 'A' };
	uint32_t bits;

	if (!quad(full, &bits) || bits & (pad == 1 ? 0xff : 0xffff))
		return ERR_SYNTAX;
	out[0] = (char)(bits >> 16 & 0xff);
	out[1] = (char)(bits >> 8 & 0xff);
	return ERR_OK;
}

enum err
b64_decode(struct buf *out, struct str text)
{
	unsigned pad = padding(text);
	size_t whole = pad ? text.n - 4 : text.n;
	uint32_t bits;
	char rest[2];
	char *dst;

	if (text.n % 4)
		return ERR_SYNTAX;
	if (text.n == 0)
		return out->failed ? ERR_NOMEM : ERR_OK;
	dst = buf_room(out, text.n / 4 * 3);
	if (!dst)
		return ERR_NOMEM;
	for (size_t i = 0; i < whole; i += 4) {
		if (!quad(text.p + i, &bits))
			return ERR_SYNTAX;
		*dst++ = (char)(bits >> 16 & 0xff);
		*dst++ = (char)(bits >> 8 & 0xff);
		*dst++ = (char)(bits & 0xff);
	}
	if (pad) {
		if (last_quad(text.p + whole, pad, rest) != ERR_OK)
			return ERR_SYNTAX;
		memcpy(dst, rest, 3 - pad);
	}
	out->n += text.n / 4 * 3 - pad;
	return ERR_OK;
}

/* -- data: URLs and images ----------------------------------------------- */

enum err
b64_data_url_parse(struct str text, struct b64_data_url *out)
{
	struct str scheme = STR("data:"), base64 = STR(";base64");
	struct str rest = str_skip(text, scheme.n), head;
	struct b64_data_url made;

	if (!str_case_starts(text, scheme))
		return ERR_SYNTAX;
	head = str_cut(&rest, ',');
	if (!str_present(rest))
		return ERR_SYNTAX;
	if (head.n < base64.n ||
	    !str_case_eq(str_skip(head, head.n - base64.n), base64))
		return ERR_UNSUPPORTED;
	head.n -= base64.n;
	made.payload = rest;
	made.media_type = str_trim(str_cut(&head, ';'));
	if (made.media_type.n == 0)
		made.media_type = (struct str){ NULL, 0 };
	made.params = str_present(head) ? str_trim(head) : STR("");
	*out = made;
	return ERR_OK;
}

const char *
b64_sniff_image(struct str text)
{
	unsigned char b[12] = { 0 };
	uint32_t bits;

	for (size_t i = 0; i < 4 && 4 * i + 4 <= text.n; i++) {
		if (!quad(text.p + 4 * i, &bits))
			break;
		b[3 * i] = (unsigned char)(bits >> 16 & 0xff);
		b[3 * i + 1] = (unsigned char)(bits >> 8 & 0xff);
		b[3 * i + 2] = (unsigned char)(bits & 0xff);
	}
	if (memcmp(b, "\x89PNG\r\n\x1a\n", 8) == 0)
		return "image/png";
	if (memcmp(b, "\xff\xd8\xff", 3) == 0)
		return "image/jpeg";
	if (memcmp(b, "GIF87a", 6) == 0 || memcmp(b, "GIF89a", 6) == 0)
		return "image/gif";
	if (memcmp(b, "RIFF", 4) == 0 && memcmp(b + 8, "WEBP", 4) == 0)
		return "image/webp";
	return NULL;
}
