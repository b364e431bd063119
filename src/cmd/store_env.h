#ifndef CMD_STORE_ENV_H
#define CMD_STORE_ENV_H
/*
 * What every program tells a store beside its url. The password of a database
 * account comes from the url's password_file or from LLMGW_STORE_PASSWORD,
 * which is wiped when it has been read: children and /proc do not get it.
 */
#include "base/secret.h"

/* NULL: none. The caller's reference; the same each time. */
struct secret *store_env_password(void);

#endif
