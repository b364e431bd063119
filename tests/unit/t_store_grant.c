#include "store/grant.h"

#include "store_people.h"

static enum err
on_grant(void *arg, const struct store_grant *g)
{
	char *text = arg;

	(void)snprintf(text + strlen(text), 60, "%s%.*s%s%.*s%.*s%.*s ",
	    g->is_allowed ? "+" : "-", STR_ARG(g->pattern),
	    g->is_tag ? "#" : "@", STR_ARG(g->team), STR_ARG(g->user),
	    STR_ARG(g->role));
	return ERR_OK;
}

static void
expect(int64_t tenant_id, const char *expected)
{
	char text[400] = "";

	assert_int_equal(
	    store_grant_each(bed_store, tenant_id, on_grant, text), ERR_OK);
	assert_string_equal(text, expected);
}

static void
test_grants(void **state)
{
	struct store_grant g = { .pattern = STR("gpt-*"), .is_allowed = true };
	struct store_grant got;
	int64_t first;

	(void)state;
	add_people();
	assert_int_equal(store_grant_add(bed_store, &g), ERR_DENIED);
	g.tenant_id = acme.id;
	assert_int_equal(store_grant_add(bed_store, &g), ERR_OK);
	first = g.id;
	assert_int_equal(store_grant_add(bed_store, &g), ERR_DENIED);
	g.is_tag = true;
	g.team_id = red.id;
	assert_int_equal(store_grant_add(bed_store, &g), ERR_OK);
	assert_int_equal(store_grant_get(bed_store, g.id, arena, &got), ERR_OK);
	assert_str(got.tenant, "acme");
	assert_str(got.team, "red");
	assert_false(str_present(got.user));
	assert_true(got.is_tag && got.is_allowed);
	g.team_id = 0;
	g.user_id = kim.id;
	g.is_allowed = false;
	assert_int_equal(store_grant_add(bed_store, &g), ERR_OK);
	g.user_id = 0;
	g.role = STR("viewer");
	assert_int_equal(store_grant_add(bed_store, &g), ERR_OK);
	expect(0, "+gpt-*@ +gpt-*#red -gpt-*#kim -gpt-*#viewer ");
	expect(99, "");

	assert_int_equal(store_grant_remove(bed_store, first), ERR_OK);
	assert_int_equal(store_grant_remove(bed_store, first), ERR_NOT_FOUND);
	assert_int_equal(
	    store_grant_get(bed_store, first, arena, &got), ERR_NOT_FOUND);
	expect(acme.id, "+gpt-*#red -gpt-*#kim -gpt-*#viewer ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PEOPLE_TEST(test_grants),
	};

	return bed_run("grant", tests, COUNT(tests));
}
