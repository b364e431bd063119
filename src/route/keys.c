#include "route/keys.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/rand.h"
#include "route/headroom.h"

/*
 * Cells of a key's slot. State and its time are one word, so that each change
 * is one compare-and-swap that exactly one worker wins. OUT: until when
 * (clock_mono; 0: the next one may try); TRIED: since when the probe is under
 * way. Times of another boot are too far ahead and count as past.
 */
enum {
	CELL_STATE,
	CELL_STATUS,
	CELL_SINCE,
	CELL_COOL_UNTIL,
	CELL_USES,
	CELL_OUTS
};

enum {
	KEY_IN,
	KEY_OUT,
	KEY_TRIED
};

#define LATE (1 * USEC_PER_SEC)
#define PROBE_MAX (60 * USEC_PER_SEC)
#define COOL_MAX (60 * USEC_PER_SEC)
#define COOL_DEFAULT (1 * USEC_PER_SEC)
#define OUT_MAX (31 * 24 * 3600 * USEC_PER_SEC)
/* Fractions of a weight. */
#define WEIGHT_UNIT 1024
/* Names of a thousand providers with 64 keys each. */
#define RING_ARENA_MAX ((size_t)32 << 20)

struct route_ring {
	uint32_t refs;
	struct arena *arena;
	struct conf *conf;
	struct shm *shm;
	struct route_keys *of; /* by index of the provider */
};

/* ---- state --------------------------------------------------------------- */

static int64_t
get(const struct route_key *k, int cell)
{
	return k->slot ? atomic_load_explicit(
			     &k->slot->cell[cell], memory_order_acquire)
		       : 0;
}

static void
set(const struct route_key *k, int cell, int64_t v)
{
	if (k->slot)
		atomic_store_explicit(
		    &k->slot->cell[cell], v, memory_order_release);
}

static void
add(const struct route_key *k, int cell)
{
	if (k->slot)
		atomic_fetch_add_explicit(
		    &k->slot->cell[cell], 1, memory_order_relaxed);
}

static bool
swap(const struct route_key *k, int64_t from, int64_t to)
{
	return k->slot && atomic_compare_exchange_strong_explicit(
			      &k->slot->cell[CELL_STATE], &from, to,
			      memory_order_acq_rel, memory_order_acquire);
}

static int64_t
pack(int state, usec_t t)
{
	return t * 4 + state;
}

static bool
is_ahead(usec_t t, usec_t now, usec_t max)
{
	return t > now && t - now <= max + LATE;
}

/* May nobody use it now, not even to probe? */
static bool
is_barred(int64_t word, usec_t now)
{
	switch (word & 3) {
	case KEY_OUT:
		return is_ahead(word >> 2, now, OUT_MAX);
	case KEY_TRIED:
		return is_ahead((word >> 2) + PROBE_MAX, now, PROBE_MAX);
	default:
		return false;
	}
}

static bool
is_cooling(const struct route_key *k, usec_t now)
{
	return is_ahead(get(k, CELL_COOL_UNTIL), now, COOL_MAX);
}

static bool
is_valid(const struct route_key *k, usec_t wall)
{
	return wall >= k->not_before &&
	       (k->not_after == 0 || wall < k->not_after);
}

bool
route_key_is_there(const struct route_key *k, usec_t wall)
{
	return k->secret && is_valid(k, wall);
}

bool
route_key_is_usable(const struct route_key *k, usec_t now, usec_t wall)
{
	return route_key_is_there(k, wall) &&
	       !is_barred(get(k, CELL_STATE), now);
}

/* ---- choice -------------------------------------------------------------- */

static bool
was_tried(const struct route_key_ask *ask, const struct route_key *k)
{
	for (uint32_t i = 0; i < ask->n_tried; i++)
		if (ask->tried[i] == k->identity)
			return true;
	return false;
}

/* Lower comes first. */
static unsigned
rank(const struct route_key_ask *ask, const struct route_key *k)
{
	return (was_tried(ask, k) ? 4u : 0u) +
	       (is_cooling(k, ask->now) ? 2u : 0u) + (k->weight == 0 ? 1u : 0u);
}

