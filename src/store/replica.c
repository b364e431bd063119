#include "store/replica.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/num.h"
#include "store/change.h"
#include "store/schema.h"

#define SEQ STR("replica.seq")
#define CONFIRMED STR("replica.confirmed")
/* Rows that are copied at once, and the memory that they may take. */
#define CHUNK_ROWS 500u
#define CHUNK_BYTES ((size_t)32 << 20)
/* More changes at once are not looked at one by one. */
#define SINGLES_MAX 64u

/* Parents before their children. */
enum table {
	TENANT,
	TEAM,
	USER,
	MEMBER,
	ROLE,
	KEY,
	GRANT,
	SECRET,
	LIMIT,
	PRICES,
	PRICE,
	TABLE__MAX
};

#define TENANT_COLUMNS                                                \
	"id, name, title, timezone, residency, is_blocked, created, " \
	"changed"
#define TEAM_COLUMNS "id, tenant_id, name, title, is_blocked, created, changed"
#define USER_COLUMNS                                               \
	"id, tenant_id, name, title, email, is_blocked, created, " \
	"changed"
#define KEY_COLUMNS                                             \
	"id, tenant_id, team_id, user_id, name, public, hash, " \
	"pepper_id, is_blocked, expires, replaced_by, models, " \
	"networks, hours, created, changed"
#define ROLE_COLUMNS "id, tenant_id, user_id, team_id, role, created"
#define GRANT_COLUMNS                                                    \
	"id, tenant_id, team_id, user_id, key_id, role, sort, pattern, " \
	"is_allowed, created"
#define SECRET_COLUMNS                                                \
	"id, name, provider, master_id, sealed, weight, not_before, " \
	"not_after, out_since, out_why, created, changed"
#define LIMIT_COLUMNS                                                       \
	"id, name, tenant_id, team_id, user_id, key_id, model, provider, "  \
	"each_of, sort, amount, per, period, mode, soft_percent, created, " \
	"changed"
#define PRICES_COLUMNS "id, source, note, digest, created"
#define PRICE_COLUMNS                                                \
	"version_id, provider, model, above, batch, input, output, " \
	"cached, cache_write, cache_write_1h, reasoning, audio_in, " \
	"audio_out, image_in, image_out, per_request"

enum {
	READ,
	WIPE = READ + TABLE__MAX,
	WRITE = WIPE + TABLE__MAX,
	READ_KEY = WRITE + TABLE__MAX,
	READ_USER,
	READ_META,
	WRITE_META,
};

