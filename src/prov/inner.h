#ifndef PROV_INNER_H
#define PROV_INNER_H
/*
 * Escaped text (the inside of a JSON string) that is judged without decoding.
 * Blank means blanks, tabs, CR and LF, escaped or not. Private to the room.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

/* Nothing but blanks, or nothing at all. */
bool prov_inner_is_blank(struct str inner);
/* Without the blanks at its end. */
struct str prov_inner_rtrim(struct str inner);

/* A tape that is used for one small scan after another. */
struct prov_tape {
	struct json_tok *tok;
	uint32_t cap;
	/*
	 * There was no memory for one: what was made of its absence is not to
	 * be used. Ask at the end.
	 */
	bool failed;
};
void prov_tape_fini(struct prov_tape *t);
/* False: no JSON, beyond the highest limits that json.* takes, or no memory. */
bool prov_tape_scan(struct prov_tape *t, struct str raw, struct json *j);

/*
 * Tool arguments, JSON text that travels inside a JSON string, appended to b as
 * the object they mean. Blank or null gives {}. What is no object (a model was
 * cut off) becomes {"_raw":"..."} and the result is false.
 */
bool prov_put_arguments(struct buf *b, struct prov_tape *t, struct str inner);

/*
 * Appends the members of v that are not null and not in `known` (a list that
 * ends in NULL), as "k":v,"k2":v2, behind what is in b already; a key that b
 * has is not put twice.
 */
void prov_put_members(
    struct buf *b, const struct json *j, json_ref v, const char *const *known);

#endif
