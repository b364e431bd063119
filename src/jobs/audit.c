#include "jobs/audit.h"

#include "base/json.h"
#include "jobs/newuser.h"
#include "meter/event.h"
#include "store/audit.h"
#include "store/logday.h"
#include "store/secret.h"

#define ACTOR STR("gateway")

/* A few members; nobody else writes these events. */
#define DETAIL_ARENA 65536u

/* What a provider said of a sealed key goes beside the secret. */
static enum err
write_word(struct store *s, const struct meter_event *ev)
{
	struct arena *a = arena_new(DETAIL_ARENA);
	enum err e = ERR_OK;
	int64_t id = 0, status = 0, at = 0;
	struct str provider;
	struct json j;

	if (!a)
		return ERR_NOMEM;
	if (json_scan(&j, a, ev->detail, NULL, NULL) == ERR_OK) {
		id = json_i64_or(&j, json_get(&j, 0, "secret_id"), 0);
		status = json_i64_or(&j, json_get(&j, 0, "status"), 0);
		at = json_i64_or(&j, json_get(&j, 0, "at"), 0);
		provider = json_text(&j, json_get(&j, 0, "provider"), a);
		if (id > 0 && at > 0 && str_present(provider))
			e = store_secret_told(s, id, provider, (int)status, at);
	}
	arena_free(a);
	return e == ERR_LIMIT ? ERR_OK : e;
}

static enum err
act_on(struct store *s, const struct meter_event *ev)
{
	if (ev->detail.n > 0 && (str_eqz(ev->action, METER_EVENT_OUT) ||
				    str_eqz(ev->action, METER_EVENT_IN)))
		return write_word(s, ev);
	return ERR_OK;
}

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
	if (str_eqz(ev.action, METER_EVENT_NEW_USER)) {
		e = jobs_newuser_add(s, &ev, &row);
	} else {
		e = store_audit_add(s, &row);
		if (e == ERR_OK)
			e = act_on(s, &ev);
	}
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
