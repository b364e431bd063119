/* Leases with a memcached, several hosts and several processes. */
#include "gate_remote_help.h"
#include "procs.h"

static struct conf_limit many = { .sort = CONF_LIMIT_REQUESTS,
	.amount = 100000,
	.per = MINUTE,
	.identity = 21 };
static struct conf_limit volume = { .sort = CONF_LIMIT_INPUT,
	.amount = 1000000,
	.per = MINUTE,
	.identity = 22 };

static int64_t
cell(struct host *h, const struct conf_limit *l, unsigned which)
{
	struct shm_tally *t = shm_tally(h->shm, l->identity);

	return gate_cell_in(&t->cell[which], gate_tag_bits(l), WALL / l->per);
}

static int64_t
spare(struct host *h, const struct conf_limit *l)
{
	return cell(h, l, TALLY_SPARE);
}

/* Nobody has anything under way: all that memcached has is somebody's. */
static void
check_sum(const struct conf_limit *l)
{
	int64_t sum = 0;
	struct host *hosts[] = { &one, &two };

	for (size_t i = 0; i < COUNT(hosts); i++) {
		if (!hosts[i]->loop)
			continue;
		pass_a_moment(hosts[i]);
		assert_int_equal(cell(hosts[i], l, TALLY_KNOWN),
		    used(hosts[i], l) + spare(hosts[i], l));
		sum += cell(hosts[i], l, TALLY_KNOWN);
	}
	assert_int_equal(shared(l), sum);
}

static int
waiting(struct host *h, const struct conf_limit *l, int64_t in, int n)
{
	struct asked a;
	int waited = 0;

	for (int i = 0; i < n; i++) {
		assert_true(admits(h, l, 1, in, &a));
		waited += a.told;
	}
	return waited;
}

static void
rest(struct host *h)
{
	for (int i = 0; i < 4; i++) {
		later(GATE_LEASE_SCAN);
		loop_turn(h->loop);
	}
	pass_a_moment(h);
}

static void
test_most_wait_for_nobody(void **state)
{
	int64_t calls = stats_get(one.shm, STATS_MEMCACHED_CALLS);

	(void)state;
	assert_in_range(waiting(&one, &many, 0, 1000), 1, 4);
	assert_in_range(
	    stats_get(one.shm, STATS_MEMCACHED_CALLS) - calls, 5, 20);
	assert_int_equal(used(&one, &many), 1000);
	check_sum(&many);
	assert_in_range(spare(&one, &many), 1, many.amount / 64 * 3 / 2);
	/* small limits wait each time */
	assert_int_equal(waiting(&one, &requests, 0, 10), 10);
	assert_int_equal(spare(&one, &requests), 0);
}

static void
test_back_when_it_rests(void **state)
{
	(void)state;
	(void)waiting(&one, &many, 0, 300);
	assert_true(spare(&one, &many) > 0);
	rest(&one);
	assert_int_equal(spare(&one, &many), 0);
	assert_int_equal(shared(&many), 300);
	check_sum(&many);
}

static void
test_back_at_the_end(void **state)
{
	(void)state;
	(void)waiting(&one, &many, 0, 300);
	assert_true(spare(&one, &many) > 0);
	host_fini(&one);
	assert_int_equal(shared(&many), 300);
}

/* Whoever asks, and in whichever turn: never one more, and all in the end. */
static void
test_two_hosts_take_all(void **state)
{
	struct conf_limit l = many;
	struct asked a;
	int64_t n = 0, last;

	(void)state;
	l.amount = 2000;
	for (int i = 0; i < 3000; i++)
		n += admits(i % 3 ? &one : &two, &l, 1, 0, &a);
	assert_true(n <= l.amount);
	assert_int_equal(n, used(&one, &l) + used(&two, &l));
	/* what one host had ahead was no more than a part */
	assert_true(n > l.amount - l.amount / 32);
	do {
		last = n;
		for (int i = 0; i < 2000; i++)
			n += admits(i % 2 ? &one : &two, &l, 1, 0, &a);
	} while (n > last);
	assert_int_equal(n, l.amount);
	check_sum(&l);
}

/* What one has ahead the others get when it rests. */
static void
test_one_host_rests(void **state)
{
	struct conf_limit l = many;
	struct asked a;
	int64_t n = 0, held;

	(void)state;
	l.amount = 6400;
	n += 100;
	(void)waiting(&two, &l, 0, 100);
	held = spare(&two, &l);
	assert_in_range(held, 1, 150);
	while (admits(&one, &l, 1, 0, &a))
		n++;
	assert_int_equal(n + held, l.amount);
	rest(&two);
	while (admits(&one, &l, 1, 0, &a))
		n++;
	assert_int_equal(n, l.amount);
	assert_false(admits(&two, &l, 1, 0, &a));
	check_sum(&l);
}

