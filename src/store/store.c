#include "store/store.h"

#include <stdio.h>

#include "base/fault.h"
#include "base/secret.h"
#include "store/driver.h"
#include "store/schema.h"

/*
 * store_atomically: so often. It needs no pause: the one who was in the way has
 * its locks by now, and the product waits for them.
 */
#define TRIES 8
/* A connection that has rested so long is looked at before it is used. */
#define RESTED USEC_PER_SEC

enum err
store_fail(struct store *s, enum err e, const char *why)
{
	size_t i;

	(void)snprintf(s->why, sizeof(s->why), "%s", why);
	for (i = 0; s->why[i] != '\0'; i++)
		if ((unsigned char)s->why[i] < ' ' || s->why[i] == 0x7f)
			s->why[i] = ' ';
	return e;
}

/* ---- connections -------------------------------------------------------- */

static enum err
connect_store(struct store *s)
{
	enum err e;

	if (fault("store.connect"))
		return store_fail(s, ERR_CLOSED, "fault: no connection");
	e = s->driver->open(s);
	s->is_open = e == ERR_OK;
	s->used = clock_mono();
	if (e == ERR_OK && !s->any_schema) {
		char why[STORE_WHY_SIZE];

		e = store_schema_fits(s, why);
		if (e != ERR_OK)
			(void)store_fail(s, e, why);
	}
	if (e != ERR_OK) {
		s->driver->close(s);
		s->is_open = false;
	}
	return e;
}

static struct store *
make(struct store_url *url, const struct store_options *o)
{
	const struct store_driver *driver =
	    url->path != NULL ? &store_sqlite : &store_mariadb;
	struct store *s = driver->new ();

	if (s == NULL)
		return NULL;
	s->driver = driver;
	s->url = *url;
	*url = (struct store_url){ 0 };
	if (o != NULL) {
		s->timeout = o->timeout;
		s->create = o->create;
		s->any_schema = o->any_schema;
		s->password = o->password ? secret_ref(o->password) : NULL;
	}
	if (s->timeout <= 0)
		s->timeout = STORE_TIMEOUT;
	return s;
}

enum err
store_open(struct str url, const struct store_options *options,
    struct store **out, char why[STORE_WHY_SIZE])
{
	struct store_url u;
	struct store *s = NULL;
	enum err e;

	(void)snprintf(why, STORE_WHY_SIZE, "out of memory");
	e = store_url_parse(&u, url, why);
	if (e == ERR_OK) {
		s = make(&u, options);
		e = s != NULL ? connect_store(s) : ERR_NOMEM;
	}
	store_url_fini(&u);
	if (e == ERR_OK) {
		why[0] = '\0';
		*out = s;
		return ERR_OK;
	}
	if (s != NULL) {
		(void)snprintf(why, STORE_WHY_SIZE, "%s", s->why);
		store_close(s);
	}
	return e;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	ASSERT(!s->is_running);
	store_rollback(s);
	if (s->is_open)
		s->driver->close(s);
	store_url_fini(&s->url);
	secret_unref(s->password);
	s->driver->free(s);
}

const char *
store_product(const struct store *s)
{
	return s->driver->product;
}

const char *
store_why(const struct store *s)
{
	return s->why;
}

/* ---- statements --------------------------------------------------------- */

/*
 * A server that was restarted, or ends connections that rest, is no failure
 * as long as nothing was under way.
 */
static void
check_rested(struct store *s)
{
	usec_t now = clock_mono();
	bool has_rested = now - s->used >= RESTED;

	s->used = now;
	if (!s->is_open || !has_rested || s->driver->ping == NULL ||
	    s->state != STORE_IDLE || s->n_locks > 0 || s->driver->ping(s))
		return;
	s->driver->close(s);
	s->is_open = false;
}

/* Opened again when it was lost. */
static enum err
ready(struct store *s)
{
	ASSERT(!s->is_running);
	if (s->state == STORE_BROKEN)
		return s->broken;
	check_rested(s);
	if (s->is_open)
		return ERR_OK;
	if (s->n_locks > 0)
		return ERR_CLOSED;
	return connect_store(s);
}

/* Is a transaction as it was but for the statement that failed so? */
static bool
is_mild(enum err e)
{
	return e == ERR_OK || e == ERR_DENIED || e == ERR_LIMIT;
}

static enum err
failed(struct store *s, enum err e)
{
	if (e == ERR_CLOSED) {
		s->driver->close(s);
		s->is_open = false;
	}
	if (s->state != STORE_IN_TX)
		return e;
	if (s->is_open && s->driver->exec(s, "ROLLBACK") != ERR_OK) {
		s->driver->close(s);
		s->is_open = false;
	}
	s->state = STORE_BROKEN;
	s->broken = e;
	return e;
}

struct rows {
	store_row_fn row;
	void *arg;
	enum err answer;
};

/* Tells the function's own result from the statement's. */
static enum err
pass_row(void *arg, const struct store_value *row, uint32_t n)
{
	struct rows *r = arg;

	r->answer = r->row(r->arg, row, n);
	return r->answer;
}

