#ifndef TESTS_PROV_ASK_H
#define TESTS_PROV_ASK_H
/*
 * What a kind makes of a chat request, and of an answer: helpers for its tests.
 * JSON may be written with ' for ".
 */
#include <stdbool.h>

#include "prov/prov.h"

struct prov_ask {
	struct arena *arena;
	char *text;
	struct msg_request req;
	struct prov_http http;
	struct msg_fail fail;
	enum err err;
};

/* Parses the request and has the target's kind build its own. */
void
prov_ask(struct prov_ask *a, const struct prov_target *t, const char *request);
void prov_ask_fini(struct prov_ask *a);
/* The built body is this JSON and x-llmgw-dropped is that. */
bool prov_ask_is(const struct prov_target *t, const char *request,
    const char *body, const char *dropped);
/*
 * A member of the built body, by a path of keys and indices ("messages.0.role")
 * is this JSON; want NULL: it is not there.
 */
bool prov_ask_has(const struct prov_target *t, const char *request,
    const char *path, const char *want, const char *dropped);
/* The request is refused and the failure names this parameter. */
bool prov_ask_fails(const struct prov_target *t, const char *request,
    enum err err, const char *param);

/*
 * The events of an answer, one a line; pieces of text that follow one another
 * are joined, so that cuts do not show:
 *	START id=msg_1 model=claude
 *	TEXT hello
 *	CALL 1 id=toolu_1 name=f
 *	ARGS 1 {\"a\":1}
 *	FINISH stop end_turn
 *	USAGE 10 5 cached=2 written=-1 reasoning=-1
 *	END
 * `step` cuts the bytes (0: whole). To be freed.
 */
char *prov_hear(const struct prov_target *t, const char *bytes, size_t n,
    bool is_stream, size_t step);
/*
 * The same, compared; cut in pieces of every length up to 7 and whole. bytes
 * and want with ' for ".
 */
bool prov_hear_is(const struct prov_target *t, const char *bytes,
    bool is_stream, const char *want);

#endif
