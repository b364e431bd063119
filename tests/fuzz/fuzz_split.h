#ifndef TESTS_FUZZ_SPLIT_H
#define TESTS_FUZZ_SPLIT_H
/* Split invariance of one input: whole against one seeded set of cuts. */
#include "../unit/split.h"
#include "fuzz.h"

/* The first two bytes of data seed the cuts; what follows is fed. */
static inline void
fuzz_split(const struct split_subject *s, const uint8_t *data, size_t size)
{
	static const size_t means[] = { 1, 2, 5, 16, 100 };
	uint64_t seed = 0x9e3779b97f4a7c15u;
	struct split_plan plan = { .rand = &seed };
	struct buf whole;
	struct str bytes;

	if (size < 2)
		return;
	seed ^= (uint64_t)data[0] << 8 | data[1];
	bytes = str_of((const char *)data + 2, size - 2);
	buf_init(&whole, SPLIT_TRANSCRIPT_MAX);
	split_run(s, bytes, &plan, &whole);
	FUZZ_CHECK(!whole.failed);
	plan.mean = means[data[0] % (sizeof(means) / sizeof(means[0]))];
	split_compare(s, bytes, &plan, buf_str(&whole));
	plan.mean = 0;
	plan.step = 1;
	if (bytes.n < 300)
		split_compare(s, bytes, &plan, buf_str(&whole));
	buf_fini(&whole);
}

#endif
