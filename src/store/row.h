#ifndef STORE_ROW_H
#define STORE_ROW_H
/* For the aggregates: reading one row. Private to store. */
#include "base/arena.h"
#include "store/store.h"

/* A copy in a, or the borrowed text when a is NULL. */
static inline struct str
row_str(struct arena *a, const struct store_value *v)
{
	struct str s = store_get_str(v);

	return a != NULL && s.p != NULL ? arena_str(a, s) : s;
}

/* For a column that is never NULL: an absent text is empty. */
static inline struct store_value
row_text(struct str s)
{
	return store_text(s.p != NULL ? s : STR(""));
}

static inline bool
row_bool(const struct store_value *v)
{
	return store_get_int(v) != 0;
}

/* An UPDATE or DELETE that should have met one row. */
static inline enum err
row_changed(struct store *s, enum err e)
{
	return e == ERR_OK && store_changed(s) == 0 ? ERR_NOT_FOUND : e;
}

#endif
