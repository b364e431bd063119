#include "gate/lease.h"

#include "check.h"
#include "gate/limit_int.h"

#define MINUTE (60 * USEC_PER_SEC)
#define WALL ((usec_t)4000000000 / 60 * MINUTE)
#define WINDOW 70

static struct shm *shm;
static struct gate_leases *leases;
static struct gate_lease l;
static usec_t mono;

static int
setup(void **state)
{
	(void)state;
	mono = 1000 * USEC_PER_SEC;
	clock_set(mono, WALL);
	leases = gate_leases_new();
	if (!leases || shm_open_file(NULL, 1024, &shm) != ERR_OK)
		return -1;
	l = (struct gate_lease){ .tally = shm_tally(shm, 9),
		.identity = 9,
		.tag_bits = 24,
		.window = WINDOW,
		.end = WALL + MINUTE,
		.amount = 64000 };
	return l.tally ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	gate_leases_free(leases);
	shm_close(shm);
	clock_real();
	return 0;
}

static void
later(usec_t by)
{
	mono += by;
	clock_set(mono, WALL);
}

static int64_t
spare(void)
{
	return gate_cell_in(&l.tally->cell[TALLY_SPARE], 24, l.window);
}

static void
add(int64_t amount)
{
	assert_true(gate_lease_add(&l, amount));
}

/* What is reserved is there at once. */
static int64_t
ahead(int64_t want)
{
	int64_t claim, n = gate_lease_ahead(&l, want, &claim);

	if (n == 0)
		return 0;
	assert_true(gate_lease_is_moving(&l));
	add(n);
	gate_lease_end(&l, claim);
	assert_false(gate_lease_is_moving(&l));
	return n;
}

static void
use_all(void)
{
	(void)gate_lease_draw(&l, INT64_MAX);
}

/* ---- what is spare -------------------------------------------------------- */

static void
test_spare(void **state)
{
	(void)state;
	assert_false(gate_lease_use(&l, 0));
	assert_false(gate_lease_use(&l, 1));
	add(5);
	assert_true(gate_lease_use(&l, 0));
	assert_false(gate_lease_use(&l, 6));
	assert_true(gate_lease_use(&l, 3));
	assert_int_equal(gate_lease_draw(&l, 7), 2);
	assert_int_equal(gate_lease_draw(&l, 7), 0);
}

/* It is of its window: the next has none of it, nor gets any. */
static void
test_ends_with_its_window(void **state)
{
	struct gate_lease next = l;

	(void)state;
	next.window++;
	add(5);
	assert_false(gate_lease_use(&next, 1));
	assert_true(gate_lease_add(&next, 2));
	assert_false(gate_lease_add(&l, 5));
	assert_false(gate_lease_use(&l, 1));
	gate_lease_seen(&next, 1);
	assert_false(gate_lease_return(&l, 1));
	assert_int_equal(gate_lease_draw(&next, 9), 2);
}

static void
test_return_has_a_bound(void **state)
{
	(void)state;
	/* not known how far it is */
	assert_false(gate_lease_return(&l, 1));
	gate_lease_seen(&l, 32000); /* 32 000 left: a 64th is 500 */
	assert_true(gate_lease_return(&l, 400));
	assert_false(gate_lease_return(&l, 601));
	assert_true(gate_lease_return(&l, 600));
	assert_false(gate_lease_return(&l, 1));
	use_all();
	gate_lease_seen(&l, gate_lease_max(&l));
	assert_false(gate_lease_return(&l, 1));
	/* small limits stay exact everywhere */
	gate_lease_seen(&l, 1);
	l.amount = 500;
	assert_false(gate_lease_return(&l, 1));
}

/* ---- ahead ------------------------------------------------------------------ */

static void
test_ahead_where_it_is_far(void **state)
{
	(void)state;
	assert_int_equal(ahead(1), 0); /* not known */
	gate_lease_seen(&l, 1);
	assert_int_equal(ahead(1), 1);
	use_all();
	gate_lease_seen(&l, 47999);
	assert_true(ahead(1) > 0);
	use_all();
	gate_lease_seen(&l, 48000); /* three quarters */
	assert_int_equal(ahead(1), 0);
	gate_lease_seen(&l, 1);
	assert_int_equal(ahead(125), 0); /* a 64th is less than eight */
	assert_true(ahead(124) > 0);
	l.amount = 512;
	use_all();
	assert_int_equal(ahead(1), 0);
	l.amount = 513;
	assert_true(ahead(1) > 0);
}

