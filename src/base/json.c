#include "base/json.h"

#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/fault.h"
#include "base/json_int.h"
#include "base/utf8.h"

/*
 * One pass, no recursion and no stack: while a container is open its `next`
 * holds the index of the container around it, so the tape is the stack.
 */

enum {
	TEXT_MAX = INT32_MAX,
	NODES_MAX = (1 << 28) - 1, /* what json_tok.count can say */
	TAPE_FIRST = 64,
};

enum step {
	WANT_VALUE,
	WANT_KEY,
	AFTER_VALUE,
	FINISHED,
	FAILED
};

struct scan {
	const unsigned char *p;
	const unsigned char *end;
	const unsigned char *begin;
	struct json_tok *tok;
	uint32_t n;
	uint32_t cap; /* usable tokens, at most limits.nodes */
	uint32_t open; /* innermost open container, or JSON_NONE */
	uint32_t depth;
	struct json_limits limits;
	struct arena *arena; /* owns the tape; else *reuse does */
	struct json_tok **reuse;
	uint32_t *reuse_cap;
	enum err err;
	const char *why;
};

static enum step
fail(struct scan *s, enum err e, const char *why)
{
	s->err = e;
	s->why = why;
	return FAILED;
}

/* The most tokens that the text can need: every second byte starts one. */
static uint32_t
tape_bound(const struct scan *s)
{
	size_t n = (size_t)(s->end - s->begin) / 2 + 2;

	return n < s->limits.nodes ? (uint32_t)n : s->limits.nodes;
}

/* Cold: another stretch of tape. */
static __attribute__((noinline)) bool
tape_grow(struct scan *s)
{
	uint32_t bound = tape_bound(s);
	uint32_t cap = s->cap > bound / 2 ? bound : s->cap * 2;
	struct json_tok *tok;

	if (s->cap >= bound) {
		fail(s, ERR_LIMIT, "too many values");
		return false;
	}
	if (cap < TAPE_FIRST)
		cap = bound < TAPE_FIRST ? bound : TAPE_FIRST;
	if (fault("json.tape"))
		tok = NULL;
	else if (s->arena)
		tok = arena_resize(s->arena, s->tok, s->cap * sizeof(*tok),
		    cap * sizeof(*tok));
	else
		tok = realloc(s->tok, cap * sizeof(*tok));
	if (!tok) {
		fail(s, ERR_NOMEM, "out of memory");
		return false;
	}
	s->tok = tok;
	s->cap = cap;
	if (!s->arena) {
		*s->reuse = tok;
		*s->reuse_cap = cap;
	}
	return true;
}

/* The token behind the last, or NULL (failed). */
static inline struct json_tok *
tok_add(struct scan *s, enum json_type type)
{
	struct json_tok *t;

	if (__builtin_expect(s->n >= s->cap, 0) && !tape_grow(s))
		return NULL;
	t = &s->tok[s->n++];
	t->pos = (uint32_t)(s->p - s->begin);
	t->len = 0;
	t->next = s->n;
	t->type = type & 7;
	t->escaped = 0;
	t->count = 0;
	return t;
}

static inline const unsigned char *
skip_blank(const unsigned char *p, const unsigned char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/* From p to the first byte of a string that needs a look, or end. */
static inline const unsigned char *
skip_plain(const unsigned char *p, const unsigned char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i slash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(' ');

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		/* As signed bytes, those above 0x7f are below 0x20 too. */
		__m128i look = _mm_or_si128(_mm_cmplt_epi8(v, space),
		    _mm_or_si128(
			_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)));
		unsigned mask = (unsigned)_mm_movemask_epi8(look);

		if (mask)
			return p + __builtin_ctz(mask);
	}
#endif
	while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