const struct store_sql store_replica_sql[] = {
	[READ + TENANT] = { "SELECT " TENANT_COLUMNS " FROM tenant", NULL },
	[READ + TEAM] = { "SELECT " TEAM_COLUMNS " FROM team", NULL },
	[READ + USER] = { "SELECT " USER_COLUMNS " FROM user_account", NULL },
	[READ + MEMBER] = { "SELECT team_id, user_id FROM team_member", NULL },
	[READ + ROLE] = { "SELECT " ROLE_COLUMNS " FROM role_grant", NULL },
	/* What was replaced points to what replaced it. */
	[READ + KEY] = { "SELECT " KEY_COLUMNS " FROM client_key"
			 " ORDER BY replaced_by IS NOT NULL, id",
	    NULL },
	[READ + GRANT] = { "SELECT " GRANT_COLUMNS " FROM model_grant", NULL },
	[READ + SECRET] = { "SELECT " SECRET_COLUMNS " FROM provider_secret",
	    NULL },
	[READ + LIMIT] = { "SELECT " LIMIT_COLUMNS " FROM limit_rule", NULL },
	[READ +
	    PRICES] = { "SELECT " PRICES_COLUMNS " FROM price_version", NULL },
	[READ + PRICE] = { "SELECT " PRICE_COLUMNS " FROM price", NULL },
	[WIPE + TENANT] = { "DELETE FROM tenant", NULL },
	[WIPE + TEAM] = { "DELETE FROM team", NULL },
	[WIPE + USER] = { "DELETE FROM user_account", NULL },
	[WIPE + MEMBER] = { "DELETE FROM team_member", NULL },
	[WIPE + ROLE] = { "DELETE FROM role_grant", NULL },
	[WIPE + KEY] = { "DELETE FROM client_key", NULL },
	[WIPE + GRANT] = { "DELETE FROM model_grant", NULL },
	[WIPE + SECRET] = { "DELETE FROM provider_secret", NULL },
	[WIPE + LIMIT] = { "DELETE FROM limit_rule", NULL },
	[WIPE + PRICES] = { "DELETE FROM price_version", NULL },
	[WIPE + PRICE] = { "DELETE FROM price", NULL },
	[WRITE + TENANT] = { "REPLACE INTO tenant (" TENANT_COLUMNS
			     ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	    NULL },
	[WRITE + TEAM] = { "REPLACE INTO team (" TEAM_COLUMNS
			   ") VALUES (?, ?, ?, ?, ?, ?, ?)",
	    NULL },
	[WRITE + USER] = { "REPLACE INTO user_account (" USER_COLUMNS
			   ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	    NULL },
	[WRITE + MEMBER] = { "REPLACE INTO team_member (team_id, user_id)"
			     " VALUES (?, ?)",
	    NULL },
	[WRITE + ROLE] = { "REPLACE INTO role_grant (" ROLE_COLUMNS
			   ") VALUES (?, ?, ?, ?, ?, ?)",
	    NULL },
	[WRITE + KEY] = { "REPLACE INTO client_key (" KEY_COLUMNS
			  ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
			  " ?, ?)",
	    NULL },
	[WRITE + GRANT] = { "REPLACE INTO model_grant (" GRANT_COLUMNS
			    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    NULL },
	[WRITE + SECRET] = { "REPLACE INTO provider_secret (" SECRET_COLUMNS
			     ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    NULL },
	[WRITE + LIMIT] = { "REPLACE INTO limit_rule (" LIMIT_COLUMNS
			    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
			    " ?, ?, ?, ?)",
	    NULL },
	[WRITE + PRICES] = { "REPLACE INTO price_version (" PRICES_COLUMNS
			     ") VALUES (?, ?, ?, ?, ?)",
	    NULL },
	[WRITE + PRICE] = { "REPLACE INTO price (" PRICE_COLUMNS
			    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
			    " ?, ?, ?)",
	    NULL },
	/* With its former secrets: the change log knows them by its id. */
	[READ_KEY] = { "SELECT " KEY_COLUMNS " FROM client_key WHERE id = ?"
		       " OR replaced_by = ?"
		       " ORDER BY replaced_by IS NOT NULL, id",
	    NULL },
	[READ_USER] = { "SELECT " USER_COLUMNS " FROM user_account"
			" WHERE id = ?",
	    NULL },
	[READ_META] = { "SELECT value FROM meta WHERE name = ?", NULL },
	[WRITE_META] = { "REPLACE INTO meta (name, value) VALUES (?, ?)",
	    NULL },
	STORE_SQL_END,
};

/* ---- numbers in meta ------------------------------------------------------ */

static enum err
on_number(void *arg, const struct store_value *v, uint32_t n)
{
	int64_t *out = arg;

	(void)n;
	return num_parse_i64(store_get_str(&v[0]), out);
}

/* -1: there is none. */
static enum err
get_number(struct store *s, struct str name, int64_t *out)
{
	struct store_value v = store_text(name);

	*out = -1;
	return store_run(
	    s, &store_replica_sql[READ_META], &v, 1, on_number, out);
}

static enum err
set_number(struct store *s, struct str name, int64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)value);
	struct store_value v[2] = { store_text(name),
		store_text(str_of(text, (size_t)n)) };

	return store_run(s, &store_replica_sql[WRITE_META], v, 2, NULL, NULL);
}