static uint64_t
weight(const struct route_key_ask *ask, const struct route_key *k)
{
	double used = ask->used ? ask->used(ask->arg, k) : 0;
	double rest = 1 - headroom_pressure(used, ask->conf->headroom);

	/* At least one part: there may be no other. */
	return (uint64_t)((double)k->weight * WEIGHT_UNIT * rest) + 1;
}

/*
 * Of the usable ones, or of those that are out as well, of the best rank one
 * at random by weight.
 */
static const struct route_key *
draw(const struct route_key_ask *ask, uint64_t skip, bool is_out)
{
	const struct route_key *pick = NULL;
	unsigned best = 8;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ask->keys->n; i++) {
		const struct route_key *k = &ask->keys->v[i];
		unsigned mine;
		uint64_t w;

		if ((skip & (UINT64_C(1) << i)) ||
		    !route_key_is_there(k, ask->wall) ||
		    (!is_out && !route_key_is_usable(k, ask->now, ask->wall)))
			continue;
		mine = rank(ask, k);
		if (mine > best)
			continue;
		if (mine < best)
			sum = 0;
		best = mine;
		w = weight(ask, k);
		sum += w;
		if (sum == w || rand_below(sum) < w)
			pick = k;
	}
	return pick;
}

/* True: it is ours to use. */
static bool
claim(const struct route_key *k, usec_t now, bool *is_probe)
{
	int64_t word = get(k, CELL_STATE);

	*is_probe = false;
	if ((word & 3) == KEY_IN)
		return true;
	if (is_barred(word, now))
		return false;
	*is_probe = swap(k, word, pack(KEY_TRIED, now));
	return *is_probe;
}

const struct route_key *
route_key_pick(const struct route_key_ask *ask, bool *is_probe)
{
	const struct route_key *k;
	uint64_t lost = 0;

	while ((k = draw(ask, lost, false))) {
		if (claim(k, ask->now, is_probe))
			return k;
		/* Another worker probes it. */
		lost |= UINT64_C(1) << (k - ask->keys->v);
	}
	/* No claim: as many may ask as there are requests, its breaker counts. */
	*is_probe = ask->is_last_resort;
	return ask->is_last_resort ? draw(ask, 0, true) : NULL;
}

bool
route_key_has_other(const struct route_key_ask *ask)
{
	for (uint32_t i = 0; i < ask->keys->n; i++) {
		const struct route_key *k = &ask->keys->v[i];

		if (!was_tried(ask, k) && !is_cooling(k, ask->now) &&
		    route_key_is_usable(k, ask->now, ask->wall))
			return true;
	}
	return false;
}

/* ---- outcomes ------------------------------------------------------------ */

bool
route_key_refused(const struct route_key *k, const struct conf *conf,
    int status, usec_t now, usec_t wall)
{
	int64_t word = get(k, CELL_STATE);
	bool was_in = (word & 3) == KEY_IN;

	/* Answers to requests that began before it went out. */
	if ((word & 3) == KEY_OUT ||
	    !swap(k, word, pack(KEY_OUT, now + conf->key_recheck)))
		return false;
	set(k, CELL_STATUS, status);
	if (was_in) {
		set(k, CELL_SINCE, wall);
		add(k, CELL_OUTS);
	}
	return was_in;
}

bool
route_key_accepted(const struct route_key *k)
{
	int64_t word = get(k, CELL_STATE);

	return (word & 3) != KEY_IN && swap(k, word, pack(KEY_IN, 0));
}

void
route_key_release(const struct route_key *k)
{
	int64_t word = get(k, CELL_STATE);

	if ((word & 3) == KEY_TRIED)
		(void)swap(k, word, pack(KEY_OUT, 0));
}

void
route_key_cool(const struct route_key *k, usec_t told, usec_t now)
{
	usec_t t = told < 0 ? COOL_DEFAULT : told;

	set(k, CELL_COOL_UNTIL, now + (t < COOL_MAX ? t : COOL_MAX));
}

