#ifndef TESTS_UNIT_PROV_RUN_H
#define TESTS_UNIT_PROV_RUN_H
/*
 * For tests of providers' modules: feeds an answer to a kind's parser and
 * writes its events down as lines:
 *
 *	START id=ID model=MODEL created=N
 *	TEXT 0 Hello			choice, inner text; " raw=..." if any
 *	REASONING 0 ..., REFUSAL 0 ..., THINKING 0 raw=...
 *	CALL 0.1 id=ID name=NAME [custom] [sig=...]	choice.key
 *	ARGS 0.1 {"a":1}
 *	CALL_END 0.1
 *	IMAGE, ANNOTATION, LOGPROBS 0 raw=...
 *	EXTRA 0
 *	FINISH 0 stop [native=eos]
 *	USAGE prompt=5 completion=7 [cached= written= reasoning= ...] [extra=]
 *	FAIL class: message
 *	END
 *
 * extras follow on the line as top=, choice=, delta=. PING is left out: how
 * many there are depends on how the bytes were cut.
 */
#include <stdbool.h>
#include <stddef.h>

#include "api/msg.h"
#include "prov/prov.h"

struct prov_run {
	const char *kind;
	const char *vendor; /* NULL */
	bool stream; /* asked for */
	size_t cut; /* bytes per feed; 0: all at once */
	const char *content_type; /* NULL: none */
	size_t max_event, max_body; /* 0: 1 MiB */
};

/* The lines; free() them. Asserts that END or FAIL came last, and once. */
char *prov_run(const struct prov_run *r, struct str body);
/* The same, and asserts that cuts of 1, 2, 3, 7 and 64 bytes change nothing. */
char *prov_run_cut(const struct prov_run *r, struct str body);
/* prov_run_cut of a string, compared with the lines given. */
void prov_run_is(const struct prov_run *r, const char *body, const char *lines);

/*
 * What a build makes of a client's body (of /v1/chat/completions): the
 * provider's body, or "FAIL class param: message"; free() it. dropped, url:
 * NULL, or set to a malloc'd copy.
 */
struct prov_build {
	const char *kind;
	const char *vendor;
	const char *base_url;
	const char *model;
	const char *family;
	const char *api_version;
	bool stream;
	bool is_envelope; /* the body of /v1/chat */
	enum prov_unsupported on_unsupported;
};
char *prov_build(
    const struct prov_build *b, const char *body, char **dropped, char **url);
/* prov_build, compared as text; dropped NULL: nothing must be dropped. */
void prov_build_is(const struct prov_build *b, const char *body,
    const char *want, const char *dropped);

#endif
