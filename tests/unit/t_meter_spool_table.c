#include "check.h"

#include "spool_bed.h"

static void
check_words(const char *folder, uint32_t first, uint32_t last)
{
	static char names[8][256];
	struct spool_reader r = { .map = { .fd = -1 } };
	struct spool_seen s;

	assert_int_equal(spool_names(folder, ".open", names, 8), 1);
	assert_int_equal(spool_reader_open(&r, folder, names[0], 0), ERR_OK);
	assert_true(spool_reader_next_slot(&r, &s));
	assert_int_equal(s.words[0], first);
	for (int i = 1; i < SPOOL_WORDS - 1; i++)
		assert_int_equal(s.words[i], 0);
	assert_int_equal(s.words[SPOOL_WORDS - 1], last);
	assert_false(spool_reader_next_slot(&r, &s));
	spool_reader_close(&r);
}

/* What is open is in the table, with how far it has come; it grows. */
static void
test_open(void **state)
{
	enum {
		N = 40
	};
	unsigned seen[N] = { 0 };
	uint64_t progress[N] = { 0 };
	struct spool_slot *slots[N];
	struct bed b = { .folder = spool_bed() };

	(void)state;
	bed_open(&b, SPOOL_MAX_ALL, 4);
	for (int i = 0; i < N; i++) {
		slots[i] = begin(&b, i);
		assert_non_null(slots[i]);
		if (i == N / 2) /* what is synced can be moved on as well */
			later(&b, 2 * SPOOL_SYNC_EVERY);
		spool_progress(slots[i], (uint64_t)i * 100);
		spool_progress(slots[i / 2], (uint64_t)(i / 2) * 100);
	}
	for (int i = 0; i < N; i += 2)
		settle(&b, slots[i], "end", i);
	assert_int_equal(
	    count_slots(b.folder, "begin", seen, N, progress), N / 2);
	for (int i = 0; i < N; i++) {
		assert_int_equal(seen[i], i % 2);
		assert_int_equal(progress[i], i % 2 ? i * 100 : 0);
	}
	bed_close(&b);
	spool_bed_remove(b.folder);
}

/* The first begins as told, the others at 0; they are seen as they were left. */
static void
test_slot_words(void **state)
{
	static char longest[SPOOL_SLOT_PAYLOAD_MAX];
	struct bed b = { .folder = spool_bed() };
	struct spool_slot *slot;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	bed_open(&b, SPOOL_MAX_ALL, 4);
	for (uint32_t i = 0; i < 2; i++) {
		slot = spool_begin(b.spool, i, longest, sizeof(longest));
		assert_non_null(slot);
		check_words(b.folder, i, 0);
		spool_words(slot)[0] = 3;
		spool_words(slot)[SPOOL_WORDS - 1] = UINT32_MAX;
		check_words(b.folder, 3, UINT32_MAX);
		spool_settle(b.spool, slot, longest, sizeof(longest));
	}
	bed_close(&b);
	spool_bed_remove(b.folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_slot_words),
	};

	rand_init();
	return cmocka_run_group_tests_name(
	    "meter/spool_table", tests, NULL, NULL);
}
