#ifndef STORE_ACT_H
#define STORE_ACT_H
/*
 * Administrative changes. Each is one transaction (store_atomically) in which
 * the aggregate's rows change and store_act_note is called once: it adds one
 * row to the audit's chain and one to the change log, so nothing changes
 * without a trace and workers hear of it within a second.
 */
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

/* Who does it. Absent reason and address are kept as empty. */
struct store_act {
	struct str actor; /* "cli:root", "user:acme/kim" */
	struct str reason; /* why, in his words */
	struct str address; /* from where, or empty */
};

/*
 * action: "key.create". object: "key:12". tenant_id: whose it is, 0: of all.
 * detail_json: a JSON object of what is new (never a secret); absent or empty:
 * nothing. change_sort, change_id: the row that changed, as change.h has them.
 * Inside the caller's transaction. Errors as store_run.
 *
 * Actor, reason and object that are longer than their columns are cut.
 */
MUST_CHECK enum err store_act_note(struct store *s, const struct store_act *act,
    const char *action, struct str object, int64_t tenant_id,
    struct str detail_json, const char *change_sort, int64_t change_id);

#endif
