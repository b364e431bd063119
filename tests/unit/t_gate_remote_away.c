#include "gate/remote_int.h"
#include "gate_remote_help.h"
#include "procs.h"

/* One failure, then nothing waits; a probe finds it again. */
static void
test_away_local(void **state)
{
	struct asked a;
	int64_t failures = stats_get(one.shm, STATS_MEMCACHED_FAILURES);

	(void)state;
	assert_true(admits(&one, &requests, 1, 0, &a));
	memcached_server_stop(&server);
	for (int i = 0; i < 9; i++) {
		assert_true(admits(&one, &requests, 1, 0, &a));
		assert_int_equal(a.told, i == 0);
	}
	assert_false(admits(&one, &requests, 1, 0, &a));
	assert_int_equal(one.away, 1);
	assert_true(gate_remote_is_away(one.remote));
	assert_int_equal(
	    stats_get(one.shm, STATS_MEMCACHED_FAILURES) - failures, 1);
	/* the probe is nobody's time */
	later(GATE_REMOTE_RETRY);
	loop_turn(one.loop);
	assert_int_equal(
	    stats_get(one.shm, STATS_MEMCACHED_FAILURES) - failures, 2);
	assert_true(admits(&one, &tokens, 1, 1, &a));
	assert_int_equal(a.told, 0);
	memcached_server_start(&server);
	later(GATE_REMOTE_RETRY);
	loop_turn(one.loop);
	assert_true(gate_remote_is_away(one.remote)); /* not yet: it doubles */
	later(GATE_REMOTE_RETRY_MAX);
	loop_turn(one.loop);
	assert_false(gate_remote_is_away(one.remote));
	assert_int_equal(one.away, 0);
	/* what was counted alone is told with the next */
	assert_true(admits(&one, &tokens, 1, 1, &a));
	assert_true(admits(&two, &tokens, 1, 98, &a));
	assert_false(admits(&two, &tokens, 1, 1, &a));
}

/* What one worker has found out costs the others nothing. */
static void
test_away_for_all_workers(void **state)
{
	struct host worker;
	struct asked a;

	(void)state;
	worker_init(&worker, one.loop);
	memcached_server_stop(&server);
	assert_true(admits(&one, &requests, 1, 0, &a));
	assert_int_equal(stats_get(one.shm, STATS_MEMCACHED_FAILURES), 1);
	ask(&worker, &requests, 1, 0, &a);
	assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	assert_int_equal(a.told, 0);
	assert_int_equal(two.away, 1);
	memcached_server_start(&server);
	/* one of them probes; the other looks */
	for (int i = 0; i < 3; i++) {
		later(GATE_REMOTE_RETRY);
		loop_turn(one.loop);
	}
	assert_false(gate_remote_is_away(one.remote));
	assert_false(gate_remote_is_away(worker.remote));
	assert_int_equal(stats_get(one.shm, STATS_MEMCACHED_FAILURES), 1);
	gate_remote_free(worker.remote);
	assert_int_equal(two.away, 0);
}

static void
away_and_back(void)
{
	struct asked a;

	memcached_server_stop(&server);
	assert_true(admits(&one, &tokens, 1, 1, &a));
	assert_true(gate_remote_is_away(one.remote));
	memcached_server_start(&server);
	while (gate_remote_is_away(one.remote)) {
		later(GATE_REMOTE_RETRY);
		loop_turn(one.loop);
	}
}

/* It has lost nothing, and the others have not missed it. */
static void
away_for_one_alone(void)
{
	gate_remote_away(one.remote, true);
	assert_true(gate_remote_is_away(one.remote));
	while (gate_remote_is_away(one.remote)) {
		later(GATE_REMOTE_RETRY);
		loop_turn(one.loop);
	}
}

