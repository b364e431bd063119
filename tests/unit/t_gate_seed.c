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
	clock_set(USEC_PER_SEC, WALL);
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
	clock_real();
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

/* The first of the ledger for it. */
static void
seed(const struct gate_seed *s, int64_t amount)
{
	gate_limit_seed(s, amount, WALL);
}

static void
test_first_look(void **state)
{
	const struct gate_rule r = budget(1);
	const struct gate_ask ask = { .money = 1 };
	const struct gate_limits list = { .rules = &r, .n = 1 };
	struct gate_limit_result res;
	struct gate_holds holds;
	struct gate_seed s[4], later;

	(void)state;
	assert_true(gate_limits_may_seed(&list, 1, false));
	assert_int_equal(unseeded(&r, 1, &ask, s), 1);
	assert_int_equal(unseeded(&r, 1, &ask, s), 1); /* another worker */
	/* 2026-09-01T00:00:00Z */
	assert_int_equal(s[0].start, (usec_t)1788220800 * USEC_PER_SEC);
	seed(&s[0], 60);
	seed(&s[0], 60); /* another worker was as quick */
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
	seed(&s[0], 70);
	seed(&s[1], 30);
	assert_int_equal(used(&r[0], &ask), 70);
	assert_int_equal(used(&r[1], &ask), 40);
}

static uint32_t
looks(usec_t from, usec_t to, int64_t amount)
{
	const struct gate_rule r = budget(1);
	const struct gate_ask ask = { .money = 1 };
	const struct gate_limits list = { .rules = &r, .n = 1 };
	struct gate_seed s;
	uint32_t n = 0;

	for (usec_t t = from; t < to; t += USEC_PER_SEC) {
		if (gate_limit_unseeded(&limit, &list, 1, &ask, t, &s, 1) == 0)
			continue;
		gate_limit_seed(&s, amount, t);
		n++;
	}
	return n;
}

/*
 * Spools may hold some of it for a while: it is looked for again, and not for
 * ever, after the table was made and after counts were lost.
 */
static void
test_later_looks(void **state)
{
	const struct gate_rule r = budget(1);
	const struct gate_ask ask = { .money = 1 };
	const usec_t hour = 3600 * USEC_PER_SEC;
	struct gate_count c;

	(void)state;
	assert_int_equal(looks(WALL, WALL + 3 * USEC_PER_SEC, 10), 2);
	assert_in_range(looks(WALL + 3 * USEC_PER_SEC, WALL + hour, 30), 3, 8);
	gate_limit_look(&limit, &r.limit, &ask, WALL, &c);
	assert_int_equal(c.used, 30);
	assert_int_equal(looks(WALL + hour, WALL + 2 * hour, 0), 0);
	shm_lost(shm, WALL + 2 * hour);
	assert_int_equal(
	    looks(WALL + 2 * hour, WALL + 2 * hour + USEC_PER_SEC, 40), 1);
	assert_in_range(
	    looks(WALL + 2 * hour + USEC_PER_SEC, WALL + 3 * hour, 0), 4, 8);
	assert_int_equal(looks(WALL + 3 * hour, WALL + 4 * hour, 0), 0);
	gate_limit_look(&limit, &r.limit, &ask, WALL, &c);
	assert_int_equal(c.used, 40);
	/* a clock that was set back */
	assert_int_equal(looks(WALL, WALL + USEC_PER_SEC, 0), 0);
}

static void
test_one_makes_a_later_look(void **state)
{
	const struct gate_rule r = budget(1);
	const struct gate_ask ask = { .money = 1 };
	const struct gate_limits list = { .rules = &r, .n = 1 };
	const usec_t later = WALL + 10 * USEC_PER_SEC;
	struct gate_seed s[4];

	(void)state;
	assert_int_equal(unseeded(&r, 1, &ask, s), 1);
	seed(&s[0], 1);
	assert_int_equal(
	    gate_limit_unseeded(&limit, &list, 1, &ask, later, s, 4), 1);
	assert_int_equal(
	    gate_limit_unseeded(&limit, &list, 1, &ask, later, s, 4), 0);
	/* it never came back */
	assert_int_equal(gate_limit_unseeded(&limit, &list, 1, &ask,
			     later + 31 * USEC_PER_SEC, s, 4),
	    1);
}

