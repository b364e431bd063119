#include "store/people.h"

#include "store/row.h"

#define SELECT                                                             \
	"SELECT t.id, t.tenant_id, n.name, t.name, t.title, t.is_blocked," \
	" t.created, t.changed, (SELECT COUNT(*) FROM team_member m"       \
	" WHERE m.team_id = t.id) FROM team t"                             \
	" JOIN tenant n ON n.id = t.tenant_id"

enum {
	ADD,
	FIND,
	SET,
	EACH,
	JOIN,
	LEAVE,
};

const struct store_sql store_team_sql[] = {
	[ADD] = { "INSERT INTO team (tenant_id, name, title, is_blocked,"
		  " created, changed) VALUES (?, ?, ?, ?, ?, ?)",
	    NULL },
	[FIND] = { SELECT " WHERE t.tenant_id = ? AND t.name = ?", NULL },
	[SET] = { "UPDATE team SET title = ?, is_blocked = ?, changed = ?"
		  " WHERE id = ? AND changed = ?",
	    NULL },
	[EACH] = { SELECT " WHERE ? = 0 OR t.tenant_id = ?"
			  " ORDER BY n.name, t.name",
	    NULL },
	[JOIN] = { "INSERT INTO team_member (team_id, user_id)"
		   " VALUES (?, ?)",
	    NULL },
	[LEAVE] = { "DELETE FROM team_member WHERE team_id = ?"
		    " AND user_id = ?",
	    NULL },
	STORE_SQL_END,
};

enum err
store_team_add(struct store *s, struct store_team *t)
{
	usec_t now = clock_wall();
	const struct store_value v[] = { store_int(t->tenant_id),
		store_text(t->name), row_text(t->title),
		store_int(t->is_blocked), store_int(now), store_int(now) };
	enum err e = store_run(s, &store_team_sql[ADD], v, 6, NULL, NULL);

	if (e == ERR_OK) {
		t->id = store_last_id(s);
		t->created = t->changed = now;
	}
	return e;
}

struct reader {
	struct arena *arena; /* NULL: texts are borrowed */
	store_team_fn fn;
	void *arg;
};

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	const struct reader *r = arg;
	struct arena *a = r->arena;
	const struct store_team t = {
		.id = store_get_int(&v[0]),
		.tenant_id = store_get_int(&v[1]),
		.tenant = row_str(a, &v[2]),
		.name = row_str(a, &v[3]),
		.title = row_str(a, &v[4]),
		.is_blocked = row_bool(&v[5]),
		.created = store_get_int(&v[6]),
		.changed = store_get_int(&v[7]),
		.n_members = store_get_int(&v[8]),
	};

	(void)n;
	return a != NULL && arena_failed(a) ? ERR_NOMEM : r->fn(r->arg, &t);
}

static enum err
take(void *arg, const struct store_team *t)
{
	*(struct store_team *)arg = *t;
	return ERR_OK;
}

enum err
store_team_find(struct store *s, int64_t tenant_id, struct str name,
    struct arena *a, struct store_team *out)
{
	const struct store_value v[] = { store_int(tenant_id),
		store_text(name) };
	struct store_team t = { 0 };
	struct reader r = { a, take, &t };
	enum err e = store_run(s, &store_team_sql[FIND], v, 2, on_row, &r);

	if (e == ERR_OK && t.id == 0)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		*out = t;
	return e;
}

enum err
store_team_set(struct store *s, struct store_team *t)
{
	usec_t now = clock_wall();
	const struct store_value v[] = { row_text(t->title),
		store_int(t->is_blocked), store_int(now), store_id(t->id),
		store_int(t->changed) };
	enum err e = row_changed(
	    s, store_run(s, &store_team_sql[SET], v, 5, NULL, NULL));

	if (e == ERR_OK)
		t->changed = now;
	return e;
}

enum err
store_team_each(struct store *s, int64_t tenant_id, store_team_fn fn, void *arg)
{
	const struct store_value v[] = { store_int(tenant_id),
		store_int(tenant_id) };
	struct reader r = { NULL, fn, arg };

	return store_run(s, &store_team_sql[EACH], v, 2, on_row, &r);
}

enum err
store_team_join(struct store *s, int64_t team_id, int64_t user_id)
{
	const struct store_value v[] = { store_int(team_id),
		store_int(user_id) };

	return store_run(s, &store_team_sql[JOIN], v, 2, NULL, NULL);
}

enum err
store_team_leave(struct store *s, int64_t team_id, int64_t user_id)
{
	const struct store_value v[] = { store_int(team_id),
		store_int(user_id) };

	return row_changed(
	    s, store_run(s, &store_team_sql[LEAVE], v, 2, NULL, NULL));
}
