#ifndef ROUTE_KEYS_H
#define ROUTE_KEYS_H
/*
 * Which of a provider's keys. A ring is made of a configuration and of what
 * was opened from the database; it is immutable and counted (for one thread)
 * and swapped whole. What is known of a key is in shared memory, so all workers
 * agree; a slot's identity is a hash of provider's and key's names, never of
 * the key itself. A sealed key that is out by the database (another host found
 * it so, or this one before it lost its shared memory) is out here, and the next
 * request tries it.
 *
 * CHOICE, for each attempt. Keys that are there, valid at this time and not
 * out, by weight; those that were not asked in this request before those that
 * were; warm before cooling; weight 0 last. A key's weight shrinks with what is
 * used of its limits (route/headroom.h).
 *
 * OUT. A key that is refused (401, 402, 403, or a quota that is spent) is left
 * alone for secrets.recheck. Then, or at once after a reload, exactly one
 * request of all workers tries it; its success takes the key back. A try that
 * never tells (its worker died) is given up after a minute. Where all are out
 * and no other target can help, one is asked with all the same, as
 * route/plan.h does with targets: a refusal may be about one model only, or a
 * mistake.
 *
 * COOLING. A key that was answered 429 comes after the others until Retry-After
 * is over (1s when not told, 60s at most).
 *
 * A NULL slot (table full) is always in.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/secret.h"
#include "conf/conf.h"
#include "store/secret.h"
#include "sys/shm.h"

/* The master keys of a configuration; they are its. */
static inline struct store_masters
route_masters(const struct conf *c)
{
	struct store_masters m = { .n = 0 };

	if (c->master_key)
		m.key[m.n++] = secret_str(c->master_key);
	for (uint32_t i = 0; i < c->n_master_key_old; i++)
		if (m.n > 0 && m.n < STORE_MASTERS_MAX)
			m.key[m.n++] = secret_str(c->master_key_old[i].secret);
	return m;
}

struct route_key {
	struct str name;
	uint64_t identity;
	int64_t sealed_id; /* of the database's row; 0: not sealed */
	struct shm_slot *slot;
	struct secret *secret; /* NULL: sealed, and could not be had */
	uint32_t weight;
	usec_t not_before; /* clock_wall; 0: since ever */
	usec_t not_after; /* 0: for ever */
};

/* Of one provider. */
struct route_keys {
	struct route_key *v;
	uint32_t n; /* 0: it wants none */
};

struct route_ring;

/*
 * sealed: NULL when the database was not read yet. A reference sealed:NAME
 * becomes the secret NAME and those that it took the place of, while they are
 * valid; secrets that name a provider join its keys. Keys that are out are
 * tried again by the next request. conf is referred to while the ring lives.
 * NULL: no memory.
 */
struct route_ring *route_ring_new(
    struct conf *conf, const struct store_secrets *sealed, struct shm *shm);
struct route_ring *route_ring_ref(struct route_ring *ring);
/* NULL is allowed. */
void route_ring_unref(struct route_ring *ring);
const struct route_keys *
route_ring_keys(const struct route_ring *ring, const struct conf_provider *p);

/* What a choice goes by. */
struct route_key_ask {
	const struct route_keys *keys;
	const struct conf *conf;
	const uint64_t *tried; /* identities */
	uint32_t n_tried;
	usec_t now; /* clock_mono */
	usec_t wall;
	bool is_last_resort; /* one that is out is better than none */
	/* share of its limits that a key has used; may be NULL */
	double (*used)(void *arg, const struct route_key *k);
	void *arg;
};

/*
 * The key for the next attempt. NULL: none is to be had. *is_probe: its outcome
 * decides whether it is in again.
 */
const struct route_key *
route_key_pick(const struct route_key_ask *ask, bool *is_probe);
/* There and valid. */
bool route_key_is_there(const struct route_key *k, usec_t wall);
/* The same, and not out. */
bool route_key_is_usable(const struct route_key *k, usec_t now, usec_t wall);
/* Is there one that was not asked and does not cool? Claims nothing. */
bool route_key_has_other(const struct route_key_ask *ask);

/* The provider refused it with that status. True: it went out just now. */
bool route_key_refused(const struct route_key *k, const struct conf *conf,
    int status, usec_t now, usec_t wall);
/* Its probe was accepted. True: it is in again just now. */
bool route_key_accepted(const struct route_key *k);
/* Its probe told nothing: the next request is the probe. */
void route_key_release(const struct route_key *k);
/* 429; told: Retry-After, -1 when not told. */
void route_key_cool(const struct route_key *k, usec_t told, usec_t now);
/* It goes out with a request. */
void route_key_count(const struct route_key *k);

enum route_key_state {
	ROUTE_KEY_IN,
	ROUTE_KEY_COOLING,
	ROUTE_KEY_OUT,
	ROUTE_KEY_MISSING, /* not in the database, or it cannot be opened */
	ROUTE_KEY_EXPIRED, /* not_before or not_after */
};

/* For health, metrics and the command line. */
struct route_key_view {
	enum route_key_state state;
	int status; /* OUT: of the refusal */
	usec_t since; /* OUT: clock_wall */
	int64_t uses; /* requests that carried it */
	int64_t outs; /* how often it went out */
};
void route_key_view(const struct route_key *k, usec_t now, usec_t wall,
    struct route_key_view *out);
#endif