static void
test_settled_on_the_spot(void **state)
{
	const struct gate_use less = { .input = 40 }, more = { .input = 130 };
	struct asked a;
	int64_t was;

	(void)state;
	(void)waiting(&one, &volume, 100, 30);
	pass_a_moment(&one);
	assert_true(admits(&one, &volume, 1, 100, &a));
	assert_int_equal(a.told, 0);
	loop_turn(one.loop);
	was = spare(&one, &volume);
	gate_remote_settle(one.remote, &a.holds, &less, NULL);
	assert_int_equal(gate_remote_pending(one.remote), 0);
	assert_int_equal(spare(&one, &volume), was + 60);
	assert_int_equal(used(&one, &volume), 3040);
	assert_true(admits(&one, &volume, 1, 100, &a));
	loop_turn(one.loop);
	was = spare(&one, &volume);
	gate_remote_settle(one.remote, &a.holds, &more, NULL);
	assert_int_equal(gate_remote_pending(one.remote), 0);
	assert_int_equal(spare(&one, &volume), was - 30);
	check_sum(&volume);
}

/* What passes it goes to memcached. */
static void
test_settled_beyond_what_is_spare(void **state)
{
	const struct gate_use more = { .input = 100000 };
	struct asked a, b;

	(void)state;
	(void)waiting(&one, &volume, 100, 30);
	assert_true(admits(&one, &volume, 1, 100, &a));
	assert_true(admits(&one, &volume, 1, 10000, &b));
	assert_int_equal(b.told, 1);
	gate_remote_settle(one.remote, &a.holds, &more, NULL);
	assert_true(gate_remote_pending(one.remote) > 0);
	assert_int_equal(spare(&one, &volume), 0);
	pass_a_moment(&one);
	assert_int_equal(used(&one, &volume), 3000 + 100000 + 10000);
	/* a large one that was hardly used: more than may stay */
	settle(&one, &b, 1);
	check_sum(&volume);
	settle(&one, &(struct asked){ 0 }, 0);
	assert_true(spare(&one, &volume) <= volume.amount / 32);
}

/* Another limit refuses: what was spare is spare again. */
static void
test_refused_by_another(void **state)
{
	const struct conf_limit both[] = { many, tokens };
	struct asked a, b;
	int64_t was;

	(void)state;
	assert_true(admits(&two, &tokens, 1, 80, &b));
	(void)waiting(&one, &many, 0, 50);
	pass_a_moment(&one);
	was = spare(&one, &many);
	assert_true(was > 2);
	assert_false(admits(&one, both, 2, 30, &a));
	assert_int_equal(a.hold, 1);
	assert_int_equal(spare(&one, &many), was);
	assert_int_equal(used(&one, &many), 50);
	/* and of one that goes while it waits */
	ask(&one, both, 2, 5, &a);
	assert_int_equal(a.verdict, GATE_REMOTE_WAIT);
	assert_int_equal(spare(&one, &many), was - 1);
	gate_remote_cancel(one.remote, &a.wait, &a.holds);
	assert_int_equal(spare(&one, &many), was);
	pass_a_moment(&one);
	assert_int_equal(used(&one, &many), 50);
	assert_int_equal(used(&one, &tokens), 0);
	check_sum(&many);
}

static void
test_flushed_with_leases(void **state)
{
	int64_t had, waited = 0;
	struct asked a;

	(void)state;
	(void)waiting(&one, &many, 0, 200);
	had = spare(&one, &many);
	memcached_server_flush(&server);
	for (int i = 0; i < had + 100; i++) {
		ask(&one, &many, 1, 0, &a);
		loop_turn(one.loop);
		if (a.verdict == GATE_REMOTE_WAIT) {
			waited++;
			rebuild();
		}
		assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	}
	assert_int_equal(waited, 1);
	check_sum(&many);
}

/* A window's lease is not the next one's. */
static void
test_next_window(void **state)
{
	const struct gate_limits list = { &many, NULL, 1, true };
	const struct gate_ask who = { 0 };
	struct asked a = { 0 };
	usec_t wall = WALL + MINUTE;

	(void)state;
	(void)waiting(&one, &many, 0, 200);
	assert_true(spare(&one, &many) > 0);
	assert_int_equal(gate_limit_take(&one.limit, arena, &list, 1, &who,
			     wall, &a.holds, &a.res),
	    ERR_OK);
	assert_int_equal(
	    gate_remote_take(one.remote, &a.holds, &a.wait, on_verdict, &a),
	    GATE_REMOTE_WAIT);
	loop_turn(one.loop);
	assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	assert_int_equal(gate_cell_in(&a.holds.hold[0].tally->cell[TALLY_KNOWN],
			     gate_tag_bits(&many), wall / MINUTE),
	    1);
}