/* It has lost all, and nobody waits for what the other host adds later. */
static void
test_back_with_nothing(void **state)
{
	struct asked a;

	(void)state;
	for (int i = 0; i < 7; i++)
		assert_true(admits(i < 3 ? &one : &two, &requests, 1, 0, &a));
	away_and_back();
	assert_true(admits(&one, &requests, 1, 0, &a));
	assert_false(a.wait.is_lost);
	assert_int_equal(shared(&requests), 4);
	/* nor later, for the other host's sake or to say that it is whole */
	for (int i = 0; i < 10; i++)
		both_turn(GATE_REMOTE_LOOK);
	assert_int_equal(shared(&requests), 8);
	assert_true(admits(&two, &requests, 1, 0, &a));
	assert_true(admits(&one, &requests, 1, 0, &a));
	assert_false(admits(&one, &requests, 1, 0, &a));
	assert_false(admits(&two, &requests, 1, 0, &a));
}

/* Its own part is in it, whichever worker asks first. */
static void
test_back_with_nothing_for_all_workers(void **state)
{
	struct host worker;
	struct asked a;

	(void)state;
	worker_init(&worker, one.loop);
	for (int i = 0; i < 9; i++)
		assert_true(admits(&one, &requests, 1, 0, &a));
	away_and_back();
	/* this one has not met it, and never knew that memcached was away */
	ask(&worker, &requests, 1, 0, &a);
	for (int i = 0; i < 4; i++)
		loop_turn(one.loop);
	assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	assert_int_equal(shared(&requests), 10);
	gate_remote_free(worker.remote);
}

/* Lost, and not while it was away: who asks a little later waits. */
static void
test_lost_when_it_was_back(void **state)
{
	struct asked a;

	(void)state;
	assert_true(admits(&two, &requests, 1, 0, &a));
	away_and_back();
	later(GATE_REMOTE_REBUILD);
	assert_true(admits(&one, &requests, 1, 0, &a));
	memcached_server_flush(&server);
	assert_true(admits_rebuilt(&one, &requests, 1, 0, &a));
	assert_int_equal(shared(&requests), 3);
}

/* What was taken while it was away, and joined when it was back, was less. */
static void
test_less_when_it_is_back(void **state)
{
	const struct gate_use use = { .input = 20 };
	struct asked a, b;

	(void)state;
	assert_true(admits(&one, &tokens, 1, 10, &a));
	gate_remote_away(one.remote, true);
	assert_true(admits(&one, &tokens, 1, 50, &a));
	assert_false(a.holds.hold[0].is_reserved);
	assert_true(admits(&one, &tokens, 1, 40, &b));
	/* memcached never had it */
	gate_remote_settle(one.remote, &b.holds, &use, &b.res);
	memcached_server_flush(&server);
	while (gate_remote_is_away(one.remote)) {
		later(GATE_REMOTE_RETRY);
		loop_turn(one.loop);
	}
	for (int i = 0; i < 8; i++)
		both_turn(GATE_REMOTE_LOOK);
	assert_int_equal(shared(&tokens), 80);
	/* it has */
	settle(&one, &a, 20);
	assert_int_equal(used(&one, &tokens), 50);
	assert_int_equal(shared(&tokens), 50);
	assert_true(admits(&one, &tokens, 1, 50, &a));
}

/* It was only away, and has not lost it: it never had what was taken. */
static void
test_less_of_what_it_never_had(void **state)
{
	struct asked a;

	(void)state;
	assert_true(admits(&one, &tokens, 1, 10, &a));
	gate_remote_away(one.remote, true);
	assert_true(admits(&one, &tokens, 1, 50, &a));
	while (gate_remote_is_away(one.remote)) {
		later(GATE_REMOTE_RETRY);
		loop_turn(one.loop);
	}
	for (int i = 0; i < 8; i++)
		both_turn(GATE_REMOTE_LOOK);
	settle(&one, &a, 20);
	assert_int_equal(used(&one, &tokens), 30);
	assert_int_equal(shared(&tokens), 10);
}

/* Where what is away refuses, nobody has counted for itself meanwhile. */
static void
test_back_with_nothing_closed(void **state)
{
	struct asked a;

	(void)state;
	gate_remote_policy(one.remote, CONF_AWAY_CLOSED);
	gate_remote_policy(two.remote, CONF_AWAY_CLOSED);
	for (int i = 0; i < 10; i++)
		assert_true(admits(i < 3 ? &one : &two, &requests, 1, 0, &a));
	memcached_server_stop(&server);
	assert_false(admits(&one, &tokens, 1, 1, &a));
	memcached_server_start(&server);
	while (gate_remote_is_away(one.remote)) {
		later(GATE_REMOTE_RETRY);
		loop_turn(one.loop);
	}
	assert_false(admits_rebuilt(&one, &requests, 1, 0, &a));
	assert_int_equal(shared(&requests), 10);
}

