#include "base/rand.h"

#include <sodium.h>
#include <stdbool.h>

#include "base/err.h"

/*
 * xoshiro256** (Blackman and Vigna, 2018). One state a thread: the thread
 * pool may ask too, and no lock is wanted here.
 */
static _Thread_local uint64_t state[4];
static _Thread_local bool is_seeded;

static uint64_t
rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

void
rand_init(void)
{
	ASSERT(sodium_init() >= 0);
	do
		randombytes_buf(state, sizeof(state));
	while (!(state[0] | state[1] | state[2] | state[3]));
	is_seeded = true;
}

/* splitmix64 spreads the seed, as the generator's authors advise. */
void
rand_init_fixed(uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		state[i] = z ^ z >> 31;
	}
	is_seeded = true;
}

uint64_t
rand_u64(void)
{
	uint64_t result, t;

	if (!is_seeded)
		rand_init();
	result = rotl(state[1] * 5, 7) * 9;
	t = state[1] << 17;
	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= t;
	state[3] = rotl(state[3], 45);
	return result;
}

/* Lemire's: no bias, and a division only when it is needed. */
uint64_t
rand_below(uint64_t bound)
{
	unsigned __int128 m;
	uint64_t floor;

	ASSERT(bound > 0);
	m = (unsigned __int128)rand_u64() * bound;
	if ((uint64_t)m < bound) {
		floor = (0 - bound) % bound;
		while ((uint64_t)m < floor)
			m = (unsigned __int128)rand_u64() * bound;
	}
	return (uint64_t)(m >> 64);
}

double
rand_unit(void)
{
	return (double)(rand_u64() >> 11) * 0x1p-53;
}

void
rand_id(char *out, size_t n)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";

	for (size_t i = 0; i < n; i++)
		out[i] = digits[rand_below(62)];
	out[n] = '\0';
}

void
rand_secret(void *p, size_t n)
{
	ASSERT(sodium_init() >= 0);
	randombytes_buf(p, n);
}
