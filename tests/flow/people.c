#include "scenario.h"

#include <fcntl.h>
#include <unistd.h>

#include "gate/pepper.h"
#include "store/act.h"
#include "store/grant.h"
#include "store/key.h"
#include "store/people.h"
#include "store/schema.h"

/*
 * A database in the scenario's folder. It is changed as an administrator
 * changes it: rows, and a note in the log of changes.
 */

static const struct store_sql broken = {
	"ALTER TABLE change_log RENAME TO change_log_away", NULL
};
static const struct store_sql whole = {
	"ALTER TABLE change_log_away RENAME TO change_log", NULL
};

#define MUST(x) ASSERT((x) == ERR_OK)

static void
note(struct people *p, const char *sort, int64_t id)
{
	struct store_act act = { .actor = STR("cli:scenario") };

	MUST(store_act_note(p->store, &act, "scenario.change", STR("it"), 0,
	    (struct str){ 0 }, sort, id));
}

void
people_open(struct people *p, const char *folder)
{
	struct store_options o = { .create = true, .any_schema = true };
	char why[STORE_WHY_SIZE], url[128];

	snprintf(url, sizeof(url), "sqlite://%s/a.db", folder);
	p->arena = arena_new(1 << 20);
	MUST(gate_pepper_make(str_z(folder), &p->pepper));
	MUST(store_open(str_z(url), &o, &p->store, why));
	MUST(store_schema_init(p->store, NULL, NULL, why));
	p->pool = store_pool_new(str_z(url), NULL, 2);
	ASSERT(p->pool);
}

void
people_close(struct people *p, const char *folder)
{
	static const char *const names[] = { "a.db", "a.db-wal", "a.db-shm",
		"a.db-schema.lock", "pepper" };
	char path[160];

	if (!p->pool)
		return;
	store_pool_free(p->pool);
	store_close(p->store);
	gate_pepper_fini(&p->pepper);
	arena_free(p->arena);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	*p = (struct people){ 0 };
}

static int64_t
user_id(struct people *p, struct str name)
{
	struct store_user u;

	if (!str_present(name))
		return 0;
	MUST(store_user_find(p->store, 1, name, p->arena, &u));
	return u.id;
}

static int64_t
team_id(struct people *p, struct str name)
{
	struct store_team t;

	if (!str_present(name))
		return 0;
	MUST(store_team_find(p->store, 1, name, p->arena, &t));
	return t.id;
}

/* kim: [ developer, viewer ] */
static void
add_user(struct people *p, const struct tree_node *n)
{
	struct store_user u = { .tenant_id = 1, .name = n->key };

	MUST(store_user_add(p->store, &u));
	tree_each(n, role)
	{
		struct store_role_grant g = {
			.tenant_id = 1, .user_id = u.id, .role = tree_text(role)
		};

		MUST(store_role_add(p->store, &g));
	}
}

/* red: [ kim, lee ] */
static void
add_team(struct people *p, const struct tree_node *n)
{
	struct store_team t = { .tenant_id = 1, .name = n->key };

	MUST(store_team_add(p->store, &t));
	tree_each(n, user)
	    MUST(store_team_join(p->store, t.id, user_id(p, tree_text(user))));
}

static void
add_key(struct people *p, const struct tree_node *n)
{
	struct str key = tree_text(tree_find(n, "key"));
	usec_t expires = scenario_duration(tree_find(n, "expires"), 0);
	struct store_key k = { .tenant_id = 1,
		.name = n->key,
		.user_id = user_id(p, tree_text(tree_find(n, "user"))),
		.team_id = team_id(p, tree_text(tree_find(n, "team"))),
		.public_part = store_key_public(key),
		.pepper_id = str_z(p->pepper.id),
		.expires = expires ? clock_wall() + expires : 0,
		.models = tree_text(tree_find(n, "models")),
		.networks = tree_text(tree_find(n, "networks")),
		.hours = tree_text(tree_find(n, "hours")) };
	unsigned char hash[HASH_KEY_BYTES];

	gate_pepper_hash(&p->pepper, key, hash);
	MUST(store_key_add(p->store, &k, hash));
	note(p, "key", k.id);
}

/* "gpt-*", "#eu" (tag), "!secret" (denied), "kim: gpt-*" (of a user) */
static void
add_grant(struct people *p, struct str text)
{
	struct store_grant g = { .tenant_id = 1, .is_allowed = true };
	size_t colon = str_chr(text, ':');

	if (colon < text.n) {
		g.user_id = user_id(p, str_of(text.p, colon));
		text = str_trim(str_skip(text, colon + 1));
	}
	g.is_allowed = !str_starts(text, STR("!"));
	text = str_skip(text, !g.is_allowed);
	g.is_tag = str_starts(text, STR("#"));
	g.pattern = str_skip(text, g.is_tag);
	MUST(store_grant_add(p->store, &g));
	note(p, "grant", g.id);
}

void
people_add(struct people *p, const struct tree_node *n)
{
	struct str zone = tree_text(tree_find(n, "timezone"));
	struct str tenant = tree_text(tree_find(n, "tenant"));

	MUST(store_begin(p->store));
	if (str_present(tenant)) {
		struct store_tenant t = { .name = tenant,
			.timezone = str_present(zone) ? zone : STR("UTC") };

		MUST(store_tenant_add(p->store, &t));
		ASSERT(t.id == 1);
	}
	tree_each(tree_find(n, "users"), u) add_user(p, u);
	tree_each(tree_find(n, "teams"), t) add_team(p, t);
	tree_each(tree_find(n, "keys"), k) add_key(p, k);
	tree_each(tree_find(n, "grants"), g) add_grant(p, tree_text(g));
	MUST(store_commit(p->store));
}

/* key NAME, user NAME, tenant NAME */
void
people_block(struct people *p, const struct tree_node *n, bool is_blocked)
{
	struct str key = tree_text(tree_find(n, "key"));
	struct str user = tree_text(tree_find(n, "user"));
	struct str tenant = tree_text(tree_find(n, "tenant"));

	MUST(store_begin(p->store));
	if (str_present(key)) {
		struct store_key k;

		MUST(store_key_find(p->store, 1, key, p->arena, &k));
		k.is_blocked = is_blocked;
		MUST(store_key_set(p->store, &k));
		note(p, "key", k.id);
	}
	if (str_present(user)) {
		struct store_user u;

		MUST(store_user_find(p->store, 1, user, p->arena, &u));
		u.is_blocked = is_blocked;
		MUST(store_user_set(p->store, &u));
		note(p, "user", u.id);
	}
	if (str_present(tenant)) {
		struct store_tenant t;

		MUST(store_tenant_find(p->store, tenant, p->arena, &t));
		t.is_blocked = is_blocked;
		MUST(store_tenant_set(p->store, &t));
		note(p, "tenant", t.id);
	}
	MUST(store_commit(p->store));
}

void
people_break(struct people *p, bool is_broken)
{
	MUST(store_run(
	    p->store, is_broken ? &broken : &whole, NULL, 0, NULL, NULL));
}
