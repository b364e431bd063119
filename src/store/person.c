#include "store/person.h"

/*
 * Of whom: the user's teams that are not blocked. A team of the key itself is
 * asked for by its id.
 */
#define TEAMS_OF_USER                                              \
	"(SELECT m.team_id FROM team_member m"                     \
	" JOIN team mt ON mt.id = m.team_id AND mt.is_blocked = 0" \
	" WHERE m.user_id = ?)"

#define ROLES_OF                                          \
	" FROM role_grant r"                              \
	" WHERE (r.tenant_id IS NULL OR r.tenant_id = ?)" \
	" AND (r.user_id = ? OR r.team_id = ?"            \
	" OR r.team_id IN " TEAMS_OF_USER ")"

enum {
	BY_KEY,
	BY_KEYS,
	BY_USER,
	TEAMS,
	ROLES,
	GRANTS,
	PUBLIC,
};

/*
 * s: the secret's row; k: the key's, another one when the key was rotated and s
 * is a former secret of it (key.h).
 */
#define KEY_BY                                                  \
	"SELECT n.id, n.name, n.timezone, n.residency,"         \
	" t.id, t.name, u.id, u.name, k.id, k.name,"            \
	" CASE WHEN s.expires IS NULL OR k.expires < s.expires" \
	" THEN k.expires ELSE s.expires END,"                   \
	" k.models, k.networks, k.hours,"                       \
	" n.is_blocked + k.is_blocked + s.is_blocked"           \
	" + COALESCE(t.is_blocked, 0)"                          \
	" + COALESCE(u.is_blocked, 0)"                          \
	" FROM client_key s JOIN client_key k"                  \
	" ON k.id = COALESCE(s.replaced_by, s.id)"              \
	" JOIN tenant n ON n.id = k.tenant_id"                  \
	" LEFT JOIN team t ON t.id = k.team_id"                 \
	" LEFT JOIN user_account u ON u.id = k.user_id"

const struct store_sql store_person_sql[] = {
	[BY_KEY] = { KEY_BY " WHERE s.hash = ?", NULL },
	/* One of them is the key's, whichever pepper it hangs on. */
	[BY_KEYS] = { KEY_BY " WHERE s.hash IN (?, ?, ?, ?)", NULL },
	[BY_USER] = { "SELECT n.id, n.name, n.timezone, n.residency,"
		      " t.id, t.name, u.id, u.name, NULL, NULL,"
		      " NULL, '', '', '',"
		      " n.is_blocked + u.is_blocked"
		      " + COALESCE(t.is_blocked, 0)"
		      " FROM user_account u"
		      " JOIN tenant n ON n.id = u.tenant_id"
		      " LEFT JOIN team t ON t.tenant_id = n.id AND t.name = ?"
		      " WHERE n.name = ? AND u.name = ?",
	    NULL },
	[TEAMS] = { "SELECT t.id, t.name FROM team t"
		    " WHERE t.is_blocked = 0 AND (t.id = ?"
		    " OR t.id IN " TEAMS_OF_USER ")"
		    " ORDER BY t.name LIMIT 257",
	    NULL },
	[ROLES] = { "SELECT DISTINCT r.role" ROLES_OF
		    " ORDER BY r.role LIMIT 65",
	    NULL },
	[GRANTS] = { "SELECT g.sort, g.pattern, g.is_allowed"
		     " FROM model_grant g WHERE g.tenant_id = ?"
		     " AND (g.user_id = ? OR g.key_id = ? OR g.team_id = ?"
		     " OR g.team_id IN " TEAMS_OF_USER
		     " OR g.role IN (?, ?, ?, ?, ?)"
		     " OR g.role IN (SELECT r.role" ROLES_OF
		     ") OR (g.user_id IS NULL AND g.key_id IS NULL"
		     " AND g.team_id IS NULL AND g.role IS NULL))"
		     " ORDER BY g.is_allowed, g.id LIMIT 1001",
	    NULL },
	[PUBLIC] = { "SELECT 1 FROM client_key WHERE public = ?", NULL },
	STORE_SQL_END,
};

