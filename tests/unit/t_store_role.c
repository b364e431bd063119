#include "store/people.h"

#include "store_people.h"

static enum err
on_role(void *arg, const struct store_role_grant *r)
{
	char *text = arg;

	(void)snprintf(text + strlen(text), 60, "%lld %.*s/%.*s%.*s=%.*s; ",
	    (long long)r->tenant_id, STR_ARG(r->tenant), STR_ARG(r->user),
	    STR_ARG(r->team), STR_ARG(r->role));
	return ERR_OK;
}

static void
expect(int64_t tenant_id, const char *expected)
{
	char text[400] = "";

	assert_int_equal(
	    store_role_each(bed_store, tenant_id, on_role, text), ERR_OK);
	assert_string_equal(text, expected);
}

static void
test_roles(void **state)
{
	struct store_role_grant r = { .role = STR("admin") };
	int64_t id = 0, first;

	(void)state;
	add_people();
	r.user_id = kim.id;
	assert_int_equal(store_role_add(bed_store, &r), ERR_OK);
	first = r.id;
	/* NULLs count as the same. */
	assert_int_equal(store_role_add(bed_store, &r), ERR_DENIED);
	r.tenant_id = acme.id;
	assert_int_equal(store_role_add(bed_store, &r), ERR_OK);
	r = (struct store_role_grant){
		.tenant_id = acme.id, .team_id = red.id, .role = STR("viewer")
	};
	assert_int_equal(store_role_add(bed_store, &r), ERR_OK);
	expect(0, "0 acme/kim=admin; 1 acme/kim=admin; 1 acme/red=viewer; ");
	expect(99, "0 acme/kim=admin; ");

	r.role = STR("admin");
	assert_int_equal(store_role_remove(bed_store, &r, &id), ERR_NOT_FOUND);
	r = (struct store_role_grant){ .user_id = kim.id,
		.role = STR("admin") };
	assert_int_equal(store_role_remove(bed_store, &r, &id), ERR_OK);
	assert_int_equal(id, first);
	expect(0, "1 acme/kim=admin; 1 acme/red=viewer; ");
	r.user_id = 99;
	assert_int_equal(store_role_add(bed_store, &r), ERR_DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_roles),
	};

	return bed_run("role", tests, COUNT(tests));
}
