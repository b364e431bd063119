/*
 * llmgwctl's commands as a program: each one that changes something leaves one
 * row in the audit and one in the change log, each answers in JSON, whether it
 * works or not; and what the ones for people say and do.
 */
#include "ctl_conf.h"

#include "base/arena.h"

static const struct store_sql sql[] = {
	{ "SELECT COUNT(*) FROM audit", NULL },
	{ "SELECT COUNT(*) FROM change_log", NULL },
	/* of the newest row */
	{ "SELECT COUNT(*) FROM audit WHERE seq ="
	  " (SELECT MAX(seq) FROM audit) AND action = ? AND reason = 'why'"
	  " AND actor = 'cli:tester' AND result = 'ok'",
	    NULL },
	{ "SELECT COUNT(*) FROM audit WHERE detail LIKE '%' || ? || '%'",
	    NULL },
	{ "SELECT COUNT(*) FROM change_log c JOIN client_key k"
	  " ON k.id = c.object_id AND c.sort = 'key' WHERE k.name = ?",
	    NULL },
	/* a call of 2026-11-21 without a price */
	{ "INSERT INTO ledger (day, id, request_id, attempt, began, ended,"
	  " node, client, surface, alias, provider, model, state, status,"
	  " is_estimated, prompt, completion) VALUES (20778, ?, 'r', 1,"
	  " 1795219200000000, 1795219201000000, 'n', 'ci', 'chat', 'm', 'p',"
	  " 'gpt-x', 'ok', 200, 0, 1000, 1000)",
	    NULL },
	STORE_SQL_END,
};

static int64_t
count(const struct store_sql *which, const char *arg)
{
	const struct store_value v = store_text(str_z(arg));
	int64_t n = -1;

	assert_int_equal(
	    store_run(bed_store, which, &v, arg != NULL, store_row_int, &n),
	    ERR_OK);
	return n;
}

/* ---- the bed -------------------------------------------------------------- */

static const char *const folders[] = { "state", NULL };
static const char *const files[] = { "state/pepper", "llmgw.yaml", "two.yaml",
	"one.key", "two.key", "prices.json" };

/* As LiteLLM has them. */
static const char prices[] =
    "{\"gpt-x\":{\"input_cost_per_token\":1e-6,\"output_cost_per_token\":2e-6,"
    "\"litellm_provider\":\"openai\",\"mode\":\"chat\"}}";

static int
begin(void **state)
{
	char text[2048];

	if (bed_setup(state) != 0)
		return -1;
	if (mkdir(ctl_path(folders[0]), 0700) != 0)
		return -1;
	ctl_put_file("one.key",
	    "00112233445566778899aabbccddeeff"
	    "00112233445566778899aabbccddeeff\n",
	    0600);
	ctl_put_file("two.key",
	    "ff112233445566778899aabbccddeeff"
	    "00112233445566778899aabbccddeeff\n",
	    0600);
	ctl_put_file("prices.json", prices, 0600);
	/* An operator's shell has not the environment of the service. */
	(void)snprintf(text, sizeof(text),
	    "server: { state_dir: %s }\n"
	    "providers: { p: { kind: openai, api_key: env:NOT_HERE } }\n"
	    "secrets: { master_key: 'file:%s' }\n",
	    ctl_path("state"), ctl_path("one.key"));
	ctl_put_file("llmgw.yaml", text, 0600);
	(void)snprintf(text, sizeof(text),
	    "providers: { p: { kind: openai } }\n"
	    "models: { m: p/gpt-x }\n"
	    "secrets: { master_key: 'file:%s', master_key_old: ['file:%s'] }\n",
	    ctl_path("two.key"), ctl_path("one.key"));
	ctl_put_file("two.yaml", text, 0600);
	return 0;
}