/* What is reserved goes on while memcached is away, then the host's table. */
static void
test_away_with_leases(void **state)
{
	struct asked a;
	int64_t had;

	(void)state;
	(void)waiting(&one, &many, 0, 200);
	had = spare(&one, &many);
	memcached_server_stop(&server);
	assert_in_range(waiting(&one, &many, 0, (int)had + 50), 0, 1);
	assert_true(gate_remote_is_away(one.remote));
	assert_int_equal(spare(&one, &many), 0);
	rest(&one);
	gate_remote_policy(one.remote, CONF_AWAY_CLOSED);
	assert_false(admits(&one, &many, 1, 0, &a));
	assert_int_equal(used(&one, &many), 200 + had + 50);
	memcached_server_start(&server);
	for (int i = 0; i < 4; i++) {
		later(GATE_REMOTE_RETRY_MAX);
		loop_turn(one.loop);
	}
	assert_false(gate_remote_is_away(one.remote));
	/* its part was added long ago, and so was the others' */
	assert_true(admits(&one, &many, 1, 0, &a));
	assert_int_equal(shared(&many), cell(&one, &many, TALLY_KNOWN));
}

/* Full, but another worker has some of it under way: its request waits. */
static void
test_under_way_elsewhere(void **state)
{
	struct conf_limit l = many;
	struct gate_lease of;
	struct asked a, b;
	int64_t claim, n;

	(void)state;
	l.amount = 2000;
	(void)waiting(&one, &l, 0, 2);
	ask(&one, &l, 1, 0, &a);
	assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	of = gate_hold_lease(a.holds.hold);
	loop_turn(one.loop);
	/* as if another worker had taken it back to memcached */
	(void)gate_lease_draw(&of, INT64_MAX);
	n = gate_lease_ahead(&of, 1, &claim);
	assert_true(n > 0);
	while (admits(&two, &l, 1, 0, &b))
		;
	ask(&one, &l, 1, 0, &a);
	loop_turn(one.loop);
	assert_int_equal(a.verdict, GATE_REMOTE_WAIT);
	assert_int_equal(a.told, 0);
	assert_true(gate_lease_add(&of, 1));
	gate_lease_end(&of, claim);
	pass_a_moment(&one);
	assert_int_equal(a.told, 1);
	assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	/* but not for ever */
	gate_lease_seen(&of, 1);
	assert_true(gate_lease_ahead(&of, 1, &claim) > 0);
	ask(&one, &l, 1, 0, &a);
	loop_turn(one.loop);
	assert_int_equal(a.told, 0);
	later(GATE_LEASE_LOST);
	loop_turn(one.loop);
	assert_int_equal(a.verdict, GATE_REMOTE_REFUSED);
	give_back_refused(&one, &a);
	assert_int_equal(used(&one, &l), 4);
}

/* One limit has it at once, the other was undone with it: asked once more. */
static void
test_asked_once_more(void **state)
{
	struct conf_limit l[] = { many, many };
	struct gate_lease of;
	struct asked a, b;
	int64_t claim;

	(void)state;
	l[0].amount = 2000;
	l[1].identity = 23;
	(void)waiting(&one, l, 0, 2);
	assert_true(admits(&one, l, 1, 0, &a));
	of = gate_hold_lease(a.holds.hold);
	pass_a_moment(&one);
	(void)gate_lease_draw(&of, INT64_MAX);
	assert_true(gate_lease_ahead(&of, 1, &claim) > 0);
	while (admits(&two, l, 1, 0, &b))
		;
	ask(&one, l, 2, 0, &a);
	loop_turn(one.loop);
	assert_int_equal(a.told, 0);
	assert_true(gate_lease_add(&of, 1));
	gate_lease_end(&of, claim);
	for (int i = 0; i < 3; i++) {
		later(10 * USEC_PER_MSEC);
		loop_turn(one.loop);
	}
	assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
	assert_int_equal(a.told, 1);
	assert_int_equal(used(&one, &l[1]), 1);
	assert_int_equal(
	    shared(&l[1]), 1 + spare(&one, &l[1]) + spare(&two, &l[1]));
}

