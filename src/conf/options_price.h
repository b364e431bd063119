#ifndef CONF_OPTIONS_PRICE_H
#define CONF_OPTIONS_PRICE_H
/* The tables of conf/options_price.c. Private to conf. */
#include "conf/opt.h"

/* A target's price:, read into the target. */
extern const struct opt_table opt_target_price_table;
/* One of prices: (struct price_row). */
extern const struct opt_table opt_price_table;
/* The catalogue's file (struct conf_catalogue). */
extern const struct opt_table opt_catalogue_table;

#endif
