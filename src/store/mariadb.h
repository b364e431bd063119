#ifndef STORE_MARIADB_H
#define STORE_MARIADB_H
/* What the files of the MariaDB driver share. Private to store. */
#include <mysql.h>

#include "store/driver.h"

/* One column of a result, where the library puts it. */
struct mariadb_cell {
	enum store_type type;
	int64_t i;
	char *p;
	size_t cap;
	unsigned long length; /* of the value, also of one that did not fit */
	my_bool is_null;
	my_bool is_wrong;
};

struct mariadb_stmt {
	MYSQL_STMT *st;
	uint32_t n_cells;
	struct mariadb_cell *cell;
	MYSQL_BIND *bind;
};

struct mariadb {
	struct store base;
	MYSQL *my;
	struct store_stmts stmts;
};

static inline struct mariadb *
mariadb_of(struct store *s)
{
	return (struct mariadb *)s;
}

/* The last failure of st, noted. */
enum err mariadb_fail_stmt(struct mariadb *m, MYSQL_STMT *st);
/* NULL is allowed. */
void mariadb_stmt_free(struct mariadb_stmt *p);
/* Prepared before, or now. */
enum err mariadb_get(
    struct mariadb *m, const struct store_sql *sql, struct mariadb_stmt **out);
enum err mariadb_run(struct store *s, const struct store_sql *sql,
    const struct store_value *args, uint32_t n_args, store_row_fn row,
    void *arg);
enum err mariadb_many(struct store *s, const struct store_sql *sql,
    const struct store_value *args, uint32_t n_args, uint32_t n_rows);

#endif
