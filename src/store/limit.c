#include "store/limit.h"

#include "store/row.h"

#define SELECT                                                              \
	"SELECT l.id, l.name, l.tenant_id, l.team_id, l.user_id, l.key_id," \
	" l.model, l.provider, l.each_of, l.sort, l.amount, l.per,"         \
	" l.period, l.mode, l.soft_percent, l.created, l.changed,"          \
	" n.name, t.name, u.name, k.name, n.timezone FROM limit_rule l"     \
	" LEFT JOIN tenant n ON n.id = l.tenant_id"                         \
	" LEFT JOIN team t ON t.id = l.team_id"                             \
	" LEFT JOIN user_account u ON u.id = l.user_id"                     \
	" LEFT JOIN client_key k ON k.id = l.key_id"

enum {
	COUNT,
	ADD,
	SET,
	REMOVE,
	FIND,
	EACH,
};

const struct store_sql store_limit_sql[] = {
	[COUNT] = { "SELECT COUNT(*) FROM limit_rule", NULL },
	[ADD] = { "INSERT INTO limit_rule (name, tenant_id, team_id, user_id,"
		  " key_id, model, provider, each_of, sort, amount, per,"
		  " period, mode, soft_percent, created, changed) VALUES"
		  " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    NULL },
	[SET] = { "UPDATE limit_rule SET amount = ?, per = ?, period = ?,"
		  " mode = ?, soft_percent = ?, changed = ? WHERE id = ?",
	    NULL },
	[REMOVE] = { "DELETE FROM limit_rule WHERE id = ?", NULL },
	[FIND] = { SELECT " WHERE l.name = ?", NULL },
	[EACH] = { SELECT " WHERE ? = 0 OR l.tenant_id = ? ORDER BY l.name",
	    NULL },
	STORE_SQL_END,
};

static struct str
mode_of(const struct store_limit *l)
{
	return l->is_shadow ? STR("shadow") : STR("enforce");
}

static enum err
check_room(struct store *s)
{
	int64_t n = 0;
	enum err e =
	    store_run(s, &store_limit_sql[COUNT], NULL, 0, store_row_int, &n);

	return e == ERR_OK && n >= STORE_LIMITS_MAX ? ERR_LIMIT : e;
}

enum err
store_limit_add(struct store *s, struct store_limit *l)
{
	usec_t now = clock_wall();
	const struct store_value v[] = { store_text(l->name),
		store_id(l->tenant_id), store_id(l->team_id),
		store_id(l->user_id), store_id(l->key_id), store_text(l->model),
		store_text(l->provider), row_text(l->each_of),
		store_text(l->sort), store_int(l->amount), store_int(l->per),
		row_text(l->period), store_text(mode_of(l)),
		store_int(l->soft_percent), store_int(now), store_int(now) };
	enum err e = check_room(s);

	if (e == ERR_OK)
		e = store_run(s, &store_limit_sql[ADD], v, 16, NULL, NULL);
	if (e == ERR_OK) {
		l->id = store_last_id(s);
		l->created = l->changed = now;
	}
	return e;
}

enum err
store_limit_set(struct store *s, struct store_limit *l)
{
	usec_t now = clock_wall();
	const struct store_value v[] = { store_int(l->amount),
		store_int(l->per), row_text(l->period), store_text(mode_of(l)),
		store_int(l->soft_percent), store_int(now), store_int(l->id) };
	enum err e = row_changed(
	    s, store_run(s, &store_limit_sql[SET], v, 7, NULL, NULL));

	if (e == ERR_OK)
		l->changed = now;
	return e;
}

enum err
store_limit_remove(struct store *s, int64_t id)
{
	const struct store_value v = store_int(id);

	return row_changed(
	    s, store_run(s, &store_limit_sql[REMOVE], &v, 1, NULL, NULL));
}

struct reader {
	struct arena *arena; /* NULL: texts are borrowed */
	store_limit_fn fn;
	void *arg;
};

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	const struct reader *r = arg;
	struct arena *a = r->arena;
	const struct store_limit l = {
		.id = store_get_int(&v[0]),
		.name = row_str(a, &v[1]),
		.tenant_id = store_get_int(&v[2]),
		.team_id = store_get_int(&v[3]),
		.user_id = store_get_int(&v[4]),
		.key_id = store_get_int(&v[5]),
		.model = row_str(a, &v[6]),
		.provider = row_str(a, &v[7]),
		.each_of = row_str(a, &v[8]),
		.sort = row_str(a, &v[9]),
		.amount = store_get_int(&v[10]),
		.per = store_get_int(&v[11]),
		.period = row_str(a, &v[12]),
		.is_shadow = str_eqz(store_get_str(&v[13]), "shadow"),
		.soft_percent = store_get_int(&v[14]),
		.created = store_get_int(&v[15]),
		.changed = store_get_int(&v[16]),
		.tenant = row_str(a, &v[17]),
		.team = row_str(a, &v[18]),
		.user = row_str(a, &v[19]),
		.key = row_str(a, &v[20]),
		.timezone = row_str(a, &v[21]),
	};

	(void)n;
	return a != NULL && arena_failed(a) ? ERR_NOMEM : r->fn(r->arg, &l);
}

static enum err
take(void *arg, const struct store_limit *l)
{
	*(struct store_limit *)arg = *l;
	return ERR_OK;
}

enum err
store_limit_find(
    struct store *s, struct str name, struct arena *a, struct store_limit *out)
{
	const struct store_value v = store_text(name);
	struct store_limit l = { 0 };
	struct reader r = { a, take, &l };
	enum err e = store_run(s, &store_limit_sql[FIND], &v, 1, on_row, &r);

	if (e == ERR_OK && l.id == 0)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		*out = l;
	return e;
}

enum err
store_limit_each(
    struct store *s, int64_t tenant_id, store_limit_fn fn, void *arg)
{
	const struct store_value v[] = { store_int(tenant_id),
		store_int(tenant_id) };
	struct reader r = { NULL, fn, arg };

	return store_run(s, &store_limit_sql[EACH], v, 2, on_row, &r);
}
