#include "route/breaker.h"

#include "procs.h"

#define SEC USEC_PER_SEC
#define T0 (1000 * SEC)

static const struct conf_breaker cfg = { .failures = 3,
	.failure_ratio = 0.5,
	.min_requests = 10,
	.window = 30 * SEC,
	.open_for = 5 * SEC,
	.open_max = 60 * SEC };

static struct shm *shm;
static struct shm_slot *slot;

static int
setup(void **state)
{
	(void)state;
	if (shm_open_file(NULL, 2048, &shm) != ERR_OK)
		return -1;
	slot = shm_slot(shm, 7);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shm_close(shm);
	return 0;
}

static bool
failed(usec_t now)
{
	return breaker_report(slot, &cfg, now, false, true);
}

static bool
went_well(usec_t now)
{
	return breaker_report(slot, &cfg, now, false, false);
}

static enum breaker_pass
ask(usec_t now)
{
	return breaker_ask(slot, &cfg, now);
}

static void
open_it(usec_t now)
{
	for (uint32_t i = 0; i < cfg.failures; i++)
		(void)failed(now);
	assert_int_equal(breaker_state(slot), BREAKER_OPEN);
}

static void
test_opens_after_failures_in_a_row(void **state)
{
	(void)state;
	assert_int_equal(ask(T0), BREAKER_PASS);
	assert_false(failed(T0));
	assert_false(failed(T0));
	assert_false(went_well(T0)); /* not in a row */
	assert_false(failed(T0));
	assert_false(failed(T0));
	assert_int_equal(ask(T0), BREAKER_PASS);
	assert_true(failed(T0));
	assert_int_equal(breaker_state(slot), BREAKER_OPEN);
	assert_true(breaker_is_open(slot, &cfg, T0));
	assert_int_equal(ask(T0), BREAKER_DENY);
}

static void
test_opens_by_ratio(void **state)
{
	(void)state;
	/* 4 of 9: too few requests, too few failures */
	for (int i = 0; i < 4; i++) {
		assert_false(failed(T0 + i));
		assert_false(went_well(T0 + i));
	}
	assert_false(went_well(T0 + 5));
	assert_true(failed(T0 + 6)); /* 5 of 10 */
}

static void
test_ratio_counts_one_window(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_false(failed(T0));
		assert_false(went_well(T0));
	}
	assert_false(went_well(T0));
	/* the sixth falls into the next window: 1 of 1 */
	assert_false(failed(T0 + cfg.window));
	assert_int_equal(breaker_state(slot), BREAKER_CLOSED);
}

static void
test_one_probe_after_its_time(void **state)
{
	(void)state;
	open_it(T0);
	assert_int_equal(ask(T0 + 5 * SEC - 1), BREAKER_DENY);
	assert_false(breaker_is_open(slot, &cfg, T0 + 5 * SEC));
	assert_int_equal(ask(T0 + 5 * SEC), BREAKER_PROBE);
	assert_int_equal(breaker_state(slot), BREAKER_HALF_OPEN);
	for (int i = 0; i < 10; i++)
		assert_int_equal(ask(T0 + 5 * SEC + i), BREAKER_DENY);
	assert_true(breaker_is_open(slot, &cfg, T0 + 6 * SEC));
}

static void
test_probe_closes(void **state)
{
	(void)state;
	open_it(T0);
	assert_int_equal(ask(T0 + 5 * SEC), BREAKER_PROBE);
	assert_true(breaker_report(slot, &cfg, T0 + 6 * SEC, true, false));
	assert_int_equal(breaker_state(slot), BREAKER_CLOSED);
	/* what was counted before is forgotten, the doubling too */
	assert_false(failed(T0 + 6 * SEC));
	assert_false(failed(T0 + 6 * SEC));
	assert_true(failed(T0 + 6 * SEC));
	assert_int_equal(breaker_wait(slot, &cfg, T0 + 6 * SEC), 5 * SEC);
}

