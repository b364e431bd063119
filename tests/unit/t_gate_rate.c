#include "gate/rate.h"

#include "procs.h"
#include "sys/stats.h"

#define MINUTE (60 * USEC_PER_SEC)
/* The begin of a window of any length used here. */
#define WALL ((usec_t)1700000000 / 3600 * 3600 * USEC_PER_SEC)
#define OWNER 42u

static struct shm *shm;
static struct gate_rate rate;

static int
setup(void **state)
{
	(void)state;
	if (shm_open_file(NULL, 4096, &shm) != ERR_OK ||
	    shm_worker_take(shm) != ERR_OK)
		return -1;
	gate_rate_init(&rate, shm, shm_worker(shm));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shm_close(shm);
	return 0;
}

static struct gate_rate_result
admit(const struct conf_limit *l, uint32_t n, usec_t wall)
{
	struct gate_rate_result r;

	gate_rate_admit(&rate, OWNER, l, n, wall, &r);
	assert_true(r.admitted == !r.limit);
	return r;
}

static bool
passes(const struct conf_limit *l, uint32_t n, usec_t wall)
{
	return admit(l, n, wall).admitted;
}

static void
settle(const struct conf_limit *l, uint32_t n, usec_t wall, int64_t tokens)
{
	gate_rate_settle(&rate, OWNER, l, n, wall, tokens);
}

static void
test_no_limits(void **state)
{
	struct gate_rate_result r = admit(NULL, 0, WALL);

	(void)state;
	assert_true(r.admitted);
	assert_int_equal(r.requests_limit, -1);
	assert_int_equal(r.tokens_limit, -1);
}

static void
test_requests(void **state)
{
	const struct conf_limit l = { .requests = 3, .per = MINUTE };
	struct gate_rate_result r;

	(void)state;
	for (int i = 0; i < 3; i++) {
		r = admit(&l, 1, WALL + i);
		assert_true(r.admitted);
		assert_int_equal(r.requests_limit, 3);
		assert_int_equal(r.requests_remaining, 2 - i);
		assert_int_equal(r.requests_reset, MINUTE - i);
	}
	r = admit(&l, 1, WALL + MINUTE - 1);
	assert_false(r.admitted);
	assert_ptr_equal(r.limit, &l);
	assert_int_equal(r.retry_after, 1);
	assert_int_equal(r.requests_remaining, 0);
	/* a request that ends gives nothing back */
	settle(&l, 1, WALL + MINUTE - 1, 10);
	assert_false(passes(&l, 1, WALL + MINUTE - 1));
	/* the next window begins at the full minute */
	r = admit(&l, 1, WALL + MINUTE);
	assert_true(r.admitted);
	assert_int_equal(r.requests_remaining, 2);
	assert_int_equal(r.retry_after, 0);
}

static void
test_owners_are_apart(void **state)
{
	const struct conf_limit l = { .requests = 1, .per = MINUTE };
	struct gate_rate_result r;

	(void)state;
	assert_true(passes(&l, 1, WALL));
	assert_false(passes(&l, 1, WALL));
	gate_rate_admit(&rate, OWNER + 1, &l, 1, WALL, &r);
	assert_true(r.admitted);
}

/*
 * A worker that read the clock just before the window ended must not bring the
 * old window back: all counts of the new one would be forgotten.
 */
static void
test_late_worker_does_not_turn_back(void **state)
{
	const struct conf_limit l = { .requests = 2, .per = MINUTE };

	(void)state;
	assert_true(passes(&l, 1, WALL + MINUTE));
	assert_true(passes(&l, 1, WALL + MINUTE - 1));
	assert_false(passes(&l, 1, WALL + MINUTE));
	assert_false(passes(&l, 1, WALL + MINUTE - 1));
}

/* A clock that was set back is followed, not waited for. */
static void
test_clock_set_back(void **state)
{
	const struct conf_limit l = { .requests = 1, .per = MINUTE };

	(void)state;
	assert_true(passes(&l, 1, WALL + 60 * MINUTE));
	assert_true(passes(&l, 1, WALL));
	assert_false(passes(&l, 1, WALL));
}

