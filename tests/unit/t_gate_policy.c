/* Which policies count, where a request may go, and what is told. */
#include "gate/policy.h"

#include "gate_policy_help.h"

/* ---- residency -------------------------------------------------------------- */

/* Which of the alias's targets may be asked: "eu/x us/y". */
static const char *
left(void)
{
	const struct conf_model *m = conf_model_find(conf, str_z(alias));
	static char text[256];
	struct buf b;

	buf_init(&b, sizeof(text) - 1);
	for (uint32_t i = 0; i < m->n_targets; i++) {
		const struct conf_target *t = &m->targets[i];

		if (!gate_policy_target(&result, t))
			continue;
		buf_printf(&b, "%s%.*s/%.*s", b.n ? " " : "",
		    STR_ARG(t->provider->name), STR_ARG(t->model));
	}
	(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(buf_str(&b)));
	buf_fini(&b);
	return text;
}

static void
test_residency(void **state)
{
	(void)state;
	policies("  - { name: home, residency: [eu] }\n");
	assert_passes(SAY);
	assert_string_equal(left(), "eu/x us/y");
	alias = "us-only";
	assert_refused(SAY, MSG_FAIL_POLICY, "model",
	    "Policy 'home': the model 'us-only' has no provider where this "
	    "request may go: one with the tags (eu).");
	/* one of a list is enough, and each of two lists is needed */
	alias = "m";
	policies("  - { name: home, residency: [blue, us] }\n");
	assert_passes(SAY);
	assert_string_equal(left(), "us/x eu/x us/y");
	policies("  - { name: home, residency: [eu] }\n"
		 "  - { name: blue, residency: [blue] }\n");
	assert_passes(SAY);
	assert_string_equal(left(), "eu/x");
	policies("  - { name: home, residency: [blue] }\n"
		 "  - { name: away, residency: [us] }\n");
	assert_refused(SAY, MSG_FAIL_POLICY, "model", "'away'");
	assert_refused(
	    SAY, MSG_FAIL_POLICY, "model", "the tags (blue) and (us).");
}

static void
test_residency_of_the_tenant(void **state)
{
	(void)state;
	policies("  []\n");
	who.residency = STR(" eu  ch ");
	assert_passes(SAY);
	assert_string_equal(left(), "eu/x us/y");
	alias = "us-only";
	assert_refused(SAY, MSG_FAIL_POLICY, "model", CONF_POLICY_TENANT);
	assert_refused(SAY, MSG_FAIL_POLICY, "model", "the tags (eu or ch).");
	who.residency = STR(" ");
	assert_passes(SAY);
	assert_string_equal(left(), "us/x");
}

static void
test_too_many_residences(void **state)
{
	struct buf yaml;

	(void)state;
	buf_init(&yaml, 65536);
	for (int i = 0; i <= GATE_POLICY_RESIDENCE_MAX; i++)
		buf_printf(&yaml, "  - { name: r%d, residency: [eu] }\n", i);
	buf_addc(&yaml, '\0');
	policies(yaml.p);
	assert_refused(SAY, MSG_FAIL_POLICY, "", "too many");
	buf_fini(&yaml);
}

/* As many as may be configured: what there is room for, and no more. */
static void
test_many_tags_of_residency(void **state)
{
	struct buf yaml;

	(void)state;
	buf_init(&yaml, 65536);
	buf_addz(&yaml, "  - { name: home, residency: [");
	for (int i = 0; i < 16; i++)
		buf_printf(&yaml, "%sa-rather-long-tag-%d", i ? ", " : "", i);
	buf_addz(&yaml, "] }\n");
	buf_addc(&yaml, '\0');
	policies(yaml.p);
	buf_fini(&yaml);
	assert_refused(SAY, MSG_FAIL_POLICY, "model",
	    "(a-rather-long-tag-0 or a-rather-long-tag-1 or ");
	assert_non_null(strstr(fail.message, " ...."));
}

/* ---- whom, and the mode ------------------------------------------------------- */

static bool
is_refused(void)
{
	return ask(SAY) == ERR_DENIED;
}

