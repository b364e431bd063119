#ifndef CONF_OPTIONS_LEDGER_H
#define CONF_OPTIONS_LEDGER_H
/* The table of conf/options_ledger.c. Private to conf. */
#include "conf/opt.h"

/* ledger: (struct conf) */
extern const struct opt_table opt_ledger_table;

#endif
