#include "store/key.h"

#include "base/rand.h"
#include "store/row.h"

#define SELECT                                                            \
	"SELECT k.id, k.tenant_id, k.team_id, k.user_id, k.name,"         \
	" k.public, k.pepper_id, k.is_blocked, k.expires, k.replaced_by," \
	" k.models, k.networks, k.hours, k.created, k.changed, n.name,"   \
	" t.name, u.name FROM client_key k"                               \
	" JOIN tenant n ON n.id = k.tenant_id"                            \
	" LEFT JOIN team t ON t.id = k.team_id"                           \
	" LEFT JOIN user_account u ON u.id = k.user_id"

enum {
	ADD,
	FIND,
	FIND_PUBLIC,
	SET,
	EACH,
	HASH,
	HASH_LOCK,
	NEW_SECRET,
	OLD_SECRET,
	PEPPERS,
};

const struct store_sql store_key_sql[] = {
	[ADD] = { "INSERT INTO client_key (tenant_id, team_id, user_id, name,"
		  " public, hash, pepper_id, is_blocked, expires, models,"
		  " networks, hours, created, changed)"
		  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    NULL },
	[FIND] = { SELECT " WHERE k.tenant_id = ? AND k.name = ?", NULL },
	[FIND_PUBLIC] = { SELECT " WHERE k.public = ?", NULL },
	[SET] = { "UPDATE client_key SET is_blocked = ?, expires = ?,"
		  " models = ?, networks = ?, hours = ?, changed = ?"
		  " WHERE id = ? AND changed = ?",
	    NULL },
	[EACH] = { SELECT " WHERE (? = 0 OR k.tenant_id = ?)"
			  " AND (? = 0 OR k.team_id = ?)"
			  " AND (? = 0 OR k.user_id = ?)"
			  " ORDER BY n.name, k.name",
	    NULL },
	[HASH] = { "SELECT hash FROM client_key WHERE id = ?", NULL },
	[HASH_LOCK] = { "SELECT hash FROM client_key WHERE id = ?",
	    "SELECT hash FROM client_key WHERE id = ? FOR UPDATE" },
	[NEW_SECRET] = { "UPDATE client_key SET public = ?, hash = ?,"
			 " pepper_id = ?, changed = ? WHERE id = ?"
			 " AND replaced_by IS NULL",
	    NULL },
	[OLD_SECRET] = { "INSERT INTO client_key (tenant_id, team_id, user_id,"
			 " name, public, hash, pepper_id, expires,"
			 " replaced_by, created, changed)"
			 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    NULL },
	[PEPPERS] = { "SELECT pepper_id, COUNT(*), SUM(CASE WHEN"
		      " expires IS NULL OR expires > ? THEN 1 ELSE 0 END)"
		      " FROM client_key GROUP BY pepper_id"
		      " ORDER BY pepper_id",
	    NULL },
	STORE_SQL_END,
};

/* ---- secrets -------------------------------------------------------------- */

static void
random_base62(char *out, size_t n)
{
	static const char digits[] = "0123456789"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";
	unsigned char byte;

	while (n > 0) {
		rand_secret(&byte, 1);
		/* 248 = 4 * 62: above it some digits would come more often. */
		if (byte >= 248)
			continue;
		*out++ = digits[byte % 62];
		n--;
	}
}

/* 43 characters of base62 hold 256 bits. */
void
store_key_make(char out[STORE_KEY_SIZE + 1])
{
	char *p = out;

	memcpy(p, STORE_KEY_PREFIX, sizeof(STORE_KEY_PREFIX) - 1);
	p += sizeof(STORE_KEY_PREFIX) - 1;
	random_base62(p, STORE_KEY_PUBLIC);
	p += STORE_KEY_PUBLIC;
	*p++ = '_';
	random_base62(p, STORE_KEY_RANDOM);
	p[STORE_KEY_RANDOM] = '\0';
}

