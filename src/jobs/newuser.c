#include "jobs/newuser.h"

#include <stdio.h>

#include "base/json.h"
#include "store/change.h"
#include "store/people.h"

#define ARENA_BYTES 65536u

struct making {
	struct store *s;
	struct arena *arena;
	struct store_tenant tenant;
	struct store_user user;
	bool is_there;
};

/* NULL: he can be made; or why not. */
static enum err
judge(struct making *m, struct str tenant, const char **why)
{
	struct store_user other;
	int64_t n = 0;
	enum err e = store_tenant_find(m->s, tenant, m->arena, &m->tenant);

	*why = NULL;
	if (e == ERR_NOT_FOUND || (e == ERR_OK && m->tenant.is_blocked)) {
		*why = "no_tenant";
		return ERR_OK;
	}
	if (e == ERR_OK)
		e = store_user_find(
		    m->s, m->tenant.id, m->user.name, m->arena, &other);
	m->is_there = e == ERR_OK;
	if (e != ERR_NOT_FOUND)
		return e;
	e = store_user_count(m->s, m->tenant.id, &n);
	if (e == ERR_OK && n >= JOBS_NEWUSER_MAX)
		*why = "too_many";
	return e;
}

static enum err
add(struct making *m)
{
	enum err e;

	m->user.tenant_id = m->tenant.id;
	e = store_user_add(m->s, &m->user);
	/* Another host's llmgw-jobd was faster. */
	m->is_there = e == ERR_DENIED;
	return m->is_there ? ERR_OK : e;
}

static enum err
make(struct making *m, struct str tenant, struct store_audit *row)
{
	char object[64] = "user";
	const char *why = NULL;
	enum err e = judge(m, tenant, &why);

	if (e == ERR_OK && !why && !m->is_there)
		e = add(m);
	if (e != ERR_OK || m->is_there)
		return e;
	if (why)
		row->result = str_z(why);
	else
		(void)snprintf(
		    object, sizeof(object), "user:%lld", (long long)m->user.id);
	row->object = str_z(object);
	row->tenant_id = m->tenant.id;
	/* The audit first: its lock gives the change log its order. */
	e = store_audit_add(m->s, row);
	if (e == ERR_OK && !why)
		e = store_change_add(m->s, "user", m->user.id);
	return e;
}

enum err
jobs_newuser_add(
    struct store *s, const struct meter_event *ev, struct store_audit *row)
{
	struct making m = { .s = s, .arena = arena_new(ARENA_BYTES) };
	struct str tenant = { 0 };
	struct json j;
	enum err e;

	if (!m.arena)
		return ERR_NOMEM;
	e = json_scan(&j, m.arena, ev->detail, NULL, NULL);
	if (e == ERR_OK) {
		tenant = json_text(&j, json_get(&j, 0, "tenant"), m.arena);
		m.user.name = json_text(&j, json_get(&j, 0, "name"), m.arena);
	}
	if (e == ERR_NOMEM || arena_failed(m.arena))
		e = ERR_NOMEM;
	else if (!str_present(tenant) || !str_present(m.user.name) ||
		 !store_user_name_valid(m.user.name))
		e = ERR_LIMIT;
	else
		e = make(&m, tenant, row);
	arena_free(m.arena);
	return e;
}
