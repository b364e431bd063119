#include "store/price.h"

#include "base/buf.h"
#include "base/hash.h"
#include "store/row.h"

#define PARTS                                                      \
	"p.input, p.output, p.cached, p.cache_write,"              \
	" p.cache_write_1h, p.reasoning, p.audio_in, p.audio_out," \
	" p.image_in, p.image_out, p.per_request"
#define PLACE "p.provider, p.model, p.above, p.batch"

enum {
	ADD_VERSION,
	ADD_ROW,
	LATEST,
	IN_FORCE,
	VERSIONS,
	NEWEST,
};

const struct store_sql store_price_sql[] = {
	[ADD_VERSION] = { "INSERT INTO price_version"
			  " (source, note, digest, created)"
			  " VALUES (?, ?, ?, ?)",
	    NULL },
	[ADD_ROW] = { "INSERT INTO price (version_id, provider, model, above,"
		      " batch, input, output, cached, cache_write,"
		      " cache_write_1h, reasoning, audio_in, audio_out,"
		      " image_in, image_out, per_request)"
		      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
		      "?)",
	    NULL },
	/* hand and unset are one sort, all imports the other */
	[LATEST] = { "SELECT id, digest FROM price_version"
		     " WHERE (source IN ('hand', 'unset')) = ?"
		     " ORDER BY id DESC LIMIT 1",
	    NULL },
	[IN_FORCE] = { "SELECT p.version_id, t.h, v.source, " PLACE ", " PARTS
		       " FROM (SELECT q.provider AS a,"
		       " q.model AS b, w.source IN ('hand', 'unset') AS h,"
		       " MAX(q.version_id) AS v FROM price q"
		       " JOIN price_version w ON w.id = q.version_id"
		       " WHERE q.version_id <= ?"
		       " GROUP BY q.provider, q.model,"
		       " w.source IN ('hand', 'unset')) t"
		       " JOIN price p ON p.version_id = t.v"
		       " AND p.provider = t.a AND p.model = t.b"
		       " JOIN price_version v ON v.id = t.v"
		       " ORDER BY p.provider, p.model, p.batch, p.above,"
		       " t.h DESC LIMIT 200001",
	    NULL },
	[VERSIONS] = { "SELECT v.id, v.source, v.note, v.digest, v.created,"
		       " (SELECT COUNT(*) FROM price p"
		       " WHERE p.version_id = v.id)"
		       " FROM price_version v ORDER BY v.id DESC LIMIT ?",
	    NULL },
	[NEWEST] = { "SELECT MAX(id) FROM price_version", NULL },
	STORE_SQL_END,
};

/* ---- adding ------------------------------------------------------------- */

#define DIGEST_TEXT_MAX ((size_t)128 * 1024 * 1024)
#define DIGEST_SIZE (2 * HASH_KEY_BYTES + 1)
#define ROW_VALUES (5 + PRICE__MAX)
#define ROWS_AT_ONCE 500

static int
by_place(const void *a, const void *b)
{
	return price_row_cmp(a, b);
}

static bool
are_good(const struct price_row *rows, size_t n)
{
	if (n == 0 || n > STORE_PRICES_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (price_row_wrong(&rows[i]) != NULL ||
		    (i > 0 && price_row_cmp(&rows[i - 1], &rows[i]) == 0))
			return false;
	}
	return true;
}

/* Of sorted rows and of what they are: a hand's list is not an import's. */
static enum err
digest_of(const char *source, const struct price_row *rows, size_t n,
    char out[DIGEST_SIZE])
{
	unsigned char hash[HASH_KEY_BYTES];
	struct buf b;
	enum err e = ERR_NOMEM;

	buf_init(&b, DIGEST_TEXT_MAX);
	buf_printf(&b, "%s\n", source);
	for (size_t i = 0; i < n; i++) {
		buf_adds(&b, rows[i].provider);
		buf_addc(&b, ' ');
		buf_adds(&b, rows[i].model);
		buf_printf(
		    &b, " %lld %d", (long long)rows[i].above, rows[i].is_batch);
		for (unsigned k = 0; k < PRICE__MAX; k++)
			buf_printf(&b, " %lld", (long long)rows[i].part[k]);
		buf_addc(&b, '\n');
	}
	if (!b.failed) {
		hash_key(buf_str(&b), (struct str){ 0 }, hash);
		hash_hex(hash, sizeof(hash), out);
		e = ERR_OK;
	}
	buf_fini(&b);
	return e;
}

