#include "gate/limit_int.h"

#include "check.h"

#define WALL ((usec_t)1790000000 * USEC_PER_SEC)

static struct shm *shm;
static struct gate_limit limit;
static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new(1 << 20);
	if (!arena || shm_open_file(NULL, 64, &shm) != ERR_OK)
		return -1;
	gate_limit_init(&limit, shm, 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shm_close(shm);
	arena_free(arena);
	return 0;
}

static struct gate_rule
budget(uint64_t identity)
{
	return (struct gate_rule){ .limit = { .sort = CONF_LIMIT_MONEY,
				       .amount = 100,
				       .period = 1 + ZONE_MONTH,
				       .identity = identity } };
}

static uint32_t
unseeded(const struct gate_rule *r, uint32_t n, const struct gate_ask *ask,
    struct gate_seed *out)
{
	const struct gate_limits list = { .rules = r, .n = n };

	return gate_limit_unseeded(&limit, &list, 1, ask, WALL, out, 4);
}

static int64_t
used(const struct gate_rule *r, const struct gate_ask *ask)
{
	struct gate_count c;

	gate_limit_look(&limit, &r->limit, ask, WALL, &c);
	return c.used;
}

static void
test_once_in_a_period(void **state)
{
	const struct gate_rule r = budget(1);
	const struct gate_ask ask = { .money = 1 };
	const struct gate_limits list = { .rules = &r, .n = 1 };
	struct gate_limit_result res;
	struct gate_holds holds;
	struct gate_seed s[4], later;

	(void)state;
	assert_int_equal(unseeded(&r, 1, &ask, s), 1);
	/* 2026-09-01T00:00:00Z */
	assert_int_equal(s[0].start, (usec_t)1788220800 * USEC_PER_SEC);
	gate_limit_seed(&s[0], 60);
	gate_limit_seed(&s[0], 60); /* another worker was as quick */
	assert_int_equal(used(&r, &ask), 60);
	assert_int_equal(unseeded(&r, 1, &ask, &later), 0);
	for (int i = 0; i < 41; i++)
		assert_int_equal(gate_limit_take(&limit, arena, &list, 1, &ask,
				     WALL, &holds, &res),
		    ERR_OK);
	assert_false(res.admitted);
	assert_int_equal(used(&r, &ask), 100);
}

/* What was counted while the ledger was away is not counted twice. */
static void
test_after_some_were_counted(void **state)
{
	const struct gate_rule r[] = { budget(1), budget(2) };
	const struct gate_ask ask = { .money = 40 };
	const struct gate_limits list = { .rules = r, .n = 2 };
	struct gate_limit_result res;
	struct gate_holds holds;
	struct gate_seed s[4];

	(void)state;
	assert_int_equal(
	    gate_limit_take(&limit, arena, &list, 1, &ask, WALL, &holds, &res),
	    ERR_OK);
	assert_int_equal(unseeded(r, 2, &ask, s), 2);
	gate_limit_seed(&s[0], 70);
	gate_limit_seed(&s[1], 30);
	assert_int_equal(used(&r[0], &ask), 70);
	assert_int_equal(used(&r[1], &ask), 40);
}

static void
test_whose(void **state)
{
	struct gate_rule r = budget(1);
	struct gate_ask ask = { .tenant_id = 5,
		.user_id = 6,
		.key = STR("ci"),
		.model = STR("gpt-4o") };
	const struct gate_limits own = { &r.limit, NULL, 1, true };
	struct gate_seed s[4];

	(void)state;
	r.tenant_id = 5;
	r.limit.model = STR("gpt-*");
	assert_int_equal(unseeded(&r, 1, &ask, s), 1);
	assert_int_equal(s[0].tenant_id, 5);
	assert_int_equal(s[0].user_id, 0);
	assert_string_equal(s[0].model, "gpt-*");
	assert_string_equal(s[0].client, "");
	r.limit.each_of = CONF_EACH_USER | CONF_EACH_KEY | CONF_EACH_MODEL;
	assert_int_equal(unseeded(&r, 1, &ask, s), 1);
	assert_int_equal(s[0].user_id, 6);
	assert_string_equal(s[0].model, "gpt-4o");
	assert_string_equal(s[0].client, "ci"); /* of the file: no id */
	r = budget(3);
	assert_int_equal(
	    gate_limit_unseeded(&limit, &own, 1, &ask, WALL, s, 4), 1);
	assert_string_equal(s[0].client, "ci");
}

