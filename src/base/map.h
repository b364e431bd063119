#ifndef BASE_MAP_H
#define BASE_MAP_H
/*
 * Map from byte strings to pointers, open addressing, seeded hash. It owns
 * neither keys nor values: both must live as long as the map. At most
 * `max_entries`; map_put beyond it is ERR_LIMIT.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct map;

struct map *map_new(size_t max_entries);
/* NULL is allowed. Values are not freed. */
void map_free(struct map *m);
/* Adds or replaces. */
MUST_CHECK enum err map_put(struct map *m, struct str key, void *value);
/* NULL when absent. m may be NULL. */
void *map_find(const struct map *m, struct str key);
/* The value that was there, or NULL. */
void *map_remove(struct map *m, struct str key);
size_t map_count(const struct map *m);
/*
 * Walks all entries in no stated order: start with *pos = 0; returns false at
 * the end. The map must not change meanwhile.
 */
bool map_next(const struct map *m, size_t *pos, struct str *key, void **value);

#endif