/* Twice as much each time, while it is used up soon; never beyond its part. */
static void
test_ahead_follows_demand(void **state)
{
	int64_t n = 1;

	(void)state;
	gate_lease_seen(&l, 1);
	assert_int_equal(ahead(1), 1);
	for (int i = 0; i < 20; i++) {
		use_all();
		later(GATE_LEASE_PACE / 2);
		n = n * 2 < 999 ? n * 2 : 999;
		assert_int_equal(ahead(1), n);
	}
	use_all();
	later(GATE_LEASE_PACE); /* as much */
	assert_int_equal(ahead(1), 999);
	use_all();
	later(1000 * GATE_LEASE_PACE); /* after a rest */
	assert_int_equal(ahead(1), 1);
}

static void
test_ahead_before_it_is_used_up(void **state)
{
	int64_t claim;

	(void)state;
	gate_lease_seen(&l, 1);
	for (int64_t n = 1; n < 512; n *= 2) {
		use_all();
		assert_int_equal(ahead(1), n);
	}
	assert_int_equal(spare(), 256);
	assert_int_equal(gate_lease_draw(&l, 127), 127);
	assert_int_equal(ahead(1), 0);
	assert_int_equal(gate_lease_draw(&l, 1), 1);
	/* one of the host's workers; what it does not end is lost */
	assert_int_equal(gate_lease_ahead(&l, 1, &claim), 512);
	assert_int_equal(ahead(1), 0);
	later(GATE_LEASE_LOST);
	assert_false(gate_lease_is_moving(&l));
	assert_true(ahead(1) > 0);
	assert_true(gate_lease_draw(&l, INT64_MAX) > 0);
	assert_true(ahead(1) > 0);
	/* and ends nobody else's */
	assert_true(gate_lease_draw(&l, INT64_MAX) > 0);
	{
		int64_t own, n = gate_lease_ahead(&l, 1, &own);

		assert_true(n > 0);
		gate_lease_end(&l, claim);
		assert_true(gate_lease_is_moving(&l));
		gate_lease_end(&l, own);
		assert_false(gate_lease_is_moving(&l));
	}
}

/* Less than one request takes is as good as nothing. */
static void
test_ahead_of_scraps(void **state)
{
	(void)state;
	gate_lease_seen(&l, 1);
	assert_int_equal(ahead(41), 41);
	assert_int_equal(gate_lease_draw(&l, 10), 10);
	assert_false(gate_lease_use(&l, 41));
	assert_int_equal(ahead(41), 82);
}

/* The table outlives a boot, its clock does not. */
static void
test_time_of_another_boot(void **state)
{
	int64_t claim;

	(void)state;
	gate_lease_seen(&l, 1);
	assert_int_equal(gate_lease_ahead(&l, 1, &claim), 1);
	later(-500 * USEC_PER_SEC);
	assert_false(gate_lease_is_moving(&l));
	assert_int_equal(ahead(1), 1);
}

static void
test_huge_amounts(void **state)
{
	(void)state;
	l.amount = INT64_C(1) << 52;
	l.tag_bits = 11;
	gate_lease_seen(&l, 1);
	for (int i = 0; i < 60; i++) {
		int64_t claim,
		    n = gate_lease_ahead(&l, INT64_C(1) << 40, &claim);

		assert_in_range(n, 1, l.amount / GATE_LEASE_PART);
		gate_lease_end(&l, claim);
	}
}

/* ---- what is watched -------------------------------------------------------- */

static int64_t
surplus(bool all)
{
	struct gate_lease_surplus s;
	uint32_t pos = 0;
	int64_t sum = 0;

	while (gate_leases_next(leases, &pos, WALL, all, &s)) {
		assert_ptr_equal(s.lease.tally, l.tally);
		gate_lease_end(&s.lease, s.claim);
		sum += s.amount;
	}
	return sum;
}

static void
count(int64_t n)
{
	struct gate_take t = { WINDOW, n, INT64_MAX, 0 };

	assert_true(
	    gate_cell_take(&l.tally->cell[TALLY_COUNT], l.tag_bits, &t));
}