static void
test_scope(void **state)
{
	static const struct str teams[] = { { "red", 3 }, { "green", 5 } };
	static const struct str roles[] = { { "viewer", 6 } };

	(void)state;
	policies("  - { name: p, for: { models: [m*], tags: [fast], keys: "
		 "[dev-*], tenants: [acme], teams: [green], users: [\"*\"], "
		 "roles: [view*] }, disabled: no }\n");
	who = (struct gate_policy_who){ .key = STR("dev-1"),
		.tenant = STR("acme"),
		.user = STR("kim"),
		.teams = teams,
		.n_teams = 2,
		.roles = roles,
		.n_roles = 1 };
	assert_true(is_refused());
	/* each alone takes it out */
	who.key = STR("prod-1");
	assert_false(is_refused());
	who.key = STR("dev-1");
	who.tenant = STR("other");
	assert_false(is_refused());
	who.tenant = STR("acme");
	who.n_teams = 1;
	assert_false(is_refused());
	who.n_teams = 2;
	who.user = (struct str){ 0 }; /* "*" is for those who are somebody */
	assert_false(is_refused());
	who.user = STR("kim");
	who.n_roles = 0;
	assert_false(is_refused());
	who.n_roles = 1;
	alias = "us-only";
	assert_false(is_refused());
	alias = "m";
	assert_true(is_refused());
}

static void
test_first_one_names_itself(void **state)
{
	(void)state;
	policies("  - { name: first, deny: [tools] }\n"
		 "  - { name: second, deny: [tools, stream] }\n");
	assert_int_equal(ask("\"stream\":true," TOOLS), ERR_DENIED);
	assert_true(str_eqz(result.refused, "first"));
	assert_int_equal(ask("\"stream\":true," SAY), ERR_DENIED);
	assert_true(str_eqz(result.refused, "second"));
}

static void
test_shadow(void **state)
{
	(void)state;
	policies("  - { name: a, mode: shadow, deny: [tools] }\n"
		 "  - { name: b, mode: shadow, max_output_tokens: 5 }\n"
		 "  - { name: c, mode: shadow, residency: [mars] }\n"
		 "  - { name: d, mode: shadow, residency: [eu] }\n"
		 "  - { name: e, mode: shadow, max_output_tokens: 7, "
		 "on_output: clamp }\n");
	assert_passes("\"max_tokens\":6," TOOLS);
	assert_true(str_eqz(result.shadow, "a,b,c"));
	assert_int_equal(result.n_shadows, 3);
	assert_true(str_eqz(result.shadows[2]->name, "c"));
	assert_false(str_present(result.refused));
	assert_int_equal(result.max_output_tokens, 0);
	assert_string_equal(left(), "us/x eu/x us/y");
	assert_int_equal(fail.class, MSG_FAIL_NONE);
	/* what a clamp would have lowered is told as well */
	assert_passes("\"max_tokens\":9," SAY);
	assert_true(str_eqz(result.shadow, "b,c,e"));
	/* beside one that is in force */
	policies("  - { name: a, mode: shadow, deny: [tools] }\n"
		 "  - { name: z, deny: [tools] }\n");
	assert_refused(TOOLS, MSG_FAIL_POLICY, "tools", "'z'");
	assert_true(str_eqz(result.shadow, "a"));
}

static void
test_no_memory(void **state)
{
	struct arena *mine = arena;

	(void)state;
	policies("  - { name: a, mode: shadow, deny: [tools] }\n");
	assert_passes(TOOLS);
	arena = arena_new(1);
	assert_non_null(arena);
	assert_int_equal(
	    gate_policy_decide(conf, conf_model_find(conf, STR("m")), &msg,
		&who, arena, &result, &fail),
	    ERR_NOMEM);
	assert_int_equal(fail.class, MSG_FAIL_INTERNAL);
	arena_free(arena);
	arena = mine;
}

/* A name that cannot be decoded is none that no rule forbids. */
static void
test_no_memory_for_a_name(void **state)
{
	static const char *const lists[] = {
		"  - { name: a, deny_parameters: [seed] }\n",
		"  - { name: a, allow_parameters: [top_p] }\n",
		"  - { name: a, mode: shadow, deny_parameters: [seed] }\n",
	};
	struct arena *mine = arena;

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		policies(lists[i]);
		/* what is asked, read with memory enough */
		(void)!ask("\"s\\u0065ed\":1," SAY);
		arena = arena_new(1);
		assert_non_null(arena);
		msg_fail_set(&fail, MSG_FAIL_NONE, "%s", "");
		assert_int_equal(
		    gate_policy_decide(conf, conf_model_find(conf, STR("m")),
			&msg, &who, arena, &result, &fail),
		    ERR_NOMEM);
		assert_int_equal(fail.class, MSG_FAIL_INTERNAL);
		assert_int_equal(result.refused.n, 0);
		arena_free(arena);
		arena = mine;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_residency),
		T(test_residency_of_the_tenant),
		T(test_too_many_residences),
		T(test_many_tags_of_residency),
		T(test_scope),
		T(test_first_one_names_itself),
		T(test_shadow),
		T(test_no_memory),
		T(test_no_memory_for_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