struct latest {
	int64_t id;
	const char *digest;
	bool is_same;
};

static enum err
on_latest(void *arg, const struct store_value *row, uint32_t n)
{
	struct latest *l = arg;

	(void)n;
	l->id = store_get_int(&row[0]);
	l->is_same = str_eqz(store_get_str(&row[1]), l->digest);
	return ERR_OK;
}

static void
bind_row(const struct price_row *row, int64_t version, struct store_value *v)
{
	v[0] = store_int(version);
	v[1] = store_text(row->provider);
	v[2] = store_text(row->model);
	v[3] = store_int(row->above);
	v[4] = store_int(row->is_batch);
	for (unsigned k = 0; k < PRICE__MAX; k++)
		v[5 + k] =
		    row->part[k] >= 0 ? store_int(row->part[k]) : store_null();
}

static enum err
add_rows(
    struct store *s, int64_t version, const struct price_row *rows, size_t n)
{
	struct store_value *v =
	    calloc((size_t)ROWS_AT_ONCE * ROW_VALUES, sizeof(*v));
	enum err e = v != NULL ? ERR_OK : ERR_NOMEM;

	for (size_t i = 0; e == ERR_OK && i < n;) {
		uint32_t some = 0;

		for (; some < ROWS_AT_ONCE && i < n; some++, i++)
			bind_row(&rows[i], version, v + some * ROW_VALUES);
		e = store_run_many(
		    s, &store_price_sql[ADD_ROW], v, ROW_VALUES, some);
	}
	free(v);
	return e;
}

static enum err
add_version(struct store *s, const char *source, struct str note,
    const char *digest, int64_t *id)
{
	const struct store_value v[] = {
		store_text(str_z(source)),
		store_text(str_present(note) ? note : STR("")),
		store_text(str_z(digest)),
		store_int(clock_wall()),
	};
	enum err e =
	    store_run(s, &store_price_sql[ADD_VERSION], v, 4, NULL, NULL);

	if (e == ERR_OK)
		*id = store_last_id(s);
	return e;
}

enum err
store_price_add(struct store *s, const char *source, struct str note,
    struct price_row *rows, size_t n, int64_t *id, bool *is_new)
{
	bool is_hand = strcmp(source, STORE_PRICE_HAND) == 0 ||
		       strcmp(source, STORE_PRICE_UNSET) == 0;
	const struct store_value hand = store_int(is_hand);
	char digest[DIGEST_SIZE];
	struct latest l = { .digest = digest };
	enum err e;

	if (n > 1)
		qsort(rows, n, sizeof(*rows), by_place);
	if (!are_good(rows, n))
		return ERR_RANGE;
	e = digest_of(source, rows, n, digest);
	if (e == ERR_OK)
		e = store_run(
		    s, &store_price_sql[LATEST], &hand, 1, on_latest, &l);
	if (e != ERR_OK)
		return e;
	*is_new = !l.is_same;
	if (l.is_same) {
		*id = l.id;
		return ERR_OK;
	}
	e = add_version(s, source, note, digest, &l.id);
	if (e == ERR_OK)
		e = add_rows(s, l.id, rows, n);
	if (e == ERR_OK)
		*id = l.id;
	return e;
}

/* ---- reading ------------------------------------------------------------ */

struct reading {
	struct arena *arena;
	struct price_row *rows;
	size_t n, cap;
	struct str provider; /* of the row before: mostly the same */
};

