#ifndef STORE_STORE_H
#define STORE_STORE_H
/*
 * The database: the only room that knows SQL. A driver per product (SQLite,
 * MariaDB) behind one small interface; aggregates (key.c, ledger.c ...) build
 * on it, one file each, with their statements as rows beside them.
 *
 * A store is one connection. It belongs to one thread at a time, and every
 * call may block: in a worker that means the thread pool (store/pool.h), never
 * the loop.
 *
 * Statements are constant rows. Nothing takes SQL as text from a caller, there
 * is no function that quotes: values are bound, always. tests/lint/sql and
 * store_sql_tables see to it that each row is prepared against the real schema
 * of both products.
 *
 * Times are microseconds since 1970 UTC, money is nano-dollars, ids are
 * positive. Text compares by bytes in both products.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

struct secret;
struct store;

/* ---- values ------------------------------------------------------------- */

enum store_type {
	STORE_NULL,
	STORE_INT,
	STORE_TEXT,
	STORE_BLOB
};

struct store_value {
	enum store_type type;
	int64_t i;
	struct str s; /* TEXT, BLOB: borrowed */
};

static inline struct store_value
store_int(int64_t i)
{
	return (struct store_value){ .type = STORE_INT, .i = i };
}

/* An absent span is NULL. */
static inline struct store_value
store_text(struct str s)
{
	return (struct store_value){ .type = s.p ? STORE_TEXT : STORE_NULL,
		.s = s };
}

static inline struct store_value
store_blob(const void *p, size_t n)
{
	return (struct store_value){
		.type = p ? STORE_BLOB : STORE_NULL,
		.s = { p, n },
	};
}

static inline struct store_value
store_null(void)
{
	return (struct store_value){ .type = STORE_NULL };
}

/* An id: 0 means none and is stored as NULL. */
static inline struct store_value
store_id(int64_t id)
{
	return id > 0 ? store_int(id) : store_null();
}

/* ---- statements --------------------------------------------------------- */

#define STORE_ARGS_MAX 64
#define STORE_COLUMNS_MAX 48

/*
 * One statement, '?' for each value, no ';'. A table ends with a row of NULLs
 * (STORE_SQL_END). A row is known by its address: it is prepared once a connection.
 */
struct store_sql {
	/*
	 * SQLite reads the values of a text without '?' from store_rows
	 * (store/sqlite_rows.h): for what writes many rows at once.
	 */
	/* What both products understand ... ("": MariaDB alone has it) */
	const char *text;
	const char *mariadb; /* ... or, where they differ, this one's own */
};

#define STORE_SQL_END \
	{             \
		0     \
	}

/*
 * What both understand, because each session of MariaDB is told so: || joins
 * texts, "name" is an identifier, \ is no escape, text compares by bytes, a
 * blank at the end counts, INSERT and DELETE ... RETURNING. Not the same:
 * ON CONFLICT (MariaDB: ON DUPLICATE KEY UPDATE). SUM, COUNT and the like are
 * integers in both; a result with a fraction is ERR_RANGE: round it to an
 * integer by CAST(... AS INTEGER) (MariaDB: AS SIGNED).
 *
 * MariaDB's columns of text have a length: names and the like hold
 * STORE_NAME_MAX bytes, titles and reasons STORE_TITLE_MAX, and longer ones
 * are ERR_LIMIT there. What comes from outside is cut or refused before.
 */
#define STORE_NAME_MAX 190
#define STORE_TITLE_MAX 1000

/* All tables of statements, for the test; NULL ends it. */
extern const struct store_sql *const store_sql_tables[];

/* ---- connections -------------------------------------------------------- */

struct store_options {
	usec_t timeout; /* connecting, and each statement; 0: 5s */
	/* MariaDB: of the account; counted. NULL: the url's password_file. */
	struct secret *password;
	/*
	 * Make the (SQLite) file when there is none. Otherwise that is
	 * ERR_NOT_FOUND.
	 */
	bool create;
	/* Do not ask whether the schema is the one of this program. */
	bool any_schema;
};

#define STORE_TIMEOUT (5 * USEC_PER_SEC)

/*
 * url: "sqlite:///PATH" or "mariadb://USER@HOST[:PORT]/NAME" with
 * ?socket=/PATH, password_file=/PATH, ca_file=/PATH (TLS, and the server's
 * certificate is checked), tls=verify|required, cert_file= with key_file= (the
 * account's), joined by '&', all percent-encoded where need be. A password
 * inside is refused. On ERR_OK *out is open, and its schema is the
 * one of this program. why: one line for an operator on failure.
 *
 * ERR_UNSUPPORTED: the schema is older or newer, or there is none; why names
 * the command to run. ERR_NOT_FOUND: no such file or database. ERR_CLOSED:
 * nobody answers. ERR_DENIED: account or file refused. ERR_SYNTAX: the url.
 * ERR_NOMEM.
 */
