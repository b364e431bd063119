#ifndef TESTS_UNIT_STORE_ROWS_H
#define TESTS_UNIT_STORE_ROWS_H
/* Rows of a table by statements alone: what store.h's functions make of it. */
#include "store_bed.h"

static const struct store_sql row_add __attribute__((
    unused)) = { "INSERT INTO tenant (name, title, created, changed) "
		 "VALUES (?, ?, ?, 2)",
	NULL };
static const struct store_sql row_count = { "SELECT COUNT(*) FROM tenant",
	NULL };

static inline enum err
add(struct store *s, const char *name)
{
	struct store_value v[] = { store_text(str_z(name)),
		store_text(STR("a title")), store_int(7) };

	return store_run(s, &row_add, v, 3, NULL, NULL);
}

static inline int64_t
count(struct store *s)
{
	int64_t n = -1;

	assert_int_equal(
	    store_run(s, &row_count, NULL, 0, store_row_int, &n), ERR_OK);
	return n;
}

#endif