void
route_key_count(const struct route_key *k)
{
	add(k, CELL_USES);
}

void
route_key_view(const struct route_key *k, usec_t now, usec_t wall,
    struct route_key_view *out)
{
	*out = (struct route_key_view){
		.status = (int)get(k, CELL_STATUS),
		.since = get(k, CELL_SINCE),
		.uses = get(k, CELL_USES),
		.outs = get(k, CELL_OUTS),
	};
	if (!k->secret)
		out->state = ROUTE_KEY_MISSING;
	else if (!is_valid(k, wall))
		out->state = ROUTE_KEY_EXPIRED;
	else if ((get(k, CELL_STATE) & 3) != KEY_IN)
		out->state = ROUTE_KEY_OUT;
	else if (is_cooling(k, now))
		out->state = ROUTE_KEY_COOLING;
}

/* ---- the ring ------------------------------------------------------------ */

/*
 * The slot's identity: of the names of provider and key, and of the row of a
 * sealed one, since a rotation gives its name to another. Never 0.
 */
static uint64_t
identity_of(struct str provider, struct str key, int64_t sealed_id)
{
	static const uint64_t sort = UINT64_C(0x70726f762e6b6579);
	uint64_t part[4] = { sort, hash_stable(provider), hash_stable(key),
		(uint64_t)sealed_id };
	size_t n = sizeof(part) - (sealed_id == 0 ? sizeof(part[3]) : 0);
	uint64_t id = hash_stable(str_of((const char *)part, n));

	return id ? id : 1;
}

static bool
has_name(const struct route_keys *keys, struct str name)
{
	for (uint32_t i = 0; i < keys->n; i++)
		if (str_eq(keys->v[i].name, name))
			return true;
	return false;
}

/* A key that waits for its time is tried by the next request. */
static void
wake(const struct route_key *k)
{
	int64_t word = get(k, CELL_STATE);

	if ((word & 3) == KEY_OUT)
		(void)swap(k, word, pack(KEY_OUT, 0));
}

/* The database knows of a refusal that this host has not heard of. */
static void
heed(const struct route_key *k, struct str provider,
    const struct store_sealed *s)
{
	int64_t word = get(k, CELL_STATE);
	int status;

	if ((word & 3) != KEY_IN || s->out_since <= get(k, CELL_SINCE) ||
	    !store_sealed_is_out(s, provider, &status))
		return;
	if (!swap(k, word, pack(KEY_OUT, 0)))
		return;
	set(k, CELL_STATUS, status);
	set(k, CELL_SINCE, s->out_since);
	add(k, CELL_OUTS);
}

/* s: NULL for one that is not sealed, or not there. */
static void
put_key(struct route_ring *ring, struct str provider, struct route_keys *keys,
    struct route_key k, const struct store_sealed *s)
{
	if (keys->n == CONF_PROVIDER_KEYS_MAX || has_name(keys, k.name))
		return;
	k.name = arena_str(ring->arena, k.name);
	k.identity = identity_of(provider, k.name, k.sealed_id);
	k.slot = shm_slot(ring->shm, k.identity);
	wake(&k);
	if (s)
		heed(&k, provider, s);
	secret_ref(k.secret);
	keys->v[keys->n++] = k;
}

static struct route_key
of_sealed(const struct store_sealed *s, uint32_t weight)
{
	return (struct route_key){ .name = s->name,
		.sealed_id = s->id,
		.secret = s->secret,
		.weight = weight,
		.not_before = s->not_before,
		.not_after = s->not_after };
}

