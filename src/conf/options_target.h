#ifndef CONF_OPTIONS_TARGET_H
#define CONF_OPTIONS_TARGET_H
/* The tables of conf/options_target.c. Private to conf. */
#include "conf/opt.h"

/* providers: (struct conf_provider) */
extern const struct opt_table opt_provider_table;
/* models: (struct conf_model) */
extern const struct opt_table opt_model_table;

#endif
