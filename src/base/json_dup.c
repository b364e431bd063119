#include "base/json_int.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/hash.h"

/*
 * Duplicate keys, looked for when an object is closed. Few plain keys are
 * compared with each other, behind a filter of one bit per (length, first and
 * last byte) that mostly says at once that there is nothing to compare. Many
 * keys, or escaped ones, go through a hash table with a seeded hash. Both are
 * linear in the bytes of the keys, whatever the client sends.
 */
enum {
	FEW = 16,
	TABLE_LOCAL = 256
};

struct slot {
	uint32_t key; /* tape index + 1; 0: free */
	uint32_t tag;
};

static struct str
key_inner(const char *text, const struct json_tok *t)
{
	return str_of(text + t->pos + 1, t->len - 2);
}

static uint32_t
find_few(const struct json_tok *tok, uint32_t object, const char *text)
{
	uint32_t seen[FEW], n = 0;
	uint64_t filter = 0, bit;

	for (uint32_t k = object + 1; k < tok[object].next;
	     k = tok[k + 1].next) {
		struct str s = key_inner(text, &tok[k]);
		/* The closing quote stands for an empty key's first byte. */
		unsigned h = (unsigned)s.n * 9 + (unsigned char)s.p[0] +
			     (s.n ? (unsigned char)s.p[s.n - 1] * 5u : 0);

		bit = (uint64_t)1 << h % 64;
		for (uint32_t i = 0; (filter & bit) && i < n; i++)
			if (str_eq(key_inner(text, &tok[seen[i]]), s))
				return k;
		filter |= bit;
		seen[n++] = k;
	}
	return JSON_NONE;
}

/* The key decoded: the span itself, or a copy that *copy owns. */
static enum err
key_decode(
    const char *text, const struct json_tok *t, char **copy, struct str *out)
{
	struct str s = key_inner(text, t);

	*copy = NULL;
	if (t->escaped) {
		*copy = fault("json.key") ? NULL : malloc(s.n);
		if (!*copy)
			return ERR_NOMEM;
		s = str_of(*copy, json_decode(s, *copy));
	}
	*out = s;
	return ERR_OK;
}

static enum err
is_same(const char *text, const struct json_tok *t, struct str key, bool *same)
{
	struct str other;
	char *copy;
	enum err e = key_decode(text, t, &copy, &other);

	if (e != ERR_OK)
		return e;
	*same = str_eq(other, key);
	free(copy);
	return ERR_OK;
}

/* Adds key k, or finds that it is there. */
static enum err
table_add(struct slot *table, uint32_t mask, const struct json_tok *tok,
    const char *text, uint32_t k, bool *is_there)
{
	struct str key;
	char *copy;
	enum err e = key_decode(text, &tok[k], &copy, &key);
	uint64_t hash;
	uint32_t i, tag;

	if (e != ERR_OK)
		return e;
	hash = hash_u64(key);
	tag = (uint32_t)(hash >> 32);
	*is_there = false;
	for (i = (uint32_t)hash & mask; table[i].key; i = (i + 1) & mask) {
		if (table[i].tag != tag)
			continue;
		e = is_same(text, &tok[table[i].key - 1], key, is_there);
		if (e != ERR_OK || *is_there)
			break;
	}
	free(copy);
	if (e == ERR_OK && !*is_there)
		table[i] = (struct slot){ k + 1, tag };
	return e;
}

static enum err
find_many(const struct json_tok *tok, uint32_t object, const char *text,
    uint32_t *which)
{
	struct slot local[TABLE_LOCAL], *table = local;
	uint32_t size = 2 * FEW;
	bool is_there = false;
	enum err e = ERR_OK;

	while (size < tok[object].count * 2)
		size *= 2;
	if (size > TABLE_LOCAL) {
		table =
		    fault("json.table") ? NULL : calloc(size, sizeof(*table));
		if (!table)
			return ERR_NOMEM;
	} else {
		memset(local, 0, size * sizeof(local[0]));
	}
	for (uint32_t k = object + 1;
	     e == ERR_OK && !is_there && k < tok[object].next;
	     k = tok[k + 1].next) {
		e = table_add(table, size - 1, tok, text, k, &is_there);
		if (is_there)
			*which = k;
	}
	if (table != local)
		free(table);
	return e;
}

enum err
json_dup_find(const struct json_tok *tok, uint32_t object, const char *text,
    uint32_t *which)
{
	bool is_few = tok[object].count <= FEW;

	*which = JSON_NONE;
	for (uint32_t k = object + 1; is_few && k < tok[object].next;
	     k = tok[k + 1].next)
		is_few = !tok[k].escaped;
	if (!is_few)
		return find_many(tok, object, text, which);
	*which = find_few(tok, object, text);
	return ERR_OK;
}
