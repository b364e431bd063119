#include "store/people.h"

#include "store/row.h"

#define SELECT                                                        \
	"SELECT u.id, u.tenant_id, n.name, u.name, u.title, u.email," \
	" u.is_blocked, u.created, u.changed FROM user_account u"     \
	" JOIN tenant n ON n.id = u.tenant_id"

enum {
	ADD,
	FIND,
	SET,
	EACH,
	COUNT_OF,
};

const struct store_sql store_user_sql[] = {
	[ADD] = { "INSERT INTO user_account (tenant_id, name, title, email,"
		  " is_blocked, created, changed)"
		  " VALUES (?, ?, ?, ?, ?, ?, ?)",
	    NULL },
	[FIND] = { SELECT " WHERE u.tenant_id = ? AND u.name = ?", NULL },
	[SET] = { "UPDATE user_account SET title = ?, email = ?,"
		  " is_blocked = ?, changed = ? WHERE id = ? AND changed = ?",
	    NULL },
	[EACH] = { SELECT " WHERE (? = 0 OR u.tenant_id = ?) AND (? = 0 OR"
			  " EXISTS (SELECT 1 FROM team_member m"
			  " WHERE m.user_id = u.id AND m.team_id = ?))"
			  " ORDER BY n.name, u.name",
	    NULL },
	[COUNT_OF] = { "SELECT COUNT(*) FROM user_account"
		       " WHERE tenant_id = ?",
	    NULL },
	STORE_SQL_END,
};

enum err
store_user_add(struct store *s, struct store_user *u)
{
	usec_t now = clock_wall();
	const struct store_value v[] = { store_int(u->tenant_id),
		store_text(u->name), row_text(u->title), row_text(u->email),
		store_int(u->is_blocked), store_int(now), store_int(now) };
	enum err e = store_run(s, &store_user_sql[ADD], v, 7, NULL, NULL);

	if (e == ERR_OK) {
		u->id = store_last_id(s);
		u->created = u->changed = now;
	}
	return e;
}

struct reader {
	struct arena *arena; /* NULL: texts are borrowed */
	store_user_fn fn;
	void *arg;
};

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	const struct reader *r = arg;
	struct arena *a = r->arena;
	const struct store_user u = {
		.id = store_get_int(&v[0]),
		.tenant_id = store_get_int(&v[1]),
		.tenant = row_str(a, &v[2]),
		.name = row_str(a, &v[3]),
		.title = row_str(a, &v[4]),
		.email = row_str(a, &v[5]),
		.is_blocked = row_bool(&v[6]),
		.created = store_get_int(&v[7]),
		.changed = store_get_int(&v[8]),
	};

	(void)n;
	return a != NULL && arena_failed(a) ? ERR_NOMEM : r->fn(r->arg, &u);
}

static enum err
take(void *arg, const struct store_user *u)
{
	*(struct store_user *)arg = *u;
	return ERR_OK;
}

enum err
store_user_find(struct store *s, int64_t tenant_id, struct str name,
    struct arena *a, struct store_user *out)
{
	const struct store_value v[] = { store_int(tenant_id),
		store_text(name) };
	struct store_user u = { 0 };
	struct reader r = { a, take, &u };
	enum err e = store_run(s, &store_user_sql[FIND], v, 2, on_row, &r);

	if (e == ERR_OK && u.id == 0)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		*out = u;
	return e;
}

enum err
store_user_set(struct store *s, struct store_user *u)
{
	usec_t now = clock_wall();
	const struct store_value v[] = { row_text(u->title), row_text(u->email),
		store_int(u->is_blocked), store_int(now), store_id(u->id),
		store_int(u->changed) };
	enum err e = row_changed(
	    s, store_run(s, &store_user_sql[SET], v, 6, NULL, NULL));

	if (e == ERR_OK)
		u->changed = now;
	return e;
}

enum err
store_user_each(struct store *s, int64_t tenant_id, int64_t team_id,
    store_user_fn fn, void *arg)
{
	const struct store_value v[] = { store_int(tenant_id),
		store_int(tenant_id), store_int(team_id), store_int(team_id) };
	struct reader r = { NULL, fn, arg };

	return store_run(s, &store_user_sql[EACH], v, 4, on_row, &r);
}

enum err
store_user_count(struct store *s, int64_t tenant_id, int64_t *n)
{
	const struct store_value v = store_int(tenant_id);

	return store_run(s, &store_user_sql[COUNT_OF], &v, 1, store_row_int, n);
}
