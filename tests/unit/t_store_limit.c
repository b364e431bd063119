#include "store/limit.h"

#include "store_people.h"

static enum err
on_limit(void *arg, const struct store_limit *l)
{
	char *text = arg;

	(void)snprintf(text + strlen(text), 60, "%.*s=%lld%.*s%.*s ",
	    STR_ARG(l->name), (long long)l->amount, STR_ARG(l->team),
	    STR_ARG(l->user));
	return ERR_OK;
}

static void
expect(int64_t tenant_id, const char *expected)
{
	char text[400] = "";

	assert_int_equal(
	    store_limit_each(bed_store, tenant_id, on_limit, text), ERR_OK);
	assert_string_equal(text, expected);
}

static void
test_limits(void **state)
{
	struct store_limit l = { .name = STR("rpm"),
		.model = STR("gpt-*"),
		.each_of = STR("key model"),
		.sort = STR("requests"),
		.amount = 60,
		.per = 60 * USEC_PER_SEC,
		.soft_percent = 80 };
	struct store_limit got;
	int64_t first;

	(void)state;
	add_people();
	assert_int_equal(store_limit_add(bed_store, &l), ERR_OK);
	first = l.id;
	assert_int_equal(store_limit_add(bed_store, &l), ERR_DENIED);
	l = (struct store_limit){ .name = STR("budget"),
		.tenant_id = acme.id,
		.team_id = red.id,
		.provider = STR("openai"),
		.sort = STR("money"),
		.amount = INT64_C(500000000000),
		.period = STR("month"),
		.is_shadow = true };
	assert_int_equal(store_limit_add(bed_store, &l), ERR_OK);
	expect(0, "budget=500000000000red rpm=60 ");
	expect(acme.id, "budget=500000000000red ");
	assert_int_equal(
	    store_limit_find(bed_store, STR("budget"), arena, &got), ERR_OK);
	assert_int_equal(got.id, l.id);
	assert_int_equal(got.team_id, red.id);
	assert_int_equal(got.user_id, 0);
	assert_str(got.tenant, "acme");
	assert_str(got.timezone, "Europe/Berlin");
	assert_str(got.period, "month");
	assert_str(got.provider, "openai");
	assert_false(str_present(got.model));
	assert_true(got.is_shadow && got.per == 0 && got.created > 0);
	assert_int_equal(
	    store_limit_find(bed_store, STR("rpm"), arena, &got), ERR_OK);
	assert_str(got.each_of, "key model");
	assert_int_equal(got.per, 60 * USEC_PER_SEC);
	assert_int_equal(got.soft_percent, 80);
	assert_false(got.is_shadow);

	got.amount = 90;
	got.is_shadow = true;
	assert_int_equal(store_limit_set(bed_store, &got), ERR_OK);
	assert_int_equal(
	    store_limit_find(bed_store, STR("rpm"), arena, &got), ERR_OK);
	assert_int_equal(got.amount, 90);
	assert_true(got.is_shadow);
	assert_int_equal(store_limit_remove(bed_store, first), ERR_OK);
	assert_int_equal(store_limit_remove(bed_store, first), ERR_NOT_FOUND);
	assert_int_equal(store_limit_set(bed_store, &got), ERR_NOT_FOUND);
	assert_int_equal(store_limit_find(bed_store, STR("rpm"), arena, &got),
	    ERR_NOT_FOUND);
	/* who has a limit stays until it has gone */
	l.id = 0;
	expect(0, "budget=500000000000red ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PEOPLE_TEST(test_limits),
	};

	return bed_run("limit", tests, COUNT(tests));
}