static void
test_tokens(void **state)
{
	const struct conf_limit l = { .tokens = 100, .per = MINUTE };
	struct gate_rate_result r = admit(&l, 1, WALL);

	(void)state;
	assert_true(r.admitted);
	assert_int_equal(r.tokens_limit, 100);
	assert_int_equal(r.tokens_remaining, 100);
	settle(&l, 1, WALL, 60);
	r = admit(&l, 1, WALL);
	assert_true(r.admitted);
	assert_int_equal(r.tokens_remaining, 40);
	/* known only afterwards: the window may be passed */
	settle(&l, 1, WALL, 60);
	r = admit(&l, 1, WALL + 5);
	assert_false(r.admitted);
	assert_int_equal(r.tokens_remaining, 0);
	assert_int_equal(r.retry_after, MINUTE - 5);
	assert_int_equal(r.tokens_reset, MINUTE - 5);
	assert_true(passes(&l, 1, WALL + MINUTE));
}

static void
test_tokens_without_end(void **state)
{
	const struct conf_limit l = { .tokens = 100, .per = MINUTE };

	(void)state;
	settle(&l, 1, WALL, 0);
	settle(&l, 1, WALL, -5);
	assert_int_equal(admit(&l, 1, WALL).tokens_remaining, 100);
	settle(&l, 1, WALL, 1);
	settle(&l, 1, WALL, INT64_MAX);
	settle(&l, 1, WALL, INT64_MAX);
	assert_false(passes(&l, 1, WALL));
	assert_int_equal(admit(&l, 1, WALL + MINUTE).tokens_remaining, 100);
}

static void
test_concurrent(void **state)
{
	const struct conf_limit l = { .concurrent = 2 };
	struct gate_rate_result r;

	(void)state;
	assert_true(passes(&l, 1, WALL));
	assert_true(passes(&l, 1, WALL));
	r = admit(&l, 1, WALL);
	assert_false(r.admitted);
	assert_true(r.retry_after > 0);
	assert_int_equal(r.requests_limit, -1);
	settle(&l, 1, WALL, 0);
	assert_true(passes(&l, 1, WALL));
	assert_false(passes(&l, 1, WALL + 60 * MINUTE));
}

/* One refusal takes from none. */
static void
test_all_or_none(void **state)
{
	const struct conf_limit l[] = {
		{ .requests = 10, .per = MINUTE },
		{ .concurrent = 5 },
		{ .requests = 1, .per = 60 * MINUTE },
		{ .tokens = 100, .per = MINUTE },
	};
	struct gate_rate_result r = admit(l, 4, WALL);

	(void)state;
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
	settle(l, 4, WALL, 0);
	assert_int_equal(admit(l, 1, WALL).requests_remaining, 8);
	for (int i = 0; i < 5; i++)
		assert_true(passes(&l[1], 1, WALL));
	assert_false(passes(&l[1], 1, WALL));
}

/* Of several the tightest is told, wherever it stands. */
static void
test_tightest(void **state)
{
	const struct conf_limit l[] = {
		{ .tokens = 50, .per = MINUTE },
		{ .tokens = 1000, .per = 60 * MINUTE },
		{ .requests = 5, .per = MINUTE },
		{ .requests = 100, .per = 60 * MINUTE },
	};
	struct gate_rate_result r;

	(void)state;
	r = admit(l, 4, WALL);
	assert_int_equal(r.tokens_limit, 50);
	assert_int_equal(r.requests_limit, 5);
	/* nearly all of the long windows is used, the short ones are new */
	settle(l, 4, WALL, 980);
	for (int i = 0; i < 96; i++)
		(void)admit(&l[3], 1, WALL);
	r = admit(l, 4, WALL + MINUTE);
	assert_true(r.admitted);
	assert_int_equal(r.tokens_limit, 1000);
	assert_int_equal(r.tokens_remaining, 20);
	assert_int_equal(r.tokens_reset, 59 * MINUTE);
	assert_int_equal(r.requests_limit, 100);
	assert_int_equal(r.requests_remaining, 2);
}

/* What is told after a refusal is what is left, not what was nearly taken. */
static void
test_refusal_tells_what_is_left(void **state)
{
	const struct conf_limit l[] = {
		{ .requests = 10, .per = MINUTE },
		{ .concurrent = 1 },
	};

	(void)state;
	assert_int_equal(admit(l, 2, WALL).requests_remaining, 9);
	assert_int_equal(admit(l, 2, WALL).requests_remaining, 9);
}

/* Two limits over the same time are two limits, each counted once. */
static void
test_twin_limits(void **state)
{
	const struct conf_limit l[] = {
		{ .requests = 4, .per = MINUTE },
		{ .requests = 6, .per = MINUTE },
		{ .concurrent = 4 },
		{ .concurrent = 9 },
	};

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_true(passes(l, 4, WALL));
	assert_ptr_equal(admit(l, 4, WALL).limit, &l[0]);
}