struct look {
	struct arena *arena;
	struct store_person p;
	bool is_found;
	bool has_team; /* the key's, or one that was told */
};

static struct str
keep(struct arena *a, const struct store_value *v)
{
	struct str s = store_get_str(v);

	return str_present(s) ? arena_str(a, s) : s;
}

static enum err
on_person(void *arg, const struct store_value *row, uint32_t n)
{
	struct look *l = arg;

	(void)n;
	l->is_found = true;
	l->p = (struct store_person){
		.tenant_id = store_get_int(&row[0]),
		.tenant = keep(l->arena, &row[1]),
		.timezone = keep(l->arena, &row[2]),
		.residency = keep(l->arena, &row[3]),
		.team_id = store_get_int(&row[4]),
		.team = keep(l->arena, &row[5]),
		.user_id = store_get_int(&row[6]),
		.user = keep(l->arena, &row[7]),
		.key_id = store_get_int(&row[8]),
		.key = keep(l->arena, &row[9]),
		.expires = store_get_int(&row[10]),
		.models = keep(l->arena, &row[11]),
		.networks = keep(l->arena, &row[12]),
		.hours = keep(l->arena, &row[13]),
		.is_blocked = store_get_int(&row[14]) != 0,
	};
	return arena_failed(l->arena) ? ERR_NOMEM : ERR_OK;
}

static enum err
on_team(void *arg, const struct store_value *row, uint32_t n)
{
	struct store_person *p = &((struct look *)arg)->p;

	(void)n;
	if (p->n_teams == STORE_PERSON_TEAMS_MAX)
		return ERR_LIMIT;
	p->teams[p->n_teams++] = keep(((struct look *)arg)->arena, &row[1]);
	if (((struct look *)arg)->has_team)
		return ERR_OK;
	/* Nobody says which: the user's team, if it can only be one. */
	p->team_id = p->n_teams == 1 ? store_get_int(&row[0]) : 0;
	p->team = p->n_teams == 1 ? p->teams[0] : (struct str){ 0 };
	return ERR_OK;
}

static enum err
on_role(void *arg, const struct store_value *row, uint32_t n)
{
	struct store_person *p = &((struct look *)arg)->p;

	(void)n;
	if (p->n_roles == STORE_PERSON_ROLES_MAX)
		return ERR_LIMIT;
	p->roles[p->n_roles++] = keep(((struct look *)arg)->arena, &row[0]);
	return ERR_OK;
}

static enum err
on_grant(void *arg, const struct store_value *row, uint32_t n)
{
	struct store_person *p = &((struct look *)arg)->p;

	(void)n;
	if (p->n_grants == STORE_PERSON_GRANTS_MAX)
		return ERR_LIMIT;
	p->grants[p->n_grants++] = (struct store_person_grant){
		.is_tag = str_eqz(store_get_str(&row[0]), "tag"),
		.pattern = keep(((struct look *)arg)->arena, &row[1]),
		.is_allowed = store_get_int(&row[2]) != 0,
	};
	return ERR_OK;
}

/* The arena is for the look: lists have their largest size at once. */
static bool
lists_begin(struct store_person *p, struct arena *a)
{
	p->teams = arena_calloc(a, STORE_PERSON_TEAMS_MAX, sizeof(*p->teams));
	p->roles = arena_calloc(a, STORE_PERSON_ROLES_MAX, sizeof(*p->roles));
	p->grants =
	    arena_calloc(a, STORE_PERSON_GRANTS_MAX, sizeof(*p->grants));
	return p->teams && p->roles && p->grants;
}

static bool
has_role(const struct store_person *p, struct str role)
{
	for (uint32_t i = 0; i < p->n_roles; i++)
		if (str_eq(p->roles[i], role))
			return true;
	return false;
}

/* Roles that somebody vouches for, beside those of the rows. */
static enum err
add_roles(struct look *l, const struct str *given)
{
	struct store_person *p = &l->p;

	for (uint32_t i = 0; i < STORE_PERSON_GIVEN_MAX; i++) {
		if (!str_present(given[i]) || has_role(p, given[i]))
			continue;
		if (p->n_roles == STORE_PERSON_ROLES_MAX)
			return ERR_LIMIT;
		p->roles[p->n_roles++] = arena_str(l->arena, given[i]);
	}
	return arena_failed(l->arena) ? ERR_NOMEM : ERR_OK;
}

