#ifndef BASE_JSON_OUT_H
#define BASE_JSON_OUT_H
/*
 * JSON writer over a buf: puts commas and colons, escapes what is decoded and
 * splices what is raw. It does not check nesting beyond an ASSERT on depth
 * (64). Test b->failed at the end.
 *
 *	struct json_out o;
 *	json_out_init(&o, &b);
 *	json_out_obj(&o);
 *	json_out_key(&o, "model");
 *	json_out_str(&o, model);
 *	json_out_end(&o);
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct json_out {
	struct buf *b;
	uint64_t is_array; /* bit per depth */
	uint64_t has_elem; /* bit per depth */
	unsigned depth;
	bool after_key;
};

void json_out_init(struct json_out *o, struct buf *b);
void json_out_obj(struct json_out *o);
void json_out_arr(struct json_out *o);
/* Closes the innermost object or array. */
void json_out_end(struct json_out *o);

/* key is a literal that needs no escaping. */
void json_out_key(struct json_out *o, const char *key);
/* key is decoded text and is escaped. */
void json_out_key_str(struct json_out *o, struct str key);

/* Decoded text: escaped and quoted. Invalid UTF-8 becomes U+FFFD. */
void json_out_str(struct json_out *o, struct str s);
void json_out_strz(struct json_out *o, const char *z);
/* Inner text that is escaped already: only quoted. */
void json_out_inner(struct json_out *o, struct str inner);
/* A finished JSON value. An absent span writes null. */
void json_out_raw(struct json_out *o, struct str raw);
void json_out_i64(struct json_out *o, int64_t v);
void json_out_bool(struct json_out *o, bool v);
void json_out_null(struct json_out *o);
/*
 * Finished members ("k":1,"k2":2, no braces), spliced into the open object.
 * Empty or absent: nothing.
 */
void json_out_members(struct json_out *o, struct str members);

/* json_out_key + value in one. */
void json_out_kv_str(struct json_out *o, const char *key, struct str s);
void json_out_kv_inner(struct json_out *o, const char *key, struct str s);
void json_out_kv_raw(struct json_out *o, const char *key, struct str raw);
void json_out_kv_i64(struct json_out *o, const char *key, int64_t v);
void json_out_kv_bool(struct json_out *o, const char *key, bool v);

/* Decoded text appended to b in escaped form, without quotes. */
void json_escape(struct buf *b, struct str s);

#endif
