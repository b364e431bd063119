#ifndef TESTS_UNIT_STORE_PEOPLE_H
#define TESTS_UNIT_STORE_PEOPLE_H
/* What tests of aggregates share: an arena, and some people. */
#include "base/arena.h"
#include "store/people.h"
#include "store_bed.h"

static struct arena *arena __attribute__((unused));

static inline int
people_begin(void **state)
{
	arena = arena_new((size_t)1024 * 1024);
	return arena != NULL ? bed_setup(state) : -1;
}

static inline int
people_end(void **state)
{
	arena_free(arena);
	return bed_teardown(state);
}

static inline int64_t
count(const struct store_sql *sql)
{
	int64_t n = -1;

	assert_int_equal(
	    store_run(bed_store, sql, NULL, 0, store_row_int, &n), ERR_OK);
	return n;
}

/* acme has the team red and the user kim. */
static struct store_tenant acme __attribute__((unused));
static struct store_team red __attribute__((unused));
static struct store_user kim __attribute__((unused));

static inline void
add_people(void)
{
	acme = (struct store_tenant){ .name = STR("acme"),
		.title = STR("Acme"),
		.timezone = STR("Europe/Berlin"),
		.residency = STR("eu") };
	assert_int_equal(store_tenant_add(bed_store, &acme), ERR_OK);
	red = (struct store_team){ .tenant_id = acme.id, .name = STR("red") };
	assert_int_equal(store_team_add(bed_store, &red), ERR_OK);
	kim = (struct store_user){ .tenant_id = acme.id,
		.name = STR("kim"),
		.email = STR("kim@acme.example") };
	assert_int_equal(store_user_add(bed_store, &kim), ERR_OK);
}

static inline int64_t
add_tenant(const char *name)
{
	struct store_tenant t = { .name = str_z(name) };

	assert_int_equal(store_tenant_add(bed_store, &t), ERR_OK);
	return t.id;
}

#define PEOPLE_TEST(f) \
	cmocka_unit_test_setup_teardown(f, people_begin, people_end)

#endif
