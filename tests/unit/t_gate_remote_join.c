/* Counters that memcached loses while hosts count in them. */
#include "gate/remote_int.h"
#include "gate_remote_help.h"

static void
take(struct host *h, const struct conf_limit *l, int n)
{
	struct asked a;

	for (int i = 0; i < n; i++)
		assert_true(admits(h, l, 1, 0, &a));
}

static void
check_full(const struct conf_limit *l)
{
	struct asked a;

	assert_false(admits(&one, l, 1, 0, &a));
	assert_false(admits(&two, l, 1, 0, &a));
	assert_int_equal(used(&one, l) + used(&two, l), l->amount);
}

/* It rests, and what it has counted nobody else knows. */
static void
test_part_of_a_host_that_rests(void **state)
{
	struct asked a;

	(void)state;
	take(&one, &requests, 2);
	take(&two, &requests, 7);
	memcached_server_flush(&server);
	assert_true(admits_rebuilt(&one, &requests, 1, 0, &a));
	assert_true(a.wait.is_lost);
	check_full(&requests);
	assert_int_equal(shared(&requests), 10);
}

static void
test_nobody_is_told_before(void **state)
{
	struct asked a, b;

	(void)state;
	take(&one, &requests, 5);
	take(&two, &requests, 4);
	memcached_server_flush(&server);
	ask(&one, &requests, 1, 0, &a);
	loop_turn(one.loop);
	/* the other host meets one that is there, and waits for it */
	ask(&two, &requests, 1, 0, &b);
	for (int i = 0; i < 9; i++) {
		both_turn(GATE_REMOTE_REBUILD / 10);
		assert_int_equal(a.told + b.told, 0);
	}
	rebuild();
	assert_int_equal(a.told + b.told, 2);
	assert_true((a.verdict == GATE_REMOTE_ADMITTED) !=
		    (b.verdict == GATE_REMOTE_ADMITTED));
	give_back_refused(a.verdict == GATE_REMOTE_ADMITTED ? &two : &one,
	    a.verdict == GATE_REMOTE_ADMITTED ? &b : &a);
	check_full(&requests);
}

static void
test_lost_again_meanwhile(void **state)
{
	struct asked a;

	(void)state;
	take(&one, &requests, 3);
	take(&two, &requests, 6);
	memcached_server_flush(&server);
	ask(&one, &requests, 1, 0, &a);
	both_turn(GATE_REMOTE_LOOK);
	memcached_server_flush(&server);
	both_turn(GATE_REMOTE_REBUILD - GATE_REMOTE_LOOK);
	assert_int_equal(a.told, 0);
	rebuild();
	rebuild();
	assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	check_full(&requests);
}

/* It has an end, which is no admission. */
static void
test_lost_again_and_again(void **state)
{
	struct asked a;
	usec_t began = mono;

	(void)state;
	take(&one, &requests, 3);
	take(&two, &requests, 3);
	ask(&one, &requests, 1, 0, &a);
	loop_turn(one.loop);
	assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	memcached_server_flush(&server);
	ask(&one, &requests, 1, 0, &a);
	while (a.told == 0) {
		both_turn(GATE_REMOTE_LOOK);
		memcached_server_flush(&server);
		assert_true(mono - began < 2 * GATE_REMOTE_REBUILD_MAX);
	}
	assert_int_equal(a.verdict, GATE_REMOTE_REFUSED);
	give_back_refused(&one, &a);
	assert_true(admits_rebuilt(&two, &requests, 1, 0, &a));
	take(&two, &requests, 2);
	check_full(&requests);
}

static void
test_gone_while_it_waits(void **state)
{
	struct asked a;

	(void)state;
	take(&one, &requests, 4);
	take(&two, &requests, 5);
	memcached_server_flush(&server);
	ask(&one, &requests, 1, 0, &a);
	loop_turn(one.loop);
	gate_remote_cancel(one.remote, &a.wait, &a.holds);
	rebuild();
	assert_int_equal(a.told, 0);
	assert_int_equal(shared(&requests), 9);
	assert_true(admits(&two, &requests, 1, 0, &a));
	check_full(&requests);
}

