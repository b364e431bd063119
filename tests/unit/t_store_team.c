#include "store/people.h"

#include "store_people.h"

static void
test_add_find_set(void **state)
{
	struct store_team t;
	struct store_team same = { .tenant_id = 99, .name = STR("red") };

	(void)state;
	add_people();
	assert_int_equal(
	    store_team_find(bed_store, acme.id, STR("red"), arena, &t), ERR_OK);
	assert_int_equal(t.id, red.id);
	assert_int_equal(t.tenant_id, acme.id);
	assert_str(t.tenant, "acme");
	assert_str(t.title, "");
	assert_int_equal(t.n_members, 0);
	assert_int_equal(store_team_find(bed_store, 99, STR("red"), arena, &t),
	    ERR_NOT_FOUND);
	assert_int_equal(store_team_add(bed_store, &red), ERR_DENIED);
	/* Of a tenant that there is not. */
	assert_int_equal(store_team_add(bed_store, &same), ERR_DENIED);
	same.tenant_id = add_tenant("other");
	assert_int_equal(store_team_add(bed_store, &same), ERR_OK);

	red.title = STR("The reds");
	red.is_blocked = true;
	assert_int_equal(store_team_set(bed_store, &red), ERR_OK);
	assert_int_equal(
	    store_team_find(bed_store, acme.id, STR("red"), arena, &t), ERR_OK);
	assert_str(t.title, "The reds");
	assert_true(t.is_blocked);
	red.id = 99;
	assert_int_equal(store_team_set(bed_store, &red), ERR_NOT_FOUND);
}

static void
test_members(void **state)
{
	struct store_team t;

	(void)state;
	add_people();
	assert_int_equal(store_team_join(bed_store, red.id, kim.id), ERR_OK);
	assert_int_equal(
	    store_team_join(bed_store, red.id, kim.id), ERR_DENIED);
	assert_int_equal(store_team_join(bed_store, red.id, 99), ERR_DENIED);
	assert_int_equal(
	    store_team_find(bed_store, acme.id, STR("red"), arena, &t), ERR_OK);
	assert_int_equal(t.n_members, 1);
	assert_int_equal(store_team_leave(bed_store, red.id, kim.id), ERR_OK);
	assert_int_equal(
	    store_team_leave(bed_store, red.id, kim.id), ERR_NOT_FOUND);
}

static enum err
on_team(void *arg, const struct store_team *t)
{
	char *names = arg;

	(void)snprintf(names + strlen(names), 20, "%.*s/%.*s ",
	    STR_ARG(t->tenant), STR_ARG(t->name));
	return ERR_OK;
}

static void
test_each(void **state)
{
	struct store_team t = { .name = STR("blue") };
	char names[128] = "";

	(void)state;
	add_people();
	t.tenant_id = acme.id;
	assert_int_equal(store_team_add(bed_store, &t), ERR_OK);
	t.tenant_id = add_tenant("a");
	assert_int_equal(store_team_add(bed_store, &t), ERR_OK);
	assert_int_equal(store_team_each(bed_store, 0, on_team, names), ERR_OK);
	assert_string_equal(names, "a/blue acme/blue acme/red ");
	names[0] = '\0';
	assert_int_equal(
	    store_team_each(bed_store, t.tenant_id, on_team, names), ERR_OK);
	assert_string_equal(names, "a/blue ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PEOPLE_TEST(test_add_find_set),
		PEOPLE_TEST(test_members),
		PEOPLE_TEST(test_each),
	};

	return bed_run("team", tests, COUNT(tests));
}
