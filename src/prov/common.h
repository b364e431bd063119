#ifndef PROV_COMMON_H
#define PROV_COMMON_H
/*
 * What the kinds share when they build a request. Private to the room.
 */
#include "prov/prov.h"

/*
 * Begins *h: POST to base_url (or the kind's own) joined with path as url_join
 * does, content-type application/json, accept by call->stream. path begins with
 * '/', its segments encoded. ERR_SYNTAX and the like with *fail filled when the
 * URL cannot be made; ERR_NOMEM.
 */
MUST_CHECK enum err prov_http_begin(const struct prov_call *call,
    struct prov_http *h, struct str path, struct msg_fail *fail);
/* The same below a base of the caller's choice. */
MUST_CHECK enum err
prov_http_begin_at(const struct prov_call *call, struct prov_http *h,
    struct str base, struct str path, struct msg_fail *fail);
/* A header of the maker's; static or arena text, copied. */
MUST_CHECK enum err
prov_http_header(struct prov_http *h, const char *name, struct str value);
/*
 * Ends a build: ERR_LIMIT when the body outgrew its maximum (with *fail
 * filled), ERR_NOMEM when the arena did, else ERR_OK.
 */
MUST_CHECK enum err prov_http_done(
    const struct prov_call *call, struct prov_http *h, struct msg_fail *fail);

/* By tool_choice: may the model call it? */
bool
prov_tool_is_allowed(const struct msg_request *req, const struct msg_tool *t);

/* What goes missing when a field is left out (wire.md 2). */
enum prov_loss {
	PROV_LOSS_TUNING, /* the answer is of the same kind: seed, user ... */
	PROV_LOSS_CONTRACT, /* the answer is not what was asked for: n, ... */
};
/*
 * The target cannot express a field: drops and notes it (ERR_OK: leave it out)
 * or refuses the request (ERR_UNSUPPORTED, *fail filled, param = the field), by
 * target->on_unsupported. The format gives the field's path:
 * prov_lose(call, h, fail, PROV_LOSS_TUNING, "tools[%u].strict", i).
 */
MUST_CHECK enum err prov_lose(const struct prov_call *call, struct prov_http *h,
    struct msg_fail *fail, enum prov_loss what, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
/* The client's mistake: 400 with param, and why. ERR_SYNTAX. */
MUST_CHECK enum err prov_refuse(struct msg_fail *fail, const char *param,
    const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