static int
end(void **state)
{
	for (size_t i = 0; i < COUNT(files); i++)
		(void)unlink(ctl_path(files[i]));
	if (rmdir(ctl_path(folders[0])) != 0)
		return -1;
	return bed_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static void
add_secret(const char *name, const char *provider)
{
	char all[1024];

	(void)snprintf(all, sizeof(all),
	    "secret add %s --provider %s --config %s", name, provider,
	    ctl_path("llmgw.yaml"));
	if (ctl_run_on(NULL, all, "sk-canary-1\n") != 0)
		fail_msg("%s\n%.*s", all, STR_ARG(buf_str(&ctl_err)));
}

/* It may be for one that comes later: it is sealed, and that is noted. */
static void
test_secret_for_a_provider(void **state)
{
	(void)state;
	add_secret("here", "p");
	assert_silent_of("has no provider");
	add_secret("later", "q");
	assert_in(ctl_err, "llmgw.yaml has no provider 'q' yet");
	ok("secret list --json");
	assert_in(ctl_out, "\"name\":\"here\",\"provider\":\"p\"");
	assert_in(ctl_out, "\"name\":\"later\",\"provider\":\"q\"");
}

/* ---- the walk -------------------------------------------------------------- */

/*
 * A call of each command that changes something, in an order in which they
 * work. A new command has its line here.
 */
#define OLD_PEPPER "%"

static const struct {
	const char *command; /* group and verb */
	const char *rest; /* @: the test's folder; NULL: the newest grant */
	const char *action; /* in the audit */
	const char *input; /* NULL: nothing */
	const char *config; /* NULL: llmgw.yaml */
} calls[] = {
	{ "tenant create", "acme --title Acme", "tenant.create", NULL, NULL },
	{ "tenant set", "acme --timezone Europe/Berlin", "tenant.set", NULL,
	    NULL },
	{ "tenant block", "acme", "tenant.block", NULL, NULL },
	{ "tenant unblock", "acme", "tenant.unblock", NULL, NULL },
	{ "team create", "red --title Reds", "team.create", NULL, NULL },
	{ "team set", "red --title 'The reds'", "team.set", NULL, NULL },
	{ "team block", "red", "team.block", NULL, NULL },
	{ "team unblock", "red", "team.unblock", NULL, NULL },
	{ "user create", "'CN=Kim Lee,O=Acme'", "user.create", NULL, NULL },
	{ "user set", "'CN=Kim Lee,O=Acme' --email kim@acme.example",
	    "user.set", NULL, NULL },
	{ "user block", "'CN=Kim Lee,O=Acme'", "user.block", NULL, NULL },
	{ "user unblock", "'CN=Kim Lee,O=Acme'", "user.unblock", NULL, NULL },
	{ "team add", "red 'CN=Kim Lee,O=Acme'", "team.add", NULL, NULL },
	{ "team remove", "red 'CN=Kim Lee,O=Acme'", "team.remove", NULL, NULL },
	{ "role grant", "admin --team red", "role.grant", NULL, NULL },
	{ "role revoke", "admin --team red", "role.revoke", NULL, NULL },
	{ "grant add", "gpt-* --team red", "grant.add", NULL, NULL },
	{ "grant remove", NULL, "grant.remove", NULL, NULL },
	{ "key create", "ci --team red", "key.create", NULL, NULL },
	{ "limit create",
	    "rpm --requests 60 --per 1m --key ci --each 'model,provider'",
	    "limit.create", NULL, NULL },
	{ "limit set", "rpm --amount 90 --mode shadow --soft 80", "limit.set",
	    NULL, NULL },
	{ "limit remove", "rpm", "limit.remove", NULL, NULL },
	{ "key new-pepper", "", "pepper.create", NULL, NULL },
	{ "key rotate", "ci --grace 0s", "key.rotate", NULL, NULL },
	{ "key drop-pepper", OLD_PEPPER, "pepper.drop", NULL, NULL },
	{ "key restrict", "ci --models gpt-*", "key.restrict", NULL, NULL },
	{ "key block", "ci", "key.block", NULL, NULL },
	{ "key unblock", "ci", "key.unblock", NULL, NULL },
	{ "key expire", "ci", "key.expire", NULL, NULL },
	{ "secret add", "one", "secret.create", "sk-canary-1\n", NULL },
	{ "secret rotate", "one", "secret.rotate", "sk-canary-2\n", NULL },
	{ "secret enable", "one", "secret.enable", NULL, NULL },
	{ "secret retire", "one", "secret.retire", NULL, NULL },
	{ "secret remove", "one", "secret.remove", NULL, NULL },
	{ "secret rotate-master", "", "secret.reseal", NULL, "two.yaml" },
	{ "price import", "litellm @prices.json", "price.import", NULL, NULL },
	{ "price set", "openai gpt-x --input 1 --output 2", "price.set", NULL,
	    NULL },
	{ "usage recompute", "--from 2026-11-21 --to 2026-11-21 --write",
	    "usage.recompute", NULL, "two.yaml" },
	{ "price unset", "openai gpt-x", "price.unset", NULL, NULL },
};

/* The number of the newest grant: numbers go on from test to test. */
static void
newest_grant(char out[32], struct arena *a)
{
	struct json j;
	json_ref last = JSON_NONE;

	assert_int_equal(run("grant list --json"), 0);
	ctl_scan(&j, a);
	for (json_ref g = json_first(&j, 0); g != JSON_NONE;
	     g = json_next(&j, 0, g))
		last = g;
	assert_true(last != JSON_NONE);
	(void)snprintf(out, 32, "%lld",
	    (long long)json_i64_or(&j, json_get(&j, last, "id"), 0));
}

/* Of two peppers the older one. */
static void
old_pepper(char out[32], struct arena *a)
{
	struct json j;
	json_ref old;

	assert_int_equal(run("key peppers --json"), 0);
	ctl_scan(&j, a);
	assert_int_equal(json_count(&j, 0), 2);
	old = json_next(&j, 0, json_first(&j, 0));
	assert_str(json_inner(&j, json_get(&j, old, "state")), "old");
	assert_int_equal(json_i64_or(&j, json_get(&j, old, "secrets"), 0), 1);
	assert_int_equal(json_i64_or(&j, json_get(&j, old, "lasting"), 9), 0);
	(void)snprintf(out, 32, "%.*s",
	    STR_ARG(json_inner(&j, json_get(&j, old, "pepper"))));
}

static void
expand(const char *from, char *to, size_t size)
{
	struct str s = str_z(from);
	size_t at = str_chr(s, '@');

	/* An address of mail is none. */
	if (at == s.n || (at > 0 && s.p[at - 1] != ' '))
		(void)snprintf(to, size, "%s", from);
	else
		(void)snprintf(
		    to, size, "%.*s%s", (int)at, from, ctl_path(from + at + 1));
}

static void
call(size_t i, struct arena *a)
{
	int64_t audit = count(&sql[0], NULL), changes = count(&sql[1], NULL);
	char line[1024], rest[512] = "";
	struct json j;
	int got;

	if (calls[i].rest == NULL)
		newest_grant(rest, a);
	else if (strcmp(calls[i].rest, OLD_PEPPER) == 0)
		old_pepper(rest, a);
	else
		expand(calls[i].rest, rest, sizeof(rest));
	(void)snprintf(line, sizeof(line),
	    "%s %s --json --reason why --actor cli:tester --config %s",
	    calls[i].command, rest,
	    ctl_path(calls[i].config != NULL ? calls[i].config : "llmgw.yaml"));
	got = ctl_run_on(
	    NULL, line, calls[i].input != NULL ? calls[i].input : "");
	if (got != 0)
		fail_msg("%s: %d\n%.*s", line, got, STR_ARG(buf_str(&ctl_err)));
	ctl_scan(&j, a);
	if (count(&sql[0], NULL) != audit + 1 ||
	    count(&sql[1], NULL) != changes + 1)
		fail_msg("%s: %lld rows of the audit, %lld changes",
		    calls[i].command, (long long)(count(&sql[0], NULL) - audit),
		    (long long)(count(&sql[1], NULL) - changes));
	if (count(&sql[2], calls[i].action) != 1)
		fail_msg("%s: not %s in the audit", calls[i].command,
		    calls[i].action);
}

static void
test_each_change_leaves_one_row(void **state)
{
	const struct store_value id = store_blob("0123456789abcdef", 16);

	(void)state;
	assert_int_equal(
	    store_run(bed_store, &sql[5], &id, 1, NULL, NULL), ERR_OK);
	for (size_t i = 0; i < COUNT(calls); i++) {
		struct arena *a = arena_new(CTL_OUT_MAX);

		call(i, a);
		arena_free(a);
	}
	/* No secret in it. */
	assert_int_equal(count(&sql[3], "canary"), 0);
}

static bool
has_call(const char *command)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		if (strcmp(calls[i].command, command) == 0)
			return true;
	return false;
}

