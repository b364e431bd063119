#include "store/grant.h"

#include "store/row.h"

#define SELECT                                                         \
	"SELECT g.id, g.tenant_id, g.team_id, g.user_id, g.key_id,"    \
	" g.role, g.sort, g.pattern, g.is_allowed, g.created, n.name," \
	" t.name, u.name, k.name FROM model_grant g"                   \
	" JOIN tenant n ON n.id = g.tenant_id"                         \
	" LEFT JOIN team t ON t.id = g.team_id"                        \
	" LEFT JOIN user_account u ON u.id = g.user_id"                \
	" LEFT JOIN client_key k ON k.id = g.key_id"

enum {
	SAME,
	ADD,
	REMOVE,
	GET,
	EACH,
};

const struct store_sql store_grant_sql[] = {
	[SAME] = { "SELECT id FROM model_grant WHERE tenant_id = ?"
		   " AND COALESCE(team_id, 0) = ? AND COALESCE(user_id, 0) = ?"
		   " AND COALESCE(key_id, 0) = ? AND COALESCE(role, '') = ?"
		   " AND sort = ? AND pattern = ? AND is_allowed = ?",
	    NULL },
	[ADD] = { "INSERT INTO model_grant (tenant_id, team_id, user_id,"
		  " key_id, role, sort, pattern, is_allowed, created)"
		  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    NULL },
	[REMOVE] = { "DELETE FROM model_grant WHERE id = ?", NULL },
	[GET] = { SELECT " WHERE g.id = ?", NULL },
	[EACH] = { SELECT " WHERE ? = 0 OR g.tenant_id = ?"
			  " ORDER BY n.name, g.id",
	    NULL },
	STORE_SQL_END,
};

static struct str
sort_of(const struct store_grant *g)
{
	return g->is_tag ? STR("tag") : STR("name");
}

static enum err
find_same(struct store *s, const struct store_grant *g, int64_t *id)
{
	const struct store_value v[] = { store_int(g->tenant_id),
		store_int(g->team_id), store_int(g->user_id),
		store_int(g->key_id), row_text(g->role), store_text(sort_of(g)),
		store_text(g->pattern), store_int(g->is_allowed) };

	*id = 0;
	return store_run(s, &store_grant_sql[SAME], v, 8, store_row_int, id);
}

enum err
store_grant_add(struct store *s, struct store_grant *g)
{
	usec_t now = clock_wall();
	const struct store_value v[] = { store_int(g->tenant_id),
		store_id(g->team_id), store_id(g->user_id), store_id(g->key_id),
		store_text(g->role), store_text(sort_of(g)),
		store_text(g->pattern), store_int(g->is_allowed),
		store_int(now) };
	int64_t same;
	enum err e = find_same(s, g, &same);

	if (e == ERR_OK && same != 0)
		e = ERR_DENIED;
	if (e == ERR_OK)
		e = store_run(s, &store_grant_sql[ADD], v, 9, NULL, NULL);
	if (e == ERR_OK) {
		g->id = store_last_id(s);
		g->created = now;
	}
	return e;
}

enum err
store_grant_remove(struct store *s, int64_t id)
{
	const struct store_value v = store_int(id);

	return row_changed(
	    s, store_run(s, &store_grant_sql[REMOVE], &v, 1, NULL, NULL));
}

struct reader {
	struct arena *arena; /* NULL: texts are borrowed */
	store_grant_fn fn;
	void *arg;
};

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	const struct reader *r = arg;
	struct arena *a = r->arena;
	const struct store_grant g = {
		.id = store_get_int(&v[0]),
		.tenant_id = store_get_int(&v[1]),
		.team_id = store_get_int(&v[2]),
		.user_id = store_get_int(&v[3]),
		.key_id = store_get_int(&v[4]),
		.role = row_str(a, &v[5]),
		.is_tag = str_eqz(store_get_str(&v[6]), "tag"),
		.pattern = row_str(a, &v[7]),
		.is_allowed = row_bool(&v[8]),
		.created = store_get_int(&v[9]),
		.tenant = row_str(a, &v[10]),
		.team = row_str(a, &v[11]),
		.user = row_str(a, &v[12]),
		.key = row_str(a, &v[13]),
	};

	(void)n;
	return a != NULL && arena_failed(a) ? ERR_NOMEM : r->fn(r->arg, &g);
}

static enum err
take(void *arg, const struct store_grant *g)
{
	*(struct store_grant *)arg = *g;
	return ERR_OK;
}

enum err
store_grant_get(
    struct store *s, int64_t id, struct arena *a, struct store_grant *out)
{
	const struct store_value v = store_int(id);
	struct store_grant g = { 0 };
	struct reader r = { a, take, &g };
	enum err e = store_run(s, &store_grant_sql[GET], &v, 1, on_row, &r);

	if (e == ERR_OK && g.id == 0)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		*out = g;
	return e;
}

enum err
store_grant_each(
    struct store *s, int64_t tenant_id, store_grant_fn fn, void *arg)
{
	const struct store_value v[] = { store_int(tenant_id),
		store_int(tenant_id) };
	struct reader r = { NULL, fn, arg };

	return store_run(s, &store_grant_sql[EACH], v, 2, on_row, &r);
}
