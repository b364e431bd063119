#include "gate_limit_help.h"
#include "sys/stats.h"

/* ---- one limit ----------------------------------------------------------- */

static void
test_no_limits(void **state)
{
	struct gate_limit_result r = admit(NULL, 0, WALL);

	(void)state;
	assert_true(r.admitted);
	assert_int_equal(r.requests_limit, -1);
	assert_int_equal(r.tokens_limit, -1);
	assert_int_equal(shm_tallies_used(shm), 0);
}

static void
test_requests(void **state)
{
	const struct conf_limit l = L_REQUESTS(3, MINUTE);
	struct gate_limit_result r;
	struct taken t;

	(void)state;
	for (int i = 0; i < 3; i++) {
		t = take(&l, 1, WALL + i, 0, 0);
		r = t.res;
		assert_true(r.admitted);
		assert_int_equal(r.requests_limit, 3);
		assert_int_equal(r.requests_remaining, 2 - i);
		assert_int_equal(r.requests_reset, MINUTE - i);
	}
	r = admit(&l, 1, WALL + MINUTE - 1);
	assert_false(r.admitted);
	assert_ptr_equal(r.limit, &l);
	assert_int_equal(r.retry_after, 1);
	assert_int_equal(r.end, WALL + MINUTE);
	assert_int_equal(r.requests_remaining, 0);
	/* a request that ends gives nothing back */
	settle(&t, 10, 10);
	assert_false(passes(&l, 1, WALL + MINUTE - 1));
	/* the next window begins at the full minute */
	r = admit(&l, 1, WALL + MINUTE);
	assert_true(r.admitted);
	assert_int_equal(r.requests_remaining, 2);
	assert_int_equal(r.retry_after, 0);
}

static void
test_late_worker_does_not_turn_back(void **state)
{
	const struct conf_limit l = L_REQUESTS(2, MINUTE);

	(void)state;
	assert_true(passes(&l, 1, WALL + MINUTE));
	assert_true(passes(&l, 1, WALL + MINUTE - 1));
	assert_false(passes(&l, 1, WALL + MINUTE));
	assert_false(passes(&l, 1, WALL + MINUTE - 1));
}

static void
test_clock_set_back(void **state)
{
	const struct conf_limit l = L_REQUESTS(1, MINUTE);

	(void)state;
	assert_true(passes(&l, 1, WALL + 60 * MINUTE));
	assert_true(passes(&l, 1, WALL));
	assert_false(passes(&l, 1, WALL));
}

/* Reserved, settled: too much comes back, too little is added. */
static void
test_tokens(void **state)
{
	const struct conf_limit l = L_TOKENS(100, MINUTE);
	struct taken a = take(&l, 1, WALL, 20, 30), b;

	(void)state;
	assert_true(a.res.admitted);
	assert_int_equal(a.res.tokens_limit, 100);
	assert_int_equal(a.res.tokens_remaining, 50);
	assert_false(take(&l, 1, WALL, 20, 31).res.admitted);
	b = take(&l, 1, WALL, 20, 30);
	assert_true(b.res.admitted);
	assert_int_equal(b.res.tokens_remaining, 0);
	settle(&a, 20, 10); /* 20 less */
	a = take(&l, 1, WALL, 10, 10);
	assert_true(a.res.admitted);
	settle(&b, 20, 40); /* 10 more: passed by its error, no more */
	assert_int_equal(take(&l, 1, WALL, 1, 0).res.tokens_remaining, 0);
	settle(&a, 0, 0); /* it failed: all of it */
	a = take(&l, 1, WALL + 5, 10, 0);
	assert_true(a.res.admitted);
	assert_int_equal(a.res.tokens_remaining, 0);
	assert_int_equal(a.res.tokens_reset, MINUTE - 5);
	assert_true(take(&l, 1, WALL + MINUTE, 50, 50).res.admitted);
}

/* What ends in a later window changes nothing there. */
static void
test_settled_in_its_own_window(void **state)
{
	const struct conf_limit l = L_TOKENS(100, MINUTE);
	struct taken a = take(&l, 1, WALL, 10, 10), b;

	(void)state;
	b = take(&l, 1, WALL + MINUTE, 10, 0);
	settle(&a, 90, 0);
	a = take(&l, 1, WALL + MINUTE, 0, 1);
	assert_int_equal(a.res.tokens_remaining, 89);
	settle(&b, 0, 0);
	a = take(&l, 1, WALL + MINUTE, 0, 1);
	assert_int_equal(a.res.tokens_remaining, 98);
}

