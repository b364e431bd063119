#include "store/person.h"

#include <stdio.h>

#include "store_bed.h"

/*
 * acme (1) has the teams red (1), blue (2), grey (3, blocked) and the users
 * kim (1: red, blue, grey) and lee (2: blue); other (2) has none.
 */
static const struct store_sql rows[] = {
	{ "INSERT INTO tenant (id, name, timezone, residency, is_blocked,"
	  " created, changed) VALUES"
	  " (1, 'acme', 'Europe/Berlin', 'eu', 0, 1, 1),"
	  " (2, 'other', 'UTC', '', 1, 1, 1)",
	    NULL },
	{ "INSERT INTO team (id, tenant_id, name, is_blocked, created,"
	  " changed) VALUES (1, 1, 'red', 0, 1, 1), (2, 1, 'blue', 0, 1, 1),"
	  " (3, 1, 'grey', 1, 1, 1)",
	    NULL },
	{ "INSERT INTO user_account (id, tenant_id, name, created, changed)"
	  " VALUES (1, 1, 'kim', 1, 1), (2, 1, 'lee', 1, 1),"
	  " (3, 2, 'kim', 1, 1)",
	    NULL },
	{ "INSERT INTO team_member (team_id, user_id) VALUES (1, 1), (2, 1),"
	  " (3, 1), (2, 2)",
	    NULL },
	{ "INSERT INTO role_grant (tenant_id, user_id, team_id, role, created)"
	  " VALUES (1, 1, NULL, 'admin', 1), (NULL, NULL, 2, 'viewer', 1),"
	  " (1, NULL, 3, 'auditor', 1), (2, 1, NULL, 'operator', 1)",
	    NULL },
	{ "INSERT INTO client_key (id, tenant_id, team_id, user_id, name,"
	  " public, hash, pepper_id, is_blocked, expires, models, networks,"
	  " hours, created, changed) VALUES"
	  " (1, 1, 1, NULL, 'ci', 'AAAAAAAA', ?, 'p', 0, NULL, 'a b', '', '',"
	  " 1, 1), (2, 1, NULL, 1, 'kims', 'BBBBBBBB', ?, 'p', 0, 99, '',"
	  " '10.0.0.0/8', 'mon 08:00-09:00', 1, 1),"
	  " (3, 1, 3, NULL, 'grey', 'CCCCCCCC', ?, 'p', 0, NULL, '', '', '',"
	  " 1, 1)",
	    NULL },
	{ "INSERT INTO model_grant (tenant_id, team_id, user_id, key_id, role,"
	  " sort, pattern, is_allowed, created) VALUES"
	  " (1, NULL, NULL, NULL, NULL, 'name', 'whole', 1, 1),"
	  " (1, 1, NULL, NULL, NULL, 'tag', 'red', 1, 1),"
	  " (1, 2, NULL, NULL, NULL, 'name', 'blue', 1, 1),"
	  " (1, 3, NULL, NULL, NULL, 'name', 'grey', 1, 1),"
	  " (1, NULL, 1, NULL, NULL, 'name', 'kim', 0, 1),"
	  " (1, NULL, NULL, 1, NULL, 'name', 'key', 1, 1),"
	  " (1, NULL, NULL, NULL, 'developer', 'name', 'dev', 1, 1),"
	  " (1, NULL, NULL, NULL, 'viewer', 'name', 'view', 1, 1),"
	  " (2, NULL, NULL, NULL, NULL, 'name', 'other', 1, 1)",
	    NULL },
	STORE_SQL_END,
};

static struct arena *arena;
static unsigned char hash[4][HASH_KEY_BYTES];

static int
setup(void **state)
{
	struct store_value v[3];

	if (bed_setup(state) != 0)
		return -1;
	for (size_t i = 0; i < COUNT(hash); i++)
		memset(hash[i], (int)(i + 1), sizeof(hash[i]));
	for (size_t i = 0; i < COUNT(v); i++)
		v[i] = store_blob(hash[i], sizeof(hash[i]));
	arena = arena_new(1 << 20);
	for (size_t i = 0; rows[i].text; i++)
		if (store_run(bed_store, &rows[i], v,
			strchr(rows[i].text, '?') ? 3 : 0, NULL,
			NULL) != ERR_OK) {
			print_error("%zu: %s\n", i, store_why(bed_store));
			return -1;
		}
	return 0;
}

static int
teardown(void **state)
{
	arena_free(arena);
	return bed_teardown(state);
}

/* "-kim +whole +#red": denied, allowed, by tag. */
static const char *
grants(const struct store_person *p)
{
	static char text[512];
	size_t n = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < p->n_grants; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%c%s%.*s",
		    n ? " " : "", p->grants[i].is_allowed ? '+' : '-',
		    p->grants[i].is_tag ? "#" : "",
		    STR_ARG(p->grants[i].pattern));
	return text;
}

static const char *
words(const struct str *list, uint32_t n)
{
	static char text[512];
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%.*s",
		    at ? " " : "", STR_ARG(list[i]));
	return text;
}

static enum err
by_user(const char *tenant, const char *user, struct store_person *p)
{
	struct store_person_ask ask = { .tenant = str_z(tenant),
		.user = str_z(user) };

	return store_person_by_user(bed_store, &ask, arena, p);
}

