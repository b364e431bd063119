#include "gate/guess.h"

#include <stdlib.h>

#include "check.h"

#define ALIAS STR("default-chat")

static struct shm *shm;

static int
setup(void **state)
{
	(void)state;
	return shm_open_file(NULL, 64, &shm) == ERR_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	shm_close(shm);
	return 0;
}

static void
test_nothing_known(void **state)
{
	(void)state;
	assert_int_equal(gate_guess(shm, ALIAS, 7, 0), GATE_GUESS_FIRST);
	assert_int_equal(shm_tallies_used(shm), 0);
	/* a maximum that is told is all that is known */
	assert_int_equal(gate_guess(shm, ALIAS, 7, 4000), 4000);
	assert_int_equal(gate_guess(shm, ALIAS, 7, 5), 5);
	gate_guess_learn(shm, ALIAS, 7, -1);
	assert_int_equal(shm_tallies_used(shm), 0);
}

/* Few answers of a client's own: the alias's count. */
static void
test_own_after_enough(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		gate_guess_learn(shm, ALIAS, 1, 1000);
	for (int i = 0; i < GATE_GUESS_ENOUGH - 1; i++)
		gate_guess_learn(shm, ALIAS, 2, 10);
	assert_true(gate_guess(shm, ALIAS, 2, 0) > 500);
	gate_guess_learn(shm, ALIAS, 2, 10);
	assert_int_equal(gate_guess(shm, ALIAS, 2, 0), 10);
	assert_int_equal(gate_guess(shm, ALIAS, 1, 0), 1000);
	assert_int_equal(gate_guess(shm, ALIAS, 1, 4000), 1000);
	assert_int_equal(gate_guess(shm, ALIAS, 1, 400), 400);
	assert_int_equal(gate_guess(shm, STR("other"), 1, 0), GATE_GUESS_FIRST);
}

/* Answers of 1 .. 1000 tokens, evenly: about 95 of 100 are below the guess. */
static void
test_high_quantile(void **state)
{
	uint64_t x = 88172645463325252u;
	int below = 0, n = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int64_t v;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		v = (int64_t)(x % 1000) + 1;
		if (i >= 1000) {
			n++;
			below += v <= gate_guess(shm, ALIAS, 3, 0);
		}
		gate_guess_learn(shm, ALIAS, 3, v);
	}
	print_message("%d of %d answers below the guess\n", below, n);
	assert_in_range(below * 100 / n, 90, 98);
}

/* One answer of a million does not stay for long, nor for ever at zero. */
static void
test_outliers(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		gate_guess_learn(shm, ALIAS, 4, 100);
	gate_guess_learn(shm, ALIAS, 4, INT64_MAX);
	assert_in_range(gate_guess(shm, ALIAS, 4, 0), 101, 200);
	for (int i = 0; i < 2000; i++)
		gate_guess_learn(shm, ALIAS, 4, 0);
	assert_in_range(gate_guess(shm, ALIAS, 4, 0), 0, 10);
	for (int i = 0; i < 400; i++)
		gate_guess_learn(shm, ALIAS, 4, 5000);
	assert_in_range(gate_guess(shm, ALIAS, 4, 0), 4000, 6000);
}

static void
test_full_table(void **state)
{
	(void)state;
	for (uint64_t id = 1; shm_tally(shm, id); id++)
		;
	gate_guess_learn(shm, ALIAS, 5, 100);
	assert_int_equal(gate_guess(shm, ALIAS, 5, 0), GATE_GUESS_FIRST);
}

/* However many clients there are, limits find places in the table. */
static void
test_leaves_room(void **state)
{
	uint32_t n = 0;

	(void)state;
	for (uint64_t client = 1; client <= 2000; client++)
		gate_guess_learn(shm, ALIAS, client, 100);
	assert_true(shm_tallies_used(shm) <= shm_tallies_size(shm) / 2);
	for (uint64_t id = 1; shm_tally(shm, id); id++)
		n++;
	assert_true(n >= shm_tallies_size(shm) / 4);
	/* one whose own are not kept is guessed like all */
	assert_int_equal(gate_guess(shm, ALIAS, 2000, 0), 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_nothing_known),
		TEST(test_own_after_enough),
		TEST(test_high_quantile),
		TEST(test_outliers),
		TEST(test_full_table),
		TEST(test_leaves_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
