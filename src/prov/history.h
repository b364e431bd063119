#ifndef PROV_HISTORY_H
#define PROV_HISTORY_H
/*
 * Which result belongs to which tool call: makers that are not of OpenAI's
 * dialect want all results of an assistant's turn at once behind it, one each,
 * none twice and none besides (wire.md 2, 10 G). Private to the room.
 *
 * Per assistant turn: prov_history_turn, prov_history_call for each of its
 * calls. Then for the users' turn behind it: prov_history_take for each tool
 * message, the slots are written, prov_history_settle.
 *
 * Time is linear in calls and messages, whatever their ids.
 */
#include <stdbool.h>

#include "api/msg.h"
#include "base/map.h"

/* A tool call of the assistant's last turn and what came back for it. */
struct prov_slot {
	struct prov_slot *next; /* of this turn */
	const struct msg_call *call;
	const struct msg *result; /* NULL: none came */
	struct str id; /* the caller's: as it goes out */
	bool is_repeat; /* a call before this one had the same id */
	unsigned turn;
	/* Calls of one turn that share an id; the first has the ends. */
	struct prov_slot *same; /* the next of them */
	struct prov_slot *same_last;
	struct prov_slot *same_open; /* the first of them without a result */
};

struct prov_history {
	struct arena *arena;
	struct map *by_id; /* the latest call of each id */
	struct prov_slot *first, *last; /* of the turn that waits */
	struct prov_slot *nameless; /* next without an id (legacy functions) */
	unsigned turn;
	bool *is_orphan; /* by message: a result without a call */
	uint32_t n_messages;
};

/* ERR_NOMEM. prov_history_fini in any case. */
MUST_CHECK enum err prov_history_init(
    struct prov_history *h, struct arena *arena, const struct msg_request *req);
void prov_history_fini(struct prov_history *h);

void prov_history_turn(struct prov_history *h);
/* NULL: no memory. */
struct prov_slot *
prov_history_call(struct prov_history *h, const struct msg_call *c);

enum prov_taken {
	PROV_TAKEN,
	PROV_TAKEN_TWICE, /* its call has a result already: the first wins */
	PROV_TAKEN_ORPHAN, /* its call is not in the turn before */
};
enum prov_taken prov_history_take(struct prov_history *h, const struct msg *m);
/* m was taken as an orphan. */
bool prov_history_is_orphan(const struct prov_history *h, const struct msg *m);
void prov_history_settle(struct prov_history *h);

/* System and developer messages, which go elsewhere. */
static inline bool
prov_is_system(const struct msg *m)
{
	return m->role == MSG_SYSTEM || m->role == MSG_DEVELOPER;
}

#endif
