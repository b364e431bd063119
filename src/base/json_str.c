#include "base/json_int.h"

#include "base/buf.h"
#include "base/utf8.h"

static uint32_t
hex4(const char *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)p[i];

		v = v << 4 | (c <= '9' ? c - 48u : (c | 0x20u) - 'a' + 10u);
	}
	return v & 0xffff;
}

/* The scalar value of \uXXXX at the front of *s, with its second half. */
static uint32_t
take_u(struct str *s)
{
	uint32_t cp = hex4(s->p + 2), low;

	*s = str_skip(*s, 6);
	if (cp < 0xd800 || cp > 0xdfff)
		return cp;
	if (cp < 0xdc00 && s->n >= 6 && s->p[0] == '\\' && s->p[1] == 'u') {
		low = hex4(s->p + 2);
		if (low >= 0xdc00 && low <= 0xdfff) {
			*s = str_skip(*s, 6);
			return 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	return 0xfffd; /* half a pair alone */
}

/*
 * Decodes the escape at the front of *s (which starts with a backslash) into
 * out, returns its bytes (1..4) and moves *s behind it.
 */
static size_t
escape_take(struct str *s, char out[4])
{
	char c = s->n > 1 ? s->p[1] : '\\';

	switch (c) {
	case 'u':
		if (s->n >= 6)
			return utf8_put(take_u(s), out);
		break;
	case 'b':
		c = '\b';
		break;
	case 'f':
		c = '\f';
		break;
	case 'n':
		c = '\n';
		break;
	case 'r':
		c = '\r';
		break;
	case 't':
		c = '\t';
		break;
	default:
		break;
	}
	out[0] = c;
	*s = str_skip(*s, 2);
	return 1;
}

size_t
json_decode(struct str inner, char *out)
{
	char *to = out;

	while (inner.n) {
		size_t run = str_chr(inner, '\\');

		memcpy(to, inner.p, run);
		to += run;
		inner = str_skip(inner, run);
		if (inner.n) {
			char one[4];
			size_t n = escape_take(&inner, one);

			memcpy(to, one, n);
			to += n;
		}
	}
	return (size_t)(to - out);
}

void
json_unescape(struct buf *out, struct str inner)
{
	char one[4];

	while (inner.n && !out->failed) {
		size_t run = str_chr(inner, '\\');

		buf_add(out, inner.p, run);
		inner = str_skip(inner, run);
		if (inner.n)
			buf_add(out, one, escape_take(&inner, one));
	}
}

bool
json_str_is(const struct json *j, json_ref v, const char *z)
{
	struct str s = json_inner(j, v), want = str_z(z);
	char one[4];
	size_t n;

	if (!str_present(s))
		return false;
	if (!j->tok[v].escaped)
		return str_eq(s, want);
	while (s.n) {
		n = 1;
		if (s.p[0] == '\\') {
			n = escape_take(&s, one);
		} else {
			one[0] = s.p[0];
			s = str_skip(s, 1);
		}
		if (!str_starts(want, str_of(one, n)))
			return false;
		want = str_skip(want, n);
	}
	return want.n == 0;
}

enum err
json_str(const struct json *j, json_ref v, struct arena *a, struct str *out)
{
	struct str s = json_inner(j, v);
	char *p;
	size_t n;

	if (!str_present(s))
		return ERR_RANGE;
	if (j->tok[v].escaped) {
		p = arena_raw(a, s.n);
		if (!p)
			return ERR_NOMEM;
		n = json_decode(s, p);
		/* Smaller never fails, but may move. */
		p = arena_resize(a, p, s.n, n);
		s = str_of(p, n);
	}
	*out = s;
	return ERR_OK;
}

struct str
json_text(const struct json *j, json_ref v, struct arena *a)
{
	struct str s = { NULL, 0 };

	if (json_str(j, v, a, &s) != ERR_OK)
		return (struct str){ NULL, 0 };
	return s;
}