/* Dummies for operands that must be there: "NAME [TITLE]" -> "x". */
static void
dummies(struct str operands, char out[64])
{
	out[0] = '\0';
	while (str_present(operands)) {
		struct str word = str_cut(&operands, ' ');

		if (word.n > 0 && word.p[0] != '[')
			(void)snprintf(
			    out + strlen(out), 64 - strlen(out), " x");
	}
}

/* No database: each command that needs one says so, in JSON as well. */
static void
test_all_commands(void **state)
{
	struct arena *a = arena_new(CTL_OUT_MAX);
	struct json list;

	(void)state;
	assert_int_equal(ctl_run("help --json"), 0);
	ctl_scan(&list, a);
	assert_true(json_count(&list, 0) > 40);
	for (json_ref r = json_first(&list, 0); r != JSON_NONE;
	     r = json_next(&list, 0, r)) {
		struct str group =
		    json_inner(&list, json_get(&list, r, "group"));
		struct str verb = json_inner(&list, json_get(&list, r, "verb"));
		char name[128], line[512], operands[64];
		struct arena *b = arena_new(CTL_OUT_MAX);
		struct json j;

		(void)snprintf(name, sizeof(name), "%.*s%s%.*s", STR_ARG(group),
		    verb.n > 0 ? " " : "", STR_ARG(verb));
		if (json_is_true(&list, json_get(&list, r, "is_change")) &&
		    !has_call(name))
			fail_msg("no call of '%s' in this test", name);
		if (json_is_true(&list, json_get(&list, r, "needs_store"))) {
			dummies(
			    json_inner(&list, json_get(&list, r, "operands")),
			    operands);
			(void)snprintf(line, sizeof(line),
			    "%s%s --json --config %s", name, operands,
			    ctl_path("llmgw.yaml"));
			if (ctl_run_on("sqlite:///nowhere/a.db", line, "x") !=
			    1)
				fail_msg("%s: not 1", line);
			ctl_scan(&j, b);
			assert_true(json_inner(&j,
					json_get(&j, json_get(&j, 0, "error"),
					    "message"))
					.n > 0);
			assert_in(ctl_err, "llmgwctl: ");
		}
		arena_free(b);
	}
	arena_free(a);
}

