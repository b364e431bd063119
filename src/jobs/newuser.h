#ifndef JOBS_NEWUSER_H
#define JOBS_NEWUSER_H
/*
 * Users whom tokens name (auth.jwt.create_users). A worker may not write
 * people: it tells by an event (METER_EVENT_NEW_USER), and llmgw-jobd makes the
 * user within the drain's transaction, with a row of the audit and one of the
 * change log. He gets no role and no grant. Who is there already, since several
 * workers told of him or an operator was faster, leaves no trace.
 */
#include "base/err.h"
#include "meter/event.h"
#include "store/audit.h"
#include "store/store.h"

/* Users of one tenant; from then on none is made of a token. */
#define JOBS_NEWUSER_MAX 100000

/*
 * row: of the event; what is in it is said better (object, tenant, result), and
 * it is added. ERR_LIMIT: it is no event that a worker of ours has written.
 * Otherwise as store_run.
 */
MUST_CHECK enum err jobs_newuser_add(
    struct store *s, const struct meter_event *ev, struct store_audit *row);

#endif
