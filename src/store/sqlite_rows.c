#include "store/sqlite_rows.h"

#include <stdlib.h>

/* clang-format off */
static const char declared[] =
	"CREATE TABLE store_rows ("
	"v00, v01, v02, v03, v04, v05, v06, v07, v08, v09,"
	"v10, v11, v12, v13, v14, v15, v16, v17, v18, v19,"
	"v20, v21, v22, v23, v24, v25, v26, v27, v28, v29,"
	"v30, v31, v32, v33, v34, v35, v36, v37, v38, v39,"
	"v40, v41, v42, v43, v44, v45, v46, v47, v48, v49,"
	"v50, v51, v52, v53, v54, v55, v56, v57, v58, v59,"
	"v60, v61, v62, v63)";
/* clang-format on */

_Static_assert(STORE_ARGS_MAX <= 64, "one for each value");

struct rows_table {
	sqlite3_vtab base;
	const struct sqlite_rows *rows;
};

struct rows_cursor {
	sqlite3_vtab_cursor base;
	uint32_t at;
};

static int
on_connect(sqlite3 *db, void *arg, int argc, const char *const *argv,
    sqlite3_vtab **out, char **why)
{
	struct rows_table *t = calloc(1, sizeof(*t));
	int code = t ? sqlite3_declare_vtab(db, declared) : SQLITE_NOMEM;

	(void)argc;
	(void)argv;
	(void)why;
	if (code != SQLITE_OK) {
		free(t);
		return code;
	}
	t->rows = arg;
	*out = &t->base;
	return SQLITE_OK;
}

static int
on_disconnect(sqlite3_vtab *t)
{
	free(t);
	return SQLITE_OK;
}

/* All rows, in their order, whatever is asked. */
static int
on_best_index(sqlite3_vtab *t, sqlite3_index_info *info)
{
	(void)t;
	info->estimatedCost = 1;
	return SQLITE_OK;
}

static int
on_open(sqlite3_vtab *t, sqlite3_vtab_cursor **out)
{
	struct rows_cursor *c = calloc(1, sizeof(*c));

	(void)t;
	if (!c)
		return SQLITE_NOMEM;
	*out = &c->base;
	return SQLITE_OK;
}

static int
on_close(sqlite3_vtab_cursor *c)
{
	free(c);
	return SQLITE_OK;
}

static int
on_filter(sqlite3_vtab_cursor *c, int number, const char *name, int argc,
    sqlite3_value **argv)
{
	(void)number;
	(void)name;
	(void)argc;
	(void)argv;
	((struct rows_cursor *)c)->at = 0;
	return SQLITE_OK;
}

static int
on_next(sqlite3_vtab_cursor *c)
{
	((struct rows_cursor *)c)->at++;
	return SQLITE_OK;
}

static const struct sqlite_rows *
rows_of(const sqlite3_vtab_cursor *c)
{
	return ((const struct rows_table *)c->pVtab)->rows;
}

static int
on_eof(sqlite3_vtab_cursor *c)
{
	return ((struct rows_cursor *)c)->at >= rows_of(c)->n_rows;
}

static int
on_column(sqlite3_vtab_cursor *c, sqlite3_context *to, int i)
{
	const struct sqlite_rows *r = rows_of(c);
	size_t at = ((struct rows_cursor *)c)->at;
	const struct store_value *v;

	if (i < 0 || (uint32_t)i >= r->n_args)
		return SQLITE_OK; /* NULL by itself */
	v = &r->args[at * r->n_args + (uint32_t)i];
	/* A NULL pointer would be NULL, and an empty text is not. */
	switch (v->type) {
	case STORE_INT:
		sqlite3_result_int64(to, v->i);
		break;
	case STORE_TEXT:
		sqlite3_result_text64(to, v->s.p ? v->s.p : "", v->s.n,
		    SQLITE_STATIC, SQLITE_UTF8);
		break;
	case STORE_BLOB:
		sqlite3_result_blob64(
		    to, v->s.p ? v->s.p : "", v->s.n, SQLITE_STATIC);
		break;
	case STORE_NULL:
		break;
	}
	return SQLITE_OK;
}

static int
on_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *out)
{
	*out = ((struct rows_cursor *)c)->at;
	return SQLITE_OK;
}

/* Without xCreate it is there under the name of the module alone. */
static const sqlite3_module module = {
	.xConnect = on_connect,
	.xBestIndex = on_best_index,
	.xDisconnect = on_disconnect,
	.xOpen = on_open,
	.xClose = on_close,
	.xFilter = on_filter,
	.xNext = on_next,
	.xEof = on_eof,
	.xColumn = on_column,
	.xRowid = on_rowid,
};

int
sqlite_rows_offer(sqlite3 *db, const struct sqlite_rows *rows)
{
	return sqlite3_create_module(
	    db, "store_rows", &module, (void *)(uintptr_t)rows);
}
