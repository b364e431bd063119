#ifndef CONF_REF_H
#define CONF_REF_H
/*
 * References to secrets: env:NAME and file:/PATH. What they lead to is taken
 * without its final newline. Private to conf.
 */
#include "base/buf.h"
#include "conf/opt.h"

/* Bytes of a secret. */
#define REF_MAX 8192u

/*
 * The text behind node's reference, into out (whose max is REF_MAX + 2; the
 * caller wipes it with ref_wipe). false: a problem was added. other: how else
 * the value may be given, for the sentence about plain text.
 */
bool ref_resolve(struct opt_run *run, const struct tree_node *node,
    const char *other, struct buf *out);
void ref_wipe(struct buf *out);

#endif
