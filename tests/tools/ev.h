#ifndef TOOLS_EV_H
#define TOOLS_EV_H
/*
 * ev: the event loop of the test tools: epoll and a heap of timers. The tools
 * are the reference of the benchmarks, so they use less than libuv would: one
 * epoll_wait per turn, no watcher queues, timers rounded up to whole
 * milliseconds so that thousands of streams wake together.
 *
 * One loop per process, all calls on its thread. An owner embeds struct ev_fd
 * or struct ev_timer and must unregister before it frees; memory that holds an
 * ev_fd is given to ev_dispose(), since an event of the same turn may still
 * point at it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct ev_fd {
	int fd; /* -1: not registered */
	uint32_t events;
	void (*on)(struct ev_fd *e, uint32_t ready);
};

struct ev_timer {
	usec_t due;
	size_t slot; /* place in the heap + 1; 0: not armed */
	void (*on)(struct ev_timer *t);
};

/* Raises RLIMIT_NOFILE, ignores SIGPIPE, stops on SIGTERM and SIGINT. */
bool ev_init(void);
/* Returns after ev_stop or a signal. */
void ev_run(void);
/* Frees what was disposed of; ev_run does it after each turn. */
void ev_reap(void);
void ev_stop(void);
/* Time at the beginning of this turn (monotonic). */
usec_t ev_now(void);

bool ev_add(struct ev_fd *e, uint32_t events);
void ev_mod(struct ev_fd *e, uint32_t events);
/* Unregisters and closes the descriptor. */
void ev_close(struct ev_fd *e);
/* free()s `memory` when this turn's events are done. */
void ev_dispose(void *memory);

/* Arms or re-arms; `due` on the clock of ev_now. */
void ev_timer_at(struct ev_timer *t, usec_t due);
void ev_timer_clear(struct ev_timer *t);

/*
 * Addresses: "127.0.0.1:PORT" (port 0: any) or "unix:/path". ev_listen prints
 * to stderr why it failed and returns -1; ev_dial returns a non-blocking
 * socket whose connect is under way, or -1 with errno.
 */
int ev_listen(const char *address);
int ev_dial(const char *address);
/* The port of a listening TCP socket, 0 for others. */
int ev_port(int fd);
void ev_nodelay(int fd);

#endif