static void
test_failed_probes_double_the_time(void **state)
{
	static const usec_t lengths[] = { 5 * SEC, 10 * SEC, 20 * SEC, 40 * SEC,
		60 * SEC, 60 * SEC, 60 * SEC };
	usec_t now = T0;

	(void)state;
	open_it(now);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		assert_int_equal(breaker_wait(slot, &cfg, now), lengths[i]);
		assert_int_equal(ask(now + lengths[i] - 1), BREAKER_DENY);
		now += lengths[i];
		assert_int_equal(ask(now), BREAKER_PROBE);
		assert_true(breaker_report(slot, &cfg, now, true, true));
		assert_int_equal(breaker_state(slot), BREAKER_OPEN);
	}
}

/* Attempts that began before it opened do not open it again, nor close it. */
static void
test_stragglers_change_nothing(void **state)
{
	(void)state;
	open_it(T0);
	for (int i = 0; i < 20; i++) {
		assert_false(failed(T0 + 4 * SEC));
		assert_false(went_well(T0 + 4 * SEC));
	}
	assert_int_equal(ask(T0 + 5 * SEC), BREAKER_PROBE);
	assert_false(failed(T0 + 5 * SEC));
	assert_false(went_well(T0 + 5 * SEC));
	assert_int_equal(breaker_state(slot), BREAKER_HALF_OPEN);
}

/* Who read the clock a moment before the other's change sees it all the same. */
static void
test_late_worker(void **state)
{
	usec_t now = T0;

	(void)state;
	open_it(now);
	for (int i = 0; i < 4; i++) {
		now += breaker_wait(slot, &cfg, now);
		assert_int_equal(ask(now), BREAKER_PROBE);
		assert_int_equal(ask(now - 1), BREAKER_DENY);
		assert_true(breaker_report(slot, &cfg, now, true, true));
	}
	/* open for as long as it may be */
	assert_int_equal(breaker_wait(slot, &cfg, now), cfg.open_max);
	assert_int_equal(ask(now - 1), BREAKER_DENY);
	breaker_cool(slot, now + 60 * SEC);
	assert_true(breaker_is_cool(slot, now - 1));
}

static void
test_lost_probe_is_given_up(void **state)
{
	usec_t lost = T0 + 5 * SEC;

	(void)state;
	open_it(T0);
	assert_int_equal(ask(lost), BREAKER_PROBE);
	assert_int_equal(ask(lost + cfg.open_max - 1), BREAKER_DENY);
	assert_int_equal(ask(lost + cfg.open_max), BREAKER_PROBE);
	assert_int_equal(ask(lost + cfg.open_max), BREAKER_DENY);
	/* the lost one tells after all: it was well */
	assert_true(
	    breaker_report(slot, &cfg, lost + cfg.open_max, true, false));
	assert_int_equal(breaker_state(slot), BREAKER_CLOSED);
	/* and then the second: nothing new; a failure does not open */
	assert_false(
	    breaker_report(slot, &cfg, lost + cfg.open_max, true, false));
	assert_false(
	    breaker_report(slot, &cfg, lost + cfg.open_max, true, true));
	assert_int_equal(breaker_state(slot), BREAKER_CLOSED);
}

static void
test_released_probe_passes_on(void **state)
{
	usec_t now = T0 + 5 * SEC;

	(void)state;
	open_it(T0);
	assert_int_equal(ask(now), BREAKER_PROBE);
	breaker_release(slot, false); /* some other request: nothing */
	assert_int_equal(ask(now), BREAKER_DENY);
	breaker_release(slot, true);
	assert_int_equal(breaker_state(slot), BREAKER_OPEN);
	assert_int_equal(ask(now), BREAKER_PROBE);
	assert_int_equal(ask(now), BREAKER_DENY);
	assert_true(breaker_report(slot, &cfg, now, true, false));
	breaker_release(slot, true); /* closed: nothing to release */
	assert_int_equal(breaker_state(slot), BREAKER_CLOSED);
}

/* The clock starts anew at boot, the file may not. */
static void
test_times_of_an_earlier_boot(void **state)
{
	(void)state;
	open_it(T0);
	breaker_cool(slot, T0 + 30 * SEC);
	assert_false(breaker_is_open(slot, &cfg, 10 * SEC));
	assert_int_equal(breaker_wait(slot, &cfg, 10 * SEC), 0);
	assert_false(breaker_is_cool(slot, 10 * SEC));
	assert_int_equal(ask(10 * SEC), BREAKER_PROBE);
	/* a probe of an earlier boot is lost */
	assert_int_equal(ask(1 * SEC), BREAKER_PROBE);
	assert_int_equal(ask(2 * SEC), BREAKER_DENY);
}

