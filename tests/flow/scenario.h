#ifndef TESTS_FLOW_SCENARIO_H
#define TESTS_FLOW_SCENARIO_H
/*
 * The scenario runner: real conf, gate, route, prov, api and flow; in place of
 * the world a scripted upstream (script.c), a recording door (door.c) and a
 * clock that jumps (main.c). README.md beside this file explains the files.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "conf/tree.h"
#include "flow/flow.h"
#include "flow/req.h"
#include "gate/pepper.h"
#include "store/pool.h"
#include "sys/loop.h"
#include "upstream/upstream.h"

#define CALLS_MAX 256

/* ---- script.c: the upstream -------------------------------------------- */

/* One call that the gateway made. */
struct script_call {
	char host[64]; /* without ".test" */
	const void *owner; /* the request that made it */
	bool is_cancelled;
	bool was_paused;
	struct buf body; /* what was sent */
	struct buf head; /* "name: value" lines, the credential's too */
};

struct script {
	struct upstream base;
	struct loop *loop;
	const struct tree_node *answers; /* map host -> list of answers */
	uint32_t used[64]; /* answers used, by index of the host */
	struct script_call calls[CALLS_MAX];
	uint32_t n_calls;
};

void script_init(
    struct script *s, struct loop *loop, const struct tree_node *answers);
void script_fini(struct script *s);

/* ---- people.c: the database --------------------------------------------- */

struct people {
	struct store *store; /* the administrator's */
	struct store_pool *pool; /* the gateway's; NULL: no database */
	struct arena *arena;
	struct gate_pepper pepper;
};

void people_open(struct people *p, const char *folder);
/* Allowed on a zeroed one. */
void people_close(struct people *p, const char *folder);
/* Adds what the map has; the steps of README.md. */
void people_add(struct people *p, const struct tree_node *n);
void people_block(struct people *p, const struct tree_node *n, bool is_blocked);
void people_break(struct people *p, bool is_broken);

/* ---- door.c: the client -------------------------------------------------*/

struct door {
	struct req *req; /* NULL: finished or aborted */
	struct buf out; /* all that was written */
	size_t pending; /* what it claims not to have sent */
	bool is_stuck; /* takes nothing: pending grows */
	bool is_done;
	bool is_aborted;
	bool is_page; /* of health or metrics: no line in the log */
	usec_t began, ended;
	const void *owner; /* req as it was, to know its calls by */
	uint32_t first_call; /* upstream calls made while it lived */
	uint32_t end_call;
	struct timer start, abort, unstick;
	const struct tree_node *spec; /* the request of the scenario */
	struct flow *flow;
	struct loop *loop;
	struct script *script;
};

void door_run(struct door *d);
/* The client takes again what it left. */
void door_unstick(void *arg);
void door_fini(struct door *d);

/* ---- expect.c ---------------------------------------------------------- */

/*
 * Compares what happened to a request with its `expect:`. Appends one line per
 * difference to why; none: all is as expected.
 */
void expect_check(const struct door *d, const struct script *s,
    const struct tree_node *expect, struct str log, struct buf *why);

/*
 * Why a limit may refuse what it lets through without the fault. One that is
 * reached sooner for no such reason has counted what nobody asked, or kept what
 * was not used.
 */
struct sooner {
	/*
	 * What the fault broke was asked once more, of this provider or of the
	 * next: each call counts, whatever came of it.
	 */
	bool by_calls;
	/*
	 * An answer that the fault broke teaches nothing of how long answers
	 * are, and a table that is full keeps nothing of it: what is reserved
	 * stays the guess of who knows nothing.
	 */
	bool by_guesses;
};

/*
 * What must hold whatever fails in the gateway: the request ended; its answer
 * is well formed, and complete or honest about it; or the door was closed. NULL:
 * no limit may come sooner. True: its status is the expected one.
 */
bool expect_sane(const struct door *d, const struct tree_node *expect,
    const struct sooner *sooner, struct buf *why);

/* Duration of a scalar, or `otherwise`. */
usec_t scenario_duration(const struct tree_node *n, usec_t otherwise);

/* ---- bookings.c: the ledger ----------------------------------------------- */

struct bookings {
	struct spool *spool; /* NULL: the scenario has none */
	char folder[96];
};

void bookings_open(struct bookings *b, struct loop *loop, const char *folder);
/* "ledger STATE PROVIDER/MODEL try=N status=S told=P+C cost=X", a line each. */
void bookings_print(const struct bookings *b, struct buf *out);
/* A zeroed one is allowed. */
void bookings_close(struct bookings *b);

#endif
