#include "route/headroom.h"

#include "check.h"

#define SEC USEC_PER_SEC
#define T0 (1000 * SEC)
#define NONE                                              \
	{                                                 \
		.limit = -1, .remaining = -1, .reset = -1 \
	}

static struct shm_slot slot;

static int
setup(void **state)
{
	(void)state;
	slot = (struct shm_slot){ 0 };
	return 0;
}

static void
tell(int64_t limit, int64_t remaining, usec_t reset)
{
	struct http_rates r = { NONE, { limit, remaining, reset }, NONE, NONE };

	headroom_learn(&slot, &r, T0);
}

static int
used(usec_t now)
{
	return (int)(headroom_used(&slot, now, NULL) * 1000 + 0.5);
}

static void
test_most_used_counts(void **state)
{
	struct http_rates r = { { 100, 50, 10 * SEC }, { 1000, 100, 20 * SEC },
		{ 500, 400, 5 * SEC }, NONE };
	usec_t reset;

	(void)state;
	headroom_learn(&slot, &r, T0);
	assert_true(headroom_used(&slot, T0 + SEC, &reset) > 0.89);
	assert_int_equal(reset, 19 * SEC);
	/* the tokens are over: requests have gone, too */
	assert_int_equal(used(T0 + 9 * SEC), 900);
	assert_int_equal(used(T0 + 20 * SEC), 0);
}

static void
test_holds(void **state)
{
	(void)state;
	tell(100, 0, -1);
	assert_int_equal(used(T0 + 59 * SEC), 1000);
	assert_int_equal(used(T0 + 60 * SEC), 0);
	tell(100, 0, 48 * 3600 * SEC);
	assert_int_equal(used(T0 + 23 * 3600 * SEC), 1000);
	assert_int_equal(used(T0 + 25 * 3600 * SEC), 0);
	/* of another boot, whose clock was far ahead */
	assert_int_equal(used(0), 0);
	tell(100, 0, 0);
	assert_int_equal(used(T0), 0);
}

static void
test_not_comparable(void **state)
{
	static const int64_t rows[][2] = { { -1, 5 }, { 5, -1 }, { 0, 0 },
		{ 100, 101 }, { 1000, INT64_MAX } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		tell(rows[i][0], rows[i][1], SEC);
		assert_int_equal(used(T0), 0);
	}
	tell(1, 0, SEC);
	assert_int_equal(used(T0), 1000);
	headroom_learn(NULL, &(struct http_rates){ NONE, NONE, NONE, NONE }, 0);
	assert_int_equal((int)headroom_used(NULL, T0, NULL), 0);
}

static void
test_count(void **state)
{
	struct http_rates r = { { 10, 2, 10 * SEC }, NONE, NONE, NONE };

	(void)state;
	headroom_count(&slot, T0);
	assert_int_equal(used(T0), 0);
	headroom_learn(&slot, &r, T0);
	assert_int_equal(used(T0), 800);
	for (int i = 0; i < 5; i++)
		headroom_count(&slot, T0);
	assert_int_equal(used(T0), 1000);
	headroom_count(NULL, T0);
}

static void
test_pressure(void **state)
{
	static const struct {
		double used, headroom;
		int pressure; /* thousandths */
	} rows[] = { { 0, 0.8, 0 }, { 0.8, 0.8, 0 }, { 0.85, 0.8, 250 },
		{ 0.9, 0.8, 500 }, { 1, 0.8, 1000 }, { 2, 0.8, 1000 },
		{ 1, 1, 0 }, { 0.5, 0, 500 }, { 0, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(
		    (int)(headroom_pressure(rows[i].used, rows[i].headroom) *
			      1000 +
			  0.5),
		    rows[i].pressure);
}

static void
test_identity(void **state)
{
	(void)state;
	assert_true(headroom_identity(1, 2) != headroom_identity(2, 1));
	assert_true(headroom_identity(1, 0) != 1);
	assert_true(headroom_identity(7, 9) == headroom_identity(7, 9));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_most_used_counts, setup),
		cmocka_unit_test_setup(test_holds, setup),
		cmocka_unit_test_setup(test_not_comparable, setup),
		cmocka_unit_test_setup(test_count, setup),
		cmocka_unit_test_setup(test_pressure, setup),
		cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
