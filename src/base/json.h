#ifndef BASE_JSON_H
#define BASE_JSON_H
/*
 * JSON scanner: one strict pass over the text (RFC 8259) that checks limits,
 * UTF-8 and duplicate keys while it goes and yields a flat tape of spans into
 * the text. Nothing is decoded or copied. The text must outlive the tape and
 * not change; it need not be NUL-terminated and is at most 2^31 bytes.
 *
 * Why not Jansson here: design.md 8 (46 us against under 1 us for a 3.6 KB
 * request; up to 75 times the input in memory for hostile input).
 *
 * Values are referred to by their index on the tape (json_ref). The root is 0;
 * JSON_NONE means absent, and every function here accepts it and answers as
 * for a value that is not there. Duplicate keys in one object are an error.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum json_type {
	JSON_T_NONE, /* only as the type of JSON_NONE */
	JSON_T_NULL,
	JSON_T_FALSE,
	JSON_T_TRUE,
	JSON_T_NUMBER,
	JSON_T_STRING,
	JSON_T_ARRAY,
	JSON_T_OBJECT,
};

typedef uint32_t json_ref;
#define JSON_NONE UINT32_MAX

/* 16 bytes. Read it through the functions below. */
struct json_tok {
	uint32_t pos; /* of the value's first byte */
	uint32_t len; /* of the raw value, quotes and brackets included */
	uint32_t next; /* tape index behind this value's subtree */
	uint32_t type : 3;
	uint32_t escaped : 1; /* a string that has a backslash */
	uint32_t count : 28; /* elements of an array, members of an object */
};

struct json {
	struct str text;
	const struct json_tok *tok;
	uint32_t n_tok;
};

struct json_limits {
	uint32_t depth; /* default 64 */
	uint32_t nodes; /* values and keys, default 200000 */
	uint32_t keys; /* per object, default 2000 */
};
#define JSON_LIMITS_DEFAULT ((struct json_limits){ 64, 200000, 2000 })

/* Where and why a scan failed, in words for the client. */
struct json_problem {
	size_t pos; /* byte offset */
	const char *why; /* static, e.g. "duplicate key", "invalid UTF-8" */
};

/*
 * Scans the whole text; blanks around the value are allowed, anything else
 * after it is not. The tape is taken from the arena and grows with the input
 * (16 bytes a node). ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM; *problem (may be NULL)
 * is filled for the first two. limits NULL means the defaults.
 */
MUST_CHECK enum err json_scan(struct json *j, struct arena *a, struct str text,
    const struct json_limits *limits, struct json_problem *problem);

/*
 * The same with a tape of the caller's that is used again and again (a stream
 * parser's): *tok and *cap grow by realloc up to the node limit; the caller
 * frees *tok.
 */
MUST_CHECK enum err json_scan_reuse(struct json *j, struct json_tok **tok,
    uint32_t *cap, struct str text, const struct json_limits *limits,
    struct json_problem *problem);

static inline enum json_type
json_type(const struct json *j, json_ref v)
{
	return v < j->n_tok ? (enum json_type)j->tok[v].type : JSON_T_NONE;
}

/* The raw text of the value as it stands, quotes included; absent for NONE. */
struct str json_raw(const struct json *j, json_ref v);
/* Of a string: what is between the quotes, still escaped. Else absent. */
struct str json_inner(const struct json *j, json_ref v);
uint32_t json_count(const struct json *j, json_ref v);

/* The member of an object; JSON_NONE when absent or v is no object. */
json_ref json_get(const struct json *j, json_ref v, const char *key);
/* The same with null taken as absent: what most wire fields want. */
json_ref json_get_set(const struct json *j, json_ref v, const char *key);
/* By path: json_at(j, 0, "usage", "prompt_tokens", NULL). */
json_ref
json_at(const struct json *j, json_ref v, ...) __attribute__((sentinel));
/* The i-th element of an array. O(i). */
json_ref json_elem(const struct json *j, json_ref v, uint32_t i);

/*
 * Iteration. Arrays: for (e = json_first(j, v); e != JSON_NONE;
 * e = json_next(j, v, e)). Objects: the same gives the KEYS; json_value(j, k)
 * is the value behind a key.
 */
json_ref json_first(const struct json *j, json_ref container);
json_ref json_next(const struct json *j, json_ref container, json_ref e);
static inline json_ref
json_value(const struct json *j, json_ref key)
{
	return key < j->n_tok ? key + 1 : JSON_NONE;
}
#define json_each(j, container, e)                                      \
	for (json_ref e = json_first((j), (container)); e != JSON_NONE; \
	     e = json_next((j), (container), e))

/* v is a string whose decoded text equals z. */
bool json_str_is(const struct json *j, json_ref v, const char *z);
bool json_is_true(const struct json *j, json_ref v);
/*
 * Decoded text of a string: the inner span itself when nothing is escaped,
 * else a copy in the arena. ERR_RANGE when v is no string. Lone surrogates
 * (\ud800) decode to U+FFFD.
 */
MUST_CHECK enum err
json_str(const struct json *j, json_ref v, struct arena *a, struct str *out);
/* As json_str, absent for anything that is no string or has no memory. */
struct str json_text(const struct json *j, json_ref v, struct arena *a);
/* An integer: 12, -3, also 1.0 and 1e3 when exact. Else ERR_RANGE. */
MUST_CHECK enum err json_i64(const struct json *j, json_ref v, int64_t *out);
/* The integer, or `otherwise` for anything else. */
int64_t json_i64_or(const struct json *j, json_ref v, int64_t otherwise);
MUST_CHECK enum err json_double(const struct json *j, json_ref v, double *out);

/*
 * The decoded form of an escaped inner text (what json_inner gives), appended
 * to out: for JSON that travels inside a JSON string (tool arguments).
 */
struct buf;
void json_unescape(struct buf *out, struct str inner);

#endif
