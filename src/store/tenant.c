#include "store/people.h"

#include "store/row.h"

#define COLUMNS \
	"id, name, title, timezone, residency, is_blocked, created, changed"

enum {
	ADD,
	FIND,
	SET,
	EACH,
};

const struct store_sql store_tenant_sql[] = {
	[ADD] = { "INSERT INTO tenant (name, title, timezone, residency,"
		  " is_blocked, created, changed)"
		  " VALUES (?, ?, ?, ?, ?, ?, ?)",
	    NULL },
	[FIND] = { "SELECT " COLUMNS " FROM tenant WHERE name = ?", NULL },
	[SET] = { "UPDATE tenant SET title = ?, timezone = ?, residency = ?,"
		  " is_blocked = ?, changed = ? WHERE id = ? AND changed = ?",
	    NULL },
	[EACH] = { "SELECT " COLUMNS " FROM tenant ORDER BY name", NULL },
	STORE_SQL_END,
};

enum err
store_tenant_add(struct store *s, struct store_tenant *t)
{
	usec_t now = clock_wall();
	const struct store_value v[] = { store_text(t->name),
		row_text(t->title), row_text(t->timezone),
		row_text(t->residency), store_int(t->is_blocked),
		store_int(now), store_int(now) };
	enum err e = store_run(s, &store_tenant_sql[ADD], v, 7, NULL, NULL);

	if (e == ERR_OK) {
		t->id = store_last_id(s);
		t->created = t->changed = now;
	}
	return e;
}

struct reader {
	struct arena *arena; /* NULL: texts are borrowed */
	store_tenant_fn fn;
	void *arg;
};

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	const struct reader *r = arg;
	struct arena *a = r->arena;
	const struct store_tenant t = {
		.id = store_get_int(&v[0]),
		.name = row_str(a, &v[1]),
		.title = row_str(a, &v[2]),
		.timezone = row_str(a, &v[3]),
		.residency = row_str(a, &v[4]),
		.is_blocked = row_bool(&v[5]),
		.created = store_get_int(&v[6]),
		.changed = store_get_int(&v[7]),
	};

	(void)n;
	return a != NULL && arena_failed(a) ? ERR_NOMEM : r->fn(r->arg, &t);
}

static enum err
take(void *arg, const struct store_tenant *t)
{
	*(struct store_tenant *)arg = *t;
	return ERR_OK;
}

enum err
store_tenant_find(
    struct store *s, struct str name, struct arena *a, struct store_tenant *out)
{
	const struct store_value v = store_text(name);
	struct store_tenant t = { 0 };
	struct reader r = { a, take, &t };
	enum err e = store_run(s, &store_tenant_sql[FIND], &v, 1, on_row, &r);

	if (e == ERR_OK && t.id == 0)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		*out = t;
	return e;
}

enum err
store_tenant_set(struct store *s, struct store_tenant *t)
{
	usec_t now = clock_wall();
	const struct store_value v[] = { row_text(t->title),
		row_text(t->timezone), row_text(t->residency),
		store_int(t->is_blocked), store_int(now), store_id(t->id),
		store_int(t->changed) };
	enum err e = row_changed(
	    s, store_run(s, &store_tenant_sql[SET], v, 7, NULL, NULL));

	if (e == ERR_OK)
		t->changed = now;
	return e;
}

enum err
store_tenant_each(struct store *s, store_tenant_fn fn, void *arg)
{
	struct reader r = { NULL, fn, arg };

	return store_run(s, &store_tenant_sql[EACH], NULL, 0, on_row, &r);
}
