#include "base/json_out.h"

#include "base/err.h"
#include "base/json_int.h"
#include "base/utf8.h"

enum {
	DEPTH_MAX = 64
};

void
json_out_init(struct json_out *o, struct buf *b)
{
	*o = (struct json_out){ .b = b };
}

/* What must stand before a value. */
static void
before(struct json_out *o)
{
	uint64_t bit;

	if (o->after_key || o->depth == 0) {
		o->after_key = false;
		return;
	}
	bit = (uint64_t)1 << (o->depth - 1);
	if (o->has_elem & bit)
		buf_addc(o->b, ',');
	o->has_elem |= bit;
}

static void
open_level(struct json_out *o, bool is_array)
{
	uint64_t bit;

	before(o);
	ASSERT(o->depth < DEPTH_MAX);
	bit = (uint64_t)1 << o->depth++;
	o->has_elem &= ~bit;
	o->is_array = is_array ? o->is_array | bit : o->is_array & ~bit;
	buf_addc(o->b, is_array ? '[' : '{');
}

void
json_out_obj(struct json_out *o)
{
	open_level(o, false);
}

void
json_out_arr(struct json_out *o)
{
	open_level(o, true);
}

void
json_out_end(struct json_out *o)
{
	uint64_t bit;

	ASSERT(o->depth > 0 && !o->after_key);
	bit = (uint64_t)1 << --o->depth;
	buf_addc(o->b, o->is_array & bit ? ']' : '}');
}

void
json_out_key(struct json_out *o, const char *key)
{
	size_t n = strlen(key);
	char *p;

	before(o);
	p = buf_room(o->b, n + 3);
	if (p) {
		p[0] = '"';
		memcpy(p + 1, key, n);
		p[n + 1] = '"';
		p[n + 2] = ':';
		o->b->n += n + 3;
	}
	o->after_key = true;
}

void
json_out_key_str(struct json_out *o, struct str key)
{
	before(o);
	buf_addc(o->b, '"');
	json_escape(o->b, key);
	buf_add(o->b, "\":", 2);
	o->after_key = true;
}

void
json_out_str(struct json_out *o, struct str s)
{
	before(o);
	buf_addc(o->b, '"');
	json_escape(o->b, s);
	buf_addc(o->b, '"');
}

void
json_out_strz(struct json_out *o, const char *z)
{
	json_out_str(o, str_z(z));
}

void
json_out_inner(struct json_out *o, struct str inner)
{
	before(o);
	buf_addc(o->b, '"');
	buf_adds(o->b, inner);
	buf_addc(o->b, '"');
}

void
json_out_raw(struct json_out *o, struct str raw)
{
	before(o);
	buf_adds(o->b, raw.p ? raw : STR("null"));
}

void
json_out_i64(struct json_out *o, int64_t v)
{
	before(o);
	buf_addi(o->b, v);
}

void
json_out_bool(struct json_out *o, bool v)
{
	json_out_raw(o, v ? STR("true") : STR("false"));
}

void
json_out_null(struct json_out *o)
{
	json_out_raw(o, STR("null"));
}

void
json_out_members(struct json_out *o, struct str members)
{
	if (members.n == 0)
		return;
	before(o);
	buf_adds(o->b, members);
}

void
json_out_kv_str(struct json_out *o, const char *key, struct str s)
{
	json_out_key(o, key);
	json_out_str(o, s);
}

void
json_out_kv_inner(struct json_out *o, const char *key, struct str s)
{
	json_out_key(o, key);
	json_out_inner(o, s);
}

void
json_out_kv_raw(struct json_out *o, const char *key, struct str raw)
{
	json_out_key(o, key);
	json_out_raw(o, raw);
}

void
json_out_kv_i64(struct json_out *o, const char *key, int64_t v)
{
	json_out_key(o, key);
	json_out_i64(o, v);
}

void
json_out_kv_bool(struct json_out *o, const char *key, bool v)
{
	json_out_key(o, key);
	json_out_bool(o, v);
}

/* Bytes from p that need no change: printable ASCII, no quote, no backslash. */
static size_t
plain_run(const unsigned char *p, const unsigned char *end)
{
	const unsigned char *from = p;

#ifdef JSON_SSE2
	for (; end - p >= 16; p += 16) {
		uint32_t mask = json_special16(p);

		if (mask)
			return (size_t)(p - from) + (size_t)__builtin_ctz(mask);
	}
#endif
	while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return (size_t)(p - from);
}

static void
escape_ascii(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char shorts[0x20] = { ['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't' };
	char u[6] = { '\\', 'u', '0', '0', 0, 0 };

	if (c >= 0x20) {
		u[1] = (char)c;
		buf_add(b, u, 2);
	} else if (shorts[c]) {
		u[1] = shorts[c];
		buf_add(b, u, 2);
	} else {
		u[4] = hex[c >> 4];
		u[5] = hex[c & 15];
		buf_add(b, u, 6);
	}
}

void
json_escape(struct buf *b, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	const unsigned char *end = p + s.n;
	size_t n;

	while (p < end) {
		n = plain_run(p, end);
		buf_add(b, p, n);
		p += n;
		if (p == end)
			break;
		if (*p < 0x80) {
			escape_ascii(b, *p++);
			continue;
		}
		n = utf8_seq(p, end);
		if (n)
			buf_add(b, p, n);
		else
			buf_addz(b, "\xef\xbf\xbd");
		p += n ? n : 1;
	}
}
