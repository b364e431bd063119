#include "meter/tally.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/hash.h"

#define PLACES (2 * METER_TALLY_ROWS) /* open addressing: half full */

struct place {
	uint64_t hash; /* 0: free */
	uint32_t seen;
	struct meter_tally_row row;
};

struct meter_tally {
	usec_t due; /* 0: no window is open */
	uint64_t written; /* of all sorts */
	uint32_t n;
	uint32_t taken; /* the next place to tell of */
	struct place others;
	struct place place[PLACES];
};

struct meter_tally *
meter_tally_new(void)
{
	return fault("tally.new") ? NULL
				  : calloc(1, sizeof(struct meter_tally));
}

void
meter_tally_free(struct meter_tally *t)
{
	free(t);
}

static uint64_t
hash_of(struct str action, struct str result, struct str address)
{
	uint64_t parts[3] = { hash_u64(action), hash_u64(result),
		hash_u64(address) };
	uint64_t h = hash_u64(str_of((const char *)parts, sizeof(parts)));

	return h != 0 ? h : 1;
}

static void
copy(char *out, size_t size, struct str s)
{
	(void)snprintf(out, size, "%.*s", STR_ARG(s));
}

static struct place *
find(struct meter_tally *t, struct str action, struct str result,
    struct str address)
{
	uint64_t hash = hash_of(action, result, address);
	uint64_t i = hash % PLACES;
	struct meter_tally_row *row;

	while (t->place[i].hash != 0 && t->place[i].hash != hash)
		i = (i + 1) % PLACES;
	if (t->place[i].hash == hash)
		return &t->place[i];
	if (t->n == METER_TALLY_ROWS) {
		t->others.row.is_others = true;
		copy(
		    t->others.row.action, sizeof(t->others.row.action), action);
		return &t->others;
	}
	t->n++;
	t->place[i].hash = hash;
	row = &t->place[i].row;
	copy(row->action, sizeof(row->action), action);
	copy(row->result, sizeof(row->result), result);
	copy(row->address, sizeof(row->address), address);
	return &t->place[i];
}

bool
meter_tally_add(struct meter_tally *t, struct str action, struct str result,
    struct str address, uint32_t max, usec_t now)
{
	struct place *p;

	if (t->due == 0)
		t->due = now + METER_TALLY_WINDOW;
	p = find(t, action, result, address);
	if (p != &t->others && p->seen < max &&
	    t->written < (uint64_t)max * METER_TALLY_ALL) {
		p->seen++;
		t->written++;
		return true;
	}
	p->row.count++;
	return false;
}

usec_t
meter_tally_due(const struct meter_tally *t)
{
	return t->due;
}

bool
meter_tally_take(struct meter_tally *t, struct meter_tally_row *out)
{
	for (; t->taken < PLACES; t->taken++) {
		struct meter_tally_row *row = &t->place[t->taken].row;

		if (row->count == 0)
			continue;
		*out = *row;
		row->count = 0;
		return true;
	}
	if (t->others.row.count > 0) {
		*out = t->others.row;
		t->others.row.count = 0;
		return true;
	}
	memset(t, 0, sizeof(*t));
	return false;
}
