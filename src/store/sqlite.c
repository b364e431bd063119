/*
 * SQLite: one file, write-ahead log, one writer at a time. A lock by name is a
 * lock on a file beside the database's.
 */
#include "store/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/num.h"
#include "store/schema.h"
#include "store/sqlite_rows.h"

#define LOCKS_MAX 4
#define LOCK_PAUSE_MSEC 5
/* Of SQLite's machine, between two looks at the clock: some 0.1 ms. */
#define STEPS_BETWEEN 20000

struct held {
	char name[48]; /* empty: free */
	int fd;
};

struct sqlite {
	struct store base;
	sqlite3 *db;
	usec_t deadline;
	struct store_stmts stmts;
	struct sqlite_rows rows; /* of the statement that runs */
	struct held held[LOCKS_MAX];
};

static struct sqlite *
own(struct store *s)
{
	return (struct sqlite *)s;
}

static struct store *
sqlite_new(void)
{
	struct sqlite *q = calloc(1, sizeof(*q));

	return q != NULL ? &q->base : NULL;
}

static void
sqlite_free(struct store *s)
{
	free(own(s));
}

/* ---- failures ------------------------------------------------------------ */

static enum err
err_of(int code)
{
	switch (code) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return ERR_OK;
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return ERR_DENIED;
	default:
		break;
	}
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_AGAIN;
	case SQLITE_INTERRUPT:
		return ERR_TIMEOUT;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_TOOBIG:
		return ERR_LIMIT;
	default:
		return ERR_IO;
	}
}

static enum err
fail(struct sqlite *q, int code)
{
	return store_fail(&q->base, err_of(code), sqlite3_errmsg(q->db));
}

/* ---- connection ---------------------------------------------------------- */

static int
past_deadline(void *arg)
{
	const struct sqlite *q = arg;

	return clock_mono() > q->deadline;
}

/*
 * Durable commits: what was taken from a spool is deleted there. WAL mode
 * stays with the file.
 */
static const char settings[] = "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = FULL;"
			       "PRAGMA foreign_keys = ON;"
			       "PRAGMA trusted_schema = OFF;"
			       "PRAGMA journal_size_limit = 67108864;"
			       "PRAGMA temp_store = MEMORY;";

/*
 * The file's own mode, not what SQLite would give it. A file that is there is
 * never opened here: closing it would end the locks that this process's other
 * connections have on it (they are POSIX's), and the next program to close the
 * database would take the log away under them.
 */
static enum err
make_file(struct sqlite *q)
{
	const char *path = q->base.url.path;
	char why[STORE_WHY_SIZE];
	int fd, saved;

	if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0)
		return ERR_OK;
	saved = errno;
	if (saved == ENOENT && q->base.create) {
		fd = open(path, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0660);
		saved = errno;
		if (fd >= 0)
			(void)close(fd);
		if (fd >= 0 || saved == EEXIST)
			return ERR_OK;
	}
	(void)snprintf(
	    why, sizeof(why), "cannot open %s: %s", path, strerror(saved));
	return store_fail(&q->base,
	    saved == ENOENT ? ERR_NOT_FOUND
	    : saved == EACCES || saved == EPERM || saved == EROFS ? ERR_DENIED
								  : ERR_IO,
	    why);
}

