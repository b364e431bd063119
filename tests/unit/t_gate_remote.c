#include "gate_remote_help.h"

static void
test_two_hosts(void **state)
{
	struct asked a;
	int n = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		n += admits(i % 2 ? &one : &two, &requests, 1, 0, &a);
	assert_int_equal(n, 10);
	assert_int_equal(used(&one, &requests) + used(&two, &requests), 10);
}

static void
test_settled_over_hosts(void **state)
{
	struct asked a, b, c;

	(void)state;
	assert_true(admits(&one, &tokens, 1, 60, &a));
	assert_false(admits(&two, &tokens, 1, 60, &b));
	assert_int_equal(b.hold, 0);
	assert_int_equal(used(&two, &tokens), 0);
	settle(&one, &a, 10); /* 50 back */
	assert_int_equal(used(&one, &tokens), 10);
	assert_true(admits(&two, &tokens, 1, 60, &b));
	settle(&two, &b, 85); /* 25 more than was guessed */
	assert_int_equal(used(&two, &tokens), 85);
	assert_true(admits(&one, &tokens, 1, 5, &c));
	assert_false(admits(&one, &tokens, 1, 1, &a));
}

/* All or none, over both: what the first counted is given back. */
static void
test_groups(void **state)
{
	const struct conf_limit both[] = { requests, tokens, at_once };
	struct asked a, b;

	(void)state;
	assert_true(admits(&two, &tokens, 1, 70, &a));
	assert_true(admits(&one, both, 3, 30, &a));
	for (int i = 0; i < 5; i++) {
		assert_false(admits(&one, both, 3, 30, &b));
		assert_int_equal(b.hold, 1);
	}
	assert_int_equal(used(&one, &requests), 1);
	assert_int_equal(used(&one, &at_once), 1);
	for (int i = 0; i < 9; i++)
		assert_true(admits(&two, &requests, 1, 0, &b));
	assert_false(admits(&two, &requests, 1, 0, &b));
}

/* A client that leaves while its request waits takes nothing with it. */
static void
test_cancelled(void **state)
{
	const struct conf_limit both[] = { requests, at_once };
	struct asked a, b;

	(void)state;
	ask(&one, both, 2, 0, &a);
	assert_int_equal(a.verdict, GATE_REMOTE_WAIT);
	gate_remote_cancel(one.remote, &a.wait, &a.holds);
	assert_int_equal(a.holds.n, 0);
	assert_int_equal(used(&one, &at_once), 0);
	pass_a_moment(&one);
	assert_int_equal(a.told, 0);
	assert_int_equal(used(&one, &requests), 0);
	for (int i = 0; i < 10; i++)
		assert_true(admits(&two, &requests, 1, 0, &b));
	/* refused by the others, and gone: nothing to give back there */
	ask(&one, both, 2, 0, &a);
	gate_remote_cancel(one.remote, &a.wait, &a.holds);
	loop_turn(one.loop);
	assert_int_equal(used(&one, &requests), 0);
	assert_false(admits(&two, &requests, 1, 0, &b));
	/* away, and gone */
	memcached_server_stop(&server);
	ask(&one, both, 2, 0, &a);
	gate_remote_cancel(one.remote, &a.wait, &a.holds);
	loop_turn(one.loop);
	assert_int_equal(used(&one, &requests), 0);
}

static void
test_shadow_waits_for_nobody(void **state)
{
	struct conf_limit l = requests;
	struct asked a;

	(void)state;
	l.is_shadow = true;
	for (int i = 0; i < 12; i++) {
		ask(&one, &l, 1, 0, &a);
		assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	}
	loop_turn(one.loop);
	assert_int_equal(used(&one, &l), 12);
	assert_false(admits(&two, &requests, 1, 0, &a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_two_hosts),
		TEST(test_settled_over_hosts),
		TEST(test_groups),
		TEST(test_cancelled),
		TEST(test_shadow_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
