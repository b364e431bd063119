#ifndef GATE_DIRECTORY_H
#define GATE_DIRECTORY_H
/*
 * What a worker knows of keys and people: a bounded copy of what it has looked
 * up in the database.
 *
 * HIT. A hash, a look into a map, a count: no allocation, no thread.
 *
 * MISS. The look-up runs on the thread pool. One job at a time has the
 * database: it first reads what changed, then looks up all that wait, up to
 * GATE_BATCH_MAX at once. So guessing keys costs the database one connection
 * per worker at most, and the same guess again nothing (what was not found is
 * remembered for GATE_UNKNOWN_FOR, GATE_UNKNOWN_MAX of them).
 *
 * CHANGES. The same job runs every `poll` without anybody waiting. A changed
 * tenant, user or key drops what belongs to it; a changed team, role or grant
 * drops all. Because a look-up never overtakes the reading of changes, nothing
 * that was looked up before a change survives the poll after it: a revoked key
 * is refused after `poll` and the time of one query, in every worker.
 *
 * PEPPER. Its file is looked at every poll as well; when it is another one all
 * is forgotten. A key of an older pepper is known by its hash with the present
 * one.
 *
 * DATABASE AWAY. Who is known goes on to be known for stale_for, here or on this
 * host (store/replica.h); everybody else gets GATE_AWAY, which is a 503 and
 * never a 401.
 *
 * For the loop's thread only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "gate/known.h"
#include "gate/person.h"
#include "gate/want.h"
#include "store/store.h"
#include "sys/loop.h"

#define GATE_BATCH_MAX 64u
#define GATE_CHANGES_MAX 256u
#define GATE_LOOKS_MAX 8192u /* that wait; more are GATE_AWAY */

struct gate_directory;

/* ---- where it comes from ------------------------------------------------- */

struct gate_answer {
	/* ERR_OK: person, one reference. ERR_NOT_FOUND: refusal. Others: none. */
	enum err err;
	enum gate_refusal refusal;
	struct gate_person *person;
};

/* One job. */
struct gate_batch {
	/* in: the newest change that was seen, -1: none yet; out: now */
	int64_t seen;
	struct gate_change change[GATE_CHANGES_MAX];
	uint32_t n_changes;
	struct gate_want want[GATE_BATCH_MAX];
	struct gate_answer answer[GATE_BATCH_MAX];
	uint32_t n_wants;
	/*
	 * out, when the database is away: the answers are what was known then
	 * (wall); 0: there are none.
	 */
	usec_t known_at;
	char why[STORE_WHY_SIZE]; /* out: why it is away, one line */
};

/*
 * Changes first, then answers. Runs on the thread pool, one call at a time.
 * Anything but ERR_OK: the database is away, and of the answers only persons
 * count, and those only with known_at (all others hold none then).
 */
struct gate_source {
	enum err (*run)(void *arg, struct gate_batch *b);
	void *arg;
};

/* ---- the directory -------------------------------------------------------- */

struct gate_directory_options {
	usec_t poll; /* > 0 */
	usec_t stale_for;
	uint32_t max_people; /* > 0; the least recently seen one goes */
	struct str state_dir; /* has the pepper (gate/pepper.h) */
	/* The database went away, or came back. May be NULL. */
	void (*on_away)(void *arg, bool is_away);
	void *arg;
};

/* loop is borrowed. NULL: no memory. */
struct gate_directory *
gate_directory_new(struct loop *loop, const struct gate_source *source,
    const struct gate_directory_options *options);
/* No look waits. Waits for the job under way. NULL is allowed. */
void gate_directory_free(struct gate_directory *d);
/*
 * The options of a new configuration. Reads the pepper again, and forgets
 * everybody when it is another one.
 */
void gate_directory_set(
    struct gate_directory *d, const struct gate_directory_options *options);
/* Forgets everybody: whoever vouched for some of them may not do so any more. */
void gate_directory_forget(struct gate_directory *d);
/*
 * For a process whose loop stands still between requests: reads what changed
 * if that is due. Blocks.
 */
void gate_directory_refresh(struct gate_directory *d);

/*
 * gate_want_key. False: it has not the form of a key, or there is no pepper yet
 * (then the file is looked for, so that the first key works at once).
 */
MUST_CHECK bool gate_directory_want_key(
    struct gate_directory *d, struct str key, struct gate_want *out);

/*
 * GATE_WELCOME: *out, with a reference for the caller; whether it may come in
 * is gate_person_check's. GATE_AWAY: not known here, see gate_directory_look.
 * Anything else: known not to be, and why.
 */
enum gate_refusal gate_directory_find(struct gate_directory *d,
    const struct gate_want *want, struct gate_person **out);

/* One who waits; its owner's memory until fn is called or it is cancelled. */
struct gate_look {
	struct gate_look *next, **at;
	struct gate_want want;
	enum gate_refusal refusal;
	struct gate_person *person;
	bool is_answered; /* fn is due */
	uint64_t forgets; /* that it came after */
	/* person: the caller's reference, with GATE_WELCOME only. */
	void (*fn)(
	    void *arg, enum gate_refusal refusal, struct gate_person *person);
	void *arg;
};

/*
 * l->want is set. Calls fn once, from the loop and never from within this
 * call. False: too many wait, or no memory.
 */
MUST_CHECK bool
gate_directory_look(struct gate_directory *d, struct gate_look *l,
    void (*fn)(
	void *arg, enum gate_refusal refusal, struct gate_person *person),
    void *arg);
/* fn will not be called. Allowed on a zeroed one and after fn. */
void gate_directory_cancel(struct gate_directory *d, struct gate_look *l);

struct gate_directory_state {
	bool is_away;
	const char *why; /* it is away; borrowed, "" when it is not */
	usec_t away_for; /* since the last good answer */
	usec_t known_until; /* time left that who is known stays known */
	uint32_t n_people;
	uint64_t hits, misses, unknown; /* of this worker */
};
void gate_directory_state(
    const struct gate_directory *d, struct gate_directory_state *out);

#endif