static void
test_input_and_output_apart(void **state)
{
	const struct conf_limit l[] = {
		{ .sort = CONF_LIMIT_INPUT,
		    .amount = 100,
		    .per = MINUTE,
		    .identity = 1 },
		{ .sort = CONF_LIMIT_OUTPUT,
		    .amount = 10,
		    .per = MINUTE,
		    .identity = 2 },
	};
	struct taken t = take(l, 2, WALL, 60, 6);

	(void)state;
	assert_true(t.res.admitted);
	assert_ptr_equal(take(l, 2, WALL, 60, 1).res.limit, &l[0]);
	assert_ptr_equal(take(l, 2, WALL, 10, 6).res.limit, &l[1]);
	settle(&t, 60, 1);
	assert_true(take(l, 2, WALL, 10, 6).res.admitted);
}

/* A guess that is too high must not shut an empty window; a prompt may. */
static void
test_larger_than_the_limit(void **state)
{
	const struct conf_limit l = L_TOKENS(100, MINUTE);
	struct taken t = take(&l, 1, WALL, 101, 0);

	(void)state;
	assert_false(t.res.admitted);
	assert_true(t.res.is_too_large);
	t = take(&l, 1, WALL, 50, 1000000);
	assert_true(t.res.admitted);
	assert_int_equal(t.res.tokens_remaining, 0);
	assert_false(take(&l, 1, WALL, 0, 0).res.admitted);
	settle(&t, 50, 20);
	assert_int_equal(take(&l, 1, WALL, 1, 0).res.tokens_remaining, 29);
}

static void
test_absurd_usage(void **state)
{
	const struct conf_limit l = L_TOKENS(100, MINUTE);
	struct taken t = take(&l, 1, WALL, 1, 1);

	(void)state;
	settle(&t, INT64_MAX, INT64_MAX);
	assert_false(take(&l, 1, WALL, 1, 1).res.admitted);
	t = take(&l, 1, WALL + MINUTE, 1, 1);
	assert_int_equal(t.res.tokens_remaining, 98);
}

static void
test_concurrent(void **state)
{
	const struct conf_limit l = L_CONCURRENT(2);
	struct taken a = take(&l, 1, WALL, 0, 0), b = take(&l, 1, WALL, 0, 0);

	(void)state;
	assert_true(a.res.admitted && b.res.admitted);
	assert_int_equal(a.res.requests_limit, -1);
	assert_false(passes(&l, 1, WALL));
	assert_true(admit(&l, 1, WALL).retry_after > 0);
	settle(&a, 0, 0);
	assert_true(passes(&l, 1, WALL));
	assert_false(passes(&l, 1, WALL + 60 * MINUTE));
}

/* ---- several ------------------------------------------------------------- */

/* One refusal takes from none. */
static void
test_all_or_none(void **state)
{
	struct conf_limit l[] = {
		L_REQUESTS(10, MINUTE),
		L_CONCURRENT(5),
		L_REQUESTS(1, 60 * MINUTE),
		L_TOKENS(100, MINUTE),
	};
	struct gate_limit_result r;

	(void)state;
	l[2].identity = 101;
	r = admit(l, 4, WALL);
	assert_true(r.admitted);
	/* the tightest of each sort */
	assert_int_equal(r.requests_limit, 1);
	assert_int_equal(r.requests_remaining, 0);
	assert_int_equal(r.requests_reset, 60 * MINUTE);
	assert_int_equal(r.tokens_limit, 100);
	for (int i = 0; i < 20; i++) {
		r = admit(l, 4, WALL);
		assert_false(r.admitted);
		assert_ptr_equal(r.limit, &l[2]);
		assert_int_equal(r.retry_after, 60 * MINUTE);
	}
	assert_int_equal(admit(l, 1, WALL).requests_remaining, 8);
	for (int i = 0; i < 4; i++)
		assert_true(passes(&l[1], 1, WALL));
	assert_false(passes(&l[1], 1, WALL));
}

/* A refusal that shows only when it is taken gives back what was taken. */
static void
test_given_back_after_a_race(void **state)
{
	struct conf_limit l[] = { L_TOKENS(100, MINUTE), L_TOKENS(50, MINUTE) };
	struct taken t;

	(void)state;
	l[1].identity = 201;
	t = take(l, 2, WALL, 60, 0); /* alone too large for the second */
	assert_false(t.res.admitted);
	assert_ptr_equal(t.res.limit, &l[1]);
	assert_true(t.res.is_too_large);
	assert_int_equal(take(l, 1, WALL, 1, 0).res.tokens_remaining, 99);
}

