#include "store/secret.h"

#include "base/num.h"
#include "store/row.h"

#define SECRET_ARENA_MAX ((size_t)64 << 20)
#define COLUMNS                                              \
	"id, name, provider, master_id, weight, not_before," \
	" COALESCE(not_after, 0), created, changed, out_since, out_why"

enum {
	SEALED,
	ADD,
	SEAL,
	RENAME,
	RETIRE,
	REMOVE,
	OPEN_ONE,
	FIND,
	LIST,
	REFUSED,
	ACCEPTED,
};

const struct store_sql store_secret_sql[] = {
	[SEALED] = { "SELECT " COLUMNS ", sealed FROM provider_secret"
		     " ORDER BY name LIMIT 10001",
	    NULL },
	[ADD] = { "INSERT INTO provider_secret (name, provider, master_id,"
		  " sealed, weight, not_before, not_after, created, changed)"
		  " VALUES (?, ?, '', '', ?, ?, ?, ?, ?)",
	    NULL },
	[SEAL] = { "UPDATE provider_secret SET master_id = ?, sealed = ?,"
		   " changed = ? WHERE id = ?",
	    NULL },
	[RENAME] = { "UPDATE provider_secret SET name = ?, not_after = ?,"
		     " changed = ? WHERE id = ?",
	    NULL },
	[RETIRE] = { "UPDATE provider_secret SET not_after = ?, changed = ?"
		     " WHERE id = ?",
	    NULL },
	[REMOVE] = { "DELETE FROM provider_secret WHERE id = ?", NULL },
	[OPEN_ONE] = { "SELECT " COLUMNS ", sealed FROM provider_secret"
		       " WHERE id = ?",
	    NULL },
	[FIND] = { "SELECT " COLUMNS " FROM provider_secret WHERE name = ?",
	    NULL },
	[LIST] = { "SELECT " COLUMNS " FROM provider_secret ORDER BY name"
		   " LIMIT 10001",
	    NULL },
	[REFUSED] = { "UPDATE provider_secret SET out_since = ?, out_why = ?"
		      " WHERE id = ? AND COALESCE(out_since, 0) <= ?",
	    NULL },
	[ACCEPTED] = { "UPDATE provider_secret SET out_since = ?, out_why = ''"
		       " WHERE id = ? AND COALESCE(out_since, 0) <= ?"
		       " AND (out_why = '' OR SUBSTR(out_why, 1, ?) = ?)",
	    NULL },
	STORE_SQL_END,
};

/* ---- rows ---------------------------------------------------------------- */

#define COLUMN_SEALED 11

static void
take_row(
    const struct store_value *v, struct arena *a, struct store_secret_row *out)
{
	*out = (struct store_secret_row){ .id = store_get_int(&v[0]),
		.name = row_str(a, &v[1]),
		.provider = row_str(a, &v[2]),
		.master_id = row_str(a, &v[3]),
		.weight = store_get_int(&v[4]),
		.not_before = store_get_int(&v[5]),
		.not_after = store_get_int(&v[6]),
		.created = store_get_int(&v[7]),
		.changed = store_get_int(&v[8]),
		.out_why = row_str(a, &v[10]) };
	/* Without a why it is the time of the last good word. */
	if (out->out_why.n > 0)
		out->out_since = store_get_int(&v[9]);
}

static struct store_seal_place
place_of(const struct store_secret_row *row)
{
	return (struct store_seal_place){ .id = row->id,
		.family = store_secret_family(row->name),
		.provider = row->provider };
}

/* ---- the set ------------------------------------------------------------- */

void
store_secrets_free(struct store_secrets *set)
{
	if (!set)
		return;
	for (uint32_t i = 0; i < set->n; i++)
		secret_unref(set->v[i].secret);
	arena_free(set->arena);
}

struct loading {
	const struct store_masters *masters;
	struct store_secrets *set;
	uint32_t cap;
};

static bool
make_room(struct loading *l)
{
	struct store_secrets *set = l->set;
	uint32_t cap = l->cap > 0 ? 2 * l->cap : 16;
	struct store_sealed *v;

	if (set->n < l->cap)
		return true;
	v = arena_resize(
	    set->arena, set->v, l->cap * sizeof(*v), cap * sizeof(*v));
	if (!v)
		return false;
	set->v = v;
	l->cap = cap;
	return true;
}

static uint32_t
weight_of(int64_t weight)
{
	return weight < 0 ? 0 : weight > 1000000 ? 1000000 : (uint32_t)weight;
}

