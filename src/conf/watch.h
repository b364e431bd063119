#ifndef CONF_WATCH_H
#define CONF_WATCH_H
/*
 * Watches a configuration (file and conf.d) and loads it when it changed or
 * when asked. Looking and loading run on the thread pool, so the worker's loop
 * waits for no disk; the callback runs on the loop.
 *
 * It looks once a second, and once more a little later when something changed:
 * what stayed the same then is loaded; a file that an editor or a deployment is
 * still writing does not count. Files behind file: references are not watched;
 * conf_watch_now reads them again.
 *
 * One load is under way at a time. THREADS: all functions on the loop's.
 */
#include <stdint.h>

#include "base/err.h"
#include "conf/conf.h"
#include "sys/loop.h"

#define CONF_WATCH_PERIOD USEC_PER_SEC
#define CONF_WATCH_SETTLE (250 * USEC_PER_MSEC)

struct conf_watch;

/*
 * c: the new snapshot, borrowed (conf_ref what is kept), or NULL when the files
 * were refused: problems has errors then, warnings at most otherwise. Both are
 * valid during the call. conf_watch_free is allowed in it.
 */
typedef void (*conf_watch_fn)(
    void *arg, struct conf *c, const struct conf_problems *problems);

/*
 * stamp: what conf_stamp(file) said before the snapshot in force was loaded;
 * 0 when there is none, then it loads as soon as it can. NULL: no memory.
 */
struct conf_watch *conf_watch_new(struct loop *l, const char *file,
    uint64_t stamp, conf_watch_fn fn, void *arg);
/* Loads and calls back, changed or not (SIGHUP). */
void conf_watch_now(struct conf_watch *w);
/* No callback comes after it. NULL is allowed. Before loop_free. */
void conf_watch_free(struct conf_watch *w);

#endif