/* A new value counts on from where the old one was. */
static void
test_value_changes_over_a_reload(void **state)
{
	struct conf_limit l = { .requests = 2, .per = MINUTE };

	(void)state;
	assert_true(passes(&l, 1, WALL));
	assert_true(passes(&l, 1, WALL));
	assert_false(passes(&l, 1, WALL));
	l.requests = 3;
	assert_true(passes(&l, 1, WALL));
	l.requests = 1;
	assert_int_equal(admit(&l, 1, WALL).requests_remaining, 0);
}

static void
test_full_table_enforces_nothing_and_says_so(void **state)
{
	const struct conf_limit l[] = {
		{ .requests = 1, .per = MINUTE },
		{ .concurrent = 1 },
	};
	int64_t before = stats_get(rate.shm, STATS_LIMITS_UNENFORCED);

	(void)state;
	for (uint64_t id = 1; shm_slot(shm, id); id++)
		;
	assert_true(passes(l, 2, WALL));
	assert_true(passes(l, 2, WALL));
	settle(l, 2, WALL, 5);
	assert_int_equal(
	    stats_get(rate.shm, STATS_LIMITS_UNENFORCED) - before, 4);
}

/* ---- several processes ------------------------------------------------- */

#define WORKERS 4u
#define ROUNDS 200u
#define TRIES 9u

struct hammer {
	pthread_barrier_t *barrier;
	_Atomic int64_t admitted[ROUNDS];
	_Atomic int64_t held, most_held;
	_Atomic int64_t refused;
	struct conf_limit limit;
	int64_t want; /* per round */
};

static void
take_number(struct gate_rate *r)
{
	if (shm_worker_take(shm) != ERR_OK)
		_exit(1);
	gate_rate_init(r, shm, shm_worker(shm));
}

/* A round is a window; half of the workers read the clock a moment early. */
static void
hammer_requests(unsigned number, void *arg)
{
	struct hammer *h = arg;
	struct gate_rate own;
	struct gate_rate_result r;

	take_number(&own);
	for (unsigned round = 0; round < ROUNDS; round++) {
		usec_t wall = WALL + round * MINUTE;

		procs_meet(h->barrier);
		/* the window is open before anyone may be late */
		if (number == 0) {
			gate_rate_admit(&own, OWNER, &h->limit, 1, wall, &r);
			h->admitted[round] += r.admitted;
		}
		procs_meet(h->barrier);
		for (unsigned i = 0; i < TRIES; i++) {
			gate_rate_admit(
			    &own, OWNER, &h->limit, 1, wall - (number & 1), &r);
			h->admitted[round] += r.admitted;
		}
	}
}

static void
test_requests_exact_over_processes(void **state)
{
	struct hammer *h = procs_shared(sizeof(*h));

	(void)state;
	h->barrier = procs_barrier(WORKERS);
	h->limit = (struct conf_limit){ .requests = 7, .per = MINUTE };
	procs_run(WORKERS, hammer_requests, h);
	for (unsigned round = 0; round < ROUNDS; round++)
		if (h->admitted[round] != 7)
			fail_msg("round %u admitted %lld", round,
			    (long long)h->admitted[round]);
}

static void
hammer_concurrent(unsigned number, void *arg)
{
	struct hammer *h = arg;
	struct gate_rate own;
	struct gate_rate_result r;

	(void)number;
	take_number(&own);
	procs_meet(h->barrier);
	for (unsigned i = 0; i < ROUNDS * TRIES; i++) {
		int64_t held, most;

		gate_rate_admit(&own, OWNER, &h->limit, 1, WALL, &r);
		if (!r.admitted) {
			h->refused++;
			continue;
		}
		held = ++h->held;
		most = h->most_held;
		while (held > most && !atomic_compare_exchange_weak(
					  &h->most_held, &most, held))
			;
		h->admitted[0]++;
		h->held--;
		gate_rate_settle(&own, OWNER, &h->limit, 1, WALL, 0);
	}
}