/* What one row said, and then what belongs to it. */
static enum err
look_further(struct store *s, struct look *l,
    const struct str given[STORE_PERSON_GIVEN_MAX])
{
	struct store_person *p = &l->p;
	struct store_value tenant = store_id(p->tenant_id);
	struct store_value user = store_id(p->user_id);
	struct store_value team = store_id(p->team_id);
	const struct store_value teams[] = { team, user };
	const struct store_value roles[] = { tenant, user, team, user };
	const struct store_value grants[] = { tenant, user, store_id(p->key_id),
		team, user, store_text(given[0]), store_text(given[1]),
		store_text(given[2]), store_text(given[3]),
		store_text(given[4]), tenant, user, team, user };
	enum err e;

	l->has_team = p->team_id > 0 || p->key_id > 0;
	if (!lists_begin(p, l->arena))
		return ERR_NOMEM;
	e = store_run(s, &store_person_sql[TEAMS], teams, 2, on_team, l);
	if (e == ERR_OK)
		e = store_run(
		    s, &store_person_sql[ROLES], roles, 4, on_role, l);
	if (e == ERR_OK)
		e = store_run(
		    s, &store_person_sql[GRANTS], grants, 14, on_grant, l);
	return e == ERR_OK ? add_roles(l, given) : e;
}

enum err
store_person_by_key(struct store *s, const unsigned char hash[HASH_KEY_BYTES],
    struct str implied, struct arena *arena, struct store_person *out)
{
	return store_person_by_keys(s, hash, NULL, 0, implied, arena, out);
}

enum err
store_person_by_keys(struct store *s, const unsigned char hash[HASH_KEY_BYTES],
    const unsigned char (*older)[HASH_KEY_BYTES], uint32_t n_older,
    struct str implied, struct arena *arena, struct store_person *out)
{
	struct store_value v[1 + STORE_PERSON_OLDER_MAX];
	const struct store_sql *sql =
	    &store_person_sql[n_older > 0 ? BY_KEYS : BY_KEY];
	struct str given[STORE_PERSON_GIVEN_MAX] = { { 0 } };
	struct look l = { .arena = arena };
	enum err e;

	ASSERT(n_older <= STORE_PERSON_OLDER_MAX);
	for (uint32_t i = 0; i <= STORE_PERSON_OLDER_MAX; i++)
		v[i] = store_blob(i > 0 && i <= n_older ? older[i - 1] : hash,
		    HASH_KEY_BYTES);
	e = store_run(s, sql, v, n_older > 0 ? 1 + STORE_PERSON_OLDER_MAX : 1,
	    on_person, &l);
	if (e == ERR_OK && !l.is_found)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK && l.p.user_id == 0)
		given[0] = implied;
	if (e == ERR_OK)
		e = look_further(s, &l, given);
	if (e == ERR_OK)
		*out = l.p;
	return e;
}

enum err
store_person_by_user(struct store *s, const struct store_person_ask *ask,
    struct arena *arena, struct store_person *out)
{
	struct store_value v[] = { store_text(ask->team),
		store_text(ask->tenant), store_text(ask->user) };
	struct look l = { .arena = arena };
	enum err e;

	e = store_run(s, &store_person_sql[BY_USER], v, 3, on_person, &l);
	if (e == ERR_OK && !l.is_found)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		e = look_further(s, &l, ask->roles);
	if (e == ERR_OK)
		*out = l.p;
	return e;
}

static enum err
on_public(void *arg, const struct store_value *row, uint32_t n)
{
	(void)row;
	(void)n;
	*(bool *)arg = true;
	return ERR_OK;
}

enum err
store_person_has_public(struct store *s, struct str public_part, bool *out)
{
	struct store_value v = store_text(public_part);
	bool found = false;
	enum err e;

	e = store_run(s, &store_person_sql[PUBLIC], &v, 1, on_public, &found);
	if (e == ERR_OK)
		*out = found;
	return e;
}