/* ---- whose --------------------------------------------------------------- */

#define ACME .tenant_id = 5, .tenant = STR("acme")
#define RED .team_id = 7, .team = STR("red")
#define KIM .user_id = 6, .user = STR("kim")
#define CI .key_id = 8, .key = STR("ci")

static struct conf_key file_keys[] = { { .name = STR("dev") } };
static const struct conf conf_of_names = {
	.keys = file_keys, .n_keys = 1, .identity_from = CONF_ID_REMOTE_USER
};

/* Rows of the ledger: who each is, and 10 to the power of its place. */
static const struct store_spent rows[] = {
	{ ACME, RED, KIM, CI, .client = STR("ci"), .alias = STR("gpt-4o"),
	    .provider = STR("p"), .cost = 1 },
	{ ACME, KIM, .client = STR("acme/kim"), .alias = STR("gpt-4o"),
	    .provider = STR("q"), .cost = 10 },
	{ .tenant_id = 9,
	    .tenant = STR("acorn"),
	    .team_id = 17,
	    .team = STR("red"),
	    .user_id = 16,
	    .user = STR("kim"),
	    .key_id = 18,
	    .key = STR("ci"),
	    .client = STR("ci"),
	    .alias = STR("claude"),
	    .provider = STR("p"),
	    .cost = 100 },
	{ .client = STR("dev"),
	    .alias = STR("gpt-4o"),
	    .provider = STR("p"),
	    .cost = 1000 },
	{ .client = STR("kim"),
	    .alias = STR("claude"),
	    .provider = STR("p"),
	    .cost = 10000 },
	{ .tenant_id = 3,
	    .tenant = STR("zoo"),
	    .key_id = 4,
	    .key = STR("dev"),
	    .client = STR("dev"),
	    .alias = STR("gpt-4o"),
	    .provider = STR("q"),
	    .cost = 100000 },
};

static bool
has(unsigned by, unsigned bit)
{
	return (by & bit) != 0;
}

static bool
is_id(int64_t wanted, int64_t id)
{
	return wanted == 0 || wanted == id;
}

static bool
is_text(struct str wanted, struct str s)
{
	return !str_present(wanted) || str_eq(wanted, s);
}

/* The row as the database would tell it; false: it would not. */
static bool
told(const struct store_spent *r, const struct store_spent_ask *a,
    struct store_spent *t)
{
	const struct str none = STR("");

	*t = (struct store_spent){ .cost = r->cost, .requests = 1 };
	t->client = t->alias = t->provider = none;
	if (has(a->by, STORE_BY_TENANT)) {
		t->tenant_id = r->tenant_id;
		t->tenant = r->tenant;
	}
	if (has(a->by, STORE_BY_TEAM)) {
		t->team_id = r->team_id;
		t->team = r->team;
	}
	if (has(a->by, STORE_BY_USER)) {
		t->user_id = r->user_id;
		t->user = r->user;
	}
	if (has(a->by, STORE_BY_KEY)) {
		t->key_id = r->key_id;
		t->key = r->key;
		t->client = r->client;
	}
	t->alias = has(a->by, STORE_BY_ALIAS) ? r->alias : none;
	t->provider = has(a->by, STORE_BY_PROVIDER) ? r->provider : none;
	if (a->is_one &&
	    (a->tenant_id != r->tenant_id || a->user_id != r->user_id ||
		(a->key_id > 0 && a->team_id != r->team_id)))
		return false;
	return is_id(a->tenant_id, r->tenant_id) &&
	       is_id(a->team_id, r->team_id) && is_id(a->user_id, r->user_id) &&
	       is_id(a->key_id, r->key_id) && is_text(a->client, r->client) &&
	       is_text(a->alias, r->alias) && is_text(a->provider, r->provider);
}