/* One that cannot be opened is kept without its secret: health tells it. */
static enum err
on_sealed(void *arg, const struct store_value *v, uint32_t n)
{
	struct loading *l = arg;
	struct store_secrets *set = l->set;
	struct store_secret_row row;
	struct store_seal_place place;
	struct store_sealed *out;
	enum err e;

	(void)n;
	if (set->n == STORE_SECRETS_MAX)
		return ERR_LIMIT;
	take_row(v, set->arena, &row);
	if (!make_room(l) || arena_failed(set->arena))
		return ERR_NOMEM;
	out = &set->v[set->n];
	*out = (struct store_sealed){ .id = row.id,
		.name = row.name,
		.provider = row.provider,
		.weight = weight_of(row.weight),
		.not_before = row.not_before,
		.not_after = row.not_after,
		.out_since = row.out_since,
		.out_why = row.out_why };
	place = place_of(&row);
	e = store_unseal(l->masters, &place, row.master_id,
	    store_get_str(&v[COLUMN_SEALED]), &out->secret);
	if (e == ERR_NOMEM)
		return e;
	set->n_closed += e != ERR_OK;
	set->n++;
	return ERR_OK;
}

enum err
store_secrets_load(struct store *s, const struct store_masters *masters,
    struct store_secrets **out)
{
	struct arena *a = arena_new(SECRET_ARENA_MAX);
	struct loading l = { .masters = masters };
	enum err e;

	l.set = a ? ARENA_NEW(a, struct store_secrets) : NULL;
	if (!l.set) {
		arena_free(a);
		return ERR_NOMEM;
	}
	*l.set = (struct store_secrets){ .arena = a };
	e = store_run(s, &store_secret_sql[SEALED], NULL, 0, on_sealed, &l);
	if (e == ERR_OK)
		*out = l.set;
	else
		store_secrets_free(l.set);
	return e;
}

/* ---- administration ------------------------------------------------------ */

static enum err
put_sealed(struct store *s, const struct store_masters *masters,
    const struct store_seal_place *place, struct str plain, usec_t now)
{
	char master_id[SEAL_ID_SIZE];
	struct buf sealed;
	enum err e;

	buf_init(&sealed, SEAL_PLAIN_MAX + SEAL_EXTRA);
	e = store_seal(masters, place, plain, master_id, &sealed);
	if (e == ERR_OK) {
		struct store_value v[] = { store_text(str_z(master_id)),
			store_blob(sealed.p, sealed.n), store_int(now),
			store_int(place->id) };

		e = row_changed(
		    s, store_run(s, &store_secret_sql[SEAL], v, 4, NULL, NULL));
	}
	buf_fini(&sealed);
	return e;
}

enum err
store_secret_add(struct store *s, const struct store_masters *masters,
    const struct store_secret_new *n, usec_t now, int64_t *id)
{
	struct store_value v[] = { store_text(n->name),
		store_text(n->provider.p ? n->provider : STR("")),
		store_int(n->weight), store_int(n->not_before),
		store_id(n->not_after), store_int(now), store_int(now) };
	struct store_seal_place place;
	enum err e;

	/* The row first: what is sealed is bound to its number. */
	e = store_run(s, &store_secret_sql[ADD], v, 7, NULL, NULL);
	if (e != ERR_OK)
		return e;
	place = (struct store_seal_place){ .id = store_last_id(s),
		.family = store_secret_family(n->name),
		.provider = n->provider };
	e = put_sealed(s, masters, &place, n->plain, now);
	if (e == ERR_OK)
		*id = place.id;
	return e;
}

enum err
store_secret_rotate(struct store *s, const struct store_masters *masters,
    const struct store_secret_row *old, struct str plain, usec_t not_before,
    usec_t old_until, usec_t now, int64_t *id)
{
	struct store_secret_new fresh = { .name = old->name,
		.provider = old->provider,
		.plain = plain,
		.weight = old->weight,
		.not_before = not_before };
	struct str family = store_secret_family(old->name);
	char name[160];
	int n = snprintf(name, sizeof(name), "%.*s@%lld", STR_ARG(family),
	    (long long)old->id);
	struct store_value v[] = { store_text(str_of(name, (size_t)n)),
		store_int(old_until), store_int(now), store_int(old->id) };
	enum err e;

	if (old->not_after > 0 && old->not_after < old_until)
		v[1] = store_int(old->not_after);
	e = row_changed(
	    s, store_run(s, &store_secret_sql[RENAME], v, 4, NULL, NULL));
	return e == ERR_OK ? store_secret_add(s, masters, &fresh, now, id) : e;
}

enum err
store_secret_retire(struct store *s, int64_t id, usec_t at, usec_t now)
{
	struct store_value v[] = { store_int(at), store_int(now),
		store_int(id) };

	return row_changed(
	    s, store_run(s, &store_secret_sql[RETIRE], v, 3, NULL, NULL));
}

enum err
store_secret_remove(struct store *s, int64_t id)
{
	struct store_value v = store_int(id);

	return row_changed(
	    s, store_run(s, &store_secret_sql[REMOVE], &v, 1, NULL, NULL));
}

/* ---- what providers say of it --------------------------------------------- */

#define WHY "%.*s answered "
#define WHY_MAX 256

