#include "store/store.h"

#include "store/person.h"

/* Each aggregate's table, for "every statement fits the schema". */
extern const struct store_sql store_audit_sql[];
extern const struct store_sql store_change_sql[];
extern const struct store_sql store_logday_sql[];
extern const struct store_sql store_schema_sql[];

const struct store_sql *const store_sql_tables[] = {
	store_audit_sql,
	store_change_sql,
	store_logday_sql,
	store_schema_sql,
	store_person_sql,
	NULL,
};
