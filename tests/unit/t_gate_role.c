#include "gate/role.h"

#include "check.h"

/* Each role walks each permission: v d o a u, as roles.h has them. */
static const struct {
	const char *permission;
	const char *may;
} walk[GATE_PERMISSION__MAX] = {
	{ "models.use", "-doa-" },
	{ "usage.own", "vdoau" },
	{ "usage.all", "v-oau" },
	{ "settings.see", "v-oau" },
	{ "keys.own", "-doa-" },
	{ "keys.manage", "--oa-" },
	{ "limits.manage", "--oa-" },
	{ "prices.manage", "--oa-" },
	{ "people.manage", "---a-" },
	{ "roles.manage", "---a-" },
	{ "secrets.manage", "---a-" },
	{ "audit.read", "---au" },
};

static void
test_each_role_walks_each_permission(void **state)
{
	(void)state;
	for (int p = 0; p < GATE_PERMISSION__MAX; p++) {
		assert_string_equal(
		    gate_permission_table[p].name, walk[p].permission);
		for (unsigned r = 0; r < GATE_ROLE__MAX; r++)
			if (gate_role_may(1u << r, (enum gate_permission)p) !=
			    (walk[p].may[r] != '-'))
				fail_msg("%s: %s", gate_role_words[r],
				    walk[p].permission);
	}
}

static void
test_nobody_may_nothing(void **state)
{
	(void)state;
	for (int p = 0; p < GATE_PERMISSION__MAX; p++)
		assert_false(gate_role_may(0, (enum gate_permission)p));
}

static void
test_roles_add_up(void **state)
{
	unsigned roles = 1u << GATE_VIEWER | 1u << GATE_DEVELOPER;

	(void)state;
	assert_true(gate_role_may(roles, GATE_USE_MODELS));
	assert_true(gate_role_may(roles, GATE_SEE_USAGE));
	assert_false(gate_role_may(roles, GATE_READ_AUDIT));
}

static void
test_words(void **state)
{
	enum gate_role role;

	(void)state;
	for (unsigned r = 0; r < GATE_ROLE__MAX; r++) {
		assert_int_equal(
		    gate_role_parse(str_z(gate_role_words[r]), &role), ERR_OK);
		assert_int_equal(role, r);
	}
	assert_int_equal(gate_role_parse(STR("owner"), &role), ERR_RANGE);
	assert_int_equal(gate_role_parse(STR("Admin"), &role), ERR_RANGE);
	assert_int_equal(gate_role_parse(STR(""), &role), ERR_RANGE);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_role_walks_each_permission),
		cmocka_unit_test(test_nobody_may_nothing),
		cmocka_unit_test(test_roles_add_up),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
