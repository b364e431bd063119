#include "api/answer_int.h"

/*
 * Members by name: the maker's extras come chunk by chunk and mostly repeat
 * themselves (system_fingerprint ...).
 */

enum {
	MEMBERS_MAX = 1024 * 1024
};

/* {members} scanned; *text owns the bytes. */
static enum err
scan(struct str members, struct buf *text, struct json *j,
    struct json_tok **tok, uint32_t *cap)
{
	buf_init(text, MEMBERS_MAX + 2);
	buf_addc(text, '{');
	buf_adds(text, members);
	buf_addc(text, '}');
	if (text->failed)
		return ERR_NOMEM;
	return json_scan_reuse(
	    j, tok, cap, buf_str(text), &MSG_ANSWER_LIMITS, NULL);
}

/* The member of j with the same key text as `key` of other, or NONE. */
static json_ref
same_key(const struct json *j, const struct json *other, json_ref key)
{
	struct str name = json_raw(other, key);

	json_each (j, 0, k)
		if (str_eq(json_raw(j, k), name))
			return json_value(j, k);
	return JSON_NONE;
}

static void
put_member(struct buf *out, struct str key, struct str value)
{
	if (out->n > 0)
		buf_addc(out, ',');
	buf_adds(out, key);
	buf_addc(out, ':');
	buf_adds(out, value);
}

/* [a,b] and [c] -> [a,b,c] */
static void
put_joined(struct buf *out, struct str key, struct str a, struct str b)
{
	struct str ia = str_trim(str_of(a.p + 1, a.n - 2));
	struct str ib = str_trim(str_of(b.p + 1, b.n - 2));

	put_member(out, key, STR("["));
	buf_adds(out, ia);
	if (ia.n > 0 && ib.n > 0)
		buf_addc(out, ',');
	buf_adds(out, ib);
	buf_addc(out, ']');
}

static void
merge(const struct json *old, const struct json *new, bool join_arrays,
    struct buf *out)
{
	json_each (old, 0, k) {
		json_ref v = json_value(old, k);
		json_ref w = same_key(new, old, k);

		if (w == JSON_NONE)
			put_member(out, json_raw(old, k), json_raw(old, v));
		else if (join_arrays && json_type(old, v) == JSON_T_ARRAY &&
			 json_type(new, w) == JSON_T_ARRAY)
			put_joined(out, json_raw(old, k), json_raw(old, v),
			    json_raw(new, w));
		else
			put_member(out, json_raw(old, k), json_raw(new, w));
	}
	json_each (new, 0, k)
		if (same_key(old, new, k) == JSON_NONE)
			put_member(out, json_raw(new, k),
			    json_raw(new, json_value(new, k)));
}

static enum err
replace(
    struct api_answer *a, struct buf *b, struct str members, bool join_arrays)
{
	struct buf old_text = { 0 }, new_text = { 0 }, out;
	struct json old, new;
	enum err e;

	e = scan(buf_str(b), &old_text, &old, &a->tok, &a->cap_tok);
	if (e == ERR_OK)
		e = scan(members, &new_text, &new, &a->tok2, &a->cap_tok2);
	if (e == ERR_OK) {
		buf_init(&out, MEMBERS_MAX);
		merge(&old, &new, join_arrays, &out);
		buf_fini(b);
		*b = out;
	}
	buf_fini(&old_text);
	buf_fini(&new_text);
	return e;
}

void
answer_members_add(struct api_answer *a, struct answer_members *m,
    struct str members, bool join_arrays)
{
	enum err e = ERR_OK;

	if (members.n == 0 || (!join_arrays && str_eq(members, buf_str(&m->b))))
		return;
	m->b.max = MEMBERS_MAX;
	if (m->b.n == 0)
		buf_adds(&m->b, members);
	else
		e = replace(a, &m->b, members, join_arrays);
	if (m->b.failed)
		e = ERR_LIMIT;
	if (a->err == ERR_OK)
		a->err = e;
}
