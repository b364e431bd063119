/*
 * Statements of MariaDB: prepared once a connection, values bound, and a
 * result's rows read as they come.
 */
#include "store/mariadb.h"

#include <stdlib.h>
#include <string.h>

/* A column's buffer begins so, and is not kept when it is larger than that. */
#define CELL_BYTES 256
#define CELL_KEPT ((size_t)64 * 1024)

/* ---- prepared statements ------------------------------------------------- */

void
mariadb_stmt_free(struct mariadb_stmt *p)
{
	uint32_t i;

	if (p == NULL)
		return;
	if (p->st != NULL)
		(void)mysql_stmt_close(p->st);
	for (i = 0; i < p->n_cells; i++)
		free(p->cell[i].p);
	free(p->cell);
	free(p->bind);
	free(p);
}

/* What a column becomes. false: no value of ours holds it. */
static bool
cell_type(const MYSQL_FIELD *f, enum store_type *out)
{
	switch (f->type) {
	case MYSQL_TYPE_TINY:
	case MYSQL_TYPE_SHORT:
	case MYSQL_TYPE_INT24:
	case MYSQL_TYPE_LONG:
	case MYSQL_TYPE_LONGLONG:
	case MYSQL_TYPE_YEAR:
	case MYSQL_TYPE_NULL:
		*out = STORE_INT;
		return true;
	case MYSQL_TYPE_DECIMAL:
	case MYSQL_TYPE_NEWDECIMAL: /* SUM of integers */
		*out = STORE_INT;
		return f->decimals == 0;
	case MYSQL_TYPE_FLOAT:
	case MYSQL_TYPE_DOUBLE:
		return false;
	default:
		*out = f->charsetnr == 63 ? STORE_BLOB : STORE_TEXT;
		return true;
	}
}

static bool
cell_room(MYSQL_BIND *b, struct mariadb_cell *c, size_t n)
{
	char *p = realloc(c->p, n);

	if (p == NULL)
		return false;
	c->p = p;
	c->cap = n;
	b->buffer = p;
	b->buffer_length = n;
	return true;
}

static enum err
cell_init(struct mariadb *m, MYSQL_BIND *b, struct mariadb_cell *c,
    const MYSQL_FIELD *f)
{
	if (!cell_type(f, &c->type))
		return store_fail(
		    &m->base, ERR_RANGE, "a result is no integer");
	b->is_null = &c->is_null;
	b->error = &c->is_wrong;
	b->length = &c->length;
	if (c->type == STORE_INT) {
		b->buffer_type = MYSQL_TYPE_LONGLONG;
		b->buffer = &c->i;
		return ERR_OK;
	}
	b->buffer_type =
	    c->type == STORE_BLOB ? MYSQL_TYPE_BLOB : MYSQL_TYPE_STRING;
	return cell_room(b, c, CELL_BYTES)
		   ? ERR_OK
		   : store_fail(&m->base, ERR_NOMEM, "out of memory");
}

static enum err
stmt_columns(struct mariadb *m, struct mariadb_stmt *p)
{
	MYSQL_RES *meta = mysql_stmt_result_metadata(p->st);
	enum err e = ERR_OK;
	uint32_t i, n;

	if (meta == NULL)
		return ERR_OK;
	n = mysql_num_fields(meta);
	ASSERT(n <= STORE_COLUMNS_MAX);
	p->cell = calloc(n, sizeof(*p->cell));
	p->bind = calloc(n, sizeof(*p->bind));
	if (p->cell == NULL || p->bind == NULL)
		e = store_fail(&m->base, ERR_NOMEM, "out of memory");
	else
		p->n_cells = n;
	for (i = 0; i < n && e == ERR_OK; i++)
		e = cell_init(m, &p->bind[i], &p->cell[i],
		    mysql_fetch_field_direct(meta, i));
	mysql_free_result(meta);
	return e;
}

enum err
mariadb_get(
    struct mariadb *m, const struct store_sql *sql, struct mariadb_stmt **out)
{
	const char *text = sql->mariadb != NULL ? sql->mariadb : sql->text;
	struct mariadb_stmt *p = store_stmts_find(&m->stmts, sql);
	enum err e;

