#include "prov/inner.h"

#include <stdlib.h>

/* Length of the blank at the beginning of s: 0 when there is none. */
static size_t
blank_at(struct str s)
{
	static const char *const coded[] = { "\\u0020", "\\u0009", "\\u000a",
		"\\u000A", "\\u000d", "\\u000D" };

	switch (s.p[0]) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		return 1;
	case '\\':
		break;
	default:
		return 0;
	}
	if (s.n >= 2 && (s.p[1] == 'n' || s.p[1] == 'r' || s.p[1] == 't'))
		return 2;
	for (size_t i = 0; i < sizeof(coded) / sizeof(coded[0]); i++)
		if (str_starts(s, str_z(coded[i])))
			return 6;
	return 0;
}

bool
prov_inner_is_blank(struct str inner)
{
	while (inner.n != 0) {
		size_t n = blank_at(inner);

		if (n == 0)
			return false;
		inner = str_skip(inner, n);
	}
	return true;
}

/*
 * Does the blank of n bytes that seems to end s really do so? "\\n" (an escaped
 * backslash and the letter n) ends in what looks like one.
 */
static bool
ends_in(struct str s, size_t n)
{
	size_t slashes = 0;
	size_t at = s.n - n;

	if (s.n < n || blank_at(str_skip(s, at)) != n)
		return false;
	if (n == 1)
		return true;
	while (slashes < at && s.p[at - 1 - slashes] == '\\')
		slashes++;
	return slashes % 2 == 0;
}

struct str
prov_inner_rtrim(struct str inner)
{
	static const size_t lengths[] = { 1, 2, 6 };
	size_t i;

	do {
		for (i = 0; i < 3; i++) {
			if (inner.n >= lengths[i] &&
			    ends_in(inner, lengths[i])) {
				inner.n -= lengths[i];
				break;
			}
		}
	} while (i < 3);
	return inner;
}

void
prov_tape_fini(struct prov_tape *t)
{
	free(t->tok);
	*t = (struct prov_tape){ 0 };
}

/* What json.* allows at most: the body has passed its own limits before. */
static const struct json_limits tape_limits = { 512, 10000000, 100000 };

bool
prov_tape_scan(struct prov_tape *t, struct str raw, struct json *j)
{
	enum err e =
	    json_scan_reuse(j, &t->tok, &t->cap, raw, &tape_limits, NULL);

	t->failed |= e == ERR_NOMEM;
	return e == ERR_OK;
}

bool
prov_put_arguments(struct buf *b, struct prov_tape *t, struct str inner)
{
	size_t start = b->n;
	struct json j;
	bool ok;

	if (prov_inner_is_blank(inner)) {
		buf_addz(b, "{}");
		return true;
	}
	json_unescape(b, inner);
	if (b->failed)
		return true;
	ok = prov_tape_scan(t, str_of(b->p + start, b->n - start), &j);
	if (ok && json_type(&j, 0) == JSON_T_OBJECT)
		return true;
	b->n = start;
	if (ok && json_type(&j, 0) == JSON_T_NULL) {
		buf_addz(b, "{}");
		return true;
	}
	buf_addz(b, "{\"_raw\":\"");
	buf_adds(b, inner);
	buf_addz(b, "\"}");
	return false;
}

void
prov_put_members(
    struct buf *b, const struct json *j, json_ref v, const char *const *known)
{
	json_each (j, v, k) {
		struct str key = json_raw(j, k);
		const char *const *z = known;

		while (*z != NULL && !json_str_is(j, k, *z))
			z++;
		if (*z != NULL ||
		    json_type(j, json_value(j, k)) == JSON_T_NULL ||
		    str_contains(buf_str(b), key))
			continue;
		if (b->n != 0)
			buf_addc(b, ',');
		buf_adds(b, key);
		buf_addc(b, ':');
		buf_adds(b, json_raw(j, json_value(j, k)));
	}
}
