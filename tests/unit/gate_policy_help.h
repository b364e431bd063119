#ifndef TESTS_UNIT_GATE_POLICY_HELP_H
#define TESTS_UNIT_GATE_POLICY_HELP_H
/* Policies from a file's text, and requests that are asked of them. */
#include "check.h"

#include "api/chat.h"
#include "gate/policy.h"

#define SAY "\"messages\":[{\"role\":\"user\",\"content\":\"Hi there\"}]"
#define MONDAY (INT64_C(1735516800) * USEC_PER_SEC) /* 2024-12-30 00:00 UTC */
#define HOUR (3600 * USEC_PER_SEC)

static const struct conf_kind kinds[] = { { "openai", false },
	{ NULL, false } };

/* Providers eu (tag eu) and us (tags us), aliases m (both), us-only, tagged. */
static const char head[] =
    "auth: { anonymous: true }\n"
    "providers:\n"
    "  eu: { kind: openai, tags: [eu, blue] }\n"
    "  us: { kind: openai, tags: [us] }\n"
    "models:\n"
    "  m: { tags: [chat, fast], targets: [ us/x, eu/x, { provider: us, "
    "model: y, tags: [eu] } ] }\n"
    "  us-only: us/x\n"
    "policies:\n";

/* ---- asking -------------------------------------------------------------- */

static struct conf *conf;
static struct arena *arena;
static struct msg_request msg;
static struct msg_fail fail;
static struct gate_policy_result result;
static struct gate_policy_who who;
static const char *alias;

static inline int
setup(void **state)
{
	(void)state;
	conf_kinds_set(kinds);
	arena = arena_new(1 << 20);
	who = (struct gate_policy_who){ .wall = MONDAY };
	alias = "m";
	return arena ? 0 : -1;
}

static inline int
teardown(void **state)
{
	(void)state;
	conf_unref(conf);
	conf = NULL;
	arena_free(arena);
	return 0;
}

/* The policies that hold from now on, as the file has them. */
static inline void
policies(const char *yaml)
{
	struct arena *a = arena_new(1 << 20);
	struct conf_problems problems;
	struct buf text;

	conf_unref(conf);
	conf = NULL;
	assert_non_null(a);
	conf_problems_init(&problems, a);
	buf_init(&text, 65536);
	buf_addz(&text, head);
	buf_addz(&text, yaml);
	if (conf_load_text(buf_str(&text), STR("t.yaml"), &conf, &problems) !=
	    ERR_OK) {
		conf_problems_print(&problems, stdout);
		fail_msg("not a configuration:\n%s", yaml);
	}
	buf_fini(&text);
	arena_free(a);
}

/* members: of the body, beside the model. */
static inline enum err
ask(const char *members)
{
	struct str body = arena_printf(arena, "{\"model\":\"m\",%s}", members);

	assert_int_equal(
	    api_chat_parse(arena, body, NULL, &msg, &fail), ERR_OK);
	msg_fail_set(&fail, MSG_FAIL_NONE, "%s", "");
	return gate_policy_decide(conf, conf_model_find(conf, str_z(alias)),
	    &msg, &who, arena, &result, &fail);
}

#define assert_passes(members) assert_int_equal(ask(members), ERR_OK)
#define assert_refused(members, class_, param_, words)                        \
	do {                                                                  \
		assert_int_equal(ask(members), ERR_DENIED);                   \
		assert_int_equal(fail.class, class_);                         \
		assert_string_equal(fail.param, param_);                      \
		if (!strstr(fail.message, words))                             \
			fail_msg("\"%s\" lacks \"%s\"", fail.message, words); \
		assert_true(result.refused.n > 0);                            \
		assert_true(                                                  \
		    str_contains(str_z(fail.message), result.refused));       \
		assert_int_equal(fail.should_retry, 0);                       \
	} while (0)

#define TOOLS                                                       \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":" \
	"\"f\"}}]," SAY

#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

#endif