	if (p != NULL) {
		*out = p;
		return ERR_OK;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return store_fail(&m->base, ERR_NOMEM, "out of memory");
	p->st = mysql_stmt_init(m->my);
	if (p->st == NULL)
		e = store_fail(&m->base, ERR_NOMEM, "out of memory");
	else if (mysql_stmt_prepare(p->st, text, strlen(text)) != 0)
		e = mariadb_fail_stmt(m, p->st);
	else
		e = stmt_columns(m, p);
	if (e != ERR_OK) {
		mariadb_stmt_free(p);
		return e;
	}
	mariadb_stmt_free(store_stmts_put(&m->stmts, sql, p));
	*out = p;
	return ERR_OK;
}

/* ---- running ------------------------------------------------------------- */

static void
bind_one(MYSQL_BIND *b, const struct store_value *v)
{
	switch (v->type) {
	case STORE_INT:
		b->buffer_type = MYSQL_TYPE_LONGLONG;
		b->buffer = (void *)(uintptr_t)&v->i;
		return;
	case STORE_TEXT:
	case STORE_BLOB:
		b->buffer_type =
		    v->type == STORE_TEXT ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
		b->buffer = (void *)(uintptr_t)(v->s.p ? v->s.p : "");
		b->buffer_length = v->s.n;
		b->length_value = v->s.n;
		b->length = &b->length_value;
		return;
	case STORE_NULL:
		break;
	}
	b->buffer_type = MYSQL_TYPE_NULL;
}

/* What did not fit in a cell's buffer, once more. */
static enum err
read_rest(struct mariadb *m, struct mariadb_stmt *p)
{
	uint32_t i;

	for (i = 0; i < p->n_cells; i++) {
		struct mariadb_cell *c = &p->cell[i];

		if (c->is_null)
			continue;
		if (c->type == STORE_INT && c->is_wrong)
			return store_fail(
			    &m->base, ERR_RANGE, "a result is too large");
		if (c->type == STORE_INT || c->length <= c->cap)
			continue;
		if (!cell_room(&p->bind[i], c, c->length))
			return store_fail(&m->base, ERR_NOMEM, "out of memory");
		if (mysql_stmt_fetch_column(p->st, &p->bind[i], i, 0) != 0)
			return mariadb_fail_stmt(m, p->st);
	}
	/* The library has the old buffers. */
	if (mysql_stmt_bind_result(p->st, p->bind) != 0)
		return mariadb_fail_stmt(m, p->st);
	return ERR_OK;
}

static enum err
pass_row(const struct mariadb_stmt *p, store_row_fn row, void *arg)
{
	struct store_value v[STORE_COLUMNS_MAX];
	uint32_t i;

	for (i = 0; i < p->n_cells; i++) {
		const struct mariadb_cell *c = &p->cell[i];

		v[i] = (struct store_value){ .type = STORE_NULL };
		if (c->is_null)
			continue;
		v[i].type = c->type;
		if (c->type == STORE_INT)
			v[i].i = c->i;
		else
			v[i].s = str_of(c->p, c->length);
	}
	return row(arg, v, p->n_cells);
}

static enum err
read_rows(
    struct mariadb *m, struct mariadb_stmt *p, store_row_fn row, void *arg)
{
	enum err e = ERR_OK;
	int code = 0;

	if (mysql_stmt_bind_result(p->st, p->bind) != 0)
		return mariadb_fail_stmt(m, p->st);
	while (e == ERR_OK) {
		code = mysql_stmt_fetch(p->st);
		if (code == MYSQL_NO_DATA)
			break;
		if (code == MYSQL_DATA_TRUNCATED)
			e = read_rest(m, p);
		else if (code != 0)
			e = mariadb_fail_stmt(m, p->st);
		if (e == ERR_OK && row != NULL)
			e = pass_row(p, row, arg);
	}
	return e;
}

static void
drop_large(struct mariadb_stmt *p)
{
	uint32_t i;

	for (i = 0; i < p->n_cells; i++)
		if (p->cell[i].cap > CELL_KEPT)
			(void)cell_room(&p->bind[i], &p->cell[i], CELL_BYTES);
}

enum err
mariadb_run(struct store *s, const struct store_sql *sql,
    const struct store_value *args, uint32_t n_args, store_row_fn row,
    void *arg)
{
	struct mariadb *m = mariadb_of(s);
	MYSQL_BIND bind[STORE_ARGS_MAX] = { 0 };
	struct mariadb_stmt *p;
	uint32_t i;
	enum err e = mariadb_get(m, sql, &p);

	if (e != ERR_OK)
		return e;
	ASSERT(mysql_stmt_param_count(p->st) == n_args);
	for (i = 0; i < n_args; i++)
		bind_one(&bind[i], &args[i]);
	if ((n_args > 0 && mysql_stmt_bind_param(p->st, bind) != 0) ||
	    mysql_stmt_execute(p->st) != 0)
		return mariadb_fail_stmt(m, p->st);
	/* Also when nobody wants them: a failure may come behind them. */
	if (p->n_cells > 0)
		e = read_rows(m, p, row, arg);
	if (p->n_cells > 0) {
		/* Also reads what rows are left. */
		(void)mysql_stmt_free_result(p->st);
		drop_large(p);
	}
	if (e == ERR_OK) {
		my_ulonglong n = mysql_stmt_affected_rows(p->st);

		s->changed = n != (my_ulonglong)-1 ? n : 0;
		s->last_id = (int64_t)mysql_stmt_insert_id(p->st);
	}
	return e;
}