/* What of all rows it counts; -1: it is not asked for. */
static int64_t
sum_of(const struct gate_limits *list, const struct gate_ask *ask)
{
	struct store_spent_ask spent;
	struct gate_seed s;
	int64_t sum = 0;

	if (gate_limit_unseeded(&limit, list, 1, ask, WALL, &s, 1) == 0)
		return -1;
	gate_seed_ask(&s, ask, &spent);
	assert_int_equal(spent.from, s.start);
	assert_int_equal(spent.to, s.end);
	assert_int_equal(spent.is_one, spent.key_id > 0 || spent.user_id > 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store_spent t;

		if (told(&rows[i], &spent, &t))
			sum += gate_seed_counts(&s, ask, &conf_of_names, &t);
	}
	return sum;
}

static int64_t
sum_of_file(struct conf_limit l, struct gate_ask ask, uint64_t identity)
{
	const struct gate_limits list = { .file = &l, .n = 1 };

	l.sort = CONF_LIMIT_MONEY;
	l.amount = 100;
	l.period = 1 + ZONE_MONTH;
	l.identity = identity;
	return sum_of(&list, &ask);
}

#define M .model = STR("gpt-4o")
#define ALL                           \
	{                             \
		ACME, RED, KIM, CI, M \
	}
#define FILE_KEY                     \
	{                            \
		.key = STR("dev"), M \
	}
#define WEB_USER                      \
	{                             \
		.user = STR("kim"), M \
	}

