/*
 * One statement for many rows: the values of each '?' are an array, and a batch
 * of them is one round trip (10 000 rows of the ledger: see tests/bench).
 */
#include "store/mariadb.h"

#include <stdlib.h>

/* Of a batch. The server takes 16 MiB by default, old ones less. */
#define BATCH_ROWS 2000u
#define BATCH_BYTES ((size_t)1024 * 1024)

/* The values of one '?', as the library wants them. */
struct column {
	enum store_type type;
	int64_t i[BATCH_ROWS];
	const char *p[BATCH_ROWS];
	unsigned long length[BATCH_ROWS];
	char indicator[BATCH_ROWS];
};

/* NULL when all are: any will do. */
static enum store_type
type_of(const struct store_value *args, uint32_t n_args, uint32_t n_rows,
    uint32_t column)
{
	enum store_type type = STORE_NULL;
	uint32_t i;

	for (i = 0; i < n_rows; i++) {
		enum store_type t = args[(size_t)i * n_args + column].type;

		ASSERT(t == STORE_NULL || type == STORE_NULL || t == type);
		if (t != STORE_NULL)
			type = t;
	}
	return type != STORE_NULL ? type : STORE_INT;
}

static void
fill(struct column *c, MYSQL_BIND *b, const struct store_value *args,
    uint32_t n_args, uint32_t n_rows)
{
	uint32_t i;

	for (i = 0; i < n_rows; i++) {
		const struct store_value *v = &args[(size_t)i * n_args];

		c->indicator[i] = v->type == STORE_NULL ? STMT_INDICATOR_NULL
							: STMT_INDICATOR_NONE;
		c->i[i] = v->i;
		c->p[i] = v->s.p != NULL ? v->s.p : "";
		c->length[i] = v->s.n;
	}
	b->u.indicator = c->indicator;
	if (c->type == STORE_INT) {
		b->buffer_type = MYSQL_TYPE_LONGLONG;
		b->buffer = c->i;
		return;
	}
	b->buffer_type =
	    c->type == STORE_TEXT ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
	b->buffer = c->p;
	b->length = c->length;
}

/* So many rows from here make a batch. */
static uint32_t
batch(const struct store_value *args, uint32_t n_args, uint32_t n_rows)
{
	size_t bytes = 0;
	uint32_t i, k;

	for (i = 0; i < n_rows && i < BATCH_ROWS; i++) {
		for (k = 0; k < n_args; k++)
			bytes += 9 + args[(size_t)i * n_args + k].s.n;
		if (bytes > BATCH_BYTES && i > 0)
			break;
	}
	return i;
}

static enum err
run_batch(struct mariadb *m, MYSQL_STMT *st, struct column *columns,
    const struct store_value *args, uint32_t n_args, unsigned n_rows)
{
	MYSQL_BIND bind[STORE_ARGS_MAX] = { 0 };
	uint32_t i;

	for (i = 0; i < n_args; i++)
		fill(&columns[i], &bind[i], args + i, n_args, n_rows);
	if (mysql_stmt_attr_set(st, STMT_ATTR_ARRAY_SIZE, &n_rows) != 0 ||
	    mysql_stmt_bind_param(st, bind) != 0 || mysql_stmt_execute(st) != 0)
		return mariadb_fail_stmt(m, st);
	return ERR_OK;
}

enum err
mariadb_many(struct store *s, const struct store_sql *sql,
    const struct store_value *args, uint32_t n_args, uint32_t n_rows)
{
	struct mariadb *m = mariadb_of(s);
	struct mariadb_stmt *p;
	struct column *columns;
	uint64_t changed = 0;
	unsigned none = 0;
	uint32_t i, n;
	enum err e = mariadb_get(m, sql, &p);

	if (e != ERR_OK)
		return e;
	ASSERT(p->n_cells == 0 && mysql_stmt_param_count(p->st) == n_args);
	columns = calloc(n_args, sizeof(*columns));
	if (columns == NULL)
		return store_fail(s, ERR_NOMEM, "out of memory");
	for (i = 0; i < n_args; i++)
		columns[i].type = type_of(args, n_args, n_rows, i);
	for (; n_rows > 0 && e == ERR_OK; n_rows -= n) {
		n = batch(args, n_args, n_rows);
		e = run_batch(m, p->st, columns, args, n_args, n);
		if (e == ERR_OK)
			changed += mysql_stmt_affected_rows(p->st);
		args += (size_t)n * n_args;
	}
	(void)mysql_stmt_attr_set(p->st, STMT_ATTR_ARRAY_SIZE, &none);
	free(columns);
	s->changed = changed;
	return e;
}