#define STORE_WHY_SIZE 512
MUST_CHECK enum err
store_open(struct str url, const struct store_options *options,
    struct store **out, char why[STORE_WHY_SIZE]);
/* Rolls back what is not committed. NULL is allowed. */
void store_close(struct store *s);
/* "sqlite", "mariadb" */
const char *store_product(const struct store *s);
/* The last failure in the product's own words, without values. Never NULL. */
const char *store_why(const struct store *s);

/*
 * Called for each row. The values are borrowed for the call. Anything but
 * ERR_OK ends the statement and is its result. It must not use the store (an
 * ASSERT: MariaDB's connection is busy with the rows).
 */
typedef enum err (*store_row_fn)(
    void *arg, const struct store_value *row, uint32_t n);

/*
 * Runs one statement. row may be NULL. Outside store_begin each statement is a
 * transaction of its own.
 *
 * ERR_DENIED: a row like it exists, or something still refers to it (unique or
 * foreign key). ERR_LIMIT: a text is too long for its column. ERR_AGAIN:
 * locked by another (deadlock, busy): may be tried again, a transaction as a
 * whole. ERR_CLOSED: the connection is lost; what was not committed is gone;
 * the next call connects anew (and one that has rested for a second is looked
 * at first, so a restart of the server while nothing ran is not noticed).
 * ERR_TIMEOUT. ERR_IO: anything else, see store_why.
 *
 * After ERR_DENIED, ERR_LIMIT and what a row function returns a transaction
 * goes on without the statement. Any other failure rolls it back at once, and
 * each call returns the same until store_rollback.
 */
MUST_CHECK enum err store_run(struct store *s, const struct store_sql *sql,
    const struct store_value *args, uint32_t n_args, store_row_fn row,
    void *arg);
/*
 * The same statement for n_rows rows of n_args values each, in as few round
 * trips as the product can (MariaDB: array binding; SQLite: store_rows). All or an error; inside
 * a transaction of the caller's or one of its own.
 */
MUST_CHECK enum err store_run_many(struct store *s, const struct store_sql *sql,
    const struct store_value *args, uint32_t n_args, uint32_t n_rows);
/*
 * Of the last statement: rows that matched an UPDATE or DELETE or were
 * inserted (after ON DUPLICATE KEY UPDATE MariaDB counts otherwise), and the
 * number that an AUTO_INCREMENT column got.
 */
uint64_t store_changed(const struct store *s);
int64_t store_last_id(const struct store *s);

/*
 * Writing transactions; they do not nest. store_rollback never fails. When
 * store_commit is ERR_CLOSED or ERR_TIMEOUT nobody knows whether it happened.
 */
MUST_CHECK enum err store_begin(struct store *s);
MUST_CHECK enum err store_commit(struct store *s);
void store_rollback(struct store *s);
bool store_in_transaction(const struct store *s);

/*
 * Runs fn in a transaction, again when another was in its way (ERR_AGAIN, a
 * few times), commits when it is ERR_OK, rolls back otherwise.
 */
MUST_CHECK enum err store_atomically(
    struct store *s, enum err (*fn)(struct store *s, void *arg), void *arg);

/*
 * A lock by name ([a-z0-9_]+) over all hosts that use this database, held
 * until unlocked or the connection ends: schema changes, one drain at a time.
 * ERR_TIMEOUT: another has it. When the connection is lost while locks are
 * held, each call is ERR_CLOSED until all are unlocked: nobody goes on in the
 * belief that he is alone. Galera: the lock is one node's.
 */
MUST_CHECK enum err
store_lock(struct store *s, const char *name, usec_t timeout);
void store_unlock(struct store *s, const char *name);

/* ---- rows, for aggregates ------------------------------------------------ */

/* 0 for NULL. */
static inline int64_t
store_get_int(const struct store_value *v)
{
	return v->type == STORE_INT ? v->i : 0;
}

/* Absent for NULL. */
static inline struct str
store_get_str(const struct store_value *v)
{
	return v->type == STORE_TEXT || v->type == STORE_BLOB
		   ? v->s
		   : (struct str){ 0 };
}

/*
 * A row function that reads one integer, the first column of the first row,
 * into arg (int64_t). It stays as it is when there is no row.
 */
enum err store_row_int(void *arg, const struct store_value *row, uint32_t n);

#endif