static bool
is_hex(unsigned char c)
{
	return (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Bytes of the escape at p (a backslash), 0 when there is no such escape. */
static size_t
escape_size(const unsigned char *p, const unsigned char *end)
{
	if (end - p < 2)
		return 0;
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return 2;
	case 'u':
		if (end - p >= 6 && is_hex(p[2]) && is_hex(p[3]) &&
		    is_hex(p[4]) && is_hex(p[5]))
			return 6;
		return 0;
	default:
		return 0;
	}
}

/* A string with s->p on its opening quote; s->p moves behind the closing. */
static inline bool
scan_string(struct scan *s)
{
	struct json_tok *t = tok_add(s, JSON_T_STRING);
	const unsigned char *p = s->p + 1, *end = s->end;
	size_t n;

	if (!t)
		return false;
	for (;;) {
		p = skip_plain(p, end);
		if (p == end) {
			fail(s, ERR_SYNTAX, "unterminated string");
			break;
		}
		if (*p == '"') {
			p++;
			t->len = (uint32_t)(p - s->p);
			s->p = p;
			return true;
		}
		if (*p == '\\') {
			t->escaped = 1;
			n = escape_size(p, end);
			if (n == 0) {
				fail(s, ERR_SYNTAX, "invalid escape");
				break;
			}
			p += n;
			continue;
		}
		if (*p < 0x20) {
			fail(s, ERR_SYNTAX, "control character in a string");
			break;
		}
		do {
			n = utf8_seq(p, end);
			p += n;
		} while (n && p < end && *p >= 0x80);
		if (n == 0) {
			fail(s, ERR_SYNTAX, "invalid UTF-8");
			break;
		}
	}
	s->p = p;
	return false;
}

static inline bool
is_digit(const unsigned char *p, const unsigned char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

/* number = [ "-" ] int [ frac ] [ exp ] (RFC 8259, 6) */
static enum step
scan_number(struct scan *s)
{
	struct json_tok *t = tok_add(s, JSON_T_NUMBER);
	const unsigned char *p = s->p, *end = s->end;

	if (!t)
		return FAILED;
	if (*p == '-')
		p++;
	if (!is_digit(p, end))
		goto bad;
	if (*p++ != '0')
		while (is_digit(p, end))
			p++;
	if (p < end && *p == '.') {
		p++;
		if (!is_digit(p, end))
			goto bad;
		while (is_digit(p, end))
			p++;
	}
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!is_digit(p, end))
			goto bad;
		while (is_digit(p, end))
			p++;
	}
	t->len = (uint32_t)(p - s->p);
	s->p = p;
	return AFTER_VALUE;
bad:
	s->p = p;
	return fail(s, ERR_SYNTAX, "invalid number");
}

static enum step
scan_word(struct scan *s, enum json_type type, struct str word)
{
	struct json_tok *t;

	if ((size_t)(s->end - s->p) < word.n ||
	    memcmp(s->p, word.p, word.n) != 0)
		return fail(s, ERR_SYNTAX, "unexpected character");
	t = tok_add(s, type);
	if (!t)
		return FAILED;
	t->len = (uint32_t)word.n;
	s->p += word.n;
	return AFTER_VALUE;
}

/* s->p is on the closing bracket of the innermost container. */
static enum step
close_container(struct scan *s)
{
	struct json_tok *t = &s->tok[s->open];
	uint32_t outer = t->next, twice = JSON_NONE;

	s->p++;
	t->len = (uint32_t)(s->p - s->begin) - t->pos;
	t->next = s->n;
	if (t->type == JSON_T_OBJECT && t->count > 1) {
		if (json_dup_find(s->tok, s->open, (const char *)s->begin,
			&twice) != ERR_OK)
			return fail(s, ERR_NOMEM, "out of memory");
		if (twice != JSON_NONE) {
			s->p = s->begin + s->tok[twice].pos;
			return fail(s, ERR_SYNTAX, "duplicate key");
		}
	}
	s->open = outer;
	s->depth--;
	return AFTER_VALUE;
}

static enum step
open_container(struct scan *s, enum json_type type)
{
	struct json_tok *t;

	if (s->depth >= s->limits.depth)
		return fail(s, ERR_LIMIT, "nested too deeply");
	t = tok_add(s, type);
	if (!t)
		return FAILED;
	t->next = s->open;
	s->open = s->n - 1;
	s->depth++;
	s->p = skip_blank(s->p + 1, s->end);
	if (s->p < s->end && *s->p == (type == JSON_T_ARRAY ? ']' : '}'))
		return close_container(s);
	return type == JSON_T_ARRAY ? WANT_VALUE : WANT_KEY;
}

static inline enum step
scan_value(struct scan *s)
{
	s->p = skip_blank(s->p, s->end);
	if (s->p == s->end)
		return fail(s, ERR_SYNTAX, "unexpected end");
	if (s->open != JSON_NONE && s->tok[s->open].type == JSON_T_ARRAY)
		s->tok[s->open].count++;
	switch (*s->p) {
	case '"':
		return scan_string(s) ? AFTER_VALUE : FAILED;
	case '{':
		return open_container(s, JSON_T_OBJECT);
	case '[':
		return open_container(s, JSON_T_ARRAY);
	case 't':
		return scan_word(s, JSON_T_TRUE, STR("true"));
	case 'f':
		return scan_word(s, JSON_T_FALSE, STR("false"));
	case 'n':
		return scan_word(s, JSON_T_NULL, STR("null"));
	default:
		if (*s->p == '-' || is_digit(s->p, s->end))
			return scan_number(s);
		return fail(s, ERR_SYNTAX, "unexpected character");
	}
}