/* ---- what they do ---------------------------------------------------------- */

static void
test_sentences(void **state)
{
	(void)state;
	no("team create red", "there is no tenant yet");
	ok("tenant create acme");
	no("tenant create acme", "there is a tenant 'acme' already");
	no("tenant create 'a b'", "is not a name");
	no("tenant create .x", "the first a letter or a digit");
	no("tenant create x --title '\xff'", "one line of UTF-8");
	no("tenant set acme --timezone Mars/Olympus", "is not in");
	no("tenant show nobody",
	    "no tenant 'nobody'; llmgwctl tenant list shows them");
	no("team show red", "no team 'red' in tenant 'acme'");
	no("user show kim", "no user 'kim' in tenant 'acme'");
	no("key show ci", "no key 'ci'; llmgwctl key list shows them");
	no("key show llmgw_AAAAAAAA", "no key 'llmgw_AAAAAAAA'");
	no("grant remove x", "is not the number of a grant");
	no("grant remove 999999", "no grant 999999");
	no("role grant boss --user kim", "no role 'boss'; there are viewer");
	no("role grant admin", "either --user or --team");
	no("grant add x --team a --user b", "only one of");
	no("key create ci --hours never", "are no hours");
	no("key create ci --networks 1.2.3", "'1.2.3' is not a network");
	/* a slip is no wish for a key without bounds */
	no("key create ci --networks ,", "',' has no network in it");
	no("key create ci --models ', ,'", "', ,' has no model in it");
	no("key create ci --models 'a\xff'", "is not a model");
	no("grant add 'a\xff'", "UTF-8");
	no("grant add 'a b'", "without blanks");
	no("grant add tag:eu", "grant add --tag eu");
	no("grant add '!gpt'", "--deny");
	no("limit create 'a\xff' --requests 1 --per 1m", "UTF-8");
	no("limit create a --requests 99999999999999999999 --per 1m",
	    "from 1 to 9223372036854775807");
	no("secret add one --for 0s", "would be over at once");
	no("price import frob /nowhere", "no format 'frob'");
	no("price import litellm /nowhere", "/nowhere: No such file");
	no("key create ci --expires 2026-13-01", "is no moment");
	no("key create ci --expires 2020-01-01", "'2020-01-01' is over");
	no("key create ci --expires now", "is over");
	no("tenant set acme", "llmgwctl help tenant set");
	ok("key create old");
	ok("key expire old --at 2020-01-01");
	assert_in(ctl_out, "has ended");
	ok("key expire old --at 1d");
	assert_in(ctl_out, "has an end");
	ok("tenant create other");
	no("team create red", "say --tenant");
	ok("team create red --tenant other");
	assert_int_equal(run("team create"), 2);
	assert_in(ctl_err, "usage: llmgwctl team create [OPTIONS] NAME");
	assert_int_equal(run("tenant list --bogus"), 2);
	assert_int_equal(ctl_out.n, 0);
}

