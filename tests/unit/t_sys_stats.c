#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <ctype.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/stats.h"

static struct shm *
fresh(void)
{
	struct shm *s = NULL;

	assert_int_equal(shm_open_file(NULL, 16, &s), ERR_OK);
	assert_non_null(s);
	return s;
}

static void
check_rows(const struct stats_row *rows, int n)
{
	for (int i = 0; i < n; i++) {
		assert_non_null(rows[i].name);
		assert_non_null(rows[i].help);
		for (const char *p = rows[i].name; *p; p++)
			assert_true(*p == '_' || islower((unsigned char)*p));
	}
}

static void
test_tables(void **state)
{
	(void)state;
	check_rows(stats_counters, STATS_COUNTER__MAX);
	check_rows(stats_gauges, STATS_GAUGE__MAX);
	check_rows(stats_histograms, STATS_HISTOGRAM__MAX);
	for (int i = 1; i < STATS_BOUNDS; i++)
		assert_true(stats_bounds[i] > stats_bounds[i - 1]);
}

static void
test_counters(void **state)
{
	struct shm *s = fresh();

	(void)state;
	stats_add(s, STATS_REQUESTS, 3);
	stats_add(s, STATS_REQUESTS, 4);
	assert_int_equal(stats_get(s, STATS_REQUESTS), 7);
	assert_int_equal(stats_get(s, STATS_CONNECTIONS), 0);
	shm_close(s);
}

static void
test_histogram(void **state)
{
	struct shm *s = fresh();
	struct stats_view v;

	(void)state;
	stats_observe(s, STATS_H_REQUEST, 0);
	stats_observe(s, STATS_H_REQUEST, 100); /* bounds are inclusive */
	stats_observe(s, STATS_H_REQUEST, 101);
	stats_observe(s, STATS_H_REQUEST, stats_bounds[STATS_BOUNDS - 1] + 1);
	stats_view(s, STATS_H_REQUEST, &v);
	assert_int_equal(v.bucket[0], 2);
	assert_int_equal(v.bucket[1], 1);
	assert_int_equal(v.bucket[STATS_BOUNDS], 1);
	assert_int_equal(v.count, 4);
	assert_int_equal(v.sum_usec, 201 + stats_bounds[STATS_BOUNDS - 1] + 1);
	shm_close(s);
}

/* What a worker holds counts while it lives, and not after kill -9. */
static void
test_gauges(void **state)
{
	struct shm *s = fresh();
	int to_child[2], from_child[2], status;
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(shm_worker_take(s), ERR_OK);
	stats_worker_begin(s);
	stats_gauge_add(s, STATS_G_CONNECTIONS, 2);
	assert_int_equal(pipe(to_child), 0);
	assert_int_equal(pipe(from_child), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(to_child[1]);
		if (shm_worker_take(s) != ERR_OK)
			_exit(1);
		stats_worker_begin(s);
		stats_gauge_add(s, STATS_G_CONNECTIONS, 5);
		(void)(write(from_child[1], "x", 1) == 1);
		(void)(read(to_child[0], &c, 1) == 1);
		_exit(2);
	}
	assert_int_equal(read(from_child[0], &c, 1), 1);
	assert_int_equal(stats_gauge_sum(s, STATS_G_CONNECTIONS), 7);
	assert_int_equal(stats_gauge_of(s, STATS_G_CONNECTIONS, 1), 5);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(stats_gauge_sum(s, STATS_G_CONNECTIONS), 2);
	close(to_child[0]);
	close(to_child[1]);
	close(from_child[0]);
	close(from_child[1]);
	shm_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_gauges),
	};

	return cmocka_run_group_tests_name("sys/stats", tests, NULL, NULL);
}
