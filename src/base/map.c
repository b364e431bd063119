#include "base/map.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/hash.h"

enum {
	CAP_FIRST = 16
};

struct entry {
	struct str key; /* key.p NULL: the slot is free */
	void *value;
	uint64_t hash;
};

struct map {
	struct entry *slot;
	size_t cap; /* a power of two, or 0 */
	size_t n;
	size_t max;
};

struct map *
map_new(size_t max_entries)
{
	struct map *m = fault("map.new") ? NULL : calloc(1, sizeof(*m));

	if (m)
		m->max = max_entries;
	return m;
}

void
map_free(struct map *m)
{
	if (!m)
		return;
	free(m->slot);
	free(m);
}

/* The slot of the key, or the free one where it belongs. */
static size_t
probe(const struct map *m, struct str key, uint64_t hash)
{
	size_t i = hash & (m->cap - 1);

	while (m->slot[i].key.p &&
	       (m->slot[i].hash != hash || !str_eq(m->slot[i].key, key)))
		i = (i + 1) & (m->cap - 1);
	return i;
}

static bool
grow(struct map *m)
{
	size_t cap = m->cap ? m->cap * 2 : CAP_FIRST;
	struct map bigger = { .cap = cap, .n = m->n, .max = m->max };

	if (fault("map.grow"))
		return false;
	bigger.slot = calloc(cap, sizeof(*bigger.slot));
	if (!bigger.slot)
		return false;
	for (size_t i = 0; i < m->cap; i++) {
		struct entry *e = &m->slot[i];

		if (e->key.p)
			bigger.slot[probe(&bigger, e->key, e->hash)] = *e;
	}
	free(m->slot);
	*m = bigger;
	return true;
}

/* {NULL, 0} marks a free slot, so an absent key is stored as the empty one. */
static struct str
key_of(struct str key)
{
	return key.p ? key : STR("");
}

enum err
map_put(struct map *m, struct str key, void *value)
{
	uint64_t hash;
	size_t i;

	key = key_of(key);
	hash = hash_u64(key);
	if (m->cap) {
		i = probe(m, key, hash);
		if (m->slot[i].key.p) {
			m->slot[i].key = key;
			m->slot[i].value = value;
			return ERR_OK;
		}
	}
	if (m->n >= m->max)
		return ERR_LIMIT;
	if (m->n >= m->cap / 4 * 3 && !grow(m))
		return ERR_NOMEM;
	i = probe(m, key, hash);
	m->slot[i] = (struct entry){ key, value, hash };
	m->n++;
	return ERR_OK;
}

void *
map_find(const struct map *m, struct str key)
{
	size_t i;

	if (!m || !m->cap)
		return NULL;
	key = key_of(key);
	i = probe(m, key, hash_u64(key));
	return m->slot[i].key.p ? m->slot[i].value : NULL;
}

/*
 * Closes the gap by moving back each follower that would no longer be found
 * (Knuth 6.4, algorithm R), so no tombstones are left.
 */
void *
map_remove(struct map *m, struct str key)
{
	size_t gap, i, home;
	void *value;

	if (!m || !m->cap)
		return NULL;
	key = key_of(key);
	gap = probe(m, key, hash_u64(key));
	if (!m->slot[gap].key.p)
		return NULL;
	value = m->slot[gap].value;
	m->n--;
	for (i = gap;;) {
		i = (i + 1) & (m->cap - 1);
		if (!m->slot[i].key.p)
			break;
		home = m->slot[i].hash & (m->cap - 1);
		if (((i - home) & (m->cap - 1)) >= ((i - gap) & (m->cap - 1))) {
			m->slot[gap] = m->slot[i];
			gap = i;
		}
	}
	m->slot[gap] = (struct entry){ .key = { NULL, 0 } };
	return value;
}

size_t
map_count(const struct map *m)
{
	return m ? m->n : 0;
}

bool
map_next(const struct map *m, size_t *pos, struct str *key, void **value)
{
	while (m && *pos < m->cap) {
		const struct entry *e = &m->slot[(*pos)++];

		if (e->key.p) {
			*key = e->key;
			*value = e->value;
			return true;
		}
	}
	return false;
}
