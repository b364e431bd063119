#ifndef CONF_OPTIONS_AUDIT_H
#define CONF_OPTIONS_AUDIT_H
/* The table of conf/options_audit.c. Private to conf. */
#include "conf/opt.h"

/* audit: (struct conf) */
extern const struct opt_table opt_audit_table;

#endif
