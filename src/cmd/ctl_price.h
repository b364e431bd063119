#ifndef CMD_CTL_PRICE_H
#define CMD_CTL_PRICE_H
/* Prices for llmgwctl's commands: of the files and of the database. */
#include "base/arena.h"
#include "cmd/ctl.h"
#include "meter/price.h"

struct ctl_prices {
	struct conf *conf; /* conf_prices_read */
	struct arena *arena;
	struct price_row *stored; /* of the database, in the arena */
	size_t n_stored;
	struct meter_prices *all;
};

/*
 * upto: the database's as of this version; 0: now. ERR_UNSUPPORTED: it was
 * said what is wrong. Others as store_run. c->store is open.
 */
MUST_CHECK enum err
ctl_prices_load(struct ctl *c, int64_t upto, struct ctl_prices *out);
void ctl_prices_done(struct ctl_prices *p);

#endif