struct str
store_key_public(struct str key)
{
	static const struct str prefix = { STORE_KEY_PREFIX,
		sizeof(STORE_KEY_PREFIX) - 1 };

	if (key.n != STORE_KEY_SIZE || !str_starts(key, prefix) ||
	    key.p[prefix.n + STORE_KEY_PUBLIC] != '_')
		return (struct str){ 0 };
	return str_of(key.p + prefix.n, STORE_KEY_PUBLIC);
}

/* ---- reading ------------------------------------------------------------- */

struct reader {
	struct arena *arena; /* NULL: texts are borrowed */
	store_key_fn fn;
	void *arg;
};

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	const struct reader *r = arg;
	struct arena *a = r->arena;
	const struct store_key k = {
		.id = store_get_int(&v[0]),
		.tenant_id = store_get_int(&v[1]),
		.team_id = store_get_int(&v[2]),
		.user_id = store_get_int(&v[3]),
		.name = row_str(a, &v[4]),
		.public_part = row_str(a, &v[5]),
		.pepper_id = row_str(a, &v[6]),
		.is_blocked = row_bool(&v[7]),
		.expires = store_get_int(&v[8]),
		.replaced_by = store_get_int(&v[9]),
		.models = row_str(a, &v[10]),
		.networks = row_str(a, &v[11]),
		.hours = row_str(a, &v[12]),
		.created = store_get_int(&v[13]),
		.changed = store_get_int(&v[14]),
		.tenant = row_str(a, &v[15]),
		.team = row_str(a, &v[16]),
		.user = row_str(a, &v[17]),
	};

	(void)n;
	return a != NULL && arena_failed(a) ? ERR_NOMEM : r->fn(r->arg, &k);
}

static enum err
take(void *arg, const struct store_key *k)
{
	*(struct store_key *)arg = *k;
	return ERR_OK;
}

static enum err
read_one(struct store *s, unsigned which, const struct store_value *v,
    uint32_t n, struct arena *a, struct store_key *out)
{
	struct store_key k = { 0 };
	struct reader r = { a, take, &k };
	enum err e = store_run(s, &store_key_sql[which], v, n, on_row, &r);

	if (e == ERR_OK && k.id == 0)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		*out = k;
	return e;
}

enum err
store_key_find(struct store *s, int64_t tenant_id, struct str name,
    struct arena *a, struct store_key *out)
{
	const struct store_value v[] = { store_int(tenant_id),
		store_text(name) };

	return read_one(s, FIND, v, 2, a, out);
}

enum err
store_key_find_public(struct store *s, struct str public_part, struct arena *a,
    struct store_key *out)
{
	const struct store_value v = store_text(public_part);

	return read_one(s, FIND_PUBLIC, &v, 1, a, out);
}

enum err
store_key_each(struct store *s, int64_t tenant_id, int64_t team_id,
    int64_t user_id, store_key_fn fn, void *arg)
{
	const struct store_value v[] = { store_int(tenant_id),
		store_int(tenant_id), store_int(team_id), store_int(team_id),
		store_int(user_id), store_int(user_id) };
	struct reader r = { NULL, fn, arg };

	return store_run(s, &store_key_sql[EACH], v, 6, on_row, &r);
}

struct pepper_reader {
	store_pepper_fn fn;
	void *arg;
};

static enum err
on_pepper(void *arg, const struct store_value *v, uint32_t n)
{
	const struct pepper_reader *r = arg;

	(void)n;
	return r->fn(r->arg, store_get_str(&v[0]), store_get_int(&v[1]),
	    store_get_int(&v[2]));
}

enum err
store_key_peppers(struct store *s, usec_t now, store_pepper_fn fn, void *arg)
{
	const struct store_value v = store_int(now);
	struct pepper_reader r = { fn, arg };

	return store_run(s, &store_key_sql[PEPPERS], &v, 1, on_pepper, &r);
}

/* ---- writing ------------------------------------------------------------- */

