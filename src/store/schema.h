#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H
/*
 * The schema and its numbered upgrades: sql/PRODUCT/N.sql, compiled in. Table
 * meta has how far a database is: 'schema' is the number of the last step that
 * was finished; 'schema.step' is there while one is under way.
 *
 * All of it wants a store that was opened with any_schema (and a long timeout:
 * a statement may rebuild a table). One host at a time does it, under a
 * store_lock. It may be killed at any point and is run again: MariaDB commits
 * each statement that changes a table by itself, so each is noted when it is
 * done, and is written so that it may run twice; SQLite does a step at once.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

struct store_schema {
	int64_t found; /* 0: none */
	int64_t wanted; /* of this program */
	bool is_partial; /* a step was begun and is not finished */
};

/* Told after each statement of a step. May be NULL. */
typedef void (*store_schema_fn)(
    void *arg, int64_t step, uint32_t done, uint32_t all);

MUST_CHECK enum err
store_schema_read(struct store *s, struct store_schema *out);
/*
 * ERR_OK: this program and the schema fit. ERR_UNSUPPORTED: why says what to
 * run. Others as store_run.
 */
MUST_CHECK enum err
store_schema_fits(struct store *s, char why[STORE_WHY_SIZE]);
/* The same of what was read. */
MUST_CHECK enum err
store_schema_judge(const struct store_schema *c, char why[STORE_WHY_SIZE]);
/*
 * From what is there (init: nothing, or what an init left that was killed) to
 * this program's. ERR_DENIED: init, and there is a schema. ERR_NOT_FOUND:
 * upgrade, and there is none. ERR_UNSUPPORTED: it is newer. ERR_TIMEOUT:
 * another process is at it. Others as store_run; why tells.
 */
MUST_CHECK enum err store_schema_init(struct store *s, store_schema_fn progress,
    void *arg, char why[STORE_WHY_SIZE]);
MUST_CHECK enum err store_schema_upgrade(struct store *s,
    store_schema_fn progress, void *arg, char why[STORE_WHY_SIZE]);
/*
 * Prepares every statement of the program (store_sql_tables) against the
 * database: each table and column is there. *n: how many. why names the first
 * that fails. What the account may not do (sql/mariadb/roles.sql) is left out.
 */
MUST_CHECK enum err
store_schema_check(struct store *s, uint32_t *n, char why[STORE_WHY_SIZE]);

/* ---- the steps ----------------------------------------------------------- */

struct store_step {
	int64_t number; /* 1, 2, ...; 0 ends */
	const char *const *statements; /* NULL ends */
};

/* Made from sql/ by sql/compile.awk. */
extern const struct store_step store_steps_sqlite[];
extern const struct store_step store_steps_mariadb[];

/* Tests: with steps of their own. */
MUST_CHECK enum err
store_schema_apply(struct store *s, const struct store_step *steps,
    store_schema_fn progress, void *arg, char why[STORE_WHY_SIZE]);

#endif