static void
test_concurrent_exact_over_processes(void **state)
{
	struct hammer *h = procs_shared(sizeof(*h));

	(void)state;
	h->barrier = procs_barrier(WORKERS);
	h->limit = (struct conf_limit){ .concurrent = 2 };
	procs_run(WORKERS, hammer_concurrent, h);
	assert_int_equal(h->admitted[0] + h->refused, WORKERS * ROUNDS * TRIES);
	assert_true(h->admitted[0] > 0);
	assert_in_range(h->most_held, 1, 2);
	/* all came back: the whole limit is free again */
	assert_true(passes(&h->limit, 1, WALL));
	assert_true(passes(&h->limit, 1, WALL));
	assert_false(passes(&h->limit, 1, WALL));
}

/* Each adds one token many times: none gets lost. */
static void
hammer_tokens(unsigned number, void *arg)
{
	struct hammer *h = arg;
	struct gate_rate own;

	(void)number;
	take_number(&own);
	procs_meet(h->barrier);
	for (unsigned i = 0; i < ROUNDS * TRIES; i++)
		gate_rate_settle(&own, OWNER, &h->limit, 1, WALL, 3);
}

static void
test_tokens_exact_over_processes(void **state)
{
	struct hammer *h = procs_shared(sizeof(*h));
	int64_t all = (int64_t)WORKERS * ROUNDS * TRIES * 3;

	(void)state;
	h->barrier = procs_barrier(WORKERS);
	h->limit = (struct conf_limit){ .tokens = all + 1, .per = MINUTE };
	procs_run(WORKERS, hammer_tokens, h);
	assert_int_equal(admit(&h->limit, 1, WALL).tokens_remaining, 1);
}

static void
hold_and_die(unsigned number, void *arg)
{
	struct hammer *h = arg;
	struct gate_rate own;
	struct gate_rate_result r;

	(void)number;
	take_number(&own);
	for (int i = 0; i < 3; i++) {
		gate_rate_admit(&own, OWNER, &h->limit, 1, WALL, &r);
		if (!r.admitted)
			_exit(1);
	}
	/* together, lest one gives back what another held */
	procs_meet(h->barrier);
}

/*
 * What dead workers held comes back with whoever starts next, also when the
 * pool has become smaller and their numbers stay free.
 */
static void
test_dead_workers_give_back(void **state)
{
	struct hammer *h = procs_shared(sizeof(*h));

	(void)state;
	h->limit.concurrent = 10;
	assert_true(passes(&h->limit, 1, WALL)); /* ours stays */
	h->barrier = procs_barrier(3);
	procs_run(3, hold_and_die, h);
	assert_false(passes(&h->limit, 1, WALL));
	h->barrier = procs_barrier(1);
	procs_run(1, hold_and_die, h); /* would be refused otherwise */
	for (int i = 0; i < 6; i++)
		assert_true(passes(&h->limit, 1, WALL));
	assert_false(passes(&h->limit, 1, WALL));
}

static void
test_used(void **state)
{
	const struct conf_limit l[] = { { .requests = 10, .per = MINUTE },
		{ .tokens = 100, .per = 2 * MINUTE }, { .concurrent = 4 } };
	struct gate_rate_used u;

	(void)state;
	gate_rate_used(&rate, OWNER, l, 3, WALL, &u);
	assert_int_equal((int)(u.share * 100), 0);
	for (int i = 0; i < 3; i++)
		assert_true(passes(l, 3, WALL));
	gate_rate_used(&rate, OWNER, l, 3, WALL, &u);
	assert_int_equal((int)(u.share * 100), 75);
	assert_int_equal((int)(u.window * 100 + 0.5), 30);
	assert_int_equal(u.reset, MINUTE);
	for (int i = 0; i < 3; i++)
		settle(l, 3, WALL, 50);
	gate_rate_used(&rate, OWNER, l, 3, WALL, &u);
	assert_int_equal((int)(u.share * 100), 100);
	assert_int_equal((int)(u.window * 100), 100);
	assert_int_equal(u.reset, 2 * MINUTE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_no_limits),
		TEST(test_used),
		TEST(test_requests),
		TEST(test_owners_are_apart),
		TEST(test_late_worker_does_not_turn_back),
		TEST(test_clock_set_back),
		TEST(test_tokens),
		TEST(test_tokens_without_end),
		TEST(test_concurrent),
		TEST(test_all_or_none),
		TEST(test_tightest),
		TEST(test_refusal_tells_what_is_left),
		TEST(test_twin_limits),
		TEST(test_value_changes_over_a_reload),
		TEST(test_full_table_enforces_nothing_and_says_so),
		TEST(test_requests_exact_over_processes),
		TEST(test_concurrent_exact_over_processes),
		TEST(test_tokens_exact_over_processes),
		TEST(test_dead_workers_give_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
