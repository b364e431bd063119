#ifndef SYS_SIGWATCH_H
#define SYS_SIGWATCH_H
/*
 * Signals as callbacks on the loop, where everything may be called. The
 * system's own reaction to them is off while they are watched.
 */
#include "sys/loop.h"

#define SIGWATCH_MAX 8

struct sigwatch;

typedef void (*sigwatch_fn)(void *arg, int signum);

/* n signal numbers, at most SIGWATCH_MAX. NULL: no memory or descriptors. */
struct sigwatch *sigwatch_new(
    struct loop *l, const int *signums, unsigned n, sigwatch_fn fn, void *arg);
/* NULL is allowed. Not within its callback; before loop_free. */
void sigwatch_free(struct sigwatch *w);

#endif
