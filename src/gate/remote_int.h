#ifndef GATE_REMOTE_INT_H
#define GATE_REMOTE_INT_H
/* Inside of limits over several hosts: jobs, the breaker, who waits. */
#include "gate/lease.h"
#include "gate/limit_int.h"
#include "gate/remote.h"
#include "store/memcached.h"

enum gate_entry_sort {
	ENTRY_TAKE,
	ENTRY_MORE, /* it was more than was taken; this host has it */
	ENTRY_BACK, /* it was less; this host has it when memcached has */
	ENTRY_RETURN, /* was reserved, and no request's */
	ENTRY_AHEAD, /* reserved for requests to come */
	ENTRY_RAISE /* nothing: it becomes no less than `amount` */
};

/* One counter of a job, with what is to be done on this host. */
struct gate_entry {
	enum gate_entry_sort sort;
	struct gate_lease of;
	int64_t amount; /* BACK, RETURN: negative */
	int64_t claim; /* of gate/lease.h; 0: none */
	struct gate_group *group; /* TAKE */
	uint32_t hold; /* TAKE: its index */
	bool is_owned; /* TAKE: memcached has it, or it was spare */
	bool is_missing; /* TAKE: refused, itself or with its group */
	bool is_stale; /* it was counted in what is lost since */
	/* TAKE, RAISE: waits for a counter that is being rebuilt */
	bool is_waiting;
	bool takes_unready; /* TAKE: memcached is only just back */
	usec_t until; /* for the others to add theirs; 0: it is whole */
	uint32_t generation; /* of what that is said */
	int64_t less; /* RETURN: known here, and given back already */
	int64_t max; /* what it may come to */
};

/* A request that waits. */
struct gate_group {
	struct gate_group *next; /* of the job */
	struct gate_wait *wait; /* NULL: it has gone */
	struct gate_holds holds; /* of the request, while it waits */
	gate_remote_fn done;
	void *arg;
	usec_t since;
	usec_t until; /* it is tried again */
	uint32_t number; /* in the job */
	enum gate_remote_verdict verdict;
	uint32_t hold; /* that refuses */
	uint32_t n_missing;
	bool is_judged;
	bool is_again;
};

struct gate_batch {
	struct gate_entry *entry;
	struct store_count *count;
	uint32_t n, cap;
	struct gate_group *first, **last;
	bool is_urgent; /* somebody waits for it */
};

struct gate_remote {
	struct loop *loop;
	struct gate_limit *limit;
	struct store_memcached *memcached;
	struct gate_remote_options options;
	struct gate_leases *leases;
	struct gate_met *met;
	struct gate_batch a, b;
	struct gate_batch *gathering; /* one of them */
	struct gate_batch *running; /* the other, or NULL */
	struct defer due;
	/* what nobody waits for waits for a request to go with */
	struct timer soon;
	struct timer scan; /* of the leases */
	uint32_t next_group;
	bool is_probe; /* what runs counts nothing */
	bool is_ending; /* nobody waits any more */
	enum err outcome; /* of what has run */
	bool is_away; /* as far as this worker has looked */
	usec_t retry_after;
	/*
	 * The breaker of all workers of the host: 0, or when it may be tried
	 * again (clock_mono). own: where the shared table is full.
	 */
	_Atomic int64_t *away_until;
	_Atomic int64_t *back_at; /* it was found to be back then, likewise */
	_Atomic int64_t own[2];
	struct timer look;
	/* What is to be given back when memcached answers again. */
	struct gate_entry owed[GATE_REMOTE_OWED_MAX];
	uint32_t n_owed;
};

/* ---- remote_job.c --------------------------------------------------------- */

void gate_batch_reset(struct gate_batch *b);
void gate_batch_fini(struct gate_batch *b);
/* False: it counts on this host only. */
bool gate_batch_room(struct gate_batch *b, uint32_t n);
/* There is room. */
void
gate_batch_add(struct gate_batch *b, const struct gate_entry *e, int64_t max);
/* What has been gathered is sent at the end of this turn, or soon. */
void gate_remote_due(struct gate_remote *r);
void gate_remote_due_soon(struct gate_remote *r);
void gate_remote_submit(void *arg);
/* At the end: all that is gathered, at once. */
void gate_remote_flush(struct gate_remote *r);
/* The other hosts may know of it now, or never will. */
void gate_remote_known(const struct gate_lease *l, int64_t amount);
/* This host has it no more. */
void gate_remote_drop(const struct gate_lease *l, int64_t amount);
/* Of what was taken and is not wanted memcached has that much. */
void gate_remote_owe(
    struct gate_remote *r, const struct gate_lease *l, int64_t amount);
/* What is owed goes with the next job. */
void gate_remote_pay(struct gate_remote *r);

/* ---- remote_join.c -------------------------------------------------------- */

/* Which generation is known here; 0: none. */
uint32_t gate_remote_generation_here(const struct gate_lease *l);
/* That, and one for who makes it. */
void gate_remote_generation(const struct gate_lease *l, struct store_count *c);
/* Before what comes of it is judged: adds this host's part to one that is new. */
void gate_remote_meet(
    struct gate_remote *r, struct gate_entry *e, const struct store_count *c);
/* As gate_remote_known, of what memcached has counted. */
void gate_remote_counted(struct gate_remote *r, const struct gate_entry *e,
    const struct store_count *c, int64_t amount);

struct gate_met *gate_met_new(void); /* NULL: no memory */
void gate_met_free(struct gate_met *m);
void gate_met_stop(struct gate_remote *r);
/*
 * It is looked at from time to time. Returns until when the others may add
 * theirs if it is being rebuilt, else 0.
 */
usec_t gate_remote_met(struct gate_remote *r, const struct gate_lease *l,
    const struct store_count *c);
/* All of them, soon. */
void gate_remote_look_at_all(struct gate_remote *r);

/* ---- remote_away.c -------------------------------------------------------- */

void gate_remote_breaker_init(struct gate_remote *r);
void gate_remote_breaker_fini(struct gate_remote *r);
void gate_remote_away(struct gate_remote *r, bool is_away);
/*
 * Less than GATE_REMOTE_REBUILD ago it was away. Each host counted for itself
 * (by policy), and what others add now is waited for no more than it was then.
 */
bool gate_remote_is_just_back(const struct gate_remote *r);

/* ---- remote.c ------------------------------------------------------------- */

/*
 * memcached has it for a request that does not want it: it is spare, or goes
 * back. is_counted: this host has counted it, too.
 */
void gate_remote_back(struct gate_remote *r, const struct gate_lease *l,
    int64_t amount, bool is_counted);

#endif