enum err
store_key_add(struct store *s, struct store_key *k,
    const unsigned char hash[HASH_KEY_BYTES])
{
	usec_t now = clock_wall();
	const struct store_value v[] = { store_int(k->tenant_id),
		store_id(k->team_id), store_id(k->user_id), store_text(k->name),
		store_text(k->public_part), store_blob(hash, HASH_KEY_BYTES),
		store_text(k->pepper_id), store_int(k->is_blocked),
		store_id(k->expires), row_text(k->models),
		row_text(k->networks), row_text(k->hours), store_int(now),
		store_int(now) };
	enum err e = store_run(s, &store_key_sql[ADD], v, 14, NULL, NULL);

	if (e == ERR_OK) {
		k->id = store_last_id(s);
		k->created = k->changed = now;
	}
	return e;
}

enum err
store_key_set(struct store *s, struct store_key *k)
{
	usec_t now = clock_wall();
	const struct store_value v[] = { store_int(k->is_blocked),
		store_id(k->expires), row_text(k->models),
		row_text(k->networks), row_text(k->hours), store_int(now),
		store_id(k->id), store_int(k->changed) };
	enum err e =
	    row_changed(s, store_run(s, &store_key_sql[SET], v, 8, NULL, NULL));

	if (e == ERR_OK)
		k->changed = now;
	return e;
}

struct hash_reader {
	unsigned char hash[HASH_KEY_BYTES];
	bool is_found;
};

static enum err
on_hash(void *arg, const struct store_value *v, uint32_t n)
{
	struct hash_reader *r = arg;
	struct str hash = store_get_str(&v[0]);

	(void)n;
	if (hash.n != HASH_KEY_BYTES)
		return ERR_SYNTAX;
	memcpy(r->hash, hash.p, HASH_KEY_BYTES);
	r->is_found = true;
	return ERR_OK;
}

static enum err
read_hash(struct store *s, unsigned which, int64_t id,
    unsigned char out[HASH_KEY_BYTES])
{
	const struct store_value v = store_id(id);
	struct hash_reader r = { 0 };
	enum err e = store_run(s, &store_key_sql[which], &v, 1, on_hash, &r);

	if (e == ERR_OK && !r.is_found)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		memcpy(out, r.hash, sizeof(r.hash));
	return e;
}

enum err
store_key_hash(struct store *s, int64_t id, unsigned char out[HASH_KEY_BYTES])
{
	return read_hash(s, HASH, id, out);
}

static enum err
keep_old(struct store *s, const struct store_key *k,
    const unsigned char hash[HASH_KEY_BYTES], usec_t until)
{
	char name[80];
	int n = snprintf(name, sizeof(name), "%.*s~%.*s", STR_ARG(k->name),
	    STR_ARG(k->public_part));
	const struct store_value v[] = { store_int(k->tenant_id),
		store_id(k->team_id), store_id(k->user_id),
		store_text(str_of(name, (size_t)n)), store_text(k->public_part),
		store_blob(hash, HASH_KEY_BYTES), store_text(k->pepper_id),
		store_id(until), store_int(k->id), store_int(k->created),
		store_int(clock_wall()) };

	ASSERT(n > 0 && (size_t)n < sizeof(name));
	return store_run(s, &store_key_sql[OLD_SECRET], v, 11, NULL, NULL);
}

enum err
store_key_rotate(struct store *s, struct store_key *k, struct str public_part,
    struct str pepper_id, const unsigned char hash[HASH_KEY_BYTES],
    usec_t old_until)
{
	usec_t now = clock_wall();
	const struct store_value v[] = { store_text(public_part),
		store_blob(hash, HASH_KEY_BYTES), store_text(pepper_id),
		store_int(now), store_id(k->id) };
	unsigned char old[HASH_KEY_BYTES];
	enum err e;

	e = read_hash(s, HASH_LOCK, k->id, old);
	/* The new one first: each secret is in one row only. */
	if (e == ERR_OK)
		e = row_changed(s,
		    store_run(s, &store_key_sql[NEW_SECRET], v, 5, NULL, NULL));
	if (e == ERR_OK)
		e = keep_old(s, k, old, old_until);
	if (e == ERR_OK) {
		k->public_part = public_part;
		k->pepper_id = pepper_id;
		k->changed = now;
	}
	return e;
}
