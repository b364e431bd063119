#ifndef TESTS_SPLIT_H
#define TESTS_SPLIT_H
/*
 * Split invariance: a parser of a stream must say the same whatever the places
 * where its bytes were cut. A subject turns what the parser says into a
 * transcript (text of your own making); split_check feeds the same bytes whole,
 * cut once at every position, in steps of 1, 2, 3 and 7, and at random places
 * (seeded, so a failure comes again), and demands the same transcript.
 *
 * Every piece is fed from a block of exactly its size that is freed behind it,
 * so that under ASan a parser that reads past its bytes or keeps a pointer into
 * them is caught.
 *
 *	static void *open(void *arg, struct buf *transcript);
 *	static void feed(void *state, const char *p, size_t n);
 *	static void finish(void *state);	(says the end, frees)
 *	struct split_subject s = { open, feed, finish, arg };
 *	split_check(&s, STR("..."), 1000);
 *
 * Includes nothing of cmocka: a mismatch is printed and aborts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

struct split_subject {
	void *(*open)(void *arg, struct buf *transcript);
	void (*feed)(void *state, const char *p, size_t n);
	void (*finish)(void *state);
	void *arg;
};

#define SPLIT_TRANSCRIPT_MAX ((size_t)64 << 20)

/* xorshift64: the tests' own, so that no seed of the program matters. */
static inline uint64_t
split_rand(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Feeds one piece from a block of its own. */
static inline void
split_feed(const struct split_subject *s, void *state, const char *p, size_t n)
{
	char *block = malloc(n ? n : 1);

	ASSERT(block);
	if (n)
		memcpy(block, p, n);
	s->feed(state, block, n);
	free(block);
}

/*
 * One run. step > 0: pieces of that size. Else mean > 0: random pieces of about
 * that size. Else one cut at `cut`. Returns the number of cuts.
 */
struct split_plan {
	size_t step, mean, cut;
	uint64_t *rand;
};

static inline size_t
split_run(const struct split_subject *s, struct str bytes,
    const struct split_plan *plan, struct buf *out)
{
	void *state = s->open(s->arg, out);
	size_t at = 0, cuts = 0, n;

	while (at < bytes.n) {
		if (plan->step)
			n = plan->step;
		else if (plan->mean)
			n = split_rand(plan->rand) % (2 * plan->mean) + 1;
		else
			n = at == 0 && plan->cut ? plan->cut : bytes.n;
		if (n > bytes.n - at)
			n = bytes.n - at;
		split_feed(s, state, bytes.p + at, n);
		at += n;
		cuts += at < bytes.n;
	}
	s->finish(state);
	return cuts;
}

static inline size_t
split_compare(const struct split_subject *s, struct str bytes,
    const struct split_plan *plan, struct str want)
{
	struct buf got;
	size_t cuts;

	buf_init(&got, SPLIT_TRANSCRIPT_MAX);
	cuts = split_run(s, bytes, plan, &got);
	if (!str_eq(buf_str(&got), want)) {
		fprintf(stderr,
		    "split: step %zu, mean %zu, cut %zu\n--- whole\n%.*s\n"
		    "--- cut\n%.*s\n",
		    plan->step, plan->mean, plan->cut, STR_ARG(want),
		    STR_ARG(buf_str(&got)));
		abort();
	}
	buf_fini(&got);
	return cuts;
}

/*
 * All of it; random_cuts: how many random cuts at least. *transcript (may be
 * NULL) receives what the whole bytes gave: init it before, fini it after.
 * Returns the number of cuts made.
 */
static inline size_t
split_check(const struct split_subject *s, struct str bytes, size_t random_cuts,
    struct buf *transcript)
{
	static const size_t steps[] = { 1, 2, 3, 7 };
	static const size_t means[] = { 2, 5, 16, 60, 400 };
	uint64_t seed = 0x9e3779b97f4a7c15u;
	struct split_plan plan = { .rand = &seed };
	struct buf own;
	struct buf *want = transcript ? transcript : &own;
	size_t cuts = 0, random = 0, idle = 0;

	buf_init(&own, SPLIT_TRANSCRIPT_MAX);
	split_run(s, bytes, &plan, want);
	for (plan.cut = 1; plan.cut < bytes.n; plan.cut++)
		cuts += split_compare(s, bytes, &plan, buf_str(want));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		plan.step = steps[i];
		cuts += split_compare(s, bytes, &plan, buf_str(want));
	}
	plan.step = 0;
	for (size_t i = 0; random < random_cuts && idle < 100; i++) {
		size_t made;

		plan.mean = means[i % (sizeof(means) / sizeof(means[0]))];
		made = split_compare(s, bytes, &plan, buf_str(want));
		random += made;
		idle = made ? 0 : idle + 1;
	}
	buf_fini(&own);
	return cuts + random;
}

#endif
