#include "base/json_int.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/hash.h"

/*
 * Duplicate keys, looked for when an object is closed. Few keys are compared
 * with each other, behind a filter of one bit per (length, first and last byte)
 * that mostly says at once that there is nothing to compare. Many keys, or long
 * escaped ones, go through a hash table with a seeded hash. Both are linear in
 * the bytes of the keys, whatever the client sends.
 */
enum {
	FEW = 16,
	TABLE_LOCAL = 256,
	SCRATCH = 64,
	FULL = 0
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

static inline uint64_t
filter_bit(struct str s)
{
	unsigned h = (unsigned)s.n * 9;

	if (s.n)
		h += (unsigned char)s.p[0] + (unsigned char)s.p[s.n - 1] * 5u;
	return (uint64_t)1 << h % 64;
}

/*
 * FULL when a key is escaped, which is for the table. (FULL is no key: that of
 * an object stands behind the object.)
 */
static uint32_t
find_few(const struct json_tok *tok, uint32_t object, const char *text)
{
	uint32_t seen[FEW], n = 0;
	uint64_t filter = 0, bit;

	for (uint32_t k = object + 1; k < tok[object].next;
	     k = tok[k + 1].next) {
		struct str s = key_inner(text, &tok[k]);

		if (tok[k].escaped)
			return FULL;
		bit = filter_bit(s);
		for (uint32_t i = 0; (filter & bit) && i < n; i++)
			if (str_eq(key_inner(text, &tok[seen[i]]), s))
				return k;
		filter |= bit;
		seen[n++] = k;
	}
	return JSON_NONE;
}

/* A decoded key: the span itself, or a copy in small or *heap. */
struct decoded {
	struct str s;
	char *heap;
	char small[SCRATCH];
};

static enum err
key_decode(const char *text, const struct json_tok *t, struct decoded *d)
{
	char *to = d->small;

	d->s = key_inner(text, t);
	d->heap = NULL;
	if (!t->escaped)
		return ERR_OK;
	if (d->s.n > sizeof(d->small)) {
		d->heap = fault("json.key") ? NULL : malloc(d->s.n);
		if (!d->heap)
			return ERR_NOMEM;
		to = d->heap;
	}
	d->s = str_of(to, json_decode(d->s, to));
	return ERR_OK;
}

static enum err
is_same(const char *text, const struct json_tok *t, struct str key, bool *same)
{
	struct decoded other;
	enum err e = key_decode(text, t, &other);

	if (e != ERR_OK)
		return e;
	*same = str_eq(other.s, key);
	free(other.heap);
	return ERR_OK;
}

/* Adds key k, or finds that it is there. */
static enum err
table_add(struct slot *table, uint32_t mask, const struct json_tok *tok,
    const char *text, uint32_t k, bool *is_there)
{
	struct decoded key;
	enum err e = key_decode(text, &tok[k], &key);
	uint64_t hash;
	uint32_t i, tag;

	if (e != ERR_OK)
		return e;
	hash = hash_u64(key.s);
	tag = (uint32_t)(hash >> 32);
	*is_there = false;
	for (i = (uint32_t)hash & mask; table[i].key; i = (i + 1) & mask) {
		if (table[i].tag != tag)
			continue;
		e = is_same(text, &tok[table[i].key - 1], key.s, is_there);
		if (e != ERR_OK || *is_there)
			break;
	}
	free(key.heap);
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
	*which = FULL;
	if (tok[object].count <= FEW)
		*which = find_few(tok, object, text);
	if (*which != FULL)
		return ERR_OK;
	*which = JSON_NONE;
	return find_many(tok, object, text, which);
}
