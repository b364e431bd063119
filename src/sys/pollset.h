#ifndef SYS_POLLSET_H
#define SYS_POLLSET_H
/*
 * Many descriptors on one loop, cheaply. libuv's poll handles cost five system
 * calls for a descriptor's short life (probing, adding, removing twice); a
 * request has two such lives. Here all descriptors are in one epoll set of
 * ours; the loop waits for it, and libuv's own set is one more descriptor in it.
 *
 * What is no longer wanted stays registered until it fires or closes: a
 * connection that goes back to a pool and is used again costs no call at all.
 *
 * THREADS: the loop's.
 */
#include <stdint.h>

#include "base/err.h"
#include "sys/loop.h"

struct pollset;

#define POLLSET_IN 1u
#define POLLSET_OUT 2u
/* Only reported, never asked for: error or hang-up. */
#define POLLSET_ERR 4u
/*
 * With POLLSET_IN: somebody waits for the first byte of it. When many are ready
 * at once, it is looked at again after every few of them. At most
 * POLLSET_FIRST_MAX at a time; the others wait like all.
 */
#define POLLSET_FIRST 8u
#define POLLSET_FIRST_MAX 32
/*
 * With POLLSET_IN: fn is also told of the descriptor before its turn comes,
 * while others of the same batch are served: time to ask for the memory that
 * will be needed (base/warm.h). It is called with POLLSET_SOON alone, or'ed with
 * POLLSET_STEP(n) for n from 0 to POLLSET_STEPS - 1, one after another: each
 * step can follow the pointers that the one before has brought into the cache.
 * Only a hint: fn must do nothing else, and the turn may not come.
 */
#define POLLSET_SOON 16u
#define POLLSET_STEP(n) ((unsigned)(n) << 8)
#define POLLSET_STEP_OF(events) ((events) >> 8)
#define POLLSET_STEPS 4

/* events: POLLSET_* bits that are wanted and true. */
typedef void (*pollset_fn)(void *arg, int fd, unsigned events);

/* NULL: no memory or descriptors. */
struct pollset *pollset_new(void);
/*
 * fn(arg) is called when some that go first were served while others of their
 * batch still wait: what they have begun need not wait as well.
 */
void pollset_between(struct pollset *p, void (*fn)(void *arg), void *arg);
/* NULL is allowed. Descriptors are not closed. */
void pollset_free(struct pollset *p);

/*
 * Waits up to msec (-1: for ever) and calls who is ready. A signal ends the
 * wait early.
 */
void pollset_wait(struct pollset *p, int msec);
/* Readable when pollset_wait would find something. */
int pollset_fd(const struct pollset *p);

/*
 * From now on fn(arg, fd, events) is called while one of the wanted events is
 * true (level triggered). wanted 0: nothing is reported any more. ERR_NOMEM;
 * ERR_IO: epoll refuses the descriptor.
 */
MUST_CHECK enum err pollset_set(
    struct pollset *p, int fd, unsigned wanted, pollset_fn fn, void *arg);
/* The first byte is there: no longer before others. */
void pollset_not_first(struct pollset *p, int fd);
/*
 * Before close(fd), always; also for one that was never set. And for one that
 * is new, if others may have closed its number's last life without a word.
 */
void pollset_forget(struct pollset *p, int fd);
/*
 * For a descriptor that somebody else closes, we know not when: it is taken out
 * at once.
 */
void pollset_drop(struct pollset *p, int fd);

#endif
