#ifndef CONF_OPTIONS_JWT_H
#define CONF_OPTIONS_JWT_H
/* The rows of `auth.jwt:`. Private to conf. */
#include "conf/opt.h"

extern const struct opt_table opt_jwt_table;

#endif
