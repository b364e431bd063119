#include "base/str.h"

#include "base/err.h"

static unsigned char
lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

static bool
case_same(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool
str_case_eq(struct str a, struct str b)
{
	return a.n == b.n && case_same(a.p, b.p, a.n);
}

bool
str_case_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && case_same(s.p, prefix.p, prefix.n);
}

bool
str_case_contains(struct str s, struct str needle)
{
	if (needle.n == 0)
		return true;
	for (size_t i = 0; i + needle.n <= s.n; i++)
		if (case_same(s.p + i, needle.p, needle.n))
			return true;
	return false;
}

bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n &&
	       (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool
str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 ||
		   memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

size_t
str_chr(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

size_t
str_find(struct str s, struct str needle)
{
	const char *at;

	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return SIZE_MAX;
	at = memmem(s.p, s.n, needle.p, needle.n);
	return at ? (size_t)(at - s.p) : SIZE_MAX;
}

bool
str_contains(struct str s, struct str needle)
{
	return str_find(s, needle) != SIZE_MAX;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str
str_trim(struct str s)
{
	while (s.n && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str
str_cut(struct str *rest, char c)
{
	struct str s = *rest;
	size_t at = str_chr(s, c);

	if (at == s.n)
		*rest = (struct str){ NULL, 0 };
	else
		*rest = (struct str){ s.p + at + 1, s.n - at - 1 };
	s.n = at;
	return s;
}

struct str
str_skip(struct str s, size_t n)
{
	if (!s.p)
		return s;
	if (n > s.n)
		n = s.n;
	return (struct str){ s.p + n, s.n - n };
}

int
str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	if (c == 0)
		c = (a.n > b.n) - (a.n < b.n);
	return (c > 0) - (c < 0);
}

bool
str_glob(struct str pattern, struct str s)
{
	size_t p = 0, i = 0;
	size_t star = SIZE_MAX, from = 0; /* last '*', and where it ends now */

	while (i < s.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = i;
		} else if (p < pattern.n && pattern.p[p] == s.p[i]) {
			p++;
			i++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}
