#include "check.h"

#include <errno.h>
#include <sys/wait.h>

#include "spool_bed.h"

/* Many segments, each record once, the table empty at the end. */
static void
test_flow(void **state)
{
	enum {
		N = 2000
	};
	static unsigned seen[N];
	struct bed b = { .folder = spool_bed() };
	struct spool_slot *slot;
	char names[64][256];

	(void)state;
	bed_open(&b, SPOOL_MAX_ALL, 4);
	for (int i = 0; i < N; i++) {
		slot = begin(&b, i);
		assert_non_null(slot);
		settle(&b, slot, "end", i);
		if (i % 7 == 0)
			later(&b, USEC_PER_MSEC);
	}
	assert_int_equal(count_slots(b.folder, "begin", seen, N, NULL), 0);
	assert_int_equal(count_segments(b.folder, "end", seen, N), N);
	for (int i = 0; i < N; i++)
		assert_int_equal(seen[i], 1);
	assert_true(spool_names(b.folder, ".seg", names, 64) > 2);
	assert_false(spool_is_full(b.spool));
	bed_close(&b);
	memset(seen, 0, sizeof(seen));
	assert_int_equal(count_segments(b.folder, "end", seen, N), N);
	spool_bed_remove(b.folder);
}

/* Others' records, up to the largest. */
static void
test_add(void **state)
{
	static char big[SPOOL_PAYLOAD_MAX + 1];
	struct bed b = { .folder = spool_bed() };
	unsigned seen[3] = { 0 };

	(void)state;
	bed_open(&b, SPOOL_MAX_ALL, 4);
	b.options.segment_bytes = 0;
	assert_int_equal(spool_add(b.spool, SPOOL_AUDIT, "event 1", 7), ERR_OK);
	assert_int_equal(
	    spool_add(b.spool, SPOOL_AUDIT, big, sizeof(big)), ERR_LIMIT);
	/* larger than this segment ever is */
	assert_int_equal(
	    spool_add(b.spool, SPOOL_AUDIT, big, SPOOL_PAYLOAD_MAX), ERR_LIMIT);
	assert_int_equal(spool_add(b.spool, SPOOL_AUDIT, "event 2", 7), ERR_OK);
	assert_int_equal(count_segments(b.folder, "event", seen, 3), 2);
	bed_close(&b);
	spool_bed_remove(b.folder);
}

/*
 * kill -9 while it writes, as fast as it can: whatever was settled before the
 * parent was told is there, once, and nothing is in between.
 */
static void
test_killed(void **state)
{
	enum {
		ROUNDS = 20,
		N = 1 << 20
	};

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		static unsigned seen[4096];
		struct bed b = { .folder = spool_bed() };
		int told[2], last = -1, code;
		unsigned want = 50 + 150 * (unsigned)round, n;
		ssize_t got;
		pid_t pid;

		assert_int_equal(pipe(told), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			bed_open(&b, SPOOL_MAX_ALL, 4);
			for (int i = 0; i < N; i++) {
				struct spool_slot *s = begin(&b, i);

				if (!s)
					_exit(1);
				settle(&b, s, "end", i);
				if (write(told[1], &i, sizeof(i)) < 0)
					_exit(2);
			}
			_exit(3);
		}
		close(told[1]);
		while ((got = read(told[0], &code, sizeof(code))) ==
			   sizeof(code) &&
		       code < (int)want)
			last = code;
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &code, 0), pid);
		assert_true(WIFSIGNALED(code));
		while (read(told[0], &code, sizeof(code)) == sizeof(code))
			last = code;
		close(told[0]);
		memset(seen, 0, sizeof(seen));
		n = last + 1 < 4096 ? (unsigned)last + 1 : 4096;
		count_segments(b.folder, "end", seen, n);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(seen[i], 1);
		spool_bed_remove(b.folder);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_killed),
	};

	rand_init();
	return cmocka_run_group_tests_name(
	    "meter/spool_log", tests, NULL, NULL);
}
