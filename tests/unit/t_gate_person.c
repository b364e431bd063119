#include "gate/person.h"

#include "check.h"

/* Wednesday, 2026-09-23 10:15:00 UTC */
#define WEDNESDAY ((usec_t)1790158500 * USEC_PER_SEC)
#define HOUR ((usec_t)3600 * USEC_PER_SEC)

static struct str developer[] = { { "developer", 9 } };

static struct store_person
facts(void)
{
	return (struct store_person){ .tenant_id = 1,
		.key_id = 7,
		.tenant = STR("acme"),
		.key = STR("ci"),
		.timezone = STR("UTC"),
		.roles = developer,
		.n_roles = 1,
		.models = STR(""),
		.networks = STR(""),
		.hours = STR("") };
}

static struct gate_person *
person(const struct store_person *f)
{
	struct gate_person *p;

	assert_int_equal(gate_person_new(f, &p), ERR_OK);
	return p;
}

static bool
may(const struct store_person *f, const char *alias, struct str tag)
{
	struct conf_model m = {
		.name = str_z(alias), .tags = &tag, .n_tags = str_present(tag)
	};
	struct gate_person *p = person(f);
	bool yes = gate_person_may_use(p, &m);

	gate_person_unref(p);
	return yes;
}

static enum gate_refusal
check(const struct store_person *f, const char *address, usec_t wall)
{
	struct gate_person *p = person(f);
	enum gate_refusal why = gate_person_check(p, str_z(address), wall);

	gate_person_unref(p);
	return why;
}

static void
test_nothing_without_a_grant(void **state)
{
	struct store_person f = facts();

	(void)state;
	assert_false(may(&f, "gpt", (struct str){ 0 }));
	f.models = STR("*"); /* narrows; it grants nothing */
	assert_false(may(&f, "gpt", (struct str){ 0 }));
}

static void
test_names_and_tags(void **state)
{
	struct store_person_grant g[] = {
		{ STR("gpt-*"), false, true },
		{ STR("eu"), true, true },
	};
	struct store_person f = facts();

	(void)state;
	f.grants = g;
	f.n_grants = COUNT(g);
	assert_true(may(&f, "gpt-4o", (struct str){ 0 }));
	assert_false(may(&f, "claude", (struct str){ 0 }));
	assert_false(may(&f, "claude", STR("us")));
	assert_true(may(&f, "claude", STR("eu")));
	/* a name is no tag, and a tag no name */
	assert_false(may(&f, "eu", (struct str){ 0 }));
	assert_false(may(&f, "claude", STR("gpt-4o")));
}

static void
test_denied_wins(void **state)
{
	struct store_person_grant g[] = {
		{ STR("*-secret"), false, false },
		{ STR("lab"), true, false },
		{ STR("*"), false, true },
	};
	struct store_person f = facts();

	(void)state;
	f.grants = g;
	f.n_grants = COUNT(g);
	assert_true(may(&f, "gpt", STR("eu")));
	assert_false(may(&f, "gpt-secret", STR("eu")));
	assert_false(may(&f, "gpt", STR("lab")));
}

static void
test_the_keys_own_models_narrow(void **state)
{
	struct store_person_grant g[] = { { STR("gpt-*"), false, true } };
	struct store_person f = facts();

	(void)state;
	f.grants = g;
	f.n_grants = COUNT(g);
	f.models = STR(" gpt-4o,  claude ");
	assert_true(may(&f, "gpt-4o", (struct str){ 0 }));
	assert_false(may(&f, "gpt-4.1", (struct str){ 0 }));
	assert_false(may(&f, "claude", (struct str){ 0 }));
}

static void
test_roles(void **state)
{
	struct store_person_grant g[] = { { STR("*"), false, true } };
	static const struct {
		const char *role;
		bool may;
	} rows[] = { { "viewer", false }, { "developer", true },
		{ "operator", true }, { "admin", true }, { "auditor", false },
		{ "king", false } };
	struct store_person f = facts();
	struct str roles[2];

	(void)state;
	f.grants = g;
	f.n_grants = COUNT(g);
	f.roles = roles;
	for (size_t i = 0; i < COUNT(rows); i++) {
		roles[0] = str_z(rows[i].role);
		assert_int_equal(
		    may(&f, "gpt", (struct str){ 0 }), rows[i].may);
	}
	roles[0] = STR("viewer");
	roles[1] = STR("developer");
	f.n_roles = 2;
	assert_true(may(&f, "gpt", (struct str){ 0 }));
	f.n_roles = 0;
	assert_false(may(&f, "gpt", (struct str){ 0 }));
}