static inline enum step
scan_key(struct scan *s)
{
	s->p = skip_blank(s->p, s->end);
	if (s->p == s->end)
		return fail(s, ERR_SYNTAX, "unexpected end");
	if (*s->p != '"')
		return fail(s, ERR_SYNTAX, "expected a key");
	if (s->tok[s->open].count >= s->limits.keys)
		return fail(s, ERR_LIMIT, "too many keys in an object");
	s->tok[s->open].count++;
	if (!scan_string(s))
		return FAILED;
	s->p = skip_blank(s->p, s->end);
	if (s->p == s->end || *s->p != ':')
		return fail(s, ERR_SYNTAX, "expected ':'");
	s->p++;
	return WANT_VALUE;
}

static inline enum step
scan_after(struct scan *s)
{
	bool is_array;

	s->p = skip_blank(s->p, s->end);
	if (s->open == JSON_NONE)
		return s->p == s->end
			   ? FINISHED
			   : fail(s, ERR_SYNTAX, "text after the value");
	if (s->p == s->end)
		return fail(s, ERR_SYNTAX, "unexpected end");
	is_array = s->tok[s->open].type == JSON_T_ARRAY;
	if (*s->p == ',') {
		s->p++;
		return is_array ? WANT_VALUE : WANT_KEY;
	}
	if (*s->p == (is_array ? ']' : '}'))
		return close_container(s);
	return fail(s, ERR_SYNTAX,
	    is_array ? "expected ',' or ']'" : "expected ',' or '}'");
}

static enum err
scan_run(struct scan *s, struct json_problem *problem)
{
	enum step step = WANT_VALUE;

	if (s->end - s->begin > TEXT_MAX)
		step = fail(s, ERR_LIMIT, "text too long");
	else if (s->end - s->p >= 3 && memcmp(s->p, "\xef\xbb\xbf", 3) == 0)
		step = fail(s, ERR_SYNTAX, "byte order mark");
	for (;;) {
		switch (step) {
		case WANT_VALUE:
			step = scan_value(s);
			break;
		case WANT_KEY:
			step = scan_key(s);
			break;
		case AFTER_VALUE:
			step = scan_after(s);
			break;
		case FINISHED:
			return ERR_OK;
		case FAILED:
			if (problem) {
				problem->pos = (size_t)(s->p - s->begin);
				problem->why = s->why;
			}
			return s->err;
		}
	}
}

static struct scan
scan_begin(struct str text, const struct json_limits *limits)
{
	const char *p = text.p ? text.p : "";
	struct scan s = {
		.p = (const unsigned char *)p,
		.begin = (const unsigned char *)p,
		.end = (const unsigned char *)p + text.n,
		.open = JSON_NONE,
		.limits = limits ? *limits : JSON_LIMITS_DEFAULT,
	};

	if (s.limits.nodes > NODES_MAX)
		s.limits.nodes = NODES_MAX;
	return s;
}

enum err
json_scan(struct json *j, struct arena *a, struct str text,
    const struct json_limits *limits, struct json_problem *problem)
{
	struct scan s = scan_begin(text, limits);
	struct json_tok *tok;
	enum err e;

	s.arena = a;
	e = scan_run(&s, problem);
	/* Hand back what was too much: the request lives longer than we do. */
	if (s.tok) {
		tok = arena_resize(
		    a, s.tok, s.cap * sizeof(*tok), s.n * sizeof(*tok));
		s.tok = tok ? tok : s.tok;
	}
	if (e == ERR_OK)
		*j = (struct json){ text, s.tok, s.n };
	return e;
}

enum err
json_scan_reuse(struct json *j, struct json_tok **tok, uint32_t *cap,
    struct str text, const struct json_limits *limits,
    struct json_problem *problem)
{
	struct scan s = scan_begin(text, limits);
	enum err e;

	s.reuse = tok;
	s.reuse_cap = cap;
	s.tok = *tok;
	s.cap = *cap < s.limits.nodes ? *cap : s.limits.nodes;
	e = scan_run(&s, problem);
	if (e == ERR_OK)
		*j = (struct json){ text, s.tok, s.n };
	return e;
}
