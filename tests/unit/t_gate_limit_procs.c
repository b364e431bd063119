/* Limits are exact over several processes. */
#include "gate_limit_help.h"
#include "procs.h"

/* ---- several processes ------------------------------------------------- */

#define WORKERS 4u
#define ROUNDS 200u
#define TRIES 9u

struct hammer {
	pthread_barrier_t *barrier;
	_Atomic int64_t admitted[ROUNDS];
	_Atomic int64_t held, most_held;
	_Atomic int64_t refused;
	struct conf_limit limit[2];
	uint32_t n;
};

static void
take_number(void)
{
	if (shm_worker_take(shm) != ERR_OK)
		_exit(1);
	gate_limit_init(&limit, shm, shm_worker(shm));
}

static struct taken
hammer_take(struct hammer *h, usec_t wall, int64_t in)
{
	const struct gate_limits list = { h->limit, NULL, h->n, true };
	const struct gate_ask ask = { .input = in };
	struct taken t;

	if (gate_limit_take(&limit, arena, &list, 1, &ask, wall, &t.holds,
		&t.res) != ERR_OK)
		_exit(1);
	return t;
}

/* A round is a window; half of the workers read the clock a moment early. */
static void
hammer_requests(unsigned number, void *arg)
{
	struct hammer *h = arg;

	take_number();
	for (unsigned round = 0; round < ROUNDS; round++) {
		usec_t wall = WALL + round * MINUTE;

		procs_meet(h->barrier);
		/* the window is open before anyone may be late */
		if (number == 0)
			h->admitted[round] +=
			    hammer_take(h, wall, 0).res.admitted;
		procs_meet(h->barrier);
		for (unsigned i = 0; i < TRIES; i++)
			h->admitted[round] +=
			    hammer_take(h, wall - (number & 1), 0).res.admitted;
	}
}

static void
test_requests_exact_over_processes(void **state)
{
	struct hammer *h = procs_shared(sizeof(*h));

	(void)state;
	h->barrier = procs_barrier(WORKERS);
	h->limit[0] = (struct conf_limit)L_REQUESTS(7, MINUTE);
	h->n = 1;
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

	(void)number;
	take_number();
	procs_meet(h->barrier);
	for (unsigned i = 0; i < ROUNDS * TRIES; i++) {
		struct taken t = hammer_take(h, WALL, 0);
		int64_t held, most;

		if (!t.res.admitted) {
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
		settle(&t, 0, 0);
	}
}

static void
test_concurrent_exact_over_processes(void **state)
{
	struct hammer *h = procs_shared(sizeof(*h));

	(void)state;
	h->barrier = procs_barrier(WORKERS);
	h->limit[0] = (struct conf_limit)L_CONCURRENT(2);
	h->n = 1;
	procs_run(WORKERS, hammer_concurrent, h);
	assert_int_equal(h->admitted[0] + h->refused, WORKERS * ROUNDS * TRIES);
	assert_true(h->admitted[0] > 0);
	assert_in_range(h->most_held, 1, 2);
	/* all came back: the whole limit is free again */
	assert_true(passes(h->limit, 1, WALL));
	assert_true(passes(h->limit, 1, WALL));
	assert_false(passes(h->limit, 1, WALL));
}

/* Takes and settles, over and over: what is left is what was used. */
static void
hammer_tokens(unsigned number, void *arg)
{
	struct hammer *h = arg;

	(void)number;
	take_number();
	procs_meet(h->barrier);
	for (unsigned i = 0; i < ROUNDS * TRIES; i++) {
		struct taken t = hammer_take(h, WALL, 10);

		if (!t.res.admitted)
			_exit(1);
		settle(&t, i % 2 ? 1 : 20, 1);
	}
}

static void
test_tokens_exact_over_processes(void **state)
{
	struct hammer *h = procs_shared(sizeof(*h));
	int64_t all = (int64_t)WORKERS * ROUNDS * TRIES * 23 / 2;

	(void)state;
	h->barrier = procs_barrier(WORKERS);
	h->limit[0] = (struct conf_limit)L_TOKENS(all + 100, MINUTE);
	h->n = 1;
	procs_run(WORKERS, hammer_tokens, h);
	assert_int_equal(
	    take(h->limit, 1, WALL, 1, 0).res.tokens_remaining, 99);
}

/*
 * Two limits, of which the second is the tight one: what refusals give back to
 * the first is there again, to the last one.
 */
static void
hammer_two(unsigned number, void *arg)
{
	struct hammer *h = arg;

	(void)number;
	take_number();
	for (unsigned round = 0; round < ROUNDS; round++) {
		procs_meet(h->barrier);
		for (unsigned i = 0; i < TRIES * 4; i++)
			h->admitted[round] +=
			    hammer_take(h, WALL + round * MINUTE, 0)
				.res.admitted;
	}
}

static void
test_two_limits_over_processes(void **state)
{
	struct hammer *h = procs_shared(sizeof(*h));
	struct gate_count c;

	(void)state;
	h->barrier = procs_barrier(WORKERS);
	h->limit[0] = (struct conf_limit)L_REQUESTS(9, MINUTE);
	h->limit[1] = (struct conf_limit)L_REQUESTS(8, MINUTE);
	h->limit[1].identity = 101;
	h->n = 2;
	procs_run(WORKERS, hammer_two, h);
	for (unsigned round = 0; round < ROUNDS; round++)
		if (h->admitted[round] != 8)
			fail_msg("round %u admitted %lld", round,
			    (long long)h->admitted[round]);
	for (int i = 0; i < 2; i++) {
		gate_limit_look(&limit, &h->limit[i], &(struct gate_ask){ 0 },
		    WALL + (ROUNDS - 1) * MINUTE, &c);
		assert_int_equal(c.used, 8);
	}
}

static void
hold_and_die(unsigned number, void *arg)
{
	struct hammer *h = arg;

	(void)number;
	take_number();
	for (int i = 0; i < 3; i++)
		if (!hammer_take(h, WALL, 0).res.admitted)
			_exit(1);
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
	h->limit[0] = (struct conf_limit)L_CONCURRENT(10);
	h->n = 1;
	assert_true(passes(h->limit, 1, WALL)); /* ours stays */
	h->barrier = procs_barrier(3);
	procs_run(3, hold_and_die, h);
	assert_false(passes(h->limit, 1, WALL));
	h->barrier = procs_barrier(1);
	procs_run(1, hold_and_die, h); /* would be refused otherwise */
	for (int i = 0; i < 6; i++)
		assert_true(passes(h->limit, 1, WALL));
	assert_false(passes(h->limit, 1, WALL));
}

/* Slots that count other things are left alone by a worker that starts. */
static void
test_other_slots_stay(void **state)
{
	struct shm_slot *s = shm_slot(shm, 4711);

	(void)state;
	s->cell[SHM_CELL_WORKER - 1] = 1;
	s->cell[SHM_CELL_WORKER + 3] = 42;
	gate_limit_init(&limit, shm, 3);
	assert_int_equal(s->cell[SHM_CELL_WORKER + 3], 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_requests_exact_over_processes),
		TEST(test_concurrent_exact_over_processes),
		TEST(test_tokens_exact_over_processes),
		TEST(test_two_limits_over_processes),
		TEST(test_dead_workers_give_back),
		TEST(test_other_slots_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
