#ifndef BASE_STR_H
#define BASE_STR_H
/*
 * struct str: a borrowed span of bytes, not NUL-terminated. It never owns; it
 * lives as long as what it points into. {NULL, 0} is "absent"; {p, 0} with a
 * p is "present and empty".
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

/* From a string literal. */
#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
/* For printf: "%.*s", STR_ARG(s). */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str
str_of(const char *p, size_t n)
{
	return (struct str){ p, n };
}

/* From a C string; NULL gives the absent span. */
static inline struct str
str_z(const char *z)
{
	return (struct str){ z, z ? strlen(z) : 0 };
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Names of a table mostly differ in the first byte: it is looked at first. */
static inline bool
str_eqz(struct str a, const char *z)
{
	if (a.n > 0 && z && *z != *a.p)
		return false;
	return str_eq(a, str_z(z));
}

static inline bool
str_present(struct str s)
{
	return s.p != NULL;
}

/* ASCII case-insensitive. */
bool str_case_eq(struct str a, struct str b);
bool str_case_starts(struct str s, struct str prefix);
bool str_case_contains(struct str s, struct str needle);

bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Index of the first c, or s.n when there is none. */
size_t str_chr(struct str s, char c);
/* Index of the first needle, or SIZE_MAX when there is none. */
size_t str_find(struct str s, struct str needle);
bool str_contains(struct str s, struct str needle);
/* Without leading and trailing blanks, tabs, CR and LF. */
struct str str_trim(struct str s);
/*
 * Takes the part before the first c from *rest and returns it; *rest becomes
 * what follows c, or absent when c is not there. Loop:
 *	while (str_present(rest)) { part = str_cut(&rest, ','); ... }
 */
struct str str_cut(struct str *rest, char c);
/* s without its first n bytes; n is clamped to s.n. */
struct str str_skip(struct str s, size_t n);
/* -1, 0, 1 by bytes, then by length. */
int str_cmp(struct str a, struct str b);
/* Shell-style match of '*' (any run, also empty); everything else literal. */
bool str_glob(struct str pattern, struct str s);

#endif