static void
test_cooling(void **state)
{
	(void)state;
	assert_false(breaker_is_cool(slot, T0));
	breaker_cool(slot, T0 + 10 * SEC);
	assert_true(breaker_is_cool(slot, T0));
	assert_int_equal(breaker_wait(slot, &cfg, T0), 10 * SEC);
	/* it is preferred less, not refused */
	assert_int_equal(ask(T0), BREAKER_PASS);
	assert_true(breaker_is_cool(slot, T0 + 10 * SEC - 1));
	assert_false(breaker_is_cool(slot, T0 + 10 * SEC));
	/* the longer of both */
	breaker_cool(slot, T0 + 2 * SEC);
	open_it(T0);
	assert_int_equal(breaker_wait(slot, &cfg, T0), 5 * SEC);
	breaker_cool(slot, T0 + 50 * SEC);
	assert_int_equal(breaker_wait(slot, &cfg, T0), 50 * SEC);
	assert_int_equal(breaker_wait(slot, &cfg, T0 + 50 * SEC), 0);
}

static void
test_without_a_slot(void **state)
{
	(void)state;
	assert_int_equal(breaker_ask(NULL, &cfg, T0), BREAKER_PASS);
	for (int i = 0; i < 20; i++)
		assert_false(breaker_report(NULL, &cfg, T0, false, true));
	assert_false(breaker_report(NULL, &cfg, T0, true, true));
	assert_false(breaker_is_open(NULL, &cfg, T0));
	assert_int_equal(breaker_state(NULL), BREAKER_CLOSED);
	breaker_release(NULL, true);
	breaker_cool(NULL, T0 + SEC);
	assert_false(breaker_is_cool(NULL, T0));
	assert_int_equal(breaker_wait(NULL, &cfg, T0), 0);
}

/* ---- several processes ------------------------------------------------- */

#define WORKERS 4u
#define ROUNDS 200u

struct race {
	pthread_barrier_t *barrier;
	_Atomic int opened[ROUNDS];
	_Atomic int probes[ROUNDS];
	_Atomic int64_t wait[ROUNDS];
};

/* All report failures at once; later all ask at once, clocks a bit apart. */
static void
race_worker(unsigned number, void *arg)
{
	struct race *r = arg;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct shm_slot *s = shm_slot(shm, 100 + round);

		procs_meet(r->barrier);
		for (uint32_t i = 0; i < cfg.failures; i++)
			r->opened[round] +=
			    breaker_report(s, &cfg, T0, false, true);
		procs_meet(r->barrier);
		if (number == 0)
			r->wait[round] = breaker_wait(s, &cfg, T0);
		procs_meet(r->barrier);
		for (unsigned i = 0; i < 5; i++)
			r->probes[round] +=
			    breaker_ask(s, &cfg, T0 + 5 * SEC + number + i) ==
			    BREAKER_PROBE;
	}
}

static void
test_exact_over_processes(void **state)
{
	struct race *r = procs_shared(sizeof(*r));

	(void)state;
	r->barrier = procs_barrier(WORKERS);
	procs_run(WORKERS, race_worker, r);
	for (unsigned i = 0; i < ROUNDS; i++)
		if (r->opened[i] != 1 || r->probes[i] != 1 ||
		    r->wait[i] != cfg.open_for)
			fail_msg("round %u: opened %d times for %lld us, "
				 "%d probes",
			    i, r->opened[i], (long long)r->wait[i],
			    r->probes[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_opens_after_failures_in_a_row),
		TEST(test_opens_by_ratio),
		TEST(test_ratio_counts_one_window),
		TEST(test_one_probe_after_its_time),
		TEST(test_probe_closes),
		TEST(test_failed_probes_double_the_time),
		TEST(test_stragglers_change_nothing),
		TEST(test_late_worker),
		TEST(test_lost_probe_is_given_up),
		TEST(test_released_probe_passes_on),
		TEST(test_times_of_an_earlier_boot),
		TEST(test_cooling),
		TEST(test_without_a_slot),
		TEST(test_exact_over_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
