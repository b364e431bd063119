#include "check.h"

#include <errno.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/rand.h"
#include "spool_help.h"

#define SEGMENT 16384u
#define TEXT_MAX 64

struct bed {
	char *folder;
	struct loop *loop;
	struct spool *spool;
	struct spool_options options;
};

static void
bed_open(struct bed *b, uint64_t max_bytes, uint32_t slots)
{
	char why[SPOOL_WHY_SIZE];

	clock_set(1000000, INT64_C(1700000000000000));
	b->options = (struct spool_options){ .folder = b->folder,
		.node = "test",
		.max_bytes = max_bytes,
		.segment_bytes = SEGMENT,
		.slots = slots };
	b->loop = loop_new_virtual();
	assert_non_null(b->loop);
	assert_int_equal(
	    spool_open(b->loop, &b->options, &b->spool, why), ERR_OK);
	assert_string_equal(why, "");
}

static void
bed_close(struct bed *b)
{
	spool_close(b->spool);
	b->spool = NULL;
	loop_free(b->loop);
	clock_real();
}

static void
later(struct bed *b, usec_t t)
{
	clock_set(clock_mono() + t, clock_wall() + t);
	loop_turn(b->loop);
}

static struct str
numbered(const char *word, int i)
{
	static char text[TEXT_MAX];

	snprintf(text, sizeof(text), "%s %d", word, i);
	return str_z(text);
}

static void
settle(struct bed *b, struct spool_slot *slot, const char *word, int i)
{
	struct str s = numbered(word, i);

	spool_settle(b->spool, slot, s.p, s.n);
}

static struct spool_slot *
begin(struct bed *b, int i)
{
	struct str s = numbered("begin", i);

	return spool_begin(b->spool, 0, s.p, s.n);
}

/* All records of all segments: how many times each number comes. */
static unsigned
count_segments(
    const char *folder, const char *word, unsigned *seen, unsigned max)
{
	static char names[512][256];
	unsigned n = spool_names(folder, ".seg", names, 512), found = 0;

	for (unsigned i = 0; i < n; i++) {
		struct spool_reader r = { .map = { .fd = -1 } };
		struct spool_seen s;

		assert_int_equal(
		    spool_reader_open(&r, folder, names[i], 0), ERR_OK);
		while (spool_reader_next(&r, true, &s))
			for (unsigned k = 0; k < max; k++)
				if (str_eq(s.payload, numbered(word, (int)k))) {
					seen[k]++;
					found++;
				}
		spool_reader_close(&r);
	}
	return found;
}

/* The slots in use. */
static unsigned
count_slots(const char *folder, const char *word, unsigned *seen, unsigned max,
    uint64_t *progress)
{
	static char names[8][256];
	unsigned n = spool_names(folder, ".open", names, 8), found = 0;

	for (unsigned i = 0; i < n; i++) {
		struct spool_reader r = { .map = { .fd = -1 } };
		struct spool_seen s;

		assert_int_equal(
		    spool_reader_open(&r, folder, names[i], 0), ERR_OK);
		while (spool_reader_next_slot(&r, &s))
			for (unsigned k = 0; k < max; k++)
				if (str_eq(s.payload, numbered(word, (int)k))) {
					seen[k]++;
					found++;
					if (progress)
						progress[k] = s.progress;
				}
		spool_reader_close(&r);
	}
	return found;
}

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
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_unused),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_slot_words),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_unbooked),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_no_folder),
	};

	rand_init();
	return cmocka_run_group_tests_name("meter/spool", tests, NULL, NULL);
}
