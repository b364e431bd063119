#ifndef STORE_SPOOL_SEGMENT_H
#define STORE_SPOOL_SEGMENT_H
/*
 * How far each file of a spool has been taken over. Written in the transaction
 * that adds what was taken.
 */
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

typedef enum err (*store_spool_segment_fn)(
    void *arg, struct str name, int64_t taken);

/* All of a node, in no order; within fn the store is busy. */
MUST_CHECK enum err store_spool_segment_each(
    struct store *s, struct str node, store_spool_segment_fn fn, void *arg);
MUST_CHECK enum err store_spool_segment_put(
    struct store *s, struct str node, struct str name, int64_t taken);
/* It may be absent. */
MUST_CHECK enum err
store_spool_segment_remove(struct store *s, struct str node, struct str name);

extern const struct store_sql store_spool_segment_sql[];

#endif
