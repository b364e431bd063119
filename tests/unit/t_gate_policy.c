#include "gate/policy.h"

#include "check.h"

#include "api/chat.h"

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

static int
setup(void **state)
{
	(void)state;
	conf_kinds_set(kinds);
	arena = arena_new(1 << 20);
	who = (struct gate_policy_who){ .wall = MONDAY };
	alias = "m";
	return arena ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	conf_unref(conf);
	conf = NULL;
	arena_free(arena);
	return 0;
}

/* The policies that hold from now on, as the file has them. */
static void
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
static enum err
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

/* A message with one part of this sort beside a text. */
#define PART(part)                                                 \
	"\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":" \
	"\"text\",\"text\":\"x\"}," part "]}]"
#define IMAGE                                                              \
	PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/" \
	     "\"}}")
#define AUDIO                                                       \
	PART("{\"type\":\"input_audio\",\"input_audio\":{\"data\":" \
	     "\"AAAA\",\"format\":\"wav\"}}")
#define PDF PART("{\"type\":\"file\",\"file\":{\"file_id\":\"f-1\"}}")
#define VIDEO                                                              \
	PART("{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://x/" \
	     "\"}}")
#define UNKNOWN PART("{\"type\":\"hologram\",\"data\":\"x\"}")
#define TOOLS                                                       \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":" \
	"\"f\"}}]," SAY
#define FUNCTIONS "\"functions\":[{\"name\":\"f\"}]," SAY

/* ---- rules ------------------------------------------------------------------ */

static void
test_none(void **state)
{
	(void)state;
	policies("  []\n");
	assert_passes(SAY);
	assert_false(str_present(result.refused));
	assert_false(str_present(result.shadow));
	assert_int_equal(result.max_output_tokens, 0);
}

static void
test_disabled(void **state)
{
	(void)state;
	policies("  - { name: old-model, for: { models: [m] }, disabled: "
		 "\"Ask for chat-2 instead.\" }\n");
	assert_refused(
	    SAY, MSG_FAIL_POLICY, "model", "Ask for chat-2 instead.");
	assert_int_equal(msg_fail_status(&fail), 403);
	assert_string_equal(
	    msg_fail_table[fail.class].chat_type, "policy_violation");
	alias = "us-only";
	assert_passes(SAY);
}

static void
test_client_id(void **state)
{
	(void)state;
	policies("  - { name: who, require_client_id: true }\n");
	assert_refused(SAY, MSG_FAIL_POLICY_FIELD, "client_id", "client_id");
	assert_int_equal(msg_fail_status(&fail), 400);
	assert_refused("\"client_id\":\"\"," SAY, MSG_FAIL_POLICY_FIELD,
	    "client_id", "client_id");
	assert_passes("\"client_id\":\"shop\"," SAY);
}

static void
test_metadata(void **state)
{
	(void)state;
	policies("  - { name: why, require_metadata: [cost_centre, trace] }\n");
	assert_refused(SAY, MSG_FAIL_POLICY_FIELD, "metadata.cost_centre",
	    "'cost_centre'");
	assert_refused("\"metadata\":{\"cost_centre\":\"\",\"trace\":1}," SAY,
	    MSG_FAIL_POLICY_FIELD, "metadata.cost_centre", "metadata");
	assert_refused(
	    "\"metadata\":{\"cost_centre\":\"7\",\"trace\":null}," SAY,
	    MSG_FAIL_POLICY_FIELD, "metadata.trace", "'trace'");
	assert_passes("\"metadata\":{\"cost_centre\":\"7\",\"trace\":0}," SAY);
	/* however it is spelt */
	assert_passes(
	    "\"metadata\":{\"cost\\u005fcentre\":\"7\",\"trace\":false}," SAY);
}