/* Shadows reserve, too, and hold nobody up. */
static void
test_shadow_beside_another(void **state)
{
	struct conf_limit l[] = { many, requests };
	struct asked a;

	(void)state;
	l[1].is_shadow = true;
	(void)waiting(&one, l, 0, 20);
	pass_a_moment(&one);
	for (int i = 0; i < 15; i++) {
		ask(&one, l, 2, 0, &a);
		assert_int_equal(a.verdict, GATE_REMOTE_ADMITTED);
		loop_turn(one.loop);
	}
	check_sum(&many);
	assert_int_equal(used(&one, &l[1]), 15);
	assert_int_equal(shared(&l[1]), 15);
}

/* ---- several processes ------------------------------------------------------ */

#define WORKERS 4u
#define ROUNDS 12u
#define LIMIT 2000

struct hammer {
	pthread_barrier_t *barrier;
	_Atomic int64_t admitted[ROUNDS];
	_Atomic int64_t leased;
	unsigned hosts;
};

/* A worker of its own, on one of the hosts' tables. */
static void
begin_worker(struct host *h, unsigned number)
{
	const struct str names[] = { str_z(server.name) };
	const struct gate_remote_options o = { names, 1, CONF_AWAY_CLOSED,
		on_away, h };

	clock_real();
	h->loop = loop_new_virtual();
	gate_limit_init(&h->limit, h->shm, number);
	h->remote = h->loop ? gate_remote_new(h->loop, &h->limit, &o) : NULL;
	if (!h->remote)
		_exit(1);
}

static void
finish_asking(struct host *h, struct asked *a)
{
	while (a->verdict == GATE_REMOTE_WAIT) {
		loop_turn(h->loop);
		(void)sched_yield();
	}
	if (a->verdict == GATE_REMOTE_CLOSED)
		_exit(1);
	if (a->verdict != GATE_REMOTE_ADMITTED && a->holds.n > 0)
		give_back_refused(h, a);
}

/* Several at once, as a worker has; until all of them are refused. */
static void
hammer_lease(unsigned number, void *arg)
{
	struct hammer *hammer = arg;
	struct host *h = number % hammer->hosts ? &two : &one;
	struct conf_limit l = many;

	begin_worker(h, number);
	for (unsigned round = 0; round < ROUNDS; round++) {
		int64_t n = 1;

		l.amount = LIMIT;
		l.identity = 1000 + round;
		procs_meet(hammer->barrier);
		while (n > 0) {
			struct asked a[16];

			n = 0;
			for (int i = 0; i < 16; i++)
				ask(h, &l, 1, 0, &a[i]);
			for (int i = 0; i < 16; i++) {
				hammer->leased +=
				    a[i].told == 0 &&
				    a[i].verdict == GATE_REMOTE_ADMITTED;
				finish_asking(h, &a[i]);
				n += a[i].verdict == GATE_REMOTE_ADMITTED;
			}
			hammer->admitted[round] += n;
		}
		procs_meet(hammer->barrier);
	}
	gate_remote_free(h->remote);
}

static struct hammer *
hammer_run(unsigned hosts)
{
	struct hammer *h = procs_shared(sizeof(*h));

	h->hosts = hosts;
	h->barrier = procs_barrier(WORKERS);
	procs_run(WORKERS, hammer_lease, h);
	assert_true(h->leased > 0);
	return h;
}

static void
test_exact_over_processes(void **state)
{
	struct hammer *h = hammer_run(1);

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++)
		if (h->admitted[round] != LIMIT)
			fail_msg("round %u admitted %lld", round,
			    (long long)h->admitted[round]);
}

static void
test_never_more_over_hosts(void **state)
{
	struct hammer *h = hammer_run(2);
	struct conf_limit l = many;
	struct asked a;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		int64_t n = h->admitted[round];

		assert_true(n <= LIMIT);
		assert_true(n > LIMIT * 3 / 4);
		/* what was refused for a moment is there for who comes again */
		l.amount = LIMIT;
		l.identity = 1000 + round;
		while (admits(&one, &l, 1, 0, &a) || admits(&two, &l, 1, 0, &a))
			n++;
		assert_int_equal(n, LIMIT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_most_wait_for_nobody),
		TEST(test_back_when_it_rests),
		TEST(test_back_at_the_end),
		TEST(test_two_hosts_take_all),
		TEST(test_one_host_rests),
		TEST(test_settled_on_the_spot),
		TEST(test_settled_beyond_what_is_spare),
		TEST(test_refused_by_another),
		TEST(test_flushed_with_leases),
		TEST(test_next_window),
		TEST(test_away_with_leases),
		TEST(test_under_way_elsewhere),
		TEST(test_asked_once_more),
		TEST(test_shadow_beside_another),
		TEST(test_exact_over_processes),
		TEST(test_never_more_over_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
