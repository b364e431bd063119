#include "store/store.h"

#include "store/grant.h"
#include "store/key.h"
#include "store/limit.h"
#include "store/people.h"
#include "store/person.h"
#include "store/secret.h"
#include "store/spent.h"

/* Each aggregate's table, for "every statement fits the schema". */
extern const struct store_sql store_audit_sql[];
extern const struct store_sql store_audit_keep_sql[];
extern const struct store_sql store_audit_read_sql[];
extern const struct store_sql store_change_sql[];
extern const struct store_sql store_fold_sql[];
extern const struct store_sql store_fold_make_sql[];
extern const struct store_sql store_logday_sql[];
extern const struct store_sql store_ledger_sql[];
extern const struct store_sql store_rollup_sql[];
extern const struct store_sql store_price_sql[];
extern const struct store_sql store_reprice_sql[];
extern const struct store_sql store_replica_sql[];
extern const struct store_sql store_usage_sql[];
extern const struct store_sql store_schema_sql[];
extern const struct store_sql store_spool_segment_sql[];

const struct store_sql *const store_sql_tables[] = {
	store_audit_sql,
	store_audit_keep_sql,
	store_audit_read_sql,
	store_change_sql,
	store_fold_sql,
	store_fold_make_sql,
	store_grant_sql,
	store_key_sql,
	store_limit_sql,
	store_spent_sql,
	store_logday_sql,
	store_role_sql,
	store_price_sql,
	store_replica_sql,
	store_reprice_sql,
	store_usage_sql,
	store_schema_sql,
	store_team_sql,
	store_tenant_sql,
	store_user_sql,
	store_ledger_sql,
	store_rollup_sql,
	store_spool_segment_sql,
	store_person_sql,
	store_secret_sql,
	NULL,
};