/* The secret of that name, and those that it took the place of. */
static void
put_reference(struct route_ring *ring, const struct conf_provider *p,
    struct route_keys *keys, const struct conf_provider_key *k,
    const struct store_secrets *sealed)
{
	bool is_there = false;

	for (uint32_t i = 0; sealed && i < sealed->n; i++) {
		const struct store_sealed *s = &sealed->v[i];
		struct route_key one = of_sealed(s, k->weight);
		struct str family = store_secret_family(s->name);

		if (!str_eq(family, k->key.sealed))
			continue;
		is_there = is_there || str_eq(s->name, k->key.sealed);
		if (str_eq(s->name, k->key.sealed))
			one.name = k->name;
		put_key(ring, p->name, keys, one, s);
	}
	if (!is_there)
		put_key(ring, p->name, keys,
		    (struct route_key){ .name = k->name, .weight = k->weight },
		    NULL);
}

static bool
is_referred_to(const struct conf_provider *p, const struct store_sealed *s)
{
	struct str family = store_secret_family(s->name);

	for (uint32_t i = 0; i < p->n_keys; i++)
		if (str_present(p->keys[i].key.sealed) &&
		    str_eq(p->keys[i].key.sealed, family))
			return true;
	return false;
}

static void
put_provider(struct route_ring *ring, const struct conf_provider *p,
    struct route_keys *keys, const struct store_secrets *sealed)
{
	for (uint32_t i = 0; i < p->n_keys; i++) {
		const struct conf_provider_key *k = &p->keys[i];

		if (str_present(k->key.sealed))
			put_reference(ring, p, keys, k, sealed);
		else
			put_key(ring, p->name, keys,
			    (struct route_key){ .name = k->name,
				.secret = k->key.secret,
				.weight = k->weight },
			    NULL);
	}
	for (uint32_t i = 0; sealed && i < sealed->n; i++)
		if (str_eq(sealed->v[i].provider, p->name) &&
		    !is_referred_to(p, &sealed->v[i]))
			put_key(ring, p->name, keys,
			    of_sealed(&sealed->v[i], sealed->v[i].weight),
			    &sealed->v[i]);
}

/* How many there may be, for room. */
static uint32_t
count_keys(const struct conf_provider *p, const struct store_secrets *sealed)
{
	uint32_t n = p->n_keys;

	for (uint32_t i = 0; sealed && i < sealed->n; i++)
		n += str_eq(sealed->v[i].provider, p->name) ||
		     is_referred_to(p, &sealed->v[i]);
	return n < CONF_PROVIDER_KEYS_MAX ? n : CONF_PROVIDER_KEYS_MAX;
}

struct route_ring *
route_ring_new(
    struct conf *conf, const struct store_secrets *sealed, struct shm *shm)
{
	struct arena *a = arena_new(RING_ARENA_MAX);
	struct route_ring *ring = a ? ARENA_NEW(a, struct route_ring) : NULL;

	if (!ring) {
		arena_free(a);
		return NULL;
	}
	*ring = (struct route_ring){
		.refs = 1, .arena = a, .conf = conf_ref(conf), .shm = shm
	};
	ring->of = arena_calloc(a, conf->n_providers + 1, sizeof(*ring->of));
	for (uint32_t i = 0; ring->of && i < conf->n_providers; i++) {
		const struct conf_provider *p = &conf->providers[i];
		uint32_t n = count_keys(p, sealed);

		ring->of[i].v = arena_calloc(a, n, sizeof(struct route_key));
		if (ring->of[i].v && n > 0)
			put_provider(ring, p, &ring->of[i], sealed);
	}
	if (arena_failed(a)) {
		route_ring_unref(ring);
		return NULL;
	}
	return ring;
}

struct route_ring *
route_ring_ref(struct route_ring *ring)
{
	ring->refs++;
	return ring;
}

void
route_ring_unref(struct route_ring *ring)
{
	struct conf *conf;

	if (!ring || --ring->refs > 0)
		return;
	conf = ring->conf;
	for (uint32_t i = 0; ring->of && i < conf->n_providers; i++)
		for (uint32_t k = 0; k < ring->of[i].n; k++)
			secret_unref(ring->of[i].v[k].secret);
	arena_free(ring->arena);
	conf_unref(conf);
}

const struct route_keys *
route_ring_keys(const struct route_ring *ring, const struct conf_provider *p)
{
	return &ring->of[p->index];
}
