#ifndef GATE_RULE_H
#define GATE_RULE_H
/*
 * Limits of the database (store/limit.h) as gate/limit.h counts them: read
 * whole, immutable and counted. Rules of one key, user or tenant are found by
 * its id; the rest, which are few, are asked one by one.
 *
 * Made by any thread; counted by the loop's alone.
 */
#include "gate/limit.h"
#include "store/limit.h"

struct gate_rules;

/* "requests" ..., as rows and the configuration call them. */
extern const char *const gate_rule_sorts[CONF_LIMIT_SORT__MAX];

/*
 * Why a row is no good, in words for who wrote it ("needs its window, ..."), or
 * NULL. Static.
 */
const char *gate_rule_wrong(const struct store_limit *row);
/* A row that is good. Texts are borrowed; zone: the tenant's, or NULL. */
void gate_rule_make(const struct store_limit *row, const struct zone *zone,
    struct gate_rule *out);

/*
 * All rules of the database. One reference. Rows that are no good are left out
 * and counted. Blocks. ERR_NOMEM, or as store_run.
 */
MUST_CHECK enum err gate_rules_load(struct store *s, struct gate_rules **out);
/* NULL is allowed. */
struct gate_rules *gate_rules_ref(struct gate_rules *r);
void gate_rules_unref(struct gate_rules *r);
/* Rows that were left out. r may be NULL. */
uint32_t gate_rules_bad(const struct gate_rules *r);

/* For whom: up to GATE_RULE_LISTS lists; how many. r may be NULL. */
#define GATE_RULE_LISTS 4u
uint32_t gate_rules_for(const struct gate_rules *r, int64_t key_id,
    int64_t user_id, int64_t tenant_id, struct gate_limits *lists);

#endif