static void
test_value_changes_over_a_reload(void **state)
{
	struct conf_limit l = L_REQUESTS(2, MINUTE);

	(void)state;
	assert_true(passes(&l, 1, WALL));
	assert_true(passes(&l, 1, WALL));
	assert_false(passes(&l, 1, WALL));
	l.amount = 3;
	assert_true(passes(&l, 1, WALL));
	l.amount = 1;
	assert_int_equal(admit(&l, 1, WALL).requests_remaining, 0);
}

static void
test_full_table_enforces_nothing_and_says_so(void **state)
{
	const struct conf_limit l[] = { L_REQUESTS(1, MINUTE),
		L_CONCURRENT(1) };
	int64_t before = stats_get(shm, STATS_LIMITS_UNENFORCED);
	struct gate_limit_result out;

	(void)state;
	for (uint64_t id = 1000; shm_slot(shm, id); id++)
		;
	for (uint64_t id = 1000; shm_tally(shm, id); id++)
		;
	assert_true(passes(l, 2, WALL));
	assert_true(passes(l, 2, WALL));
	assert_int_equal(stats_get(shm, STATS_LIMITS_UNENFORCED) - before, 4);
	out = admit(l, 1, WALL);
	assert_ptr_equal(out.unenforced, &l[0]);
	assert_int_equal(out.unenforced_end, WALL - WALL % MINUTE + MINUTE);
	assert_null(GATE_NOT_LIMITED.unenforced);
}

/* ---- periods, money ------------------------------------------------------ */

#define BERLIN_MIDNIGHT ((usec_t)1761951600 * USEC_PER_SEC) /* 2025-11-01 */

static void
test_money_over_a_month(void **state)
{
	const struct zone *berlin = NULL;
	const struct conf_limit l = { .name = STR("month"),
		.sort = CONF_LIMIT_MONEY,
		.amount = 10 * NANOUSD_PER_USD,
		.period = 1 + ZONE_MONTH,
		.each_of = CONF_EACH_TENANT,
		.identity = 5 };
	const struct gate_limits list = { .file = &l, .n = 1 };
	struct gate_ask ask = { .tenant_id = 1, .money = 6 * NANOUSD_PER_USD };
	struct gate_use use = { .money = 3 * NANOUSD_PER_USD };
	struct taken t;

	(void)state;
	assert_int_equal(zone_find(STR("Europe/Berlin"), &berlin), ERR_OK);
	ask.zone = berlin;
	t = take_as(&list, 1, &ask, BERLIN_MIDNIGHT - 1);
	assert_true(t.res.admitted);
	assert_false(take_as(&list, 1, &ask, BERLIN_MIDNIGHT - 1).res.admitted);
	gate_limit_settle(&limit, &t.holds, &use, NULL);
	/* 3 spent: 6 more fit, then no more */
	assert_true(take_as(&list, 1, &ask, BERLIN_MIDNIGHT - 1).res.admitted);
	t = take_as(&list, 1, &ask, BERLIN_MIDNIGHT - 1);
	assert_false(t.res.admitted);
	assert_int_equal(t.res.end, BERLIN_MIDNIGHT);
	/* a new month where the tenant lives, an hour before it is one here */
	t = take_as(&list, 1, &ask, BERLIN_MIDNIGHT);
	assert_true(t.res.admitted);
	/* the price is not known: the budget holds while there is any left */
	ask.money = 0;
	assert_true(take_as(&list, 1, &ask, BERLIN_MIDNIGHT).res.admitted);
	use.money = 20 * NANOUSD_PER_USD;
	gate_limit_settle(&limit, &t.holds, &use, NULL);
	assert_false(take_as(&list, 1, &ask, BERLIN_MIDNIGHT).res.admitted);
}

static void
test_largest_budget(void **state)
{
	const struct conf_limit l = { .sort = CONF_LIMIT_MONEY,
		.amount = INT64_C(1000000) * NANOUSD_PER_USD,
		.period = 1 + ZONE_QUARTER,
		.identity = 5 };
	const struct gate_limits list = { .file = &l, .n = 1 };
	const struct gate_ask ask = { .money = l.amount / 2 };

	(void)state;
	assert_true(take_as(&list, 1, &ask, WALL).res.admitted);
	assert_true(take_as(&list, 1, &ask, WALL).res.admitted);
	assert_false(take_as(&list, 1, &ask, WALL).res.admitted);
}

/* ---- shadow, soft, lenient ----------------------------------------------- */