/*
 * It was away for one host alone, had lost nothing, and loses it a little later:
 * those who have not missed it wait until all have added theirs.
 */
static void
test_lost_when_it_was_just_back(void **state)
{
	struct host three;
	struct asked a, b;

	(void)state;
	host_init(&three, CONF_AWAY_LOCAL);
	for (int i = 0; i < 10; i++)
		assert_true(admits(i < 1   ? &one
				   : i < 3 ? &two
					   : &three,
		    &requests, 1, 0, &a));
	away_for_one_alone();
	for (int i = 0; i < 7; i++)
		both_turn(GATE_REMOTE_REBUILD / 10);
	memcached_server_flush(&server);
	ask(&two, &requests, 1, 0, &b);
	assert_int_equal(b.verdict, GATE_REMOTE_WAIT);
	/* the third looks at last */
	for (int i = 0; i < 6; i++) {
		both_turn(GATE_REMOTE_LOOK / 2);
		assert_int_equal(b.told, 0);
	}
	loop_turn(three.loop);
	rebuild();
	assert_int_equal(b.told, 1);
	assert_int_equal(b.verdict, GATE_REMOTE_REFUSED);
	give_back_refused(&two, &b);
	host_fini(&three);
}

/* A time of another boot's clock does not keep it away for ever. */
static void
test_old_breaker(void **state)
{
	struct shm_tally *t = shm_tally(one.shm, UINT64_C(0x6d656d6361636865));
	struct asked a;

	(void)state;
	assert_non_null(t);
	t->cell[TALLY_COUNT] = mono + 1000 * GATE_REMOTE_RETRY_MAX;
	ask(&one, &requests, 1, 0, &a);
	assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	assert_true(gate_remote_is_away(one.remote));
	later(GATE_REMOTE_RETRY);
	loop_turn(one.loop);
	assert_false(gate_remote_is_away(one.remote));
}

static void
test_away_open(void **state)
{
	struct asked a;

	(void)state;
	gate_remote_policy(one.remote, CONF_AWAY_OPEN);
	memcached_server_stop(&server);
	for (int i = 0; i < 30; i++)
		assert_true(admits(&one, &requests, 1, 0, &a));
	gate_remote_policy(one.remote, CONF_AWAY_LOCAL);
	assert_false(admits(&one, &requests, 1, 0, &a));
}

static void
test_away_closed(void **state)
{
	struct asked a;

	(void)state;
	gate_remote_policy(one.remote, CONF_AWAY_CLOSED);
	memcached_server_stop(&server);
	for (int i = 0; i < 3; i++) {
		assert_false(admits(&one, &requests, 1, 0, &a));
		assert_int_equal(a.verdict, GATE_REMOTE_CLOSED);
	}
	assert_int_equal(used(&one, &requests), 0);
	/* what has no shared limit is none of its business */
	assert_true(admits(&one, &at_once, 1, 0, &a));
}

/* ---- a call that fails half-way ------------------------------------------- */

/*
 * A host whose counters lie on two servers, of which one is away: two limits, of
 * which the first is counted before the second fails.
 */
struct halves {
	struct memcached_server other;
	struct conf_limit limit[2];
};

static void
halves_begin(struct halves *s, enum conf_away when_away)
{
	struct str names[2] = { str_z(server.name) };
	struct gate_remote_options o = { names, 2, when_away, on_away, &one };
	struct store_memcached *m;
	uint64_t id = 100;
	int64_t value;

	memcached_server_init(&s->other);
	names[1] = str_z(s->other.name);
	memcached_server_stop(&s->other);
	m = store_memcached_new(names, 2, GATE_REMOTE_TIMEOUT);
	assert_non_null(m);
	for (int i = 0; i < 2; i++) {
		while ((memcached_has(m, id, &value) == ERR_OK) != (i == 0))
			id++;
		s->limit[i] = requests;
		s->limit[i].identity = id++;
	}
	store_memcached_free(m);
	gate_remote_free(one.remote);
	one.remote = gate_remote_new(one.loop, &one.limit, &o);
	assert_non_null(one.remote);
}

