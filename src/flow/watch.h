#ifndef FLOW_WATCH_H
#define FLOW_WATCH_H
/*
 * Something of the database that a worker holds whole: read before the first
 * request, looked for again every second, and replaced when there is a newer
 * one. Reading is done on the thread pool, replacing on the loop. The last good
 * one stays while the database is away; who has read nothing yet takes what
 * this host knew (store/replica.h). Going away and coming back is a line of the
 * log each.
 *
 * What is watched is a row. Two kinds of numbers tell what is new:
 *
 * version	the thing has a version of its own, and one version never
 *		changes: the replica's is as good as the database's.
 * sorts	the change log tells (store/change.h): what the replica gave is
 *		read anew when the database is back.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "conf/conf.h"
#include "store/store.h"

struct flow;
struct watch;

#define WATCH_SORTS_MAX 2u

struct watch_row {
	const char *what; /* "limits": for the log */
	const char *without; /* what counts until something was read */
	/* It is news also that no database was made. */
	bool is_needed;
	/* Another configuration: all is read anew, what is under way dropped. */
	bool is_of_conf;
	/* False: not looked for until the next configuration. NULL: always. */
	bool (*is_wanted)(const struct conf *c);
	/* One of these two. */
	enum err (*version)(struct store *s, int64_t *version);
	const char *sorts[WATCH_SORTS_MAX];
	/*
	 * On the thread pool. c is held meanwhile, and must not be counted
	 * there. version: as found, or 0. *out only on success.
	 */
	enum err (*read)(
	    struct store *s, const struct conf *c, int64_t version, void **out);
	/* On the loop: got is taken. c: what it was read with. */
	void (*take)(struct flow *f, const struct conf *c, void *got);
	/* On the loop: it is not wanted any more. Only with is_of_conf. */
	void (*drop)(void *got);
};

/* The row is borrowed and outlives it. NULL: no memory. */
struct watch *watch_new(struct flow *f, const struct watch_row *row);
/* The flow's jobs have ended. NULL is allowed. */
void watch_free(struct watch *w);
/* f->conf is another. */
void watch_conf(struct watch *w);
/* Reads here and now, if that is due. Blocks. */
void watch_read(struct watch *w);

#endif
