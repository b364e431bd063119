#include "jobs/audit.h"

#include "meter/event.h"
#include "store/audit.h"
#include "store/logday.h"

#define ACTOR STR("gateway")

enum err
jobs_audit_add(struct store *s, void *arg, struct str payload)
{
	struct jobs_audit *a = arg;
	struct meter_event ev;
	struct store_audit row;
	enum err e;

	if (meter_event_decode(payload, &ev) != ERR_OK) {
		a->damaged++;
		return ERR_OK;
	}
	row = (struct store_audit){
		.at = ev.at,
		.actor = ev.actor,
		.action = ev.action,
		.object = ev.object,
		.tenant_id = ev.tenant_id,
		.result = ev.result,
		.reason = ev.reason,
		.address = ev.address,
		.detail = ev.detail,
		.source_id = str_of((const char *)ev.id, sizeof(ev.id)),
	};
	e = store_audit_add(s, &row);
	if (e != ERR_LIMIT)
		return e;
	a->damaged++;
	return ERR_OK;
}

enum err
jobs_audit_keep(struct store *s, usec_t keep, usec_t now, uint64_t *n)
{
	enum err e = store_logday_make(s, STORE_AUDIT, now / STORE_DAY + 1);

	*n = 0;
	if (e == ERR_OK && keep > 0)
		e = store_audit_drop(s, ACTOR, (now - keep) / STORE_DAY, n);
	return e;
}
