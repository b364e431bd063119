#include "store/driver.h"

void *
store_stmts_find(struct store_stmts *c, const struct store_sql *sql)
{
	unsigned i;

	for (i = 0; i < STORE_STMTS_MAX; i++)
		if (c->slot[i].sql == sql) {
			c->slot[i].used = ++c->clock;
			return c->slot[i].stmt;
		}
	return NULL;
}

void *
store_stmts_put(struct store_stmts *c, const struct store_sql *sql, void *stmt)
{
	unsigned i, oldest = 0;
	void *old;

	for (i = 0; i < STORE_STMTS_MAX; i++) {
		if (c->slot[i].sql == NULL) {
			oldest = i;
			break;
		}
		if (c->slot[i].used < c->slot[oldest].used)
			oldest = i;
	}
	old = c->slot[oldest].stmt;
	c->slot[oldest].sql = sql;
	c->slot[oldest].stmt = stmt;
	c->slot[oldest].used = ++c->clock;
	return old;
}

void *
store_stmts_take(struct store_stmts *c)
{
	unsigned i;

	for (i = 0; i < STORE_STMTS_MAX; i++)
		if (c->slot[i].sql != NULL) {
			void *stmt = c->slot[i].stmt;

			c->slot[i].sql = NULL;
			c->slot[i].stmt = NULL;
			return stmt;
		}
	return NULL;
}