enum err
store_secret_told(
    struct store *s, int64_t id, struct str provider, int status, usec_t at)
{
	char why[WHY_MAX];
	int n = snprintf(why, sizeof(why), WHY, STR_ARG(provider));
	struct str begin = str_of(why, (size_t)n);
	const struct store_value in[] = { store_int(at), store_int(id),
		store_int(at), store_int(n), store_text(begin) };
	struct store_value out[] = { store_int(at), store_null(), store_int(id),
		store_int(at) };

	if (n < 0 || (size_t)n + 16 > sizeof(why))
		return ERR_LIMIT;
	if (status == 0)
		return store_run(
		    s, &store_secret_sql[ACCEPTED], in, 5, NULL, NULL);
	n += snprintf(why + n, sizeof(why) - (size_t)n, "%d", status);
	out[1] = store_text(str_of(why, (size_t)n));
	return store_run(s, &store_secret_sql[REFUSED], out, 4, NULL, NULL);
}

bool
store_sealed_is_out(
    const struct store_sealed *one, struct str provider, int *status)
{
	char why[WHY_MAX];
	int n = snprintf(why, sizeof(why), WHY, STR_ARG(provider));
	int64_t number;

	if (n < 0 || (size_t)n >= sizeof(why) ||
	    !str_starts(one->out_why, str_of(why, (size_t)n)) ||
	    num_parse_i64(str_skip(one->out_why, (size_t)n), &number) != ERR_OK)
		return false;
	*status = (int)number;
	return true;
}

struct opening {
	const struct store_masters *masters;
	char first_id[SEAL_ID_SIZE];
	struct arena *arena;
	struct store_secret_row row;
	struct secret *plain;
	bool is_done;
	enum err err; /* of opening it */
};

static enum err
on_opening(void *arg, const struct store_value *v, uint32_t n)
{
	struct opening *o = arg;
	struct store_seal_place place;

	(void)n;
	take_row(v, o->arena, &o->row);
	if (arena_failed(o->arena))
		return ERR_NOMEM;
	place = place_of(&o->row);
	o->is_done = str_eqz(o->row.master_id, o->first_id);
	o->err = store_unseal(o->masters, &place, o->row.master_id,
	    store_get_str(&v[COLUMN_SEALED]), &o->plain);
	return ERR_OK;
}

enum err
store_secret_reseal(struct store *s, const struct store_masters *masters,
    int64_t id, usec_t now, bool *is_done)
{
	struct opening o = { .masters = masters,
		.arena = arena_new(65536),
		.err = ERR_NOT_FOUND };
	struct store_value v = store_int(id);
	enum err e;

	if (!o.arena || masters->n == 0) {
		arena_free(o.arena);
		return o.arena ? ERR_UNSUPPORTED : ERR_NOMEM;
	}
	seal_key_id(masters->key[0], o.first_id);
	e = store_run(s, &store_secret_sql[OPEN_ONE], &v, 1, on_opening, &o);
	if (e == ERR_OK)
		e = o.err;
	if (e == ERR_OK && !o.is_done) {
		struct store_seal_place place = place_of(&o.row);

		e = put_sealed(s, masters, &place, secret_str(o.plain), now);
	}
	if (e == ERR_OK)
		*is_done = o.is_done;
	secret_unref(o.plain);
	arena_free(o.arena);
	return e;
}

struct finding {
	struct arena *arena;
	struct store_secret_row *rows;
	uint32_t n, cap;
};

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	struct finding *f = arg;

	(void)n;
	if (f->n == STORE_SECRETS_MAX)
		return ERR_LIMIT;
	if (f->n == f->cap) {
		uint32_t cap = f->cap > 0 ? 2 * f->cap : 16;
		void *rows = arena_resize(f->arena, f->rows,
		    f->cap * sizeof(*f->rows), cap * sizeof(*f->rows));

		if (!rows)
			return ERR_NOMEM;
		f->rows = rows;
		f->cap = cap;
	}
	take_row(v, f->arena, &f->rows[f->n++]);
	return arena_failed(f->arena) ? ERR_NOMEM : ERR_OK;
}

enum err
store_secret_find(struct store *s, struct str name, struct arena *a,
    struct store_secret_row *out)
{
	struct finding f = { .arena = a };
	struct store_value v = store_text(name);
	enum err e;

	e = store_run(s, &store_secret_sql[FIND], &v, 1, on_row, &f);
	if (e == ERR_OK && f.n == 0)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		*out = f.rows[0];
	return e;
}

enum err
store_secret_list(struct store *s, struct arena *a,
    struct store_secret_row **rows, uint32_t *n)
{
	struct finding f = { .arena = a };
	enum err e;

	e = store_run(s, &store_secret_sql[LIST], NULL, 0, on_row, &f);
	if (e == ERR_OK) {
		*rows = f.rows;
		*n = f.n;
	}
	return e;
}