/* A new key stands alone on standard output; nothing shows it again. */
static void
test_key_is_shown_once(void **state)
{
	struct str rest;
	char text[64], name[32], first[64];
	const struct str key = { first, 58 };

	(void)state;
	ok("tenant create acme");
	ok("key create ci --models 'gpt-*, claude' --expires 90d");
	rest = buf_str(&ctl_out);
	assert_true(str_chr(rest, '\n') == key.n && rest.n == key.n + 1);
	assert_in(ctl_err, "key 'ci' is there; it is not shown again");
	(void)snprintf(first, sizeof(first), "%.58s", rest.p);
	assert_true(str_starts(key, STR("llmgw_")));
	(void)snprintf(text, sizeof(text), "%.*s", 43, key.p + 15);
	(void)snprintf(name, sizeof(name), "key show %.14s", key.p);
	ok(name);
	assert_in(ctl_out, "models: gpt-* claude");
	assert_in(ctl_out, "state: active");
	assert_false(str_contains(buf_str(&ctl_out), str_z(text)));
	ok("key list --json");
	assert_false(str_contains(buf_str(&ctl_out), str_z(text)));
	assert_int_equal(count(&sql[3], text), 0);
	ok("key rotate ci --grace 0s");
	ok(name);
	assert_in(ctl_out, "state: expired");
	assert_in(ctl_out, "name: ci~");
	ok("key show ci");
	assert_in(ctl_out, "state: active");
	/* Workers are told of the key: the former secret is the same client. */
	(void)snprintf(name, sizeof(name), "key block %.14s", key.p);
	assert_int_equal(count(&sql[4], "ci"), 2);
	ok(name);
	assert_int_equal(count(&sql[4], "ci"), 3);
	no("key rotate x", "no key 'x'");
	(void)snprintf(name, sizeof(name), "key rotate %.14s", key.p);
	no(name, "is a former secret");
	ok("key list");
	assert_false(str_contains(buf_str(&ctl_out), STR("ci~")));
	ok("key list --all");
	assert_in(ctl_out, "ci~");
}

/* A host without the pepper must not make another one. */
static void
test_pepper_is_copied(void **state)
{
	struct stat st;

	(void)state;
	ok("tenant create acme");
	ok("key create ci");
	assert_int_equal(stat(ctl_path("state/pepper"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 32);
	assert_int_equal(unlink(ctl_path("state/pepper")), 0);
	no("key create cd", "copy the file from the host that made them");
	ctl_put_file("state/pepper", "short", 0600);
	no("key create cd", "one to four times 32 bytes");
}

static void
test_lists(void **state)
{
	struct arena *a = arena_new(CTL_OUT_MAX);
	struct json j;

	(void)state;
	ok("tenant list --json");
	assert_string_equal(ctl_out.n == 3 ? "[]" : "", "[]");
	ok("tenant create acme --residency eu,de");
	ok("team create red");
	ok("user create kim");
	ok("user create lee");
	ok("team add red kim");
	ok("user list --team red --json");
	ctl_scan(&j, a);
	assert_int_equal(json_count(&j, 0), 1);
	ok("tenant show acme --json");
	ctl_scan(&j, a);
	assert_int_equal(json_count(&j, json_get(&j, 0, "residency")), 2);
	ok("role grant auditor --user kim --everywhere");
	ok("role list");
	assert_in(ctl_out, "yes");
	ok("grant add eu --tag --deny");
	ok("grant list");
	assert_in(ctl_out, "deny");
	/* What a user and a key may, as workers see it. */
	ok("grant add gpt-* --team red");
	ok("user show kim");
	assert_in(ctl_out, "teams: red\n");
	assert_in(ctl_out, "roles: auditor\n");
	assert_in(ctl_out, "grants: !tag:eu gpt-*\n");
	ok("key create ci --team red");
	ok("key show ci --json");
	ctl_scan(&j, a);
	assert_int_equal(json_count(&j, json_get(&j, 0, "grants")), 2);
	assert_true(json_str_is(
	    &j, json_elem(&j, json_get(&j, 0, "roles"), 0), "developer"));
	/* A name is nothing that a terminal obeys. */
	no("user create 'k\x1b[31m'", "is not a user's name");
	assert_false(str_contains(buf_str(&ctl_err), STR("\x1b")));
	arena_free(a);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_secret_for_a_provider),
		TEST(test_each_change_leaves_one_row),
		TEST(test_all_commands),
		TEST(test_sentences),
		TEST(test_key_is_shown_once),
		TEST(test_pepper_is_copied),
		TEST(test_lists),
	};
	int failed;

	(void)argc;
	ctl_find(argv[0]);
	failed = bed_run("ctl_people", tests, COUNT(tests));
	buf_fini(&ctl_out);
	buf_fini(&ctl_err);
	return failed;
}
