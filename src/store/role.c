#include "store/people.h"

#include "store/row.h"

enum {
	FIND,
	ADD,
	REMOVE,
	EACH,
};

const struct store_sql store_role_sql[] = {
	[FIND] = { "SELECT id FROM role_grant WHERE"
		   " COALESCE(tenant_id, 0) = ? AND COALESCE(user_id, 0) = ?"
		   " AND COALESCE(team_id, 0) = ? AND role = ?",
	    NULL },
	[ADD] = { "INSERT INTO role_grant (tenant_id, user_id, team_id, role,"
		  " created) VALUES (?, ?, ?, ?, ?)",
	    NULL },
	[REMOVE] = { "DELETE FROM role_grant WHERE id = ?", NULL },
	/* Who has it tells whose it is where it holds in all tenants. */
	[EACH] = { "SELECT r.id, r.tenant_id, r.user_id, r.team_id, r.role,"
		   " r.created, n.name, u.name, t.name FROM role_grant r"
		   " LEFT JOIN user_account u ON u.id = r.user_id"
		   " LEFT JOIN team t ON t.id = r.team_id"
		   " JOIN tenant n ON n.id = COALESCE(u.tenant_id,"
		   " t.tenant_id) WHERE ? = 0 OR r.tenant_id IS NULL"
		   " OR r.tenant_id = ? ORDER BY r.id",
	    NULL },
	STORE_SQL_END,
};

static enum err
find(struct store *s, const struct store_role_grant *r, int64_t *id)
{
	const struct store_value v[] = { store_int(r->tenant_id),
		store_int(r->user_id), store_int(r->team_id),
		store_text(r->role) };
	int64_t found = 0;
	enum err e =
	    store_run(s, &store_role_sql[FIND], v, 4, store_row_int, &found);

	if (e == ERR_OK && found == 0)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		*id = found;
	return e;
}

enum err
store_role_add(struct store *s, struct store_role_grant *r)
{
	usec_t now = clock_wall();
	const struct store_value v[] = { store_id(r->tenant_id),
		store_id(r->user_id), store_id(r->team_id), store_text(r->role),
		store_int(now) };
	int64_t id;
	enum err e = find(s, r, &id);

	/* NULL is not equal to NULL: no unique index can say it. */
	if (e == ERR_OK)
		return ERR_DENIED;
	if (e != ERR_NOT_FOUND)
		return e;
	e = store_run(s, &store_role_sql[ADD], v, 5, NULL, NULL);
	if (e == ERR_OK) {
		r->id = store_last_id(s);
		r->created = now;
	}
	return e;
}

enum err
store_role_remove(
    struct store *s, const struct store_role_grant *r, int64_t *id)
{
	struct store_value v;
	int64_t found = 0;
	enum err e = find(s, r, &found);

	if (e != ERR_OK)
		return e;
	v = store_int(found);
	e = row_changed(
	    s, store_run(s, &store_role_sql[REMOVE], &v, 1, NULL, NULL));
	if (e == ERR_OK)
		*id = found;
	return e;
}

struct reader {
	store_role_fn fn;
	void *arg;
};

static enum err
on_each(void *arg, const struct store_value *v, uint32_t n)
{
	const struct reader *r = arg;
	const struct store_role_grant g = {
		.id = store_get_int(&v[0]),
		.tenant_id = store_get_int(&v[1]),
		.user_id = store_get_int(&v[2]),
		.team_id = store_get_int(&v[3]),
		.role = store_get_str(&v[4]),
		.created = store_get_int(&v[5]),
		.tenant = store_get_str(&v[6]),
		.user = store_get_str(&v[7]),
		.team = store_get_str(&v[8]),
	};

	(void)n;
	return r->fn(r->arg, &g);
}

enum err
store_role_each(struct store *s, int64_t tenant_id, store_role_fn fn, void *arg)
{
	const struct store_value v[] = { store_int(tenant_id),
		store_int(tenant_id) };
	struct reader r = { fn, arg };

	return store_run(s, &store_role_sql[EACH], v, 2, on_each, &r);
}
