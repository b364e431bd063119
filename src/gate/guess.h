#ifndef GATE_GUESS_H
#define GATE_GUESS_H
/*
 * How long answers will be, learnt from those before: what a limit of tokens
 * reserves when the client sends no max_tokens (few do). For each alias, and
 * for each client of it, the length that 95 of 100 answers do not pass, in
 * shared memory: one worker's experience is all workers'.
 *
 * The figure follows the answers by small steps, up by much when one is longer
 * and down by little when one is shorter; it settles where both are in balance.
 */
#include <stdint.h>

#include "base/str.h"
#include "sys/shm.h"

/* Nothing known yet, nor a maximum told. */
#define GATE_GUESS_FIRST 256
/* So many answers before a client's own figure counts. */
#define GATE_GUESS_ENOUGH 8

/*
 * client: any stable number of who asks. max: what the client or the target
 * allows, 0: not told; never more than that, and all of it while nothing is
 * known. Never negative.
 */
int64_t
gate_guess(struct shm *shm, struct str alias, uint64_t client, int64_t max);
/* An answer had so many tokens; negative: not known, nothing is learnt. */
void gate_guess_learn(
    struct shm *shm, struct str alias, uint64_t client, int64_t tokens);

#endif
