#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H
/*
 * What a product must be able to do. Private to store: the rest sees store.h.
 * A driver's object begins with a struct store.
 *
 * Failures are told by store_fail, in the product's own words.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"
#include "store/url.h"

struct store_step;

struct store_driver {
	const char *product;
	const struct store_step *steps; /* the schema, oldest first */
	/* A closed one. NULL: no memory. */
	struct store *(*new)(void);
	/* Of a closed one. */
	void (*free)(struct store *s);
	/* Opens s->url; also again after close. */
	enum err (*open)(struct store *s);
	/* Of what is open or half open. */
	void (*close)(struct store *s);
	/* As store_run and store_run_many. many: in a transaction. */
	enum err (*run)(struct store *s, const struct store_sql *sql,
	    const struct store_value *args, uint32_t n_args, store_row_fn row,
	    void *arg);
	enum err (*many)(struct store *s, const struct store_sql *sql,
	    const struct store_value *args, uint32_t n_args, uint32_t n_rows);
	enum err (*prepare)(struct store *s, const struct store_sql *sql);
	/* A constant text without values: schema, transactions. */
	enum err (*exec)(struct store *s, const char *text);
	const char *begin;
	/* Is somebody there? NULL: always. */
	bool (*ping)(struct store *s);
	enum err (*lock)(struct store *s, const char *name, usec_t timeout);
	void (*unlock)(struct store *s, const char *name);
};

enum store_state {
	STORE_IDLE,
	STORE_IN_TX,
	STORE_BROKEN, /* in one that has failed as `broken` */
};

struct store {
	const struct store_driver *driver;
	struct store_url url;
	struct secret *password; /* may be NULL */
	usec_t timeout;
	bool create;
	bool any_schema;
	bool is_open;
	bool is_forbidden; /* the last failure: the account may not */
	bool is_running; /* a statement's rows are being read */
	enum store_state state;
	enum err broken;
	unsigned n_locks;
	usec_t used; /* the last call */
	uint64_t changed;
	int64_t last_id;
	char why[STORE_WHY_SIZE];
};

extern const struct store_driver store_sqlite;
extern const struct store_driver store_mariadb;

/* Notes why and returns e. Control bytes become blanks. */
enum err store_fail(struct store *s, enum err e, const char *why);

/* ---- prepared statements, the driver's own, by the row's address ---------- */

#define STORE_STMTS_MAX 192

struct store_stmts {
	struct {
		const struct store_sql *sql;
		void *stmt;
		uint64_t used;
	} slot[STORE_STMTS_MAX];
	uint64_t clock;
};

/* NULL: not there. */
void *store_stmts_find(struct store_stmts *c, const struct store_sql *sql);
/* Takes stmt; returns one that had to leave for it, or NULL. */
void *
store_stmts_put(struct store_stmts *c, const struct store_sql *sql, void *stmt);
/* Any one, taken out; NULL: there is none. */
void *store_stmts_take(struct store_stmts *c);

#endif