/* The file's names: whoever is called so, in any tenant unless it is named. */
static void
test_of_the_file(void **state)
{
	static const struct {
		struct conf_limit l;
		struct gate_ask ask;
		int64_t sum;
	} cases[] = {
		{ { .amount = 1 }, ALL, 111111 },
		{ { .tenant = STR("acme") }, ALL, 11 },
		{ { .tenant = STR("ac*") }, ALL, 111 },
		{ { .tenant = STR("*") }, FILE_KEY, 111111 },
		{ { .team = STR("red") }, ALL, 101 },
		{ { .tenant = STR("acme"), .team = STR("r*") }, ALL, 1 },
		{ { .user = STR("kim") }, ALL, 10111 },
		{ { .user = STR("k*"), .tenant = STR("acme") }, ALL, 11 },
		{ { .key = STR("ci") }, ALL, 101 },
		{ { .key = STR("d*") }, FILE_KEY, 101000 },
		{ { .key = STR("?") }, ALL, -1 },
		{ { .model = STR("gpt-*") }, ALL, 101011 },
		{ { .model = STR("gpt-*"), .user = STR("kim") }, ALL, 11 },
		/* each on its own */
		{ { .each_of = CONF_EACH_TENANT }, ALL, 11 },
		{ { .each_of = CONF_EACH_TENANT }, FILE_KEY, 11000 },
		{ { .each_of = CONF_EACH_TEAM }, ALL, 1 },
		{ { .each_of = CONF_EACH_TEAM, .tenant = STR("acme") },
		    { ACME, KIM, M }, 10 },
		{ { .each_of = CONF_EACH_USER }, ALL, 11 },
		{ { .each_of = CONF_EACH_USER }, WEB_USER, 10000 },
		{ { .each_of = CONF_EACH_USER }, FILE_KEY, 101000 },
		{ { .each_of = CONF_EACH_KEY }, ALL, 1 },
		{ { .each_of = CONF_EACH_KEY }, FILE_KEY, 1000 },
		{ { .each_of = CONF_EACH_KEY }, WEB_USER, 10010 },
		{ { .each_of = CONF_EACH_MODEL }, ALL, 101011 },
		{ { .each_of = CONF_EACH_MODEL | CONF_EACH_TENANT }, ALL, 11 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t sum = sum_of_file(cases[i].l, cases[i].ask, 100 + i);

		if (sum != cases[i].sum)
			fail_msg("row %zu: %lld", i, (long long)sum);
	}
}

/* A key's or a user's rows are asked for by all that is known of whose. */
static void
test_of_one(void **state)
{
	const struct gate_ask all = ALL, web = WEB_USER;
	struct conf_limit l = { .each_of = CONF_EACH_KEY };
	struct gate_seed s = { .limit = &l, .end = 1 };
	struct store_spent_ask a;

	(void)state;
	gate_seed_ask(&s, &all, &a);
	assert_true(a.is_one && a.key_id == all.key_id);
	assert_int_equal(a.tenant_id, all.tenant_id);
	assert_int_equal(a.team_id, all.team_id);
	assert_int_equal(a.user_id, all.user_id);
	l.each_of = CONF_EACH_USER;
	gate_seed_ask(&s, &all, &a);
	assert_true(a.is_one && a.key_id == 0);
	assert_int_equal(a.tenant_id, all.tenant_id);
	assert_int_equal(a.team_id, 0);
	assert_int_equal(a.user_id, all.user_id);
	/* he has no number */
	gate_seed_ask(&s, &web, &a);
	assert_false(a.is_one);
	l.each_of = CONF_EACH_TEAM | CONF_EACH_TENANT;
	gate_seed_ask(&s, &all, &a);
	assert_false(a.is_one);
}

static void
test_of_a_provider(void **state)
{
	struct gate_ask ask = ALL;
	struct conf_limit l = { .provider = STR("p") };
	struct conf_limit each = { .each_of = CONF_EACH_PROVIDER,
		.tenant = STR("acme") };
	struct conf_limit own = { .sort = CONF_LIMIT_REQUESTS,
		.amount = 9,
		.period = 1 + ZONE_DAY,
		.identity = 3 };
	const struct gate_limits owns = {
		.file = &own, .n = 1, .is_own = true
	};

	(void)state;
	assert_int_equal(sum_of_file(l, ask, 1), -1);
	ask.provider = STR("q");
	assert_int_equal(sum_of_file(l, ask, 1), -1);
	assert_int_equal(sum_of_file(each, ask, 2), 10);
	ask.provider = STR("p");
	assert_int_equal(sum_of_file(l, ask, 1), 11101);
	assert_int_equal(sum_of_file(each, ask, 2), 1);
	/* its own, of requests: calls */
	assert_int_equal(sum_of(&owns, &ask), 4);
	own.sort = CONF_LIMIT_CONCURRENT;
	assert_int_equal(sum_of(&owns, &ask), -1);
	/* the client's requests are not in the ledger */
	own.sort = CONF_LIMIT_REQUESTS;
	ask.provider = (struct str){ 0 };
	assert_int_equal(sum_of(&owns, &ask), -1);
}

static void
test_of_a_key_in_the_file(void **state)
{
	const struct conf_limit l = budget(1).limit;
	const struct gate_limits own = { .file = &l, .n = 1, .is_own = true };
	const struct gate_ask ask = FILE_KEY;

	(void)state;
	assert_int_equal(sum_of(&own, &ask), 1000);
}

/* Rules of the database have ids. */
static void
test_of_the_database(void **state)
{
	struct gate_rule r[] = { budget(1), budget(2), budget(3), budget(4) };
	const struct gate_ask ask = ALL, other = FILE_KEY;
	const int64_t sums[] = { 11, 1, 11, 1 };

	(void)state;
	r[0].tenant_id = 5;
	r[1].team_id = 7;
	r[2].user_id = 6;
	r[2].limit.model = STR("gpt-*");
	r[3].key_id = 8;
	for (size_t i = 0; i < COUNT(r); i++) {
		const struct gate_limits list = { .rules = &r[i], .n = 1 };

		assert_int_equal(sum_of(&list, &ask), sums[i]);
		assert_int_equal(sum_of(&list, &other), -1);
	}
}

/* A file's key that the file has no more was one where only keys come in. */
static void
test_names_without_ids(void **state)
{
	const struct conf_limit l = { .sort = CONF_LIMIT_MONEY,
		.amount = 1,
		.period = 1 + ZONE_DAY,
		.identity = 1,
		.key = STR("*-ci") };
	const struct gate_limits list = { .file = &l, .n = 1 };
	const struct gate_ask ask = { .key = STR("new-ci") };
	const struct store_spent row = { .client = STR("old-ci"), .cost = 7 };
	struct conf conf = { .identity_from = CONF_ID_NONE };
	struct gate_seed s;

	(void)state;
	assert_int_equal(
	    gate_limit_unseeded(&limit, &list, 1, &ask, WALL, &s, 1), 1);
	assert_int_equal(gate_seed_counts(&s, &ask, &conf, &row), 7);
	conf.identity_from = CONF_ID_REMOTE_USER;
	assert_int_equal(gate_seed_counts(&s, &ask, &conf, &row), 0);
}

/* Long windows are rebuilt if the table is younger than they are. */
static void
test_windows(void **state)
{
	const usec_t since = shm_since(shm), hour = 3600 * USEC_PER_SEC;
	struct conf_limit l = { .sort = CONF_LIMIT_TOKENS,
		.amount = 100,
		.per = hour,
		.identity = 1 };
	const struct gate_limits list = { .file = &l, .n = 1 };
	const struct gate_ask ask = ALL;
	struct gate_seed s;

	(void)state;
	assert_true(gate_limits_may_seed(&list, 1, false));
	assert_int_equal(
	    gate_limit_unseeded(&limit, &list, 1, &ask, since, &s, 1), 1);
	assert_int_equal(s.start, since / hour * hour);
	assert_int_equal(
	    gate_limit_unseeded(&limit, &list, 1, &ask, since + hour, &s, 1),
	    0);
	l.per = hour - USEC_PER_SEC;
	assert_false(gate_limits_may_seed(&list, 1, false));
	assert_int_equal(
	    gate_limit_unseeded(&limit, &list, 1, &ask, since, &s, 1), 0);
	l.per = hour;
	l.sort = CONF_LIMIT_REQUESTS;
	assert_false(gate_limits_may_seed(&list, 1, false));
}

/* Before a target is chosen a provider's are not asked, then only those. */
static void
test_may_want(void **state)
{
	static const struct {
		struct conf_limit l;
		bool is_own;
		bool without, with;
	} cases[] = {
		{ { .sort = CONF_LIMIT_MONEY }, false, true, false },
		{ { .sort = CONF_LIMIT_MONEY, .provider = STR("p") }, false,
		    false, true },
		{ { .each_of = CONF_EACH_PROVIDER }, false, false, true },
		{ { .sort = CONF_LIMIT_REQUESTS }, false, false, false },
		{ { .sort = CONF_LIMIT_CONCURRENT, .provider = STR("p") },
		    false, false, false },
		/* a key's own, and a provider's */
		{ { .sort = CONF_LIMIT_MONEY }, true, true, true },
		{ { .sort = CONF_LIMIT_REQUESTS }, true, false, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf_limit l = cases[i].l;
		const struct gate_limits list = {
			.file = &l, .n = 1, .is_own = cases[i].is_own
		};

		if (l.each_of)
			l.sort = CONF_LIMIT_TOKENS;
		assert_int_equal(gate_limits_may_seed(&list, 1, true), false);
		l.period = 1 + ZONE_DAY;
		if (gate_limits_may_seed(&list, 1, false) != cases[i].without ||
		    gate_limits_may_seed(&list, 1, true) != cases[i].with)
			fail_msg("row %zu", i);
	}
}

static void
test_amounts(void **state)
{
	static const struct {
		enum conf_limit_sort sort;
		int64_t amount;
	} cases[] = {
		{ CONF_LIMIT_MONEY, 1000 },
		{ CONF_LIMIT_INPUT, 10 },
		{ CONF_LIMIT_OUTPUT, 100 },
		{ CONF_LIMIT_TOKENS, 110 },
	};
	const struct store_spent row = {
		.requests = 1, .prompt = 10, .completion = 100, .cost = 1000
	};
	const struct gate_ask ask = ALL;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct gate_rule r = budget(1 + i);
		struct gate_seed s;

		r.limit.sort = cases[i].sort;
		assert_int_equal(unseeded(&r, 1, &ask, &s), 1);
		assert_int_equal(
		    gate_seed_counts(&s, &ask, &conf_of_names, &row),
		    cases[i].amount);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_first_look),
		TEST(test_after_some_were_counted),
		TEST(test_later_looks),
		TEST(test_one_makes_a_later_look),
		TEST(test_of_the_file),
		TEST(test_of_one),
		TEST(test_of_a_provider),
		TEST(test_of_a_key_in_the_file),
		TEST(test_of_the_database),
		TEST(test_names_without_ids),
		TEST(test_windows),
		TEST(test_may_want),
		TEST(test_amounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