static void
test_blocked_and_expired(void **state)
{
	struct store_person f = facts();

	(void)state;
	assert_int_equal(check(&f, "10.0.0.1", WEDNESDAY), GATE_WELCOME);
	f.expires = WEDNESDAY + 1;
	assert_int_equal(check(&f, "10.0.0.1", WEDNESDAY), GATE_WELCOME);
	f.expires = WEDNESDAY;
	assert_int_equal(check(&f, "10.0.0.1", WEDNESDAY), GATE_EXPIRED);
	f.is_blocked = true;
	assert_int_equal(check(&f, "10.0.0.1", WEDNESDAY), GATE_BLOCKED);
}

static void
test_networks(void **state)
{
	struct store_person f = facts();

	(void)state;
	f.networks = STR("10.0.0.0/8 2001:db8::/32");
	assert_int_equal(check(&f, "10.9.8.7", WEDNESDAY), GATE_WELCOME);
	assert_int_equal(check(&f, "2001:db8::1", WEDNESDAY), GATE_WELCOME);
	assert_int_equal(check(&f, "11.0.0.1", WEDNESDAY), GATE_NETWORK);
	assert_int_equal(check(&f, "", WEDNESDAY), GATE_NETWORK);
	/* what cannot be read restricts everything */
	f.networks = STR("10.0.0.0/8 office");
	assert_int_equal(check(&f, "10.9.8.7", WEDNESDAY), GATE_BROKEN);
}

static void
test_hours_of_the_tenant(void **state)
{
	struct store_person f = facts();

	(void)state;
	f.hours = STR("mon-fri 08:00-18:00");
	assert_int_equal(check(&f, "::1", WEDNESDAY), GATE_WELCOME);
	assert_int_equal(check(&f, "::1", WEDNESDAY + 8 * HOUR), GATE_HOURS);
	assert_int_equal(check(&f, "::1", WEDNESDAY + 72 * HOUR), GATE_HOURS);
	f.hours = STR("whenever");
	assert_int_equal(check(&f, "::1", WEDNESDAY), GATE_BROKEN);
	f.hours = STR("mon-fri 08:00-18:00");
	f.timezone = STR("Mars/Olympus");
	assert_int_equal(check(&f, "::1", WEDNESDAY), GATE_BROKEN);
	f.timezone = STR("America/New_York"); /* 06:15 there */
	if (check(&f, "::1", WEDNESDAY + 2 * HOUR) == GATE_BROKEN) {
		print_message("no tzdata here: zones not tested\n");
		return;
	}
	assert_int_equal(check(&f, "::1", WEDNESDAY), GATE_HOURS);
	assert_int_equal(check(&f, "::1", WEDNESDAY + 2 * HOUR), GATE_WELCOME);
}

static void
test_names_and_count(void **state)
{
	struct store_person f = facts();
	struct gate_person *p = person(&f);

	(void)state;
	assert_str(p->name, "ci");
	assert_ptr_equal(gate_person_ref(p), p);
	gate_person_unref(p);
	assert_str(p->facts.tenant, "acme");
	gate_person_unref(p);
	f.key = (struct str){ 0 };
	f.user = STR("kim");
	p = person(&f);
	assert_str(p->name, "acme/kim");
	gate_person_unref(p);
	gate_person_unref(NULL);
}

static void
test_not_without_bound(void **state)
{
	static char text[GATE_PERSON_BYTES_MAX];
	struct store_person f = facts();
	struct gate_person *p = NULL;

	(void)state;
	memset(text, 'm', sizeof(text));
	f.models = str_of(text, sizeof(text));
	assert_int_equal(gate_person_new(&f, &p), ERR_LIMIT);
	assert_null(p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_without_a_grant),
		cmocka_unit_test(test_names_and_tags),
		cmocka_unit_test(test_denied_wins),
		cmocka_unit_test(test_the_keys_own_models_narrow),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_blocked_and_expired),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_hours_of_the_tenant),
		cmocka_unit_test(test_names_and_count),
		cmocka_unit_test(test_not_without_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