static void
test_shadow(void **state)
{
	struct conf_limit l[] = { L_REQUESTS(1, MINUTE), L_CONCURRENT(1),
		L_REQUESTS(5, MINUTE) };
	int64_t before = stats_get(shm, STATS_LIMITS_SHADOW);
	struct taken t[4];
	struct gate_count c;

	(void)state;
	l[0].is_shadow = l[1].is_shadow = true;
	l[2].identity = 101;
	for (int i = 0; i < 4; i++) {
		t[i] = take(l, 3, WALL, 0, 0);
		assert_true(t[i].res.admitted);
		assert_ptr_equal(t[i].res.shadow, i ? &l[0] : NULL);
		assert_int_equal(t[i].res.requests_limit, 5);
	}
	assert_int_equal(stats_get(shm, STATS_LIMITS_SHADOW) - before, 6);
	/* it goes on counting */
	gate_limit_look(&limit, &l[0], &(struct gate_ask){ 0 }, WALL, &c);
	assert_true(c.is_known);
	assert_int_equal(c.used, 4);
	assert_int_equal(c.end, WALL + MINUTE);
	gate_limit_look(&limit, &l[1], &(struct gate_ask){ 0 }, WALL, &c);
	assert_int_equal(c.used, 4);
	for (int i = 0; i < 4; i++)
		settle(&t[i], 0, 0);
	gate_limit_look(&limit, &l[1], &(struct gate_ask){ 0 }, WALL, &c);
	assert_int_equal(c.used, 0);
}

static void
test_soft_is_told_once(void **state)
{
	struct conf_limit l = L_TOKENS(100, MINUTE);
	struct taken t;

	(void)state;
	l.soft_percent = 80;
	t = take(&l, 1, WALL, 79, 0);
	assert_int_equal(t.res.n_events, 0);
	settle(&t, 80, 0); /* by what it was, not by what was guessed */
	assert_int_equal(t.res.n_events, 1);
	assert_ptr_equal(t.res.event[0].limit, &l);
	assert_int_equal(t.res.event[0].used, 80);
	assert_int_equal(take(&l, 1, WALL, 5, 0).res.n_events, 0);
	assert_int_equal(take(&l, 1, WALL + MINUTE, 80, 0).res.n_events, 1);
	assert_int_equal(take(&l, 1, WALL + MINUTE, 10, 0).res.n_events, 0);
}

/* But what is the host's own is refused all the same. */
static void
test_lenient(void **state)
{
	const struct conf_limit l[] = { L_REQUESTS(1, MINUTE),
		L_CONCURRENT(2) };
	const struct gate_limits list = { l, NULL, 1, true };
	const struct gate_ask call = { .provider = STR("p") };
	struct gate_count c;

	(void)state;
	limit.is_lenient = true;
	for (int i = 0; i < 2; i++)
		assert_true(passes(l, 2, WALL));
	assert_ptr_equal(admit(l, 2, WALL).limit, &l[1]);
	assert_true(passes(l, 1, WALL));
	assert_false(take_as(&list, 1, &call, WALL).res.admitted);
	limit.is_lenient = false;
	gate_limit_look(&limit, l, &(struct gate_ask){ 0 }, WALL, &c);
	assert_int_equal(c.used, 3);
	assert_false(passes(l, 1, WALL));
}

static void
test_share(void **state)
{
	const struct conf_limit l[] = { L_REQUESTS(4, MINUTE),
		L_CONCURRENT(2) };
	const struct gate_limits list = { l, NULL, 2, true };
	const struct gate_ask ask = { 0 };
	struct gate_share s;

	(void)state;
	gate_limit_share(&limit, &list, &ask, WALL, &s);
	assert_true(s.share == 0 && s.window == 0 && s.reset == 0);
	assert_int_equal(shm_tallies_used(shm), 0);
	assert_true(passes(l, 2, WALL));
	gate_limit_share(&limit, &list, &ask, WALL + 5, &s);
	assert_true(s.share == 0.5 && s.window == 0.25);
	assert_int_equal(s.reset, MINUTE - 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_no_limits),
		TEST(test_requests),
		TEST(test_late_worker_does_not_turn_back),
		TEST(test_clock_set_back),
		TEST(test_tokens),
		TEST(test_settled_in_its_own_window),
		TEST(test_input_and_output_apart),
		TEST(test_larger_than_the_limit),
		TEST(test_absurd_usage),
		TEST(test_concurrent),
		TEST(test_all_or_none),
		TEST(test_given_back_after_a_race),
		TEST(test_value_changes_over_a_reload),
		TEST(test_full_table_enforces_nothing_and_says_so),
		TEST(test_money_over_a_month),
		TEST(test_largest_budget),
		TEST(test_shadow),
		TEST(test_soft_is_told_once),
		TEST(test_lenient),
		TEST(test_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