enum err
store_replica_confirmed(struct store *s, usec_t *wall)
{
	int64_t n;
	enum err e = get_number(s, CONFIRMED, &n);

	if (e == ERR_OK)
		*wall = n > 0 ? n : 0;
	return e;
}

/* ---- rows from one store to the other ------------------------------------- */

struct copy {
	struct store *to;
	const struct store_sql *write;
	struct arena *arena; /* the texts of a chunk */
	struct store_value *v;
	uint32_t n_columns, n_rows;
	bool is_to; /* the failure is of `to` */
};

static enum err
write_chunk(struct copy *c)
{
	enum err e = ERR_OK;

	if (c->n_rows > 0)
		e = store_run_many(
		    c->to, c->write, c->v, c->n_columns, c->n_rows);
	c->is_to = c->is_to || e != ERR_OK;
	c->n_rows = 0;
	arena_free(c->arena);
	c->arena = NULL;
	return e;
}

static enum err
keep(struct copy *c, const struct store_value *from, struct store_value *to)
{
	*to = *from;
	if (from->type != STORE_TEXT && from->type != STORE_BLOB)
		return ERR_OK;
	to->s = arena_str(c->arena, from->s);
	return arena_failed(c->arena) ? ERR_NOMEM : ERR_OK;
}

static enum err
on_row(void *arg, const struct store_value *row, uint32_t n)
{
	struct copy *c = arg;
	enum err e = ERR_OK;

	if (c->n_rows == CHUNK_ROWS)
		e = write_chunk(c);
	if (!c->arena)
		c->arena = arena_new(CHUNK_BYTES);
	if (!c->arena)
		return ERR_NOMEM;
	c->n_columns = n;
	for (uint32_t i = 0; e == ERR_OK && i < n; i++)
		e = keep(c, &row[i], &c->v[(size_t)c->n_rows * n + i]);
	if (e == ERR_OK)
		c->n_rows++;
	return e;
}

static enum err
copy_rows(struct copy *c, struct store *from, const struct store_sql *read,
    const struct store_value *args, uint32_t n_args, enum table table)
{
	enum err e;

	c->write = &store_replica_sql[WRITE + table];
	e = store_run(from, read, args, n_args, on_row, c);
	if (e == ERR_OK)
		return write_chunk(c);
	c->n_rows = 0;
	arena_free(c->arena);
	c->arena = NULL;
	return e;
}

static enum err
copy_all(struct copy *c, struct store *from)
{
	enum err e = ERR_OK;

	for (int t = TABLE__MAX - 1; e == ERR_OK && t >= 0; t--) {
		e = store_run(
		    c->to, &store_replica_sql[WIPE + t], NULL, 0, NULL, NULL);
		c->is_to = e != ERR_OK;
	}
	for (int t = 0; e == ERR_OK && t < TABLE__MAX; t++)
		e = copy_rows(c, from, &store_replica_sql[READ + t], NULL, 0,
		    (enum table)t);
	return e;
}

/* ---- what has changed ------------------------------------------------------ */

struct news {
	int64_t seq;
	bool is_any;
	bool is_all; /* more than keys and users */
	uint32_t n;
	struct {
		enum table table;
		int64_t id;
	} one[SINGLES_MAX];
};

static enum err
on_change(void *arg, int64_t seq, struct str sort, int64_t id)
{
	struct news *w = arg;
	bool is_key = str_eqz(sort, "key");

	w->seq = seq;
	w->is_any = true;
	if (w->n == SINGLES_MAX || (!is_key && !str_eqz(sort, "user"))) {
		w->is_all = true;
	} else {
		w->one[w->n].table = is_key ? KEY : USER;
		w->one[w->n++].id = id;
	}
	return ERR_OK;
}