/* Each counts for itself then, and nobody waits. */
static void
test_away_while_it_waits(void **state)
{
	struct asked a;

	(void)state;
	take(&one, &requests, 4);
	take(&two, &requests, 5);
	memcached_server_flush(&server);
	ask(&one, &requests, 1, 0, &a);
	loop_turn(one.loop);
	assert_int_equal(a.told, 0);
	memcached_server_stop(&server);
	both_turn(10 * USEC_PER_MSEC);
	assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	assert_true(gate_remote_is_away(one.remote));
	memcached_server_start(&server);
	for (int i = 0; i < 3; i++)
		both_turn(GATE_REMOTE_RETRY_MAX);
	assert_false(gate_remote_is_away(one.remote));
	rebuild();
	assert_int_equal(shared(&requests), 10);
}

/* Made by a host that knew of none, and nothing waits: but for the part. */
static void
test_made_by_a_new_host(void **state)
{
	struct asked a;

	(void)state;
	take(&one, &requests, 9);
	memcached_server_flush(&server);
	take(&two, &requests, 1);
	ask(&one, &requests, 1, 0, &a);
	loop_turn(one.loop);
	for (int i = 0; i < 4; i++)
		both_turn(10 * USEC_PER_MSEC);
	assert_int_equal(a.verdict, GATE_REMOTE_REFUSED);
	give_back_refused(&one, &a);
	check_full(&requests);
}

/* Who asks when all have added theirs does not wait. */
static void
test_whole_before_it_is_asked(void **state)
{
	struct asked a;

	(void)state;
	take(&one, &requests, 4);
	take(&two, &requests, 4);
	memcached_server_flush(&server);
	for (int i = 0; i < 10; i++)
		both_turn(GATE_REMOTE_LOOK);
	take(&two, &requests, 1);
	take(&one, &requests, 1);
	assert_false(admits(&one, &requests, 1, 0, &a));
	check_full(&requests);
}

/* What the ledger has is not added to what the hosts add. */
static void
test_raised_when_it_is_whole(void **state)
{
	struct gate_seed seed;
	struct asked a;
	uint32_t hold = 9;

	(void)state;
	take(&one, &requests, 4);
	take(&two, &requests, 3);
	memcached_server_flush(&server);
	ask(&one, &requests, 1, 0, &a);
	seed = (struct gate_seed){ .tally = a.holds.hold[0].tally,
		.identity = a.holds.hold[0].identity,
		.tag_bits = a.holds.hold[0].tag_bits,
		.window = a.holds.hold[0].window,
		.end = a.holds.hold[0].end,
		.limit = &requests };
	loop_turn(one.loop);
	gate_remote_raise(one.remote, &seed, 9);
	loop_turn(one.loop);
	assert_int_equal(shared(&requests), 4);
	rebuild();
	assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	assert_in_range(shared(&requests), 9, 10);
	assert_true(gate_holds_fit(&a.holds, &hold));
	gate_limit_seed(&seed, 11, WALL);
	assert_false(gate_holds_fit(&a.holds, &hold));
	assert_int_equal(hold, 0);
	assert_int_equal(gate_remote_pending(one.remote), 0);
}

/* A host's part is one, whichever worker finds it lost. */
static void
test_once_for_all_workers(void **state)
{
	struct host worker;
	struct asked a, b, c;

	(void)state;
	worker_init(&worker, one.loop);
	take(&one, &requests, 3);
	take(&worker, &requests, 3);
	take(&two, &requests, 2);
	memcached_server_flush(&server);
	ask(&one, &requests, 1, 0, &a);
	ask(&worker, &requests, 1, 0, &b);
	rebuild();
	assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	assert_int_equal(b.verdict, GATE_REMOTE_ADMITTED);
	assert_false(admits(&worker, &requests, 1, 0, &c));
	check_full(&requests);
	gate_remote_free(worker.remote);
}