/* Who has no team must not be told what all teams have spent. */
static void
test_of_nobody(void **state)
{
	static const struct {
		unsigned each_of;
		struct gate_ask ask;
		bool is_asked;
	} rows[] = {
		{ CONF_EACH_TENANT, { .tenant_id = 5 }, true },
		{ CONF_EACH_TENANT, { .key = STR("ci") }, false },
		{ CONF_EACH_TENANT | CONF_EACH_KEY, { .key = STR("ci") },
		    true },
		{ CONF_EACH_TEAM, { .tenant_id = 5, .user_id = 6 }, false },
		{ CONF_EACH_TEAM, { .tenant_id = 5, .team_id = 7 }, true },
		{ CONF_EACH_TEAM | CONF_EACH_USER,
		    { .tenant_id = 5, .user_id = 6 }, false },
		{ CONF_EACH_TEAM | CONF_EACH_KEY,
		    { .tenant_id = 5, .key_id = 8 }, true },
		{ CONF_EACH_USER, { .tenant_id = 5, .key_id = 8 }, false },
		{ CONF_EACH_USER, { .user = STR("kim") }, true },
		{ CONF_EACH_USER, { .key = STR("ci") }, false },
		{ CONF_EACH_USER | CONF_EACH_KEY, { .key = STR("ci") }, true },
		{ CONF_EACH_KEY, { .user = STR("kim") }, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct gate_rule r = budget(10 + i);
		struct gate_seed s[4];

		r.limit.each_of = rows[i].each_of;
		if (unseeded(&r, 1, &rows[i].ask, s) != rows[i].is_asked)
			fail_msg("row %zu", i);
	}
}

/* The file has names: those of who asks, where they can be nobody else's. */
static void
test_named_in_the_file(void **state)
{
#define WHO                                                                \
	.tenant_id = 5, .team_id = 7, .user_id = 6, .tenant = STR("acme"), \
	.team = STR("red"), .user = STR("kim")
	static const struct {
		struct conf_limit l;
		struct gate_ask ask;
		bool is_asked;
		int64_t tenant_id, team_id, user_id;
	} rows[] = {
		{ { .tenant = STR("acme") }, { WHO }, true, 5, 0, 0 },
		{ { .tenant = STR("ac*") }, { WHO }, false, 0, 0, 0 },
		{ { .tenant = STR("acme") }, { .tenant = STR("acme") }, false,
		    0, 0, 0 },
		{ { .tenant = STR("acme"), .team = STR("red") }, { WHO }, true,
		    5, 7, 0 },
		{ { .tenant = STR("acme"), .team = STR("r*") }, { WHO }, false,
		    0, 0, 0 },
		{ { .team = STR("red") }, { WHO }, false, 0, 0, 0 },
		{ { .tenant = STR("acme"), .user = STR("kim") }, { WHO }, true,
		    5, 0, 6 },
		{ { .tenant = STR("*"), .user = STR("kim") }, { WHO }, false, 0,
		    0, 0 },
		{ { .tenant = STR("a*"), .each_of = CONF_EACH_TENANT }, { WHO },
		    true, 5, 0, 0 },
		{ { .team = STR("r*"), .each_of = CONF_EACH_TEAM }, { WHO },
		    true, 0, 7, 0 },
		{ { .team = STR("red"), .each_of = CONF_EACH_TENANT }, { WHO },
		    true, 5, 7, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf_limit l = rows[i].l;
		const struct gate_limits list = { .file = &l, .n = 1 };
		struct gate_seed s[4] = { 0 };

		l.sort = CONF_LIMIT_MONEY;
		l.amount = 100;
		l.period = 1 + ZONE_MONTH;
		l.identity = 40 + i;
		if (gate_limit_unseeded(&limit, &list, 1, &rows[i].ask, WALL, s,
			4) != rows[i].is_asked)
			fail_msg("row %zu", i);
		if (!rows[i].is_asked)
			continue;
		assert_int_equal(s[0].tenant_id, rows[i].tenant_id);
		assert_int_equal(s[0].team_id, rows[i].team_id);
		assert_int_equal(s[0].user_id, rows[i].user_id);
	}
}

static void
test_which_not(void **state)
{
	struct gate_rule r[6];
	const struct gate_ask ask = { .tenant = STR("a") };
	struct gate_seed s[4];

	(void)state;
	for (int i = 0; i < 6; i++)
		r[i] = budget((uint64_t)i + 1);
	r[0].limit.sort = CONF_LIMIT_REQUESTS;
	r[1].limit.period = 0;
	r[1].limit.per = 5 * USEC_PER_SEC;
	r[2].limit.sort = CONF_LIMIT_CONCURRENT;
	r[3].limit.provider = STR("p");
	r[4].tenant_id = 99; /* is not for this ask */
	r[5].limit.each_of = CONF_EACH_PROVIDER;
	assert_int_equal(unseeded(r, 6, &ask, s), 0);
	assert_int_equal(shm_tallies_used(shm), 0);
	for (int i = 0; i < 6; i++)
		r[i] = budget((uint64_t)i + 1);
	assert_int_equal(unseeded(r, 6, &ask, s), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_once_in_a_period),
		TEST(test_after_some_were_counted),
		TEST(test_whose),
		TEST(test_of_nobody),
		TEST(test_named_in_the_file),
		TEST(test_which_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