/* The number first: what changes meanwhile is copied once more. */
static enum err
look(struct store *from, int64_t seen, struct news *w)
{
	bool gap = false;
	enum err e;

	*w = (struct news){ .seq = seen };
	if (seen >= 0) {
		e = store_change_each(
		    from, seen, SINGLES_MAX + 1, &gap, on_change, w);
		if (e != ERR_OK || (!gap && !w->is_all))
			return e;
	}
	w->is_any = w->is_all = true;
	return store_change_last(from, &w->seq);
}

static enum err
copy_news(struct copy *c, struct store *from, const struct news *w)
{
	enum err e = ERR_OK;

	if (w->is_all)
		return copy_all(c, from);
	for (uint32_t i = 0; e == ERR_OK && i < w->n; i++) {
		const struct store_value id = store_int(w->one[i].id);
		const struct store_value ids[] = { id, id };
		bool is_key = w->one[i].table == KEY;

		e = copy_rows(c, from,
		    &store_replica_sql[is_key ? READ_KEY : READ_USER], ids,
		    is_key ? 2 : 1, w->one[i].table);
	}
	return e;
}

static enum err
write_news(struct store *from, struct store *to, const struct news *w,
    usec_t wall, bool *is_to)
{
	struct copy c = { .to = to };
	enum err e = ERR_NOMEM;

	c.v = calloc((size_t)CHUNK_ROWS * STORE_COLUMNS_MAX, sizeof(*c.v));
	if (c.v)
		e = copy_news(&c, from, w);
	free(c.v);
	*is_to = c.is_to;
	if (e != ERR_OK)
		return e;
	*is_to = true;
	e = set_number(to, SEQ, w->seq);
	return e == ERR_OK ? set_number(to, CONFIRMED, wall) : e;
}

enum err
store_replica_update(
    struct store *from, struct store *to, usec_t wall, bool *is_to)
{
	struct news w;
	int64_t seen, noted;
	enum err e;

	*is_to = true;
	e = get_number(to, SEQ, &seen);
	if (e == ERR_OK)
		e = get_number(to, CONFIRMED, &noted);
	if (e != ERR_OK)
		return e;
	*is_to = false;
	e = look(from, seen, &w);
	if (e != ERR_OK)
		return e;
	*is_to = true;
	if (!w.is_any)
		return wall - noted < STORE_REPLICA_NOTE && wall >= noted
			   ? ERR_OK
			   : set_number(to, CONFIRMED, wall);
	e = store_begin(to);
	if (e == ERR_OK)
		e = write_news(from, to, &w, wall, is_to);
	if (e == ERR_OK) {
		*is_to = true;
		e = store_commit(to);
	}
	if (e != ERR_OK)
		store_rollback(to);
	/* A key whose team is not here yet: all of it, next time. */
	if (e == ERR_DENIED && !w.is_all)
		e = set_number(to, SEQ, -1);
	return e;
}

/* ---- the file --------------------------------------------------------------- */

static enum err
make(struct str url, struct store **out, char why[STORE_WHY_SIZE])
{
	const struct store_options o = { .create = true, .any_schema = true };
	struct store *s;
	enum err e = store_open(url, &o, &s, why);

	if (e != ERR_OK)
		return e;
	e = store_schema_init(s, NULL, NULL, why);
	if (e == ERR_OK)
		*out = s;
	else
		store_close(s);
	return e;
}

/* Of another release: what reads it has it open still. */
static void
remove_file(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char name[4096];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if ((size_t)snprintf(name, sizeof(name), "%s%s", path,
			ends[i]) < sizeof(name))
			(void)unlink(name);
}

enum err
store_replica_open(
    const char *path, struct store **out, char why[STORE_WHY_SIZE])
{
	const struct store_options o = { 0 };
	struct buf url;
	enum err e;

	buf_init(&url, 4096);
	buf_printf(&url, "sqlite://%s", path);
	e = url.failed ? ERR_NOMEM : store_open(buf_str(&url), &o, out, why);
	if (e == ERR_NOT_FOUND || e == ERR_UNSUPPORTED) {
		remove_file(path);
		e = make(buf_str(&url), out, why);
	}
	buf_fini(&url);
	return e;
}
