#include "gate/known.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/map.h"

/* Changes that are remembered; an entry behind them is looked up again. */
#define RING 512u

struct entry {
	unsigned char id[HASH_KEY_BYTES];
	struct gate_person *person;
	uint64_t epoch; /* changes up to this one do not concern it */
	struct entry *newer, *older;
};

/* What was not found. One place per hash: a new one drives out an old one. */
struct unknown {
	unsigned char id[HASH_KEY_BYTES];
	enum gate_refusal refusal; /* GATE_WELCOME: nothing is here */
	uint64_t epoch;
	usec_t until;
};

struct gate_known {
	struct map *by_id;
	struct entry *newest, *oldest;
	uint32_t max_people;
	struct unknown *unknown; /* GATE_UNKNOWN_MAX */

	uint64_t epoch; /* changes seen */
	uint64_t all_epoch; /* the last that concerned anybody */
	struct gate_change ring[RING];
};

static struct str
id_str(const unsigned char *id)
{
	return str_of((const char *)id, HASH_KEY_BYTES);
}

/* ---- people -------------------------------------------------------------- */

static void
list_remove(struct gate_known *k, struct entry *e)
{
	if (e->newer)
		e->newer->older = e->older;
	else
		k->newest = e->older;
	if (e->older)
		e->older->newer = e->newer;
	else
		k->oldest = e->newer;
}

static void
list_add(struct gate_known *k, struct entry *e)
{
	e->newer = NULL;
	e->older = k->newest;
	if (e->older)
		e->older->newer = e;
	else
		k->oldest = e;
	k->newest = e;
}

static void
entry_drop(struct gate_known *k, struct entry *e)
{
	map_remove(k->by_id, id_str(e->id));
	list_remove(k, e);
	gate_person_unref(e->person);
	free(e);
}

static void
drop_beyond(struct gate_known *k, uint32_t n)
{
	while (map_count(k->by_id) > n)
		entry_drop(k, k->oldest);
}

void
gate_known_put(
    struct gate_known *k, const unsigned char *id, struct gate_person *person)
{
	struct entry *e = map_find(k->by_id, id_str(id));

	if (e)
		entry_drop(k, e);
	if (k->max_people == 0)
		return;
	drop_beyond(k, k->max_people - 1);
	e = fault("directory.entry") ? NULL : calloc(1, sizeof(*e));
	if (!e)
		return; /* the next request looks again */
	memcpy(e->id, id, sizeof(e->id));
	e->epoch = k->epoch;
	if (map_put(k->by_id, id_str(e->id), e) != ERR_OK) {
		free(e);
		return;
	}
	e->person = gate_person_ref(person);
	list_add(k, e);
}

/* ---- changes ------------------------------------------------------------- */

static bool
concerns(const struct gate_change *c, const struct store_person *f)
{
	switch (c->sort) {
	case GATE_CHANGE_TENANT:
		return c->id == f->tenant_id;
	case GATE_CHANGE_USER:
		return c->id == f->user_id;
	case GATE_CHANGE_KEY:
		return c->id == f->key_id;
	case GATE_CHANGE_ALL:
		return true;
	}
	return true;
}

/* Has nothing changed that concerns it? */
static bool
is_current(struct gate_known *k, struct entry *e)
{
	if (e->epoch == k->epoch)
		return true;
	if (e->epoch < k->all_epoch || k->epoch - e->epoch > RING)
		return false;
	for (uint64_t i = e->epoch; i < k->epoch; i++)
		if (concerns(&k->ring[i % RING], &e->person->facts))
			return false;
	e->epoch = k->epoch;
	return true;
}

void
gate_known_change(struct gate_known *k, const struct gate_change *c)
{
	k->ring[k->epoch++ % RING] = *c;
	if (c->sort == GATE_CHANGE_ALL)
		k->all_epoch = k->epoch;
}

/* ---- who was not found ---------------------------------------------------- */

static struct unknown *
unknown_place(struct gate_known *k, const unsigned char *id)
{
	return &k->unknown[hash_u64(id_str(id)) % GATE_UNKNOWN_MAX];
}

void
gate_known_put_unknown(
    struct gate_known *k, const unsigned char *id, enum gate_refusal refusal)
{
	struct unknown *u = unknown_place(k, id);

	memcpy(u->id, id, sizeof(u->id));
	u->refusal = refusal;
	u->epoch = k->epoch;
	u->until = clock_mono() + GATE_UNKNOWN_FOR;
}

static enum gate_refusal
unknown_find(struct gate_known *k, const unsigned char *id)
{
	const struct unknown *u = unknown_place(k, id);

	if (u->refusal == GATE_WELCOME || u->epoch != k->epoch ||
	    clock_mono() >= u->until || !hash_equal(u->id, id, sizeof(u->id)))
		return GATE_AWAY;
	return u->refusal;
}

/* ---- finding --------------------------------------------------------------- */

enum gate_refusal
gate_known_find(
    struct gate_known *k, const unsigned char *id, struct gate_person **out)
{
	struct entry *e = map_find(k->by_id, id_str(id));

	if (!e)
		return unknown_find(k, id);
	if (!is_current(k, e))
		return GATE_AWAY;
	if (e != k->newest) {
		list_remove(k, e);
		list_add(k, e);
	}
	*out = e->person;
	return GATE_WELCOME;
}

/* ---- all of them ----------------------------------------------------------- */

struct gate_known *
gate_known_new(void)
{
	struct gate_known *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->by_id = map_new(GATE_PEOPLE_MAX);
	k->unknown = calloc(GATE_UNKNOWN_MAX, sizeof(*k->unknown));
	if (k->by_id && k->unknown)
		return k;
	gate_known_free(k);
	return NULL;
}

void
gate_known_free(struct gate_known *k)
{
	if (!k)
		return;
	while (k->oldest)
		entry_drop(k, k->oldest);
	map_free(k->by_id);
	free(k->unknown);
	free(k);
}

void
gate_known_limit(struct gate_known *k, uint32_t max_people)
{
	k->max_people = max_people;
	drop_beyond(k, max_people);
}

void
gate_known_forget_unknown(struct gate_known *k)
{
	memset(k->unknown, 0, GATE_UNKNOWN_MAX * sizeof(*k->unknown));
}

void
gate_known_forget(struct gate_known *k)
{
	drop_beyond(k, 0);
	gate_known_forget_unknown(k);
}

uint32_t
gate_known_count(const struct gate_known *k)
{
	return (uint32_t)map_count(k->by_id);
}