static void
test_parts(void **state)
{
	static const struct {
		const char *deny, *body, *words;
	} cases[] = {
		{ "images", IMAGE, "images are not allowed" },
		{ "audio", AUDIO, "audio is not allowed" },
		{ "files", PDF, "files are not allowed" },
		{ "video", VIDEO, "video is not allowed" },
		{ "images", UNKNOWN, "a sort that the gateway does not know" },
		{ "video", UNKNOWN, "a sort that the gateway does not know" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char yaml[128];

		(void)snprintf(yaml, sizeof(yaml),
		    "  - { name: plain, deny: [%s] }\n", cases[i].deny);
		policies(yaml);
		assert_refused(cases[i].body, MSG_FAIL_POLICY,
		    "messages[0].content[1]", cases[i].words);
		assert_passes(SAY);
	}
	policies("  - { name: plain, deny: [tools, stream] }\n");
	assert_passes(UNKNOWN);
	assert_passes(IMAGE);
}

static void
test_features(void **state)
{
	(void)state;
	policies("  - { name: bare, deny: [tools, audio, response_format, "
		 "logprobs, stream] }\n");
	assert_refused(TOOLS, MSG_FAIL_POLICY, "tools", "tools are not");
	assert_refused(FUNCTIONS, MSG_FAIL_POLICY, "functions", "tools are");
	assert_refused("\"modalities\":[\"text\",\"audio\"],\"audio\":{"
		       "\"voice\":\"a\",\"format\":\"wav\"}," SAY,
	    MSG_FAIL_POLICY, "modalities", "audio is not");
	assert_refused("\"modalities\":[\"text\",\"\\u0061udio\"]," SAY,
	    MSG_FAIL_POLICY, "modalities", "audio is not");
	assert_refused("\"response_format\":{\"type\":\"json_object\"}," SAY,
	    MSG_FAIL_POLICY, "response_format", "response_format is not");
	assert_refused("\"logprobs\":true," SAY, MSG_FAIL_POLICY, "logprobs",
	    "log probabilities");
	assert_refused(
	    "\"stream\":true," SAY, MSG_FAIL_POLICY, "stream", "streaming");
	/* what says that it is not asked for */
	assert_passes("\"tools\":[],\"modalities\":[\"text\"],"
		      "\"response_format\":{\"type\":\"text\"},"
		      "\"logprobs\":false,\"stream\":false," SAY);
}

static void
test_parameters(void **state)
{
	(void)state;
	policies("  - { name: p, deny_parameters: [\"*_penalty\", seed] }\n");
	assert_refused("\"presence_penalty\":1," SAY, MSG_FAIL_POLICY,
	    "presence_penalty", "'presence_penalty'");
	assert_refused(
	    "\"se\\u0065d\":1," SAY, MSG_FAIL_POLICY, "seed", "'seed'");
	assert_passes("\"seed\":null,\"temperature\":1," SAY);
	policies("  - { name: p, allow_parameters: [temperature, max_*] }\n");
	assert_passes("\"temperature\":1,\"max_tokens\":5,\"stream\":true,"
		      "\"stream_options\":{},\"metadata\":{}," SAY);
	assert_refused("\"top_p\":1," SAY, MSG_FAIL_POLICY, "top_p", "'top_p'");
	assert_refused(
	    "\"my_own\":{}," SAY, MSG_FAIL_POLICY, "my_own", "'my_own'");
	/* both: what is denied is denied, also of the basic ones */
	policies("  - { name: p, allow_parameters: [seed], deny_parameters: "
		 "[metadata] }\n");
	assert_passes("\"seed\":1," SAY);
	assert_refused(
	    "\"metadata\":{}," SAY, MSG_FAIL_POLICY, "metadata", "'metadata'");
}

static void
test_n(void **state)
{
	(void)state;
	policies("  - { name: few, max_n: 2 }\n");
	assert_passes("\"n\":2," SAY);
	assert_passes(SAY);
	assert_refused("\"n\":3," SAY, MSG_FAIL_POLICY, "n", "3 answers");
}

static void
test_prompt(void **state)
{
	(void)state;
	policies("  - { name: short, max_prompt: 60 }\n");
	assert_passes(SAY);
	assert_refused(TOOLS, MSG_FAIL_POLICY, "messages", "60 are allowed");
	policies("  - { name: short, max_prompt_tokens: 100 }\n");
	who.prompt_tokens = 100;
	assert_passes(SAY);
	who.prompt_tokens = 101;
	assert_refused(SAY, MSG_FAIL_POLICY, "messages", "about 101 tokens");
}

static void
test_output(void **state)
{
	(void)state;
	policies("  - { name: brief, max_output_tokens: 100 }\n");
	assert_passes("\"max_tokens\":100," SAY);
	assert_int_equal(result.max_output_tokens, 0);
	assert_refused("\"max_tokens\":101," SAY, MSG_FAIL_POLICY, "max_tokens",
	    "100 are allowed");
	assert_refused("\"max_completion_tokens\":101," SAY, MSG_FAIL_POLICY,
	    "max_completion_tokens", "100 are allowed");
	/* who names none gets it, also by the word for none */
	assert_passes(SAY);
	assert_int_equal(result.max_output_tokens, 100);
	assert_false(result.was_asked);
	assert_passes("\"max_tokens\":-1," SAY);
	assert_int_equal(result.max_output_tokens, 100);
}

static void
test_output_clamped(void **state)
{
	(void)state;
	policies("  - { name: a, max_output_tokens: 100, on_output: clamp }\n"
		 "  - { name: b, max_output_tokens: 50, on_output: clamp }\n"
		 "  - { name: c, max_output_tokens: 70, on_output: clamp }\n");
	assert_passes("\"max_tokens\":500," SAY);
	assert_int_equal(result.max_output_tokens, 50);
	assert_true(str_eqz(result.max_output_by, "b"));
	assert_true(result.was_asked);
	assert_passes("\"max_tokens\":60," SAY);
	assert_int_equal(result.max_output_tokens, 50);
	assert_passes("\"max_tokens\":50," SAY);
	assert_int_equal(result.max_output_tokens, 0);
}

static void
test_hours(void **state)
{
	(void)state;
	policies("  - { name: office, hours: \"mon-fri 08:00-18:00\" }\n");
	who.wall = MONDAY + 8 * HOUR;
	assert_passes(SAY);
	who.wall = MONDAY + 18 * HOUR;
	assert_refused(SAY, MSG_FAIL_POLICY, "", "(18:00 UTC)");
	who.wall = MONDAY - 12 * HOUR; /* Sunday */
	assert_refused(SAY, MSG_FAIL_POLICY, "", "at this hour");
	/* Tokyo is nine hours ahead: 08:00 there is 23:00 before */
	policies("  - { name: office, hours: \"mon-fri 08:00-18:00\", "
		 "timezone: Asia/Tokyo }\n");
	who.wall = MONDAY - HOUR;
	assert_passes(SAY);
	who.wall = MONDAY + 9 * HOUR;
	assert_refused(SAY, MSG_FAIL_POLICY, "", "(18:00 Asia/Tokyo)");
}

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

#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_none),
		T(test_disabled),
		T(test_client_id),
		T(test_metadata),
		T(test_parts),
		T(test_features),
		T(test_parameters),
		T(test_n),
		T(test_prompt),
		T(test_output),
		T(test_output_clamped),
		T(test_hours),
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