static bool
has_room(struct reading *r)
{
	size_t cap = r->cap != 0 ? 2 * r->cap : 256;
	struct price_row *more;

	if (r->n < r->cap)
		return true;
	more = arena_resize(
	    r->arena, r->rows, r->cap * sizeof(*more), cap * sizeof(*more));
	if (more == NULL)
		return false;
	r->rows = more;
	r->cap = cap;
	return true;
}

static enum err
on_price(void *arg, const struct store_value *v, uint32_t n)
{
	struct reading *r = arg;
	struct price_row row;

	(void)n;
	if (str_eqz(store_get_str(&v[2]), STORE_PRICE_UNSET))
		return ERR_OK;
	if (r->n == STORE_PRICES_MAX)
		return ERR_LIMIT;
	price_row_init(&row);
	row.version = store_get_int(&v[0]);
	row.is_hand = row_bool(&v[1]);
	if (!str_eq(r->provider, store_get_str(&v[3])))
		r->provider = row_str(r->arena, &v[3]);
	row.provider = r->provider;
	row.model = row_str(r->arena, &v[4]);
	row.above = store_get_int(&v[5]);
	row.is_batch = row_bool(&v[6]);
	for (unsigned k = 0; k < PRICE__MAX; k++) {
		if (v[7 + k].type == STORE_INT)
			row.part[k] = v[7 + k].i;
	}
	if (!has_room(r))
		return ERR_NOMEM;
	r->rows[r->n++] = row;
	return ERR_OK;
}

enum err
store_price_rows(struct store *s, int64_t upto, struct arena *a,
    struct price_row **rows, size_t *n)
{
	const struct store_value v = store_int(upto > 0 ? upto : INT64_MAX);
	struct reading r = { .arena = a };
	enum err e =
	    store_run(s, &store_price_sql[IN_FORCE], &v, 1, on_price, &r);

	if (e == ERR_OK && arena_failed(a))
		e = ERR_NOMEM;
	if (e == ERR_OK) {
		*rows = r.rows;
		*n = r.n;
	}
	return e;
}

struct versions {
	struct arena *arena;
	struct store_price_version *list;
	size_t n, max;
};

static enum err
on_version(void *arg, const struct store_value *v, uint32_t n)
{
	struct versions *l = arg;

	(void)n;
	if (l->n == l->max)
		return ERR_OK;
	l->list[l->n++] = (struct store_price_version){
		.id = store_get_int(&v[0]),
		.source = row_str(l->arena, &v[1]),
		.note = row_str(l->arena, &v[2]),
		.digest = row_str(l->arena, &v[3]),
		.created = store_get_int(&v[4]),
		.n_rows = store_get_int(&v[5]),
	};
	return ERR_OK;
}

enum err
store_price_versions(struct store *s, uint32_t max, struct arena *a,
    struct store_price_version **out, size_t *n)
{
	const struct store_value v = store_int(max);
	struct versions l = { .arena = a, .max = max };
	enum err e;

	l.list = arena_calloc(a, max, sizeof(*l.list));
	if (l.list == NULL)
		return ERR_NOMEM;
	e = store_run(s, &store_price_sql[VERSIONS], &v, 1, on_version, &l);
	if (e == ERR_OK && arena_failed(a))
		e = ERR_NOMEM;
	if (e == ERR_OK) {
		*out = l.list;
		*n = l.n;
	}
	return e;
}

static enum err
on_id(void *arg, const struct store_value *v, uint32_t n)
{
	(void)n;
	*(int64_t *)arg = store_get_int(&v[0]);
	return ERR_OK;
}

enum err
store_price_newest(struct store *s, int64_t *id)
{
	int64_t newest = 0;
	enum err e =
	    store_run(s, &store_price_sql[NEWEST], NULL, 0, on_id, &newest);

	if (e == ERR_OK)
		*id = newest;
	return e;
}