static void
test_surplus_goes_back(void **state)
{
	(void)state;
	gate_lease_seen(&l, 1);
	assert_true(gate_leases_watch(leases, &l));
	assert_true(gate_leases_watch(leases, &l));
	assert_int_equal(gate_leases_n(leases), 1);
	add(500);
	count(240);
	assert_int_equal(surplus(false), 260); /* of a second's use: twice */
	count(10);
	assert_int_equal(surplus(false), 0);
	assert_int_equal(surplus(false), 230);
	assert_int_equal(gate_leases_n(leases), 1);
	assert_int_equal(surplus(false), 10);
	assert_int_equal(gate_leases_n(leases), 0);
	assert_int_equal(spare(), 0);
}

static void
test_all_goes_back_near_the_limit(void **state)
{
	(void)state;
	gate_lease_seen(&l, 1);
	assert_true(gate_leases_watch(leases, &l));
	add(50);
	count(500);
	assert_int_equal(surplus(false), 0);
	count(500);
	gate_lease_seen(&l, 48000);
	assert_int_equal(surplus(false), 50);
}

static void
test_all_goes_back_at_the_end(void **state)
{
	int64_t claim;

	(void)state;
	gate_lease_seen(&l, 1);
	assert_true(gate_leases_watch(leases, &l));
	add(50);
	count(500);
	assert_int_equal(surplus(true), 50);
	/* not what another has under way */
	assert_int_equal(gate_lease_ahead(&l, 1, &claim), 2);
	add(2);
	assert_int_equal(surplus(true), 0);
}

static void
test_forgotten_when_it_is_over(void **state)
{
	(void)state;
	gate_lease_seen(&l, 1);
	l.end = WALL;
	assert_true(gate_leases_watch(leases, &l));
	count(500);
	assert_int_equal(surplus(false), 0);
	assert_int_equal(gate_leases_n(leases), 0);
	/* or goes on in the next window */
	l.end = WALL + MINUTE;
	assert_true(gate_leases_watch(leases, &l));
	l.window++;
	assert_true(gate_leases_watch(leases, &l));
	assert_int_equal(gate_leases_n(leases), 1);
	add(9);
	assert_int_equal(surplus(false), 9);
}

static void
test_watches_no_more_than_it_may(void **state)
{
	uint32_t n = 0;

	(void)state;
	for (uint64_t id = 100; id < 100 + 2 * GATE_LEASES_MAX; id++) {
		l.identity = id;
		l.tally = shm_tally(shm, id);
		assert_non_null(l.tally);
		n += gate_leases_watch(leases, &l);
	}
	assert_int_equal(n, GATE_LEASES_MAX);
	assert_int_equal(gate_leases_n(leases), n);
	assert_int_equal(surplus(false), 0);
	assert_int_equal(gate_leases_n(leases), 0);
}

static void
test_of_a_hold(void **state)
{
	const struct conf_limit limit = { .amount = 7 };
	const struct gate_hold h = { .limit = &limit,
		.tally = l.tally,
		.identity = 3,
		.tag_bits = 13,
		.window = 8,
		.end = 9 };
	const struct gate_lease of = gate_hold_lease(&h);

	(void)state;
	assert_ptr_equal(of.tally, l.tally);
	assert_int_equal(of.identity, 3);
	assert_int_equal(of.tag_bits, 13);
	assert_int_equal(of.window, 8);
	assert_int_equal(of.end, 9);
	assert_int_equal(of.amount, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_spare),
		TEST(test_ends_with_its_window),
		TEST(test_return_has_a_bound),
		TEST(test_ahead_where_it_is_far),
		TEST(test_ahead_follows_demand),
		TEST(test_ahead_before_it_is_used_up),
		TEST(test_ahead_of_scraps),
		TEST(test_time_of_another_boot),
		TEST(test_huge_amounts),
		TEST(test_surplus_goes_back),
		TEST(test_all_goes_back_near_the_limit),
		TEST(test_all_goes_back_at_the_end),
		TEST(test_forgotten_when_it_is_over),
		TEST(test_watches_no_more_than_it_may),
		TEST(test_of_a_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
