#ifndef CMD_STORE_ENV_H
#define CMD_STORE_ENV_H
/*
 * What every program tells a store beside its url. The password of a database
 * account comes from the url's password_file or from LLMGW_STORE_PASSWORD,
 * which is wiped when it has been read: children and /proc do not get it.
 */
#include "base/secret.h"
#include "store/store.h"

/* NULL: none. The caller's reference; the same each time. */
struct secret *store_env_password(void);

/*
 * Before a daemon begins: is the schema the one of this program? Only
 * ERR_UNSUPPORTED (older, newer, half made) is a reason not to start, and why
 * names the command to run; a database that is away, or that nobody has made
 * yet (ERR_NOT_FOUND), is not. A child of its own asks, so
 * that the caller, who forks, has no connection. Waits at most for a time-out.
 */
enum err store_env_fits(struct str url, char why[STORE_WHY_SIZE]);

#endif