enum err
store_run(struct store *s, const struct store_sql *sql,
    const struct store_value *args, uint32_t n_args, store_row_fn row,
    void *arg)
{
	struct rows rows = { .row = row, .arg = arg };
	enum err e = ready(s);

	if (e != ERR_OK)
		return e;
	ASSERT(n_args <= STORE_ARGS_MAX);
	s->changed = 0;
	s->last_id = 0;
	if (fault("store.stmt"))
		return failed(
		    s, store_fail(s, ERR_CLOSED, "fault: connection lost"));
	s->is_running = true;
	e = s->driver->run(
	    s, sql, args, n_args, row != NULL ? pass_row : NULL, &rows);
	s->is_running = false;
	if (e == ERR_OK || rows.answer != ERR_OK || is_mild(e))
		return e;
	return failed(s, e);
}

static enum err
run_each(struct store *s, const struct store_sql *sql,
    const struct store_value *args, uint32_t n_args, uint32_t n_rows)
{
	uint64_t changed = 0;
	uint32_t i;

	for (i = 0; i < n_rows; i++) {
		enum err e = s->driver->run(
		    s, sql, args + (size_t)i * n_args, n_args, NULL, NULL);

		if (e != ERR_OK)
			return e;
		changed += s->changed;
	}
	s->changed = changed;
	return ERR_OK;
}

enum err
store_run_many(struct store *s, const struct store_sql *sql,
    const struct store_value *args, uint32_t n_args, uint32_t n_rows)
{
	bool own = s->state == STORE_IDLE;
	enum err e = own ? store_begin(s) : ready(s);

	if (e != ERR_OK)
		return e;
	ASSERT(n_args <= STORE_ARGS_MAX);
	s->changed = 0;
	s->last_id = 0;
	if (fault("store.stmt"))
		e = store_fail(s, ERR_CLOSED, "fault: connection lost");
	else if (s->driver->many != NULL && n_args > 0 && n_rows > 1)
		e = s->driver->many(s, sql, args, n_args, n_rows);
	else
		e = run_each(s, sql, args, n_args, n_rows);
	/* Some rows may be in already: all or nothing. */
	if (e != ERR_OK)
		e = failed(s, e);
	if (!own)
		return e;
	if (e == ERR_OK)
		return store_commit(s);
	store_rollback(s);
	return e;
}

uint64_t
store_changed(const struct store *s)
{
	return s->changed;
}

int64_t
store_last_id(const struct store *s)
{
	return s->last_id;
}

enum err
store_row_int(void *arg, const struct store_value *row, uint32_t n)
{
	if (n > 0)
		*(int64_t *)arg = store_get_int(row);
	return ERR_OK;
}

/* ---- transactions -------------------------------------------------------- */

enum err
store_begin(struct store *s)
{
	enum err e = ready(s);

	if (e != ERR_OK)
		return e;
	ASSERT(s->state == STORE_IDLE);
	e = s->driver->exec(s, s->driver->begin);
	/* A connection that died unnoticed: nothing is in it yet. */
	if (e == ERR_CLOSED && s->n_locks == 0) {
		(void)failed(s, e);
		e = ready(s);
		if (e == ERR_OK)
			e = s->driver->exec(s, s->driver->begin);
	}
	if (e != ERR_OK)
		return failed(s, e);
	s->state = STORE_IN_TX;
	return ERR_OK;
}

enum err
store_commit(struct store *s)
{
	uint64_t changed = s->changed;
	enum err e;

	ASSERT(s->state != STORE_IDLE && !s->is_running);
	if (s->state == STORE_BROKEN) {
		s->state = STORE_IDLE;
		return s->broken;
	}
	e = fault("store.commit")
		? store_fail(s, ERR_CLOSED, "fault: connection lost")
		: s->driver->exec(s, "COMMIT");
	/* It is done, and the answer does not arrive. */
	if (e == ERR_OK && fault("store.answer"))
		e = store_fail(s, ERR_CLOSED, "fault: no answer");
	if (e != ERR_OK)
		e = failed(s, e);
	s->state = STORE_IDLE;
	s->changed = changed;
	return e;
}

void
store_rollback(struct store *s)
{
	ASSERT(!s->is_running);
	if (s->state == STORE_IN_TX)
		(void)failed(s, ERR_OK);
	s->state = STORE_IDLE;
}

bool
store_in_transaction(const struct store *s)
{
	return s->state != STORE_IDLE;
}

enum err
store_atomically(
    struct store *s, enum err (*fn)(struct store *s, void *arg), void *arg)
{
	enum err e = ERR_AGAIN;
	int i;

	for (i = 0; i < TRIES; i++) {
		e = store_begin(s);
		if (e == ERR_AGAIN)
			continue;
		if (e != ERR_OK)
			return e;
		e = fn(s, arg);
		if (e == ERR_OK)
			e = store_commit(s);
		else
			store_rollback(s);
		if (e != ERR_AGAIN)
			return e;
	}
	return e;
}

/* ---- locks --------------------------------------------------------------- */

enum err
store_lock(struct store *s, const char *name, usec_t timeout)
{
	enum err e = ready(s);

	if (e == ERR_OK) {
		e = s->driver->lock(s, name, timeout);
		if (e != ERR_OK && e != ERR_TIMEOUT)
			e = failed(s, e);
	}
	if (e == ERR_OK)
		s->n_locks++;
	return e;
}

void
store_unlock(struct store *s, const char *name)
{
	ASSERT(s->n_locks > 0 && !s->is_running);
	s->n_locks--;
	if (s->is_open)
		s->driver->unlock(s, name);
}
