#ifndef SYS_NOTIFY_H
#define SYS_NOTIFY_H
/*
 * What systemd wants to hear of a service (sd_notify(3)): datagrams to the
 * socket that it names in NOTIFY_SOCKET. Without one every call does nothing.
 */
#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"

/*
 * address: the value of NOTIFY_SOCKET ("/path" or "@abstract"), or NULL.
 * ERR_SYNTAX: it is neither; ERR_IO: no descriptor.
 */
MUST_CHECK enum err notify_open(const char *address);
void notify_close(void);

void notify_ready(void);
void notify_reloading(void); /* follow it with notify_ready */
void notify_stopping(void);
void notify_watchdog(void);

/*
 * How often to call notify_watchdog: half of WATCHDOG_USEC; 0: not wanted.
 * pid: WATCHDOG_PID, or NULL. Only for the process that is meant.
 */
usec_t notify_watchdog_every(const char *watchdog_usec, const char *pid);

#endif
