#ifndef GATE_KNOWN_H
#define GATE_KNOWN_H
/*
 * Whom the directory knows, by the id of who wants (gate/want.h): people, the
 * least recently seen of whom goes when there are too many, and for a while
 * those that were not found. gate/directory.h is over it.
 *
 * A change is noted when it is told, and looked at when somebody is wanted
 * whom it may concern: telling costs the same with one and with 100 000 people.
 */
#include <stdint.h>

#include "base/clock.h"
#include "gate/person.h"
#include "gate/want.h"

#define GATE_PEOPLE_MAX 1000000u /* that options may ask for */
#define GATE_UNKNOWN_MAX 1024u
#define GATE_UNKNOWN_FOR (5 * USEC_PER_SEC)

enum gate_change_sort {
	GATE_CHANGE_TENANT,
	GATE_CHANGE_USER,
	GATE_CHANGE_KEY,
	GATE_CHANGE_ALL, /* concerns anybody */
};

struct gate_change {
	enum gate_change_sort sort;
	int64_t id;
};

struct gate_known;

/* NULL: no memory. */
struct gate_known *gate_known_new(void);
/* NULL is allowed. */
void gate_known_free(struct gate_known *k);
/* So many people at most, > 0; before that, none is kept. */
void gate_known_limit(struct gate_known *k, uint32_t max_people);

/*
 * GATE_WELCOME: *out, borrowed. GATE_AWAY: it is to be looked up. Others: it
 * was not found, and why.
 */
enum gate_refusal gate_known_find(
    struct gate_known *k, const unsigned char *id, struct gate_person **out);
/* Takes a reference. Without memory it is not kept. */
void gate_known_put(
    struct gate_known *k, const unsigned char *id, struct gate_person *person);
/* For GATE_UNKNOWN_FOR, or until anything changes. */
void gate_known_put_unknown(
    struct gate_known *k, const unsigned char *id, enum gate_refusal refusal);
void gate_known_change(struct gate_known *k, const struct gate_change *c);

void gate_known_forget(struct gate_known *k);
/* Only those that were not found. */
void gate_known_forget_unknown(struct gate_known *k);
uint32_t gate_known_count(const struct gate_known *k);

#endif