static void
until_back(struct halves *s)
{
	memcached_server_start(&s->other);
	for (int i = 0; i < 3 && gate_remote_is_away(one.remote); i++) {
		later(GATE_REMOTE_RETRY_MAX);
		loop_turn(one.loop);
	}
	assert_false(gate_remote_is_away(one.remote));
	pass_a_moment(&one);
}

/* What all hosts have of the first limit. */
static int64_t
first_shared(const struct halves *s)
{
	struct shm_tally *t = shm_tally(one.shm, s->limit[0].identity);
	struct asked a;

	assert_true(admits(&one, s->limit, 1, 0, &a));
	return gate_cell_in(&t->cell[TALLY_SHARED], gate_tag_bits(s->limit),
		   WALL / MINUTE) -
	       1;
}

/* What was refused so does not stay counted. */
static void
test_half_closed(void **state)
{
	struct halves s;
	struct asked a[4];

	(void)state;
	halves_begin(&s, CONF_AWAY_CLOSED);
	for (int i = 0; i < 4; i++)
		ask(&one, s.limit, 2, 0, &a[i]);
	loop_turn(one.loop);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(a[i].verdict, GATE_REMOTE_CLOSED);
		give_back_refused(&one, &a[i]);
	}
	assert_int_equal(used(&one, s.limit), 0);
	until_back(&s);
	assert_int_equal(first_shared(&s), 0);
	memcached_server_fini(&s.other);
}

/* Admitted all the same: what memcached has is theirs, and is given back. */
static void
test_half_local(void **state)
{
	const struct gate_use none = { .is_refused = true };
	struct halves s;
	struct asked a[4];

	(void)state;
	halves_begin(&s, CONF_AWAY_LOCAL);
	for (int i = 0; i < 4; i++)
		ask(&one, s.limit, 2, 0, &a[i]);
	gate_remote_cancel(one.remote, &a[3].wait, &a[3].holds);
	loop_turn(one.loop);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(a[i].verdict, GATE_REMOTE_ADMITTED);
		assert_true(a[i].holds.hold[0].is_reserved);
		assert_false(a[i].holds.hold[1].is_reserved);
	}
	gate_remote_settle(one.remote, &a[0].holds, &none, NULL);
	assert_int_equal(used(&one, s.limit), 2);
	assert_int_equal(used(&one, &s.limit[1]), 2);
	until_back(&s);
	assert_int_equal(first_shared(&s), 2);
	memcached_server_fini(&s.other);
}

/* What was taken while it was away was never counted there. */
static void
test_settled_after_it_came_back(void **state)
{
	struct asked a, b;

	(void)state;
	assert_true(admits(&two, &tokens, 1, 50, &b));
	procs_hold(server.pid);
	assert_true(admits(&one, &tokens, 1, 10, &a));
	assert_true(gate_remote_is_away(one.remote));
	assert_true(admits(&one, &tokens, 1, 40, &a));
	assert_int_equal(kill(server.pid, SIGCONT), 0);
	while (gate_remote_is_away(one.remote)) {
		later(GATE_REMOTE_RETRY_MAX);
		loop_turn(one.loop);
	}
	settle(&one, &a, 0);
	assert_int_equal(used(&one, &tokens), 10);
	/* of the first nobody knows; the second takes nothing of others */
	assert_false(admits(&two, &tokens, 1, 51, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_away_local),
		TEST(test_away_for_all_workers),
		TEST(test_back_with_nothing),
		TEST(test_back_with_nothing_for_all_workers),
		TEST(test_lost_when_it_was_back),
		TEST(test_less_when_it_is_back),
		TEST(test_less_of_what_it_never_had),
		TEST(test_back_with_nothing_closed),
		TEST(test_lost_when_it_was_just_back),
		TEST(test_old_breaker),
		TEST(test_away_open),
		TEST(test_away_closed),
		TEST(test_half_closed),
		TEST(test_half_local),
		TEST(test_settled_after_it_came_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
