#include "base/json.h"

#include <stdarg.h>

#include "base/num.h"

struct str
json_raw(const struct json *j, json_ref v)
{
	if (v >= j->n_tok)
		return (struct str){ NULL, 0 };
	return str_of(j->text.p + j->tok[v].pos, j->tok[v].len);
}

struct str
json_inner(const struct json *j, json_ref v)
{
	if (json_type(j, v) != JSON_T_STRING)
		return (struct str){ NULL, 0 };
	return str_of(j->text.p + j->tok[v].pos + 1, j->tok[v].len - 2);
}

uint32_t
json_count(const struct json *j, json_ref v)
{
	return v < j->n_tok ? j->tok[v].count : 0;
}

static bool
key_is(const struct json *j, json_ref k, struct str key)
{
	const struct json_tok *t = &j->tok[k];

	if (t->escaped)
		return json_str_is(j, k, key.p);
	return t->len - 2 == key.n &&
	       memcmp(j->text.p + t->pos + 1, key.p, key.n) == 0;
}

json_ref
json_get(const struct json *j, json_ref v, const char *key)
{
	struct str want = str_z(key);

	if (json_type(j, v) != JSON_T_OBJECT)
		return JSON_NONE;
	for (json_ref k = v + 1; k < j->tok[v].next; k = j->tok[k + 1].next)
		if (key_is(j, k, want))
			return k + 1;
	return JSON_NONE;
}

json_ref
json_get_set(const struct json *j, json_ref v, const char *key)
{
	json_ref r = json_get(j, v, key);

	return json_type(j, r) == JSON_T_NULL ? JSON_NONE : r;
}

json_ref
json_at(const struct json *j, json_ref v, ...)
{
	const char *key;
	va_list ap;

	va_start(ap, v);
	while (v != JSON_NONE && (key = va_arg(ap, const char *)))
		v = json_get(j, v, key);
	va_end(ap);
	return v;
}

json_ref
json_elem(const struct json *j, json_ref v, uint32_t i)
{
	json_ref e;

	if (json_type(j, v) != JSON_T_ARRAY || i >= j->tok[v].count)
		return JSON_NONE;
	for (e = v + 1; i; i--)
		e = j->tok[e].next;
	return e;
}

json_ref
json_first(const struct json *j, json_ref container)
{
	return json_count(j, container) ? container + 1 : JSON_NONE;
}

json_ref
json_next(const struct json *j, json_ref container, json_ref e)
{
	bool is_object = json_type(j, container) == JSON_T_OBJECT;
	json_ref next;

	if (e >= j->n_tok || container >= j->n_tok)
		return JSON_NONE;
	next = j->tok[is_object ? e + 1 : e].next;
	return next < j->tok[container].next ? next : JSON_NONE;
}

bool
json_is_true(const struct json *j, json_ref v)
{
	return json_type(j, v) == JSON_T_TRUE;
}

/* A number's digits as an integer and a power of ten: -1.50e3 is -15, 2. */
struct digits {
	uint64_t v;
	int64_t exp10;
	bool is_negative;
	bool fits;
};

static void
digit_add(struct digits *d, char c, int64_t *zeros)
{
	/* Zeros wait: at the end they belong to the exponent. */
	if (c == '0') {
		*zeros += d->v != 0;
		return;
	}
	for (; *zeros && d->fits; --*zeros)
		d->fits = !__builtin_mul_overflow(d->v, 10, &d->v);
	d->fits = d->fits && !__builtin_mul_overflow(d->v, 10, &d->v) &&
		  !__builtin_add_overflow(d->v, c - '0', &d->v);
}

/* raw has passed the scanner, so its grammar holds. */
static struct digits
digits_of(struct str raw)
{
	struct digits d = { .fits = true };
	int64_t zeros = 0, exp = 0;
	bool after_point = false;

	for (size_t i = 0; i < raw.n && d.fits; i++) {
		char c = raw.p[i];

		if (c == '-') {
			d.is_negative = true;
		} else if (c == '.') {
			after_point = true;
		} else if (c == 'e' || c == 'E') {
			d.fits =
			    num_parse_i64(str_skip(raw, i + 1), &exp) == ERR_OK;
			break;
		} else {
			d.exp10 -= after_point;
			digit_add(&d, c, &zeros);
		}
	}
	d.exp10 = num_add_i64_sat(d.exp10 + zeros, exp);
	return d;
}

/* Digits and nothing else, too few to overflow: nearly all counts are so. */
static bool
is_plain(struct str raw, int64_t *out)
{
	int64_t n = 0;

	if (raw.n > 18)
		return false;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] < '0' || raw.p[i] > '9')
			return false;
		n = n * 10 + (raw.p[i] - '0');
	}
	*out = n;
	return true;
}

enum err
json_i64(const struct json *j, json_ref v, int64_t *out)
{
	struct digits d;
	uint64_t max;

	if (json_type(j, v) != JSON_T_NUMBER)
		return ERR_RANGE;
	if (is_plain(json_raw(j, v), out))
		return ERR_OK;
	d = digits_of(json_raw(j, v));
	if (!d.fits && d.v != 0)
		return ERR_RANGE;
	if (d.v == 0) {
		*out = 0;
		return ERR_OK;
	}
	if (d.exp10 < 0 || d.exp10 > 18)
		return ERR_RANGE;
	for (; d.exp10; d.exp10--)
		if (__builtin_mul_overflow(d.v, 10, &d.v))
			return ERR_RANGE;
	max = (uint64_t)INT64_MAX + d.is_negative;
	if (d.v > max)
		return ERR_RANGE;
	*out = (int64_t)(d.is_negative ? 0 - d.v : d.v);
	return ERR_OK;
}

int64_t
json_i64_or(const struct json *j, json_ref v, int64_t otherwise)
{
	int64_t n;

	return json_i64(j, v, &n) == ERR_OK ? n : otherwise;
}

enum err
json_double(const struct json *j, json_ref v, double *out)
{
	if (json_type(j, v) != JSON_T_NUMBER)
		return ERR_RANGE;
	return num_parse_double(json_raw(j, v), out);
}