static enum err
sqlite_open(struct store *s)
{
	struct sqlite *q = own(s);
	enum err e = make_file(q);
	int code;

	if (e != ERR_OK)
		return e;
	code = sqlite3_open_v2(s->url.path, &q->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
	    NULL);
	if (q->db == NULL)
		return store_fail(s, ERR_NOMEM, "out of memory");
	if (code != SQLITE_OK)
		return fail(q, code);
	q->deadline = clock_mono() + s->timeout;
	(void)sqlite3_busy_timeout(q->db, (int)(s->timeout / USEC_PER_MSEC));
	sqlite3_progress_handler(q->db, STEPS_BETWEEN, past_deadline, q);
	(void)sqlite3_db_config(q->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(q->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(q->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	code = sqlite3_exec(q->db, settings, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite_rows_offer(q->db, &q->rows);
	if (code == SQLITE_OK)
		return ERR_OK;
	e = fail(q, code);
	return e == ERR_AGAIN ? ERR_CLOSED : e;
}

static void
release(struct held *h)
{
	if (h->name[0] == '\0')
		return;
	(void)close(h->fd);
	h->name[0] = '\0';
}

static void
sqlite_close(struct store *s)
{
	struct sqlite *q = own(s);
	sqlite3_stmt *st;
	size_t i;

	while ((st = store_stmts_take(&q->stmts)) != NULL)
		(void)sqlite3_finalize(st);
	(void)sqlite3_close(q->db);
	q->db = NULL;
	for (i = 0; i < LOCKS_MAX; i++)
		release(&q->held[i]);
}

/* ---- statements ---------------------------------------------------------- */

static enum err
get_stmt(struct sqlite *q, const struct store_sql *sql, sqlite3_stmt **out)
{
	sqlite3_stmt *st = store_stmts_find(&q->stmts, sql);
	const char *rest = NULL;
	int code;

	if (st != NULL) {
		*out = st;
		return ERR_OK;
	}
	code = sqlite3_prepare_v3(
	    q->db, sql->text, -1, SQLITE_PREPARE_PERSISTENT, &st, &rest);
	if (code != SQLITE_OK)
		return fail(q, code);
	ASSERT(st != NULL && rest != NULL && *rest == '\0');
	(void)sqlite3_finalize(store_stmts_put(&q->stmts, sql, st));
	*out = st;
	return ERR_OK;
}

static int
bind_one(sqlite3_stmt *st, int i, const struct store_value *v)
{
	/* A NULL pointer would be NULL, and an empty text is not. */
	const char *p = v->s.p != NULL ? v->s.p : "";

	switch (v->type) {
	case STORE_INT:
		return sqlite3_bind_int64(st, i, v->i);
	case STORE_TEXT:
		return sqlite3_bind_text64(
		    st, i, p, v->s.n, SQLITE_STATIC, SQLITE_UTF8);
	case STORE_BLOB:
		return sqlite3_bind_blob64(st, i, p, v->s.n, SQLITE_STATIC);
	case STORE_NULL:
		break;
	}
	return sqlite3_bind_null(st, i);
}

static enum err
bind_all(struct sqlite *q, sqlite3_stmt *st, const struct store_value *args,
    uint32_t n_args)
{
	uint32_t i;

	ASSERT(sqlite3_bind_parameter_count(st) == (int)n_args);
	for (i = 0; i < n_args; i++) {
		int code = bind_one(st, (int)i + 1, &args[i]);

		if (code != SQLITE_OK)
			return fail(q, code);
	}
	return ERR_OK;
}

/* It takes its values out of store_rows. */
static bool
reads_rows(sqlite3_stmt *st, uint32_t n_args)
{
	return n_args > 0 && sqlite3_bind_parameter_count(st) == 0;
}

static enum err
read_value(struct sqlite *q, sqlite3_stmt *st, int i, struct store_value *v)
{
	*v = (struct store_value){ .type = STORE_NULL };
	switch (sqlite3_column_type(st, i)) {
	case SQLITE_INTEGER:
		v->type = STORE_INT;
		v->i = sqlite3_column_int64(st, i);
		return ERR_OK;
	case SQLITE_TEXT:
		v->type = STORE_TEXT;
		v->s.p = (const char *)sqlite3_column_text(st, i);
		break;
	case SQLITE_BLOB:
		v->type = STORE_BLOB;
		v->s.p = sqlite3_column_blob(st, i);
		break;
	case SQLITE_FLOAT:
		return store_fail(
		    &q->base, ERR_RANGE, "a result is no integer");
	default:
		return ERR_OK;
	}
	v->s.n = (size_t)sqlite3_column_bytes(st, i);
	if (v->s.p == NULL && v->s.n > 0)
		return store_fail(&q->base, ERR_NOMEM, "out of memory");
	if (v->s.p == NULL)
		v->s.p = "";
	return ERR_OK;
}

static enum err
read_row(struct sqlite *q, sqlite3_stmt *st, store_row_fn row, void *arg)
{
	struct store_value v[STORE_COLUMNS_MAX];
	int i, n = sqlite3_column_count(st);

	if (row == NULL)
		return ERR_OK;
	ASSERT(n <= STORE_COLUMNS_MAX);
	for (i = 0; i < n; i++) {
		enum err e = read_value(q, st, i, &v[i]);

		if (e != ERR_OK)
			return e;
	}
	return row(arg, v, (uint32_t)n);
}

static enum err
step_all(struct sqlite *q, sqlite3_stmt *st, store_row_fn row, void *arg)
{
	enum err e = ERR_OK;
	int code;

	while ((code = sqlite3_step(st)) == SQLITE_ROW) {
		e = read_row(q, st, row, arg);
		if (e != ERR_OK)
			break;
	}
	if (e == ERR_OK && code != SQLITE_DONE)
		e = fail(q, code);
	if (e == ERR_OK && sqlite3_stmt_readonly(st) == 0) {
		q->base.changed = (uint64_t)sqlite3_changes64(q->db);
		q->base.last_id = sqlite3_last_insert_rowid(q->db);
	}
	(void)sqlite3_reset(st);
	return e;
}

/* All rows at once. */
static enum err
run_rows(struct sqlite *q, sqlite3_stmt *st, const struct store_value *args,
    uint32_t n_args, uint32_t n_rows)
{
	enum err e;

	q->rows = (struct sqlite_rows){ args, n_args, n_rows };
	e = step_all(q, st, NULL, NULL);
	q->rows = (struct sqlite_rows){ 0 };
	return e;
}

static enum err
run_bound(struct sqlite *q, sqlite3_stmt *st, const struct store_value *args,
    uint32_t n_args, store_row_fn row, void *arg)
{
	enum err e = bind_all(q, st, args, n_args);

	if (e != ERR_OK)
		return e;
	e = step_all(q, st, row, arg);
	(void)sqlite3_clear_bindings(st);
	return e;
}

static enum err
sqlite_run(struct store *s, const struct store_sql *sql,
    const struct store_value *args, uint32_t n_args, store_row_fn row,
    void *arg)
{
	struct sqlite *q = own(s);
	sqlite3_stmt *st;
	enum err e;

	q->deadline = clock_mono() + s->timeout;
	e = get_stmt(q, sql, &st);
	if (e != ERR_OK)
		return e;
	if (reads_rows(st, n_args))
		return run_rows(q, st, args, n_args, 1);
	return run_bound(q, st, args, n_args, row, arg);
}

static enum err
sqlite_many(struct store *s, const struct store_sql *sql,
    const struct store_value *args, uint32_t n_args, uint32_t n_rows)
{
	struct sqlite *q = own(s);
	uint64_t changed = 0;
	sqlite3_stmt *st;
	enum err e;

	q->deadline = clock_mono() + s->timeout;
	e = get_stmt(q, sql, &st);
	if (e == ERR_OK && reads_rows(st, n_args))
		return run_rows(q, st, args, n_args, n_rows);
	for (; e == ERR_OK && n_rows > 0; n_rows--, args += n_args) {
		q->deadline = clock_mono() + s->timeout;
		e = run_bound(q, st, args, n_args, NULL, NULL);
		changed += s->changed;
	}
	s->changed = changed;
	return e;
}

static enum err
sqlite_prepare(struct store *s, const struct store_sql *sql)
{
	struct sqlite *q = own(s);
	sqlite3_stmt *st;

	q->deadline = clock_mono() + s->timeout;
	return get_stmt(q, sql, &st);
}

static enum err
sqlite_exec(struct store *s, const char *text)
{
	struct sqlite *q = own(s);
	int code;

	/* SQLite may have rolled back by itself. */
	if (strcmp(text, "ROLLBACK") == 0 && sqlite3_get_autocommit(q->db))
		return ERR_OK;
	q->deadline = clock_mono() + s->timeout;
	code = sqlite3_exec(q->db, text, NULL, NULL, NULL);
	return code == SQLITE_OK ? ERR_OK : fail(q, code);
}

/* ---- locks --------------------------------------------------------------- */

/* Open, and locked by nobody else; or an errno. */
static int
lock_file(const char *path, usec_t deadline, int *out)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);

	if (fd < 0)
		return errno;
	/* flock has no time-out, and this is no hot path: ask again. */
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int saved = errno;

		if (saved != EWOULDBLOCK && saved != EINTR) {
			(void)close(fd);
			return saved;
		}
		if (clock_mono() >= deadline) {
			(void)close(fd);
			return ETIMEDOUT;
		}
		(void)poll(NULL, 0, LOCK_PAUSE_MSEC);
	}
	*out = fd;
	return 0;
}

static enum err
sqlite_lock(struct store *s, const char *name, usec_t timeout)
{
	struct sqlite *q = own(s);
	struct held *h = NULL;
	char path[PATH_MAX];
	char why[STORE_WHY_SIZE];
	size_t i;
	int code, fd = -1;

	for (i = 0; i < LOCKS_MAX; i++)
		if (q->held[i].name[0] == '\0')
			h = &q->held[i];
	ASSERT(strlen(name) < sizeof(h->name));
	if (h == NULL)
		return store_fail(s, ERR_LIMIT, "too many locks are held");
	if (snprintf(path, sizeof(path), "%s-%s.lock", s->url.path, name) >=
	    (int)sizeof(path))
		return store_fail(s, ERR_LIMIT, "the file's path is too long");
	code = lock_file(path, clock_mono() + timeout, &fd);
	if (code != 0) {
		(void)snprintf(
		    why, sizeof(why), "lock %s: %s", name, strerror(code));
		return store_fail(
		    s, code == ETIMEDOUT ? ERR_TIMEOUT : ERR_IO, why);
	}
	(void)snprintf(h->name, sizeof(h->name), "%s", name);
	h->fd = fd;
	return ERR_OK;
}

static void
sqlite_unlock(struct store *s, const char *name)
{
	struct sqlite *q = own(s);
	size_t i;

	for (i = 0; i < LOCKS_MAX; i++)
		if (strcmp(q->held[i].name, name) == 0)
			release(&q->held[i]);
}

const struct store_driver store_sqlite = {
	.product = "sqlite",
	.steps = store_steps_sqlite,
	.new = sqlite_new,
	.free = sqlite_free,
	.open = sqlite_open,
	.close = sqlite_close,
	.run = sqlite_run,
	.many = sqlite_many,
	.prepare = sqlite_prepare,
	.exec = sqlite_exec,
	.begin = "BEGIN IMMEDIATE",
	.lock = sqlite_lock,
	.unlock = sqlite_unlock,
};
