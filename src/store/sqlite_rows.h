#ifndef STORE_SQLITE_ROWS_H
#define STORE_SQLITE_ROWS_H
/*
 * The values of a call as a table that a statement of SQLite's reads, instead
 * of '?' in it:
 *
 *	INSERT INTO t (a, b) SELECT v00, v01 FROM store_rows
 *
 * All rows of store_run_many are then one statement, which opens the tables and
 * finds its place in them once. Private to store/sqlite.c.
 */
#include <sqlite3.h>
#include <stdint.h>

#include "store/store.h"

struct sqlite_rows {
	const struct store_value *args; /* of all rows; borrowed */
	uint32_t n_args; /* of each row; columns beyond them are NULL */
	uint32_t n_rows; /* 0: an empty table */
};

/*
 * Makes the table known to a connection: v00 ... v63, one for each of
 * STORE_ARGS_MAX. rows outlives the connection, and is filled before each statement
 * that reads it. SQLite's code.
 */
int sqlite_rows_offer(sqlite3 *db, const struct sqlite_rows *rows);

#endif
