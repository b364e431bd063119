#include "check.h"

#include "spool_bed.h"

/* A worker that had nothing to tell leaves nothing. */
static void
test_unused(void **state)
{
	struct bed b = { .folder = spool_bed() };

	(void)state;
	bed_open(&b, SPOOL_MAX_ALL, 4);
	bed_close(&b);
	assert_int_equal(spool_folder_bytes(b.folder), 0);
	spool_bed_remove(b.folder);
}

/*
 * The bound is reached: what has begun can be settled all the same, nothing
 * new begins; when there is room again all comes into segments.
 */
static void
test_full(void **state)
{
	enum {
		OPEN = 8,
		N = 4000
	};
	static unsigned seen[N], left[OPEN];
	struct spool_slot *open[OPEN], *slot;
	struct bed b = { .folder = spool_bed() };
	uint64_t max = 4096 + 64 * 2048 + 3 * SEGMENT;
	int n = 0, refused = 0;

	(void)state;
	bed_open(&b, max, 64);
	for (int i = 0; i < OPEN; i++)
		assert_non_null(open[i] = begin(&b, i));
	while (n < N && (slot = begin(&b, n))) {
		settle(&b, slot, "end", n++);
		later(&b, 100);
	}
	assert_true(n > 100 && n < N);
	assert_true(spool_is_full(b.spool));
	assert_non_null(strstr(spool_why(b.spool), "max_spool"));
	assert_true(spool_folder_bytes(b.folder) <= max);
	for (int i = 0; i < OPEN; i++)
		settle(&b, open[i], "open", i);
	spool_unbooked(b.spool);
	spool_unbooked(b.spool);
	for (int i = 0; i < 100; i++)
		refused += begin(&b, 0) == NULL;
	assert_int_equal(refused, 100);
	/* the rest of the segment has taken some, slots have the others */
	assert_int_equal(count_segments(b.folder, "open", left, OPEN) +
			     count_slots(b.folder, "open", left, OPEN, NULL),
	    OPEN);
	spool_limit(b.spool, 4 * max);
	later(&b, 2 * USEC_PER_SEC);
	assert_false(spool_is_full(b.spool));
	assert_string_equal(spool_why(b.spool), "");
	memset(left, 0, sizeof(left));
	assert_int_equal(count_segments(b.folder, "open", left, OPEN), OPEN);
	assert_int_equal(count_segments(b.folder, "end", seen, (unsigned)n), n);
	assert_int_equal(count_slots(b.folder, "open", left, OPEN, NULL), 0);
	assert_non_null(slot = begin(&b, 1));
	settle(&b, slot, "end", 1);
	bed_close(&b);
	spool_bed_remove(b.folder);
}

/* The mark of what was served without a booking. */
static void
test_unbooked(void **state)
{
	struct bed b = { .folder = spool_bed() };
	struct spool_reader r = { .map = { .fd = -1 } };
	struct spool_unbooked mark = { 0 };
	struct spool_slot *slot;
	struct spool_seen seen;
	char names[8][256];
	unsigned n;

	(void)state;
	bed_open(&b, SPOOL_MAX_ALL, 4);
	spool_unbooked(b.spool);
	spool_unbooked(b.spool);
	slot = begin(&b, 1);
	settle(&b, slot, "end", 1);
	bed_close(&b);
	n = spool_names(b.folder, ".seg", names, 8);
	assert_int_equal(n, 1);
	assert_int_equal(spool_reader_open(&r, b.folder, names[0], 0), ERR_OK);
	assert_true(spool_reader_is_finished(&r));
	while (spool_reader_next(&r, true, &seen))
		if (seen.kind == SPOOL_UNBOOKED)
			memcpy(&mark, seen.payload.p, sizeof(mark));
	assert_int_equal(mark.count, 2);
	spool_reader_close(&r);
	spool_bed_remove(b.folder);
}

/* Where nothing can be made it says why. */
static void
test_no_folder(void **state)
{
	struct spool_options o = { .folder = "/proc/none/spool",
		.node = "n",
		.max_bytes = SPOOL_MAX_ALL };
	struct loop *loop = loop_new_virtual();
	char why[SPOOL_WHY_SIZE];
	struct spool *s = NULL;

	(void)state;
	assert_int_equal(spool_open(loop, &o, &s, why), ERR_IO);
	assert_non_null(strstr(why, "/proc/none/spool: "));
	assert_null(s);
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unused),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_unbooked),
		cmocka_unit_test(test_no_folder),
	};

	rand_init();
	return cmocka_run_group_tests_name("meter/spool", tests, NULL, NULL);
}
