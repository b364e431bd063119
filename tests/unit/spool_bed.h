#ifndef TESTS_UNIT_SPOOL_BED_H
#define TESTS_UNIT_SPOOL_BED_H
/* A spool in a folder of its own, on a virtual loop. */
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

static inline void
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

static inline void
bed_close(struct bed *b)
{
	spool_close(b->spool);
	b->spool = NULL;
	loop_free(b->loop);
	clock_real();
}

static inline void
later(struct bed *b, usec_t t)
{
	clock_set(clock_mono() + t, clock_wall() + t);
	loop_turn(b->loop);
}

static inline struct str
numbered(const char *word, int i)
{
	static char text[TEXT_MAX];

	snprintf(text, sizeof(text), "%s %d", word, i);
	return str_z(text);
}

static inline void
settle(struct bed *b, struct spool_slot *slot, const char *word, int i)
{
	struct str s = numbered(word, i);

	spool_settle(b->spool, slot, s.p, s.n);
}

static inline struct spool_slot *
begin(struct bed *b, int i)
{
	struct str s = numbered("begin", i);

	return spool_begin(b->spool, 0, s.p, s.n);
}

/*
 * What the files have whose names end so, ".seg" or ".open" (the slots in use):
 * how many times each number comes, and how far it has come.
 */
static inline unsigned
count_records(const char *folder, const char *end, const char *word,
    unsigned *seen, unsigned max, uint64_t *progress)
{
	static char names[512][256];
	bool is_table = strcmp(end, ".open") == 0;
	unsigned n = spool_names(folder, end, names, 512), found = 0;

	for (unsigned i = 0; i < n; i++) {
		struct spool_reader r = { .map = { .fd = -1 } };
		struct spool_seen s;

		assert_int_equal(
		    spool_reader_open(&r, folder, names[i], 0), ERR_OK);
		while (is_table ? spool_reader_next_slot(&r, &s)
				: spool_reader_next(&r, true, &s))
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

static inline unsigned
count_segments(
    const char *folder, const char *word, unsigned *seen, unsigned max)
{
	return count_records(folder, ".seg", word, seen, max, NULL);
}

static inline unsigned
count_slots(const char *folder, const char *word, unsigned *seen, unsigned max,
    uint64_t *progress)
{
	return count_records(folder, ".open", word, seen, max, progress);
}

#endif
