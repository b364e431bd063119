#include "store/people.h"

#include "store_people.h"

static void
test_add_find_set(void **state)
{
	struct store_user u;
	struct store_user dn = { .name = STR("CN=J\xc3\xa4ger,O=Acme") };

	(void)state;
	add_people();
	assert_int_equal(
	    store_user_find(bed_store, acme.id, STR("kim"), arena, &u), ERR_OK);
	assert_int_equal(u.id, kim.id);
	assert_str(u.tenant, "acme");
	assert_str(u.email, "kim@acme.example");
	assert_int_equal(store_user_add(bed_store, &kim), ERR_DENIED);
	assert_int_equal(store_user_add(bed_store, &dn), ERR_DENIED);
	dn.tenant_id = acme.id;
	assert_int_equal(store_user_add(bed_store, &dn), ERR_OK);
	assert_int_equal(
	    store_user_find(bed_store, acme.id, dn.name, arena, &u), ERR_OK);
	assert_int_equal(u.id, dn.id);
	assert_int_equal(
	    store_user_find(bed_store, acme.id, STR("CN=Jager"), arena, &u),
	    ERR_NOT_FOUND);

	kim.title = STR("Kim Lee");
	kim.email = (struct str){ 0 };
	kim.is_blocked = true;
	assert_int_equal(store_user_set(bed_store, &kim), ERR_OK);
	assert_int_equal(
	    store_user_find(bed_store, acme.id, STR("kim"), arena, &u), ERR_OK);
	assert_str(u.title, "Kim Lee");
	assert_str(u.email, "");
	assert_true(u.is_blocked);
	kim.id = 99;
	assert_int_equal(store_user_set(bed_store, &kim), ERR_NOT_FOUND);
}

static enum err
on_user(void *arg, const struct store_user *u)
{
	char *names = arg;

	(void)snprintf(names + strlen(names), 20, "%.*s/%.*s ",
	    STR_ARG(u->tenant), STR_ARG(u->name));
	return ERR_OK;
}

static void
test_each(void **state)
{
	struct store_user u = { .name = STR("lee") };
	char names[128] = "";

	(void)state;
	add_people();
	u.tenant_id = acme.id;
	assert_int_equal(store_user_add(bed_store, &u), ERR_OK);
	assert_int_equal(store_team_join(bed_store, red.id, u.id), ERR_OK);
	u.tenant_id = add_tenant("a");
	assert_int_equal(store_user_add(bed_store, &u), ERR_OK);
	assert_int_equal(
	    store_user_each(bed_store, 0, 0, on_user, names), ERR_OK);
	assert_string_equal(names, "a/lee acme/kim acme/lee ");
	names[0] = '\0';
	assert_int_equal(
	    store_user_each(bed_store, acme.id, 0, on_user, names), ERR_OK);
	assert_string_equal(names, "acme/kim acme/lee ");
	names[0] = '\0';
	assert_int_equal(
	    store_user_each(bed_store, acme.id, red.id, on_user, names),
	    ERR_OK);
	assert_string_equal(names, "acme/lee ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PEOPLE_TEST(test_add_find_set),
		PEOPLE_TEST(test_each),
	};

	return bed_run("user", tests, COUNT(tests));
}
