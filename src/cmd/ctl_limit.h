#ifndef CMD_CTL_LIMIT_H
#define CMD_CTL_LIMIT_H
/* What is used of limits. */
#include "cmd/ctl.h"
#include "store/limit.h"

/*
 * llmgwctl limit status, with an open store. who: ids, names, zone, model and
 * provider, as far as they are given. Operand 0, where there is one: only
 * limits of this name.
 */
int ctl_limit_status(struct ctl *c, const struct store_limit *who);

#endif
