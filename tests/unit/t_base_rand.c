#include "base/rand.h"

#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static void
fixed_seed_gives_a_fixed_sequence(void **state)
{
	uint64_t a, b;

	(void)state;
	rand_init_fixed(42);
	a = rand_u64();
	b = rand_u64();
	assert_true(a != b);
	rand_init_fixed(42);
	assert_true(rand_u64() == a);
	assert_true(rand_u64() == b);
	rand_init_fixed(43);
	assert_true(rand_u64() != a);
	/* also from a seed of zero bits */
	rand_init_fixed(0);
	assert_true((rand_u64() | rand_u64()) != 0);
}

static void
below_is_even_and_bounded(void **state)
{
	unsigned count[7] = { 0 };

	(void)state;
	rand_init_fixed(7);
	for (int i = 0; i < 70000; i++) {
		uint64_t v = rand_below(7);

		assert_true(v < 7);
		count[v]++;
	}
	for (int i = 0; i < 7; i++) /* 5 sigma are 460 */
		assert_in_range(count[i], 9540, 10460);
	assert_int_equal(rand_below(1), 0);
	for (int i = 0; i < 1000; i++)
		assert_true(rand_below(UINT64_MAX) < UINT64_MAX);
	/* a bound where one draw in four must be repeated */
	for (int i = 0; i < 1000; i++)
		assert_true(rand_below(UINT64_C(3) << 62) < UINT64_C(3) << 62);
}

static void
unit_interval(void **state)
{
	double sum = 0;

	(void)state;
	rand_init_fixed(9);
	for (int i = 0; i < 10000; i++) {
		double v = rand_unit();

		assert_true(v >= 0.0 && v < 1.0);
		sum += v;
	}
	assert_true(sum > 4850 && sum < 5150);
}

static void
ids(void **state)
{
	char a[33], b[33];

	(void)state;
	rand_init();
	rand_id(a, 32);
	rand_id(b, 32);
	assert_int_equal(strlen(a), 32);
	assert_string_not_equal(a, b);
	for (int i = 0; i < 32; i++)
		assert_true((a[i] >= '0' && a[i] <= '9') ||
			    (a[i] >= 'a' && a[i] <= 'z') ||
			    (a[i] >= 'A' && a[i] <= 'Z'));
	rand_id(a, 0);
	assert_string_equal(a, "");
}

/* Two workers must not draw the same request ids. */
static void
a_child_that_inits_draws_otherwise(void **state)
{
	uint64_t mine, theirs = 0;
	int fds[2], status;
	pid_t pid;

	(void)state;
	rand_init();
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		rand_init();
		theirs = rand_u64();
		_exit(write(fds[1], &theirs, sizeof(theirs)) != sizeof(theirs));
	}
	mine = rand_u64();
	assert_int_equal(read(fds[0], &theirs, sizeof(theirs)), 8);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(mine != theirs);
	close(fds[0]);
	close(fds[1]);
}

static void
secrets(void **state)
{
	unsigned char a[32] = { 0 }, b[32] = { 0 };

	(void)state;
	rand_secret(a, sizeof(a));
	rand_secret(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	rand_init_fixed(1);
	rand_secret(a, sizeof(a));
	rand_init_fixed(1);
	rand_secret(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a)); /* no seed reaches it */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_seed_gives_a_fixed_sequence),
		cmocka_unit_test(below_is_even_and_bounded),
		cmocka_unit_test(unit_interval),
		cmocka_unit_test(ids),
		cmocka_unit_test(a_child_that_inits_draws_otherwise),
		cmocka_unit_test(secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