/* It says that what was lost is whole, and means the one before. */
static void
test_lost_again_before_it_is_whole(void **state)
{
	struct host worker;
	struct asked a, b;

	(void)state;
	worker_init(&worker, loop_new_virtual());
	take(&worker, &requests, 1);
	take(&one, &requests, 2);
	take(&two, &requests, 7);
	memcached_server_flush(&server);
	ask(&worker, &requests, 1, 0, &a);
	loop_turn(worker.loop);
	for (int i = 0; i < 10; i++) {
		later(GATE_REMOTE_REBUILD / 10);
		loop_turn(worker.loop);
	}
	/* it is about to, and is lost again: the other worker adds their part */
	memcached_server_flush(&server);
	ask(&one, &requests, 1, 0, &b);
	for (int i = 0; i < 4; i++)
		loop_turn(one.loop);
	assert_int_equal(b.verdict, GATE_REMOTE_WAIT);
	for (int i = 0; i < 4; i++) {
		later(10 * USEC_PER_MSEC);
		loop_turn(worker.loop);
		loop_turn(one.loop);
	}
	assert_int_equal(a.told + b.told, 0);
	for (int i = 0; i < 10; i++) {
		both_turn(GATE_REMOTE_LOOK);
		loop_turn(worker.loop);
	}
	assert_int_equal(a.verdict, GATE_REMOTE_REFUSED);
	assert_int_equal(b.verdict, GATE_REMOTE_REFUSED);
	give_back_refused(&worker, &a);
	give_back_refused(&one, &b);
	check_full(&requests);
	gate_remote_free(worker.remote);
	loop_free(worker.loop);
}

/*
 * What was owed goes back to the one that is made anew: the host knows no more
 * of it than there is, and adds no more when that is lost, too.
 */
static void
test_owed_to_what_is_lost(void **state)
{
	const struct gate_use use = { .input = 20 };
	struct asked a, b;

	(void)state;
	assert_true(admits(&one, &tokens, 1, 50, &a));
	gate_remote_away(one.remote, true);
	gate_remote_settle(one.remote, &a.holds, &use, &a.res);
	assert_int_equal(used(&one, &tokens), 20);
	memcached_server_flush(&server);
	while (gate_remote_is_away(one.remote)) {
		later(GATE_REMOTE_RETRY);
		loop_turn(one.loop);
	}
	for (int i = 0; i < 8; i++)
		both_turn(GATE_REMOTE_LOOK);
	assert_int_equal(shared(&tokens), 20);
	memcached_server_flush(&server);
	for (int i = 0; i < 10; i++)
		both_turn(GATE_REMOTE_LOOK);
	assert_int_equal(shared(&tokens), 20);
	assert_true(admits(&one, &tokens, 1, 80, &b));
}

/* Counted before it was lost, told after another worker has found it so. */
static void
test_told_too_late(void **state)
{
	struct asked a;
	struct gate_lease of;
	struct gate_entry e = { .sort = ENTRY_MORE, .amount = 2 };
	struct store_count c = { .err = ERR_OK, .counted = STORE_COUNTED_YES };

	(void)state;
	assert_true(admits(&one, &requests, 1, 0, &a));
	of = gate_hold_lease(&a.holds.hold[0]);
	e.of = of;
	gate_remote_generation(&of, &c);
	assert_true(c.was != 0 && c.next != 0 && c.next != c.was);
	c.generation = c.was;
	memcached_server_flush(&server);
	assert_true(admits_rebuilt(&one, &requests, 1, 0, &a));
	gate_remote_meet(one.remote, &e, &c);
	assert_true(e.is_stale);
	gate_remote_counted(one.remote, &e, &c, e.amount);
	gate_remote_pay(one.remote);
	pass_a_moment(&one);
	assert_int_equal(shared(&requests), 4);
}

#define MANY 300

/* More than one job takes. */
static void
test_many(void **state)
{
	static struct conf_limit l[MANY];
	struct asked a;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		l[i] = requests;
		l[i].identity = 1000 + (uint64_t)i;
		take(&two, &l[i], 9);
	}
	take(&one, &l[0], 1);
	memcached_server_flush(&server);
	ask(&one, &l[0], 1, 0, &a);
	assert_int_equal(a.verdict, GATE_REMOTE_WAIT);
	rebuild();
	assert_int_equal(a.verdict, GATE_REMOTE_REFUSED);
	give_back_refused(&one, &a);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(shared(&l[i]), i ? 9 : 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_part_of_a_host_that_rests),
		TEST(test_nobody_is_told_before),
		TEST(test_lost_again_meanwhile),
		TEST(test_lost_again_and_again),
		TEST(test_gone_while_it_waits),
		TEST(test_away_while_it_waits),
		TEST(test_made_by_a_new_host),
		TEST(test_whole_before_it_is_asked),
		TEST(test_raised_when_it_is_whole),
		TEST(test_once_for_all_workers),
		TEST(test_lost_again_before_it_is_whole),
		TEST(test_owed_to_what_is_lost),
		TEST(test_told_too_late),
		TEST(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
