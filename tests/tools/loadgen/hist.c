#include "load.h"

static size_t
slot_of(usec_t v)
{
	uint64_t u = v > 0 ? (uint64_t)v : 0;
	unsigned shift = 0;
	size_t slot;

	while (u >> shift >= HIST_SUB * 2)
		shift++;
	slot = (size_t)(u >> shift) + shift * HIST_SUB;
	return slot < HIST_SIZE ? slot : HIST_SIZE - 1;
}

static usec_t
value_of(size_t slot)
{
	size_t shift = slot / HIST_SUB;
	uint64_t low;

	if (slot < HIST_SUB * 2)
		return (usec_t)slot;
	shift--;
	low = (uint64_t)(slot - shift * HIST_SUB) << shift;
	return (usec_t)(low + (((uint64_t)1 << shift) >> 1));
}

void
hist_add(struct hist *h, usec_t v)
{
	h->n[slot_of(v)]++;
	h->total++;
	h->sum += v;
	if (v > h->max)
		h->max = v;
}

usec_t
hist_at(const struct hist *h, double q)
{
	uint64_t want = (uint64_t)(q * (double)h->total), seen = 0;

	if (h->total == 0)
		return 0;
	for (size_t i = 0; i < HIST_SIZE; i++) {
		seen += h->n[i];
		if (seen > want) {
			usec_t v = value_of(i);

			return v < h->max ? v : h->max;
		}
	}
	return h->max;
}