static void
test_key_of_a_team(void **state)
{
	struct store_person p;

	(void)state;
	assert_int_equal(store_person_by_key(
			     bed_store, hash[0], STR("developer"), arena, &p),
	    ERR_OK);
	assert_int_equal(p.tenant_id, 1);
	assert_int_equal(p.team_id, 1);
	assert_int_equal(p.user_id, 0);
	assert_int_equal(p.key_id, 1);
	assert_str(p.tenant, "acme");
	assert_str(p.team, "red");
	assert_str(p.key, "ci");
	assert_null(p.user.p);
	assert_str(p.timezone, "Europe/Berlin");
	assert_str(p.residency, "eu");
	assert_str(p.models, "a b");
	assert_int_equal(p.expires, 0);
	assert_false(p.is_blocked);
	assert_string_equal(words(p.teams, p.n_teams), "red");
	assert_string_equal(words(p.roles, p.n_roles), "developer");
	assert_string_equal(grants(&p), "+whole +#red +key +dev");
}

static void
test_key_of_a_user(void **state)
{
	struct store_person p;

	(void)state;
	/* what is implied for keys without a user is not for his */
	assert_int_equal(store_person_by_key(
			     bed_store, hash[1], STR("developer"), arena, &p),
	    ERR_OK);
	assert_str(p.user, "kim");
	assert_int_equal(p.team_id, 0);
	assert_int_equal(p.expires, 99);
	assert_str(p.networks, "10.0.0.0/8");
	assert_str(p.hours, "mon 08:00-09:00");
	assert_string_equal(words(p.teams, p.n_teams), "blue red");
	/* operator is in another tenant, auditor of a blocked team */
	assert_string_equal(words(p.roles, p.n_roles), "admin viewer");
	assert_string_equal(grants(&p), "-kim +whole +#red +blue +view");
}

static void
test_blocked_team_and_tenant(void **state)
{
	struct store_person p;

	(void)state;
	assert_int_equal(store_person_by_key(
			     bed_store, hash[2], (struct str){ 0 }, arena, &p),
	    ERR_OK);
	assert_true(p.is_blocked);
	assert_int_equal(by_user("other", "kim", &p), ERR_OK);
	assert_true(p.is_blocked);
	assert_string_equal(grants(&p), "+other");
}

static void
test_user(void **state)
{
	struct store_person p;

	(void)state;
	assert_int_equal(by_user("acme", "lee", &p), ERR_OK);
	assert_int_equal(p.user_id, 2);
	assert_int_equal(p.key_id, 0);
	assert_null(p.key.p);
	/* he is in one team only: it is his */
	assert_int_equal(p.team_id, 2);
	assert_str(p.team, "blue");
	assert_string_equal(words(p.roles, p.n_roles), "viewer");
	assert_int_equal(by_user("acme", "kim", &p), ERR_OK);
	assert_int_equal(p.team_id, 0);
	assert_null(p.team.p);
}

/* What a token says of him joins what the rows say. */
static void
test_user_with_a_word_of_others(void **state)
{
	struct store_person_ask ask = { .tenant = STR("acme"),
		.user = STR("lee"),
		.team = STR("red"),
		.roles = { STR("developer"), STR("operator"), STR("viewer"),
		    STR("developer") } };
	struct store_person p;

	(void)state;
	assert_int_equal(
	    store_person_by_user(bed_store, &ask, arena, &p), ERR_OK);
	assert_int_equal(p.team_id, 1);
	assert_str(p.team, "red");
	assert_string_equal(words(p.teams, p.n_teams), "blue red");
	assert_string_equal(
	    words(p.roles, p.n_roles), "viewer developer operator");
	assert_string_equal(grants(&p), "+whole +#red +blue +dev +view");
	ask.team = STR("grey");
	assert_int_equal(
	    store_person_by_user(bed_store, &ask, arena, &p), ERR_OK);
	assert_true(p.is_blocked);
	ask.team = STR("pink"); /* there is none: what the rows say */
	assert_int_equal(
	    store_person_by_user(bed_store, &ask, arena, &p), ERR_OK);
	assert_int_equal(p.team_id, 2);
}

static void
test_nobody(void **state)
{
	struct store_person p = { .tenant_id = 5 };
	bool yes = false;

	(void)state;
	assert_int_equal(store_person_by_key(
			     bed_store, hash[3], (struct str){ 0 }, arena, &p),
	    ERR_NOT_FOUND);
	assert_int_equal(by_user("acme", "Kim", &p), ERR_NOT_FOUND);
	assert_int_equal(p.tenant_id, 5);
	assert_int_equal(
	    store_person_has_public(bed_store, STR("AAAAAAAA"), &yes), ERR_OK);
	assert_true(yes);
	assert_int_equal(
	    store_person_has_public(bed_store, STR("AAAAAAAa"), &yes), ERR_OK);
	assert_false(yes);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_key_of_a_team, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_key_of_a_user, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_blocked_team_and_tenant, setup, teardown),
		cmocka_unit_test_setup_teardown(test_user, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_user_with_a_word_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
	};

	return bed_run("person", tests, COUNT(tests));
}
