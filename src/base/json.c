#include "base/json.h"

#include <stdlib.h>
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
	const unsigned char *begin;
	const unsigned char *end;
	struct json_tok *tok;
	uint32_t n;
	uint32_t cap; /* usable tokens, at most limits.nodes */
	uint32_t open; /* innermost open container, or JSON_NONE */
	uint32_t count; /* its elements or members so far */
	uint32_t depth;
	bool in_array; /* it is one */
	struct json_limits limits;
	struct arena *arena; /* owns the tape; else *reuse does */
	struct json_tok **reuse;
	uint32_t *reuse_cap;
	enum err err;
	const char *why;
	const unsigned char *at; /* where it failed */
};

static enum step
fail(struct scan *s, const unsigned char *at, enum err e, const char *why)
{
	s->at = at;
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

/* Cold: another stretch of tape, for a token at p. */
static __attribute__((noinline)) bool
tape_grow(struct scan *s, const unsigned char *p)
{
	uint32_t bound = tape_bound(s);
	uint32_t cap = s->cap > bound / 2 ? bound : s->cap * 2;
	struct json_tok *tok;

	if (s->cap >= bound) {
		fail(s, p, ERR_LIMIT, "too many values");
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
		fail(s, p, ERR_NOMEM, "out of memory");
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

/* Adds the token of a value from p to q; false: failed. */
static inline bool
tok_add(struct scan *s, enum json_type type, const unsigned char *p,
    const unsigned char *q, bool escaped)
{
	uint32_t i = s->n;

	if (__builtin_expect(i >= s->cap, 0) && !tape_grow(s, p))
		return false;
	s->tok[i] = (struct json_tok){
		.pos = (uint32_t)(p - s->begin),
		.len = (uint32_t)(q - p),
		.next = i + 1,
		.type = type & 7,
		.escaped = escaped,
	};
	s->n = i + 1;
	return true;
}

static inline const unsigned char *
skip_blank(const unsigned char *p, const unsigned char *end)
{
	/* Most often there is none: one comparison says so. */
	while (p < end && *p <= ' ' &&
	       (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/* The closing quote when it is within 16 plain bytes from p, else NULL. */
static inline const unsigned char *
near_quote(const unsigned char *p, const unsigned char *end)
{
#ifdef JSON_SSE2
	uint32_t mask = end - p < 16 ? 0 : json_special16(p);

	if (mask == 0)
		return NULL;
	p += __builtin_ctz(mask);
	return *p == '"' ? p : NULL;
#else
	(void)p;
	(void)end;
	return NULL;
#endif
}

/* A string with its opening quote at *at; *at moves behind the closing one. */
static inline bool
scan_string(struct scan *s, const unsigned char **at)
{
	const unsigned char *p = *at;
	const unsigned char *q = near_quote(p + 1, s->end);
	bool escaped = false;

	if (!q) {
		struct json_body b;

		q = json_body_end(p + 1, s->end, &b);
		if (!q) {
			fail(s, b.at, ERR_SYNTAX, b.why);
			return false;
		}
		escaped = b.escaped;
	}
	*at = q + 1;
	return tok_add(s, JSON_T_STRING, p, q + 1, escaped);
}

static inline bool
is_digit(const unsigned char *p, const unsigned char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

static inline const unsigned char *
skip_digits(const unsigned char *p, const unsigned char *end)
{
	while (is_digit(p, end))
		p++;
	return p;
}

/* number = [ "-" ] int [ frac ] [ exp ] (RFC 8259, 6) */
static enum step
scan_number(struct scan *s, const unsigned char **at)
{
	const unsigned char *p = *at, *end = s->end;

	if (*p == '-')
		p++;
	if (!is_digit(p, end))
		goto bad;
	p = *p == '0' ? p + 1 : skip_digits(p, end);
	if (p < end && *p == '.') {
		if (!is_digit(++p, end))
			goto bad;
		p = skip_digits(p, end);
	}
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!is_digit(p, end))
			goto bad;
		p = skip_digits(p, end);
	}
	if (!tok_add(s, JSON_T_NUMBER, *at, p, false))
		return FAILED;
	*at = p;
	return AFTER_VALUE;
bad:
	return fail(s, p, ERR_SYNTAX, "invalid number");
}

static inline enum step
scan_word(struct scan *s, const unsigned char **at, enum json_type type,
    struct str word)
{
	const unsigned char *p = *at;

	if ((size_t)(s->end - p) < word.n || memcmp(p, word.p, word.n) != 0)
		return fail(s, p, ERR_SYNTAX, "unexpected character");
	*at = p + word.n;
	return tok_add(s, type, p, *at, false) ? AFTER_VALUE : FAILED;
}

/* *at is on the closing bracket of the innermost container. */
static inline enum step
close_container(struct scan *s, const unsigned char **at)
{
	uint32_t closed = s->open, twice = JSON_NONE;
	struct json_tok *t = &s->tok[closed];

	s->open = t->next;
	t->len = (uint32_t)(++*at - s->begin) - t->pos;
	t->next = s->n;
	t->count = s->count & NODES_MAX;
	if (!s->in_array && s->count > 1) {
		if (json_dup_find(s->tok, closed, (const char *)s->begin,
			&twice) != ERR_OK)
			return fail(s, *at, ERR_NOMEM, "out of memory");
		if (twice != JSON_NONE)
			return fail(s, s->begin + s->tok[twice].pos, ERR_SYNTAX,
			    "duplicate key");
	}
	s->depth--;
	if (s->open != JSON_NONE) {
		t = &s->tok[s->open];
		s->count = t->count;
		s->in_array = t->type == JSON_T_ARRAY;
	}
	return AFTER_VALUE;
}

static inline enum step
open_container(struct scan *s, const unsigned char **at, enum json_type type)
{
	const unsigned char *p = *at;

	if (s->depth >= s->limits.depth)
		return fail(s, p, ERR_LIMIT, "nested too deeply");
	if (!tok_add(s, type, p, p, false))
		return FAILED;
	if (s->open != JSON_NONE)
		s->tok[s->open].count = s->count & NODES_MAX;
	s->tok[s->n - 1].next = s->open;
	s->open = s->n - 1;
	s->count = 0;
	s->in_array = type == JSON_T_ARRAY;
	s->depth++;
	*at = p = skip_blank(p + 1, s->end);
	if (p < s->end && *p == (s->in_array ? ']' : '}'))
		return close_container(s, at);
	return s->in_array ? WANT_VALUE : WANT_KEY;
}

static inline enum step
scan_value(struct scan *s, const unsigned char **at)
{
	*at = skip_blank(*at, s->end);
	if (*at == s->end)
		return fail(s, *at, ERR_SYNTAX, "unexpected end");
	s->count += s->in_array;
	switch (**at) {
	case '"':
		return scan_string(s, at) ? AFTER_VALUE : FAILED;
	case '{':
		return open_container(s, at, JSON_T_OBJECT);
	case '[':
		return open_container(s, at, JSON_T_ARRAY);
	case 't':
		return scan_word(s, at, JSON_T_TRUE, STR("true"));
	case 'f':
		return scan_word(s, at, JSON_T_FALSE, STR("false"));
	case 'n':
		return scan_word(s, at, JSON_T_NULL, STR("null"));
	default:
		if (**at == '-' || is_digit(*at, s->end))
			return scan_number(s, at);
		return fail(s, *at, ERR_SYNTAX, "unexpected character");
	}
}

static inline enum step
scan_key(struct scan *s, const unsigned char **at)
{
	const unsigned char *p = skip_blank(*at, s->end);

	if (p == s->end)
		return fail(s, p, ERR_SYNTAX, "unexpected end");
	if (*p != '"')
		return fail(s, p, ERR_SYNTAX, "expected a key");
	if (s->count >= s->limits.keys)
		return fail(s, p, ERR_LIMIT, "too many keys in an object");
	s->count++;
	if (!scan_string(s, &p))
		return FAILED;
	p = skip_blank(p, s->end);
	if (p == s->end || *p != ':')
		return fail(s, p, ERR_SYNTAX, "expected ':'");
	*at = p + 1;
	return WANT_VALUE;
}

static inline enum step
scan_after(struct scan *s, const unsigned char **at)
{
	const unsigned char *p = skip_blank(*at, s->end);

	*at = p;
	if (s->open == JSON_NONE)
		return p == s->end
			   ? FINISHED
			   : fail(s, p, ERR_SYNTAX, "text after the value");
	if (p == s->end)
		return fail(s, p, ERR_SYNTAX, "unexpected end");
	if (*p == ',') {
		*at = p + 1;
		return s->in_array ? WANT_VALUE : WANT_KEY;
	}
	if (*p == (s->in_array ? ']' : '}'))
		return close_container(s, at);
	return fail(s, p, ERR_SYNTAX,
	    s->in_array ? "expected ',' or ']'" : "expected ',' or '}'");
}

static enum err
scan_run(struct scan *s, struct json_problem *problem)
{
	const unsigned char *p = s->begin;
	enum step step = WANT_VALUE;

	if (s->end - p > TEXT_MAX)
		step = fail(s, p, ERR_LIMIT, "text too long");
	else if (s->end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		step = fail(s, p, ERR_SYNTAX, "byte order mark");
	for (;;) {
		switch (step) {
		case WANT_VALUE:
			step = scan_value(s, &p);
			break;
		case WANT_KEY:
			step = scan_key(s, &p);
			break;
		case AFTER_VALUE:
			step = scan_after(s, &p);
			break;
		case FINISHED:
			return ERR_OK;
		case FAILED:
			if (problem && s->err != ERR_NOMEM) {
				problem->pos = (size_t)(s->at - s->begin);
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
