#include "gate/remote.h"

#include "gate/limit_int.h"
#include "memcached_server.h"
#include "sys/stats.h"

#define MINUTE (60 * USEC_PER_SEC)
#define WALL ((usec_t)4000000000 * USEC_PER_SEC)

/*
 * Two hosts: each with a table of its own, one memcached. The loops are
 * virtual, so a job runs within loop_turn.
 */
struct host {
	struct loop *loop;
	struct shm *shm;
	struct gate_limit limit;
	struct gate_remote *remote;
	int away;
};

static struct memcached_server server;
static struct host one, two;
static struct arena *arena;
static usec_t mono;

static void
on_away(void *arg, bool is_away)
{
	struct host *h = arg;

	h->away += is_away ? 1 : -1;
}

static void
host_init(struct host *h, enum conf_away when_away)
{
	const struct str names[] = { str_z(server.name) };
	const struct gate_remote_options o = { names, 1, when_away, on_away,
		h };

	*h = (struct host){ .loop = loop_new_virtual() };
	assert_non_null(h->loop);
	assert_int_equal(shm_open_file(NULL, 64, &h->shm), ERR_OK);
	gate_limit_init(&h->limit, h->shm, 0);
	h->remote = gate_remote_new(h->loop, &h->limit, &o);
	assert_non_null(h->remote);
}

static void
host_fini(struct host *h)
{
	if (!h->loop)
		return;
	gate_remote_free(h->remote);
	assert_int_equal(h->away, 0);
	loop_free(h->loop);
	shm_close(h->shm);
	h->loop = NULL;
}

static int
setup(void **state)
{
	(void)state;
	mono = 1000 * USEC_PER_SEC;
	clock_set(mono, WALL);
	arena = arena_new(16 << 20);
	memcached_server_init(&server);
	host_init(&one, CONF_AWAY_LOCAL);
	host_init(&two, CONF_AWAY_LOCAL);
	return arena ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	host_fini(&one);
	host_fini(&two);
	memcached_server_fini(&server);
	arena_free(arena);
	clock_real();
	return 0;
}

/* The clock stands, so time-outs of ours would never come: it is moved. */
static void
later(usec_t by)
{
	mono += by;
	clock_set(mono, WALL);
}

struct asked {
	struct gate_holds holds;
	struct gate_wait wait;
	struct gate_limit_result res;
	enum gate_remote_verdict verdict;
	uint32_t hold;
	int told;
};

static void
on_verdict(void *arg, enum gate_remote_verdict verdict, uint32_t hold)
{
	struct asked *a = arg;

	a->verdict = verdict;
	a->hold = hold;
	a->told++;
}

static void
ask(struct host *h, const struct conf_limit *l, uint32_t n, int64_t in,
    struct asked *a)
{
	const struct gate_limits list = { l, NULL, n, true };
	const struct gate_ask who = { .input = in };

	*a = (struct asked){ 0 };
	assert_int_equal(gate_limit_take(&h->limit, arena, &list, 1, &who, WALL,
			     &a->holds, &a->res),
	    ERR_OK);
	if (!a->res.admitted) {
		a->verdict = GATE_REMOTE_REFUSED;
		return;
	}
	a->verdict =
	    gate_remote_take(h->remote, &a->holds, &a->wait, on_verdict, a);
}

static void
give_back_refused(struct host *h, struct asked *a)
{
	const struct gate_use none = { .is_refused = true };

	gate_limit_settle(&h->limit, &a->holds, &none, NULL);
}

static bool
admits(struct host *h, const struct conf_limit *l, uint32_t n, int64_t in,
    struct asked *a)
{
	ask(h, l, n, in, a);
	loop_turn(h->loop);
	assert_true(a->verdict != GATE_REMOTE_WAIT);
	assert_null(a->wait.group);
	if (a->verdict != GATE_REMOTE_ADMITTED && a->holds.n > 0)
		give_back_refused(h, a);
	return a->verdict == GATE_REMOTE_ADMITTED;
}

/* What nobody waits for is sent by then. */
static void
pass_a_moment(struct host *h)
{
	loop_turn(h->loop);
	later(10 * USEC_PER_MSEC);
	loop_turn(h->loop);
	assert_int_equal(gate_remote_pending(h->remote), 0);
}

static void
settle(struct host *h, struct asked *a, int64_t in)
{
	const struct gate_use use = { .input = in };

	gate_remote_settle(h->remote, &a->holds, &use, &a->res);
	pass_a_moment(h);
}

static int64_t
used(struct host *h, const struct conf_limit *l)
{
	struct gate_count c;

	gate_limit_look(&h->limit, l, &(struct gate_ask){ 0 }, WALL, &c);
	return c.used;
}

static const struct conf_limit requests = {
	.sort = CONF_LIMIT_REQUESTS, .amount = 10, .per = MINUTE, .identity = 1
};
static const struct conf_limit tokens = {
	.sort = CONF_LIMIT_INPUT, .amount = 100, .per = MINUTE, .identity = 2
};
static const struct conf_limit at_once = {
	.sort = CONF_LIMIT_CONCURRENT, .amount = 2, .identity = 3
};

/* ---- tests --------------------------------------------------------------- */

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

static void
test_flushed(void **state)
{
	struct asked a;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_true(admits(&one, &requests, 1, 0, &a));
	memcached_server_flush(&server);
	/* seeded with what this host knows: 4, and its own */
	assert_true(admits(&one, &requests, 1, 0, &a));
	for (int i = 0; i < 5; i++)
		assert_true(admits(&two, &requests, 1, 0, &a));
	assert_false(admits(&two, &requests, 1, 0, &a));
	assert_false(admits(&one, &requests, 1, 0, &a));
}

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
	const struct str names[] = { str_z(server.name) };
	struct gate_remote_options o = { names, 1, CONF_AWAY_LOCAL, on_away,
		&two };
	struct gate_limit limit;
	struct gate_remote *other;
	struct host worker = one;
	struct asked a;

	(void)state;
	gate_limit_init(&limit, one.shm, 1);
	other = gate_remote_new(one.loop, &limit, &o);
	assert_non_null(other);
	worker.remote = other;
	worker.limit = limit;
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
	assert_false(gate_remote_is_away(other));
	assert_int_equal(stats_get(one.shm, STATS_MEMCACHED_FAILURES), 1);
	gate_remote_free(other);
	assert_int_equal(two.away, 0);
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
		TEST(test_two_hosts),
		TEST(test_one_job),
		TEST(test_settled_over_hosts),
		TEST(test_groups),
		TEST(test_flushed),
		TEST(test_away_local),
		TEST(test_away_for_all_workers),
		TEST(test_old_breaker),
		TEST(test_away_open),
		TEST(test_away_closed),
		TEST(test_settled_with_the_next),
		TEST(test_cancelled),
		TEST(test_counted_before_the_end),
		TEST(test_shadow_waits_for_nobody),
		TEST(test_full_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
