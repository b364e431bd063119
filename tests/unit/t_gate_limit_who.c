/* Which limits are asked, of whom and of what. */
#include "gate_limit_help.h"

/* ---- whom it is for ------------------------------------------------------ */

static void
test_matching(void **state)
{
	const struct {
		struct conf_limit limit;
		bool matches;
	} rows[] = {
		{ { .model = { "gpt-*", sizeof("gpt-*") - 1 } }, true },
		{ { .model = { "claude-*", sizeof("claude-*") - 1 } }, false },
		{ { .key = { "dev-*", sizeof("dev-*") - 1 },
		      .model = { "gpt-4o", sizeof("gpt-4o") - 1 } },
		    true },
		{ { .key = { "prod-*", sizeof("prod-*") - 1 } }, false },
		{ { .team = { "red", sizeof("red") - 1 } }, true },
		{ { .team = { "blue", sizeof("blue") - 1 } }, false },
		{ { .tenant = { "acme", sizeof("acme") - 1 },
		      .user = { "kim", sizeof("kim") - 1 } },
		    true },
		{ { .user = { "ki", sizeof("ki") - 1 } }, false },
		{ { .provider = { "openai", sizeof("openai") - 1 } },
		    false }, /* not chosen yet */
		{ { .each_of = CONF_EACH_PROVIDER }, false },
		{ { .amount = 0 }, true },
	};
	const struct gate_ask ask = { .tenant = STR("acme"),
		.team = STR("red"),
		.user = STR("kim"),
		.key = STR("dev-1"),
		.model = STR("gpt-4o") };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf_limit l = rows[i].limit;
		const struct gate_limits list = { .file = &l, .n = 1 };

		l.sort = CONF_LIMIT_REQUESTS;
		l.amount = 1;
		l.per = MINUTE;
		l.identity = 1000 + i;
		if ((take_as(&list, 1, &ask, WALL).holds.n == 1) !=
		    rows[i].matches)
			fail_msg("row %zu", i);
	}
}

static void
test_of_a_provider(void **state)
{
	struct conf_limit l[] = { L_REQUESTS(1, MINUTE), L_REQUESTS(1, MINUTE),
		L_REQUESTS(1, MINUTE) };
	const struct gate_limits list = { .file = l, .n = 3 };
	struct gate_ask ask = { .provider = STR("openai") };

	(void)state;
	l[0].provider = STR("openai");
	l[1].each_of = CONF_EACH_PROVIDER;
	l[1].identity++;
	l[2].identity += 2; /* was asked before a target was chosen */
	assert_int_equal(take_as(&list, 1, &ask, WALL).holds.n, 2);
	ask.provider = STR("other");
	assert_int_equal(take_as(&list, 1, &ask, WALL).holds.n, 1);
	assert_ptr_equal(take_as(&list, 1, &ask, WALL).res.limit, &l[1]);
}

static void
test_rules_match_by_id(void **state)
{
	const struct gate_rule r[] = {
		{ .limit = L_REQUESTS(9, MINUTE), .tenant_id = 7 },
		{ .limit = L_REQUESTS(9, MINUTE), .key_id = 9 },
		{ .limit = L_REQUESTS(9, MINUTE), .team_id = 3, .user_id = 4 },
	};
	const struct gate_limits list = { .rules = r, .n = 3 };
	struct gate_ask ask = { .tenant_id = 7, .team_id = 3, .user_id = 5 };

	(void)state;
	assert_int_equal(take_as(&list, 1, &ask, WALL).holds.n, 1);
	ask.user_id = 4;
	ask.key_id = 9;
	ask.tenant_id = 8;
	assert_int_equal(take_as(&list, 1, &ask, WALL + MINUTE).holds.n, 2);
	ask = (struct gate_ask){ 0 };
	assert_int_equal(take_as(&list, 1, &ask, WALL).holds.n, 0);
}

static void
test_each_of(void **state)
{
	struct conf_limit l = L_REQUESTS(1, MINUTE);
	const struct gate_limits list = { .file = &l, .n = 1 };
	struct gate_ask a = { .key = STR("a"), .model = STR("m") };
	struct gate_ask b = { .key = STR("b"), .model = STR("m") };
	struct gate_ask c = { .key = STR("a"), .key_id = 5 };

	(void)state;
	l.each_of = CONF_EACH_KEY;
	assert_true(take_as(&list, 1, &a, WALL).res.admitted);
	assert_false(take_as(&list, 1, &a, WALL).res.admitted);
	assert_true(take_as(&list, 1, &b, WALL).res.admitted);
	assert_true(take_as(&list, 1, &c, WALL).res.admitted);
	l.each_of = CONF_EACH_KEY | CONF_EACH_MODEL;
	assert_true(take_as(&list, 1, &a, WALL).res.admitted);
	a.model = STR("n");
	assert_true(take_as(&list, 1, &a, WALL).res.admitted);
	assert_false(take_as(&list, 1, &a, WALL).res.admitted);
	l.each_of = CONF_EACH_TENANT;
	assert_true(take_as(&list, 1, &a, WALL).res.admitted);
	assert_false(take_as(&list, 1, &b, WALL).res.admitted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_matching),
		TEST(test_of_a_provider),
		TEST(test_rules_match_by_id),
		TEST(test_each_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
