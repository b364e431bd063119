#include "gate_remote_help.h"

/* A turn's requests are one job, in the order in which they came. */
static void
test_one_job(void **state)
{
	int64_t before = stats_get(one.shm, STATS_MEMCACHED_CALLS);
	struct asked a[20], b;
	int n = 0;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_true(admits(&two, &requests, 1, 0, &b));
	for (int i = 0; i < 20; i++)
		ask(&one, &requests, 1, 0, &a[i]);
	loop_turn(one.loop);
	assert_int_equal(stats_get(one.shm, STATS_MEMCACHED_CALLS) - before, 1);
	for (int i = 0; i < 20; i++) {
		/* the host's own table has refused those from the tenth on */
		assert_int_equal(a[i].told, i < 10);
		assert_int_equal(a[i].verdict == GATE_REMOTE_ADMITTED, i < 6);
		n += a[i].verdict == GATE_REMOTE_ADMITTED;
		if (a[i].holds.n > 0 && i >= 6)
			give_back_refused(&one, &a[i]);
	}
	assert_int_equal(n, 6);
	assert_int_equal(used(&one, &requests), 6);
}

static void
test_flushed(void **state)
{
	struct asked a;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_true(admits(&one, &requests, 1, 0, &a));
	memcached_server_flush(&server);
	assert_true(admits_rebuilt(&one, &requests, 1, 0, &a));
	for (int i = 0; i < 5; i++)
		assert_true(admits(&two, &requests, 1, 0, &a));
	assert_false(admits(&two, &requests, 1, 0, &a));
	assert_false(admits(&one, &requests, 1, 0, &a));
}

static struct gate_seed
seed_of(const struct gate_hold *hold)
{
	return (struct gate_seed){ .tally = hold->tally,
		.identity = hold->identity,
		.tag_bits = hold->tag_bits,
		.window = hold->window,
		.end = hold->end,
		.limit = hold->limit };
}

/* What the others knew comes from the ledger, once, whoever looks. */
static void
test_flushed_and_rebuilt(void **state)
{
	usec_t since = shm_since(one.shm);
	struct gate_seed seed;
	struct conf_limit l = requests;
	struct asked a;

	(void)state;
	l.per = 60 * MINUTE;
	for (int i = 0; i < 4; i++)
		assert_true(admits(&one, &l, 1, 0, &a));
	for (int i = 0; i < 3; i++)
		assert_true(admits(&two, &l, 1, 0, &a));
	assert_false(a.wait.is_lost);
	memcached_server_flush(&server);
	wall_now += 2 * SHM_LOST_REST;
	later(0);
	assert_true(admits_rebuilt(&one, &l, 1, 0, &a));
	assert_true(a.wait.is_lost);
	assert_true(shm_since(one.shm) > since);
	assert_true(shm_since(two.shm) > since);
	seed = seed_of(&a.holds.hold[0]);
	for (int i = 0; i < 2; i++) {
		gate_limit_seed(&seed, 8, WALL);
		gate_remote_raise(one.remote, &seed, 8);
		loop_turn(one.loop);
		assert_int_equal(gate_remote_pending(one.remote), 0);
	}
	assert_int_equal(used(&one, &l), 8);
	assert_true(admits(&two, &l, 1, 0, &a));
	assert_false(a.wait.is_lost);
	assert_true(admits(&two, &l, 1, 0, &a));
	assert_false(admits(&two, &l, 1, 0, &a));
	assert_false(admits(&one, &l, 1, 0, &a));
}

/* The first of a window was lost by nobody. */
static void
test_new_is_not_lost(void **state)
{
	usec_t since = shm_since(one.shm);
	struct asked a;

	(void)state;
	clock_set(mono, WALL + 2 * SHM_LOST_REST);
	assert_true(admits(&one, &requests, 1, 0, &a));
	assert_false(a.wait.is_lost);
	assert_int_equal(shm_since(one.shm), since);
}

/* It goes with the next request, which mostly counts the same. */
static void
test_settled_with_the_next(void **state)
{
	int64_t calls = stats_get(one.shm, STATS_MEMCACHED_CALLS);
	const struct gate_use use = { .input = 5 };
	struct asked a, b;

	(void)state;
	assert_true(admits(&one, &tokens, 1, 7, &a));
	gate_remote_settle(one.remote, &a.holds, &use, &a.res);
	loop_turn(one.loop);
	assert_int_equal(gate_remote_pending(one.remote), 1);
	assert_true(admits(&one, &tokens, 1, 7, &b));
	assert_int_equal(gate_remote_pending(one.remote), 0);
	assert_int_equal(stats_get(one.shm, STATS_MEMCACHED_CALLS), calls + 2);
	assert_int_equal(used(&one, &tokens), 12);
	settle(&one, &b, 7);
}

/* A worker that ends counts what it still has to. */
static void
test_counted_before_the_end(void **state)
{
	struct asked a, b;
	const struct gate_use use = { .input = 5 };

	(void)state;
	assert_true(admits(&one, &tokens, 1, 90, &a));
	gate_remote_settle(one.remote, &a.holds, &use, NULL);
	ask(&one, &requests, 1, 0, &b);
	gate_remote_cancel(one.remote, &b.wait, &b.holds);
	assert_int_equal(gate_remote_pending(one.remote), 2);
	host_fini(&one);
	assert_true(admits(&two, &tokens, 1, 95, &a));
	for (int i = 0; i < 10; i++)
		assert_true(admits(&two, &requests, 1, 0, &a));
}

/* More than a job takes is counted here. */
static void
test_full_batch(void **state)
{
	struct conf_limit l = requests;
	struct asked *a = calloc(GATE_REMOTE_BATCH_MAX + 10, sizeof(*a));
	uint32_t waiting = 0;

	(void)state;
	assert_non_null(a);
	l.amount = 1000000;
	for (uint32_t i = 0; i < GATE_REMOTE_BATCH_MAX + 10; i++) {
		ask(&one, &l, 1, 0, &a[i]);
		waiting += a[i].verdict == GATE_REMOTE_WAIT;
	}
	assert_int_equal(waiting, GATE_REMOTE_BATCH_MAX);
	loop_turn(one.loop);
	for (uint32_t i = 0; i < GATE_REMOTE_BATCH_MAX + 10; i++)
		assert_int_equal(a[i].verdict, GATE_REMOTE_ADMITTED);
	free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_one_job),
		TEST(test_flushed),
		TEST(test_flushed_and_rebuilt),
		TEST(test_new_is_not_lost),
		TEST(test_settled_with_the_next),
		TEST(test_counted_before_the_end),
		TEST(test_full_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
