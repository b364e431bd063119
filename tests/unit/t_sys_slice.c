#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sys/slice.h"

static struct sched_attr
now(void)
{
	struct sched_attr a = { .size = sizeof(a) };

	assert_int_equal(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0), 0);
	return a;
}

/* Before Linux 6.12 the scheduler knew no slices of one's own. */
static bool
has_slices(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	assert_int_equal(uname(&u), 0);
	assert_int_equal(sscanf(u.release, "%d.%d", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 12);
}

static void
test_ask(void **state)
{
	(void)state;
	slice_ask(300);
	assert_int_equal(
	    now().sched_runtime, has_slices() ? UINT64_C(300000) : 0);
	slice_ask(SLICE_SHORT);
	assert_int_equal(
	    now().sched_runtime, has_slices() ? UINT64_C(400000) : 0);
}

static void
become(uint32_t policy)
{
	struct sched_attr a = now();

	a.sched_policy = policy;
	a.sched_flags = 0;
	assert_int_equal(syscall(SYS_sched_setattr, 0, &a, 0), 0);
}

/* Nothing else about it changes. */
static void
test_rest_stays(void **state)
{
	(void)state;
	assert_int_equal(setpriority(PRIO_PROCESS, 0, 3), 0);
	slice_ask(SLICE_SHORT);
	assert_int_equal(now().sched_nice, 3);
	assert_int_equal(now().sched_policy, SCHED_NORMAL);
	become(SCHED_BATCH);
	slice_ask(SLICE_SHORT);
	assert_int_equal(now().sched_policy, SCHED_BATCH);
	assert_int_equal(now().sched_nice, 3);
}

/* One whom an administrator has put into another class is left alone. */
static void
test_other_class(void **state)
{
	struct sched_attr before;

	(void)state;
	become(SCHED_IDLE);
	before = now();
	slice_ask(SLICE_SHORT);
	assert_int_equal(now().sched_policy, SCHED_IDLE);
	assert_int_equal(now().sched_runtime, before.sched_runtime);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ask),
		cmocka_unit_test(test_rest_stays),
		cmocka_unit_test(test_other_class),
	};

	return cmocka_run_group_tests_name("sys/slice", tests, NULL, NULL);
}
