#ifndef SYS_WORKER_H
#define SYS_WORKER_H
/*
 * A parent and its workers. The parent forks, watches, and starts another
 * worker when one dies; it holds the listening socket and never reads a byte
 * of a client's.
 *
 * A worker that lived long enough is replaced at once; one that dies young is
 * replaced with growing pauses, so that a fault at start does not burn the
 * machine. Signals to the parent:
 *
 *	SIGTERM, SIGINT	workers drain; after drain_timeout and a grace they
 *			are killed; the parent ends when all have ended. The
 *			signal again: workers are told again (they then stop
 *			without waiting for requests).
 *	SIGHUP		reload() here, then SIGHUP to each worker
 *	SIGUSR1		reopen() here, then SIGUSR1 to each worker
 *
 * A worker gets SIGTERM when the parent dies by whatever cause.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"

#define WORKER_MAX 48

enum worker_what {
	WORKER_STARTED,
	WORKER_READY, /* has called worker_ready */
	WORKER_ENDED, /* exit 0 while the pool ends */
	WORKER_CRASHED, /* any other end; status as of waitpid */
	WORKER_WAITS, /* not started for `delay`: died young, or fork failed */
	WORKER_KILLED, /* did not end in time */
	WORKER__MAX
};

struct worker_event {
	enum worker_what what;
	unsigned slot; /* 0 .. count - 1 */
	pid_t pid;
	int status;
	usec_t delay;
};

struct worker_pool {
	unsigned count; /* 1 .. WORKER_MAX */
	usec_t drain_timeout;
	usec_t backoff_first; /* 0: 100ms; doubles */
	usec_t backoff_max; /* 0: 10s */
	usec_t healthy_after; /* 0: 10s: such a life resets the pause */
	/*
	 * In the worker, with the signals above blocked: sets up, installs its
	 * handlers, calls worker_ready, serves until SIGTERM and drains. The
	 * result is the exit code.
	 */
	int (*run)(void *arg, unsigned slot);
	/* In the parent; each may be NULL. */
	void (*report)(void *arg, const struct worker_event *e);
	void (*ready)(void *arg); /* all workers are, for the first time */
	usec_t (*reload)(void *arg); /* the new drain_timeout, or -1 */
	void (*reopen)(void *arg);
	void (*stopping)(void *arg);
	void (*tick)(void *arg); /* each tick_every, if > 0 */
	usec_t tick_every;
	void *arg;
};

/*
 * Until told to end. The exit code: 0, or 1 when workers had to be killed or
 * the pool could not be set up (errno tells).
 */
int worker_pool_run(const struct worker_pool *pool);

/*
 * In a worker, once: tells the parent and lets the blocked signals in. Does
 * nothing in a process that is no worker.
 */
void worker_ready(void);
/* True when the parent has gone. */
bool worker_is_orphan(void);

#endif
