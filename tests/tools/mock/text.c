#include "mock.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

static void
add_escape(struct buf *b, unsigned char c)
{
	if (c == '"' || c == '\\') {
		buf_addc(b, '\\');
		buf_addc(b, (char)c);
	} else if (c == '\n') {
		buf_add(b, "\\n", 2);
	} else if (c == '\t') {
		buf_add(b, "\\t", 2);
	} else {
		buf_printf(b, "\\u%04x", c);
	}
}

void
mock_json_esc(struct buf *b, struct str s)
{
	size_t i = 0;

	while (i < s.n) {
		size_t from = i;

		while (i < s.n && is_plain((unsigned char)s.p[i]))
			i++;
		buf_add(b, s.p + from, i - from);
		if (i < s.n)
			add_escape(b, (unsigned char)s.p[i++]);
	}
}

void
mock_json_str(struct buf *b, struct str s)
{
	buf_addc(b, '"');
	mock_json_esc(b, s);
	buf_addc(b, '"');
}

static void
add_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(b, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_addc(b, (char)(0xe0 | c >> 12));
		} else {
			buf_addc(b, (char)(0xf0 | c >> 18));
			buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_addc(b, (char)(0x80 | (c & 0x3f)));
}

/* The four digits after \u; U+FFFD when there are none. */
static uint32_t
take_hex4(struct str s, size_t i)
{
	uint64_t v;

	if (i + 4 > s.n || num_parse_hex_u64(str_of(s.p + i, 4), &v) != ERR_OK)
		return 0xfffd;
	return (uint32_t)v;
}

/* i is at the 'u'; returns the index after the escape. */
static size_t
unescape_u(struct str s, size_t i, struct buf *out)
{
	uint32_t c = take_hex4(s, i + 1), low;

	i = i + 5 < s.n ? i + 5 : s.n;
	if (c >= 0xd800 && c < 0xdc00 && i + 6 <= s.n && s.p[i] == '\\' &&
	    s.p[i + 1] == 'u') {
		low = take_hex4(s, i + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			i += 6;
		}
	}
	add_utf8(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
	return i;
}

void
mock_unescape(struct str s, struct buf *out)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	size_t i = 0;

	while (i < s.n) {
		const char *at;

		if (s.p[i] != '\\' || i + 1 >= s.n) {
			buf_addc(out, s.p[i++]);
			continue;
		}
		i++;
		if (s.p[i] == 'u') {
			i = unescape_u(s, i, out);
			continue;
		}
		at = memchr(from, s.p[i], sizeof(from) - 1);
		buf_addc(out, at ? to[at - from] : s.p[i]);
		i++;
	}
}

void
mock_url_decode(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		uint64_t v;

		if (s.p[i] == '%' && i + 2 < s.n &&
		    num_parse_hex_u64(str_of(s.p + i + 1, 2), &v) == ERR_OK) {
			buf_addc(out, (char)v);
			i += 2;
		} else {
			buf_addc(out, s.p[i]);
		}
	}
}

int64_t
mock_tokens(size_t bytes)
{
	return bytes ? (int64_t)((bytes + 3) / 4) : 1;
}
