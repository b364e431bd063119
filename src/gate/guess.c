#include "gate/guess.h"

#include <stdbool.h>

#include "base/hash.h"

/* A cell: how many answers (up to 255) above 256ths of a token. */
#define SEEN_SHIFT 56
#define SEEN_MAX 255
#define SCALE 256
#define TOKENS_MAX (INT64_C(1) << 40)

/* 19 parts up, one part down: balance is where 95 of 100 are shorter. */
#define PARTS_FIRST 80 /* of the length; large steps until SETTLED answers */
#define PARTS_LATER 320
#define SETTLED 64
#define UP 19

enum {
	CELL_LENGTH
};

/* Apart from limits' own numbers; the name is hashed once for all its cells. */
static uint64_t
alias_number(struct str alias)
{
	return hash_stable(alias) ^ UINT64_C(0x677565737321);
}

static struct shm_tally *
tally(struct shm *shm, uint64_t alias, uint64_t client, bool may_claim)
{
	uint64_t id = alias ^ client * UINT64_C(0x9e3779b97f4a7c15);

	id = (id ^ id >> 32) * UINT64_C(0xd6e8feb86659fd93);
	id ^= id >> 32;
	if (id == 0)
		id = 1;
	return may_claim ? shm_tally(shm, id) : shm_tally_find(shm, id);
}

static int64_t
length_of(int64_t cell)
{
	return cell & ((INT64_C(1) << SEEN_SHIFT) - 1);
}

static int64_t
seen_of(int64_t cell)
{
	return (int64_t)((uint64_t)cell >> SEEN_SHIFT);
}

/* What the cell becomes after an answer of that length (in 256ths). */
static int64_t
follow(int64_t cell, int64_t v)
{
	int64_t q = length_of(cell), n = seen_of(cell);
	int64_t part = q / (n < SETTLED ? PARTS_FIRST : PARTS_LATER);

	if (n < GATE_GUESS_ENOUGH)
		q = v > q ? v : q; /* the longest of the first few */
	else if (v > q)
		q += part * UP + 1;
	else if (v < q)
		q -= part;
	if (q > TOKENS_MAX * SCALE)
		q = TOKENS_MAX * SCALE;
	return (int64_t)((uint64_t)(n < SEEN_MAX ? n + 1 : n) << SEEN_SHIFT) |
	       q;
}

static void
learn(struct shm_tally *t, int64_t tokens)
{
	int64_t seen;

	if (!t)
		return;
	seen = atomic_load(&t->cell[CELL_LENGTH]);
	while (!atomic_compare_exchange_weak(&t->cell[CELL_LENGTH], &seen,
	    follow(seen, (tokens < TOKENS_MAX ? tokens : TOKENS_MAX) * SCALE)))
		;
}

/*
 * Nothing in the table is ever given up, and a limit that finds no place in it
 * is not enforced: what each client's answers are like may fill half of it.
 */
static bool
has_room(const struct shm *shm)
{
	return shm_tallies_used(shm) < shm_tallies_size(shm) / 2;
}

void
gate_guess_learn(
    struct shm *shm, struct str alias, uint64_t client, int64_t tokens)
{
	uint64_t number;

	if (tokens < 0)
		return;
	number = alias_number(alias);
	learn(tally(shm, number, 0, true), tokens);
	if (client != 0)
		learn(tally(shm, number, client, has_room(shm)), tokens);
}

int64_t
gate_guess(struct shm *shm, struct str alias, uint64_t client, int64_t max)
{
	uint64_t number = alias_number(alias);
	struct shm_tally *t = tally(shm, number, client, false);
	int64_t cell = t ? atomic_load(&t->cell[CELL_LENGTH]) : 0;
	int64_t v;

	if (seen_of(cell) < GATE_GUESS_ENOUGH) {
		t = tally(shm, number, 0, false);
		cell = t ? atomic_load(&t->cell[CELL_LENGTH]) : 0;
	}
	if (seen_of(cell) == 0)
		return max > 0 ? max : GATE_GUESS_FIRST;
	v = (length_of(cell) + SCALE - 1) / SCALE;
	return max > 0 && max < v ? max : v;
}
