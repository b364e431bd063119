#include "store/act.h"

#include "store/audit.h"
#include "store/change.h"

enum err
store_act_note(struct store *s, const struct store_act *act, const char *action,
    struct str object, int64_t tenant_id, struct str detail_json,
    const char *change_sort, int64_t change_id)
{
	struct store_audit row = {
		.at = clock_wall(),
		.actor = act->actor,
		.action = str_z(action),
		.object = object,
		.tenant_id = tenant_id,
		.result = STR("ok"),
		.reason = act->reason,
		.address = act->address,
		.detail = detail_json,
	};
	/* The audit first: its lock gives the change log its order. */
	enum err e = store_audit_add(s, &row);

	if (e == ERR_OK)
		e = store_change_add(s, change_sort, change_id);
	return e;
}
