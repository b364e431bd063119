/* llmgwctl as a program: what it prints and how it ends. */
#include "conf_help.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/json.h"
#include "conf/file.h"

#define OUT_MAX ((size_t)1024 * 1024)

static char program[4096]; /* the build folder's llmgwctl */
static struct buf out; /* what it printed, both streams */

static int
run_program(const char *path, const char *input, const char *const *argv)
{
	int status, in, to;
	pid_t pid;

	in = open(put_file("in", input), O_RDONLY);
	assert_true(in >= 0);
	to = open(test_path("out"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(to >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(in, 0);
		(void)dup2(to, 1);
		(void)dup2(to, 2);
		(void)execv(path, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(in);
	(void)close(to);
	buf_reset(&out);
	assert_int_equal(conf_file_read(test_path("out"), &out, NULL), ERR_OK);
	drop_file("in");
	drop_file("out");
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Runs it with up to three arguments; input is its standard input. */
static int
run(const char *input, const char *a, const char *b, const char *c)
{
	const char *argv[] = { "llmgwctl", a, b, c, NULL };

	return run_program(program, input, argv);
}

static bool
says(const char *z)
{
	return str_contains(buf_str(&out), str_z(z));
}

static const char good[] = "providers: { p: { kind: openai } }\n"
			   "models: { m: p/x, n: p/y }\n"
			   "auth: { anonymous: true }\n";

static void
test_usage(void **state)
{
	static const char *const wrong[][3] = { { NULL, NULL, NULL },
		{ "chek", NULL, NULL }, { "config", NULL, NULL },
		{ "config", "x", NULL }, { "key", "old", NULL },
		{ "check", "--jsn", NULL }, { "check", "a", "b" },
		{ "config", "schema", "x" }, { "key", "new", "x" },
		{ "help", "x", NULL } };

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_int_equal(
		    run("", wrong[i][0], wrong[i][1], wrong[i][2]), 2);
		assert_true(says("usage:"));
	}
	/* it says what is wrong, too */
	assert_int_equal(run("", "chek", NULL, NULL), 2);
	assert_true(says("no command 'chek'"));
	assert_int_equal(run("", "--json", "key", "new"), 2);
	assert_true(says("'--json': options stand after the command"));
	assert_int_equal(run("", "tenant", "list", "--config=/nowhere"), 1);
	assert_true(says("llmgwctl: /nowhere is not in order"));
	assert_int_equal(run("", "key", "old", NULL), 2);
	assert_true(says("key has no command 'old'"));
	assert_int_equal(run("", "key", "create", NULL), 2);
	assert_true(says("key create needs NAME; 0 of 1 words given"));
	assert_int_equal(run("", "key", "create", "--json"), 2);
	assert_true(says("{\"error\":{\"message\":\"key create needs"));
	assert_int_equal(run("", "key", "new", "x"), 2);
	assert_true(says("'x' is one word too many"));
	assert_int_equal(run("", "key", "--help", NULL), 0);
	assert_true(says("llmgwctl key hash"));
	assert_int_equal(run("", "help", NULL, NULL), 0);
	assert_true(says("llmgwctl key hash"));
	assert_int_equal(run("", "--help", NULL, NULL), 0);
	assert_int_equal(run("", "--version", NULL, NULL), 0);
	assert_true(str_starts(buf_str(&out), STR("llmgwctl ")));
}

static void
test_check(void **state)
{
	char path[256];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", put_file("llmgw.yaml", good));
	assert_int_equal(run("", "check", path, NULL), 0);
	assert_str(buf_str(&out), "OK: 1 provider, 2 models, 0 keys\n");

	put_file("llmgw.yaml", "providers:\n  p:\n    kind: opnai\nx: 1\n");
	assert_int_equal(run("", "check", path, NULL), 1);
	assert_true(says("llmgw.yaml:3: providers.p.kind: must be "));
	assert_true(says("llmgw.yaml:4: x: there is no option"));
	assert_false(says("OK"));
	assert_int_equal(run("", "check", "/nonexistent", NULL), 1);
	assert_true(says("/nonexistent: cannot be read"));

	/* as its daemons find it; what the command line says comes first */
	put_file("llmgw.yaml", good);
	setenv("LLMGW_CONFIG", path, 1);
	assert_int_equal(run("", "check", NULL, NULL), 0);
	assert_int_equal(run("", "check", "--config", "/nonexistent"), 1);
	setenv("LLMGW_CONFIG", "/nowhere", 1);
	assert_int_equal(run("", "check", NULL, NULL), 1);
	assert_true(says("/nowhere: cannot be read"));
	unsetenv("LLMGW_CONFIG");
}

static void
test_check_json(void **state)
{
	struct arena *a = arena_new(OUT_MAX);
	char path[256];
	struct json j;
	json_ref p;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", put_file("llmgw.yaml", good));
	assert_int_equal(run("", "check", "--json", path), 0);
	assert_int_equal(json_scan(&j, a, buf_str(&out), NULL, NULL), ERR_OK);
	assert_true(json_is_true(&j, json_get(&j, 0, "ok")));
	assert_int_equal(json_i64_or(&j, json_get(&j, 0, "models"), 0), 2);
	assert_int_equal(json_count(&j, json_get(&j, 0, "problems")), 0);

	put_file("llmgw.yaml", "x: 1\n");
	assert_int_equal(run("", "check", "--json", path), 1);
	assert_int_equal(json_scan(&j, a, buf_str(&out), NULL, NULL), ERR_OK);
	assert_false(json_is_true(&j, json_get(&j, 0, "ok")));
	p = json_elem(&j, json_get(&j, 0, "problems"), 0);
	assert_true(json_str_is(&j, json_get(&j, p, "path"), "x"));
	assert_int_equal(json_i64_or(&j, json_get(&j, p, "line"), 0), 1);
	arena_free(a);
}

static void
test_key_new(void **state)
{
	char first[128];
	struct str rest, key, hash;
	char hex[80];

	(void)state;
	assert_int_equal(run("", "key", "new", NULL), 0);
	rest = buf_str(&out);
	key = str_cut(&rest, '\n');
	hash = str_cut(&rest, '\n');
	/* llmgw_<8 public>_<43 random> */
	assert_int_equal(key.n, 6 + 8 + 1 + 43);
	assert_true(str_starts(key, STR("llmgw_")));
	assert_int_equal(key.p[14], '_');
	(void)snprintf(first, sizeof(first), "%.*s", STR_ARG(key));
	(void)snprintf(hex, sizeof(hex), "%.*s\n", STR_ARG(hash));
	/* Its hash is what "key hash" says of it. */
	assert_int_equal(run(first, "key", "hash", NULL), 0);
	assert_str(buf_str(&out), hex);
	assert_int_equal(run("", "key", "new", NULL), 0);
	assert_false(str_starts(buf_str(&out), str_z(first)));
}

static void
test_key_hash(void **state)
{
	char longest[8200];

	(void)state;
	/* BLAKE2b-256 of "abc", as b2sum -l 256 has it. */
	assert_int_equal(run("abc\n", "key", "hash", NULL), 0);
	assert_str(buf_str(&out), "blake2b:bddd813c634239723171ef3fee98579b"
				  "94964e3bb1cb3e427262c8c068d52319\n");
	assert_int_equal(run("", "key", "hash", NULL), 1);
	assert_int_equal(run("\n", "key", "hash", NULL), 1);
	assert_int_equal(run("", "key", "hash", "abc"), 2);
	assert_true(says("seen by all users"));
	assert_false(says("abc"));
	memset(longest, 'x', sizeof(longest));
	longest[8193] = '\0';
	assert_int_equal(run(longest, "key", "hash", NULL), 1);
}

/* Reads a file of the source tree. */
static void
source_file(const char *name, struct buf *b)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", TOP_SRCDIR, name);
	buf_init(b, OUT_MAX);
	if (conf_file_read(path, b, NULL) != ERR_OK)
		fail_msg("%s cannot be read", path);
}

static void
test_sample_is_fresh(void **state)
{
	struct buf kept;

	(void)state;
	source_file("conf/llmgw.yaml", &kept);
	assert_int_equal(run("", "config", "sample", NULL), 0);
	if (!str_eq(buf_str(&kept), buf_str(&out)))
		fail_msg("conf/llmgw.yaml is old: run \"make docs\"");
	buf_fini(&kept);
}

static void
test_manual_is_fresh(void **state)
{
	struct buf kept;

	(void)state;
	source_file("src/cmd/llmgw.yaml.5", &kept);
	assert_int_equal(run("", "config", "man", NULL), 0);
	if (!str_contains(buf_str(&kept), buf_str(&out)))
		fail_msg("src/cmd/llmgw.yaml.5 is old: run \"make docs\"");
	buf_fini(&kept);
}

static void
test_commands_manual_is_fresh(void **state)
{
	struct buf kept;

	(void)state;
	source_file("src/cmd/llmgwctl.1", &kept);
	assert_int_equal(run("", "man", NULL, NULL), 0);
	if (!str_contains(buf_str(&kept), buf_str(&out)))
		fail_msg("src/cmd/llmgwctl.1 is old: run \"make docs\"");
	buf_fini(&kept);
}

static void
test_help_of_one(void **state)
{
	(void)state;
	assert_int_equal(run("", "help", "key", NULL), 0);
	assert_true(says("llmgwctl key hash"));
	assert_false(says("llmgwctl config"));
	assert_int_equal(run("", "help", "key", "new"), 0);
	assert_true(says("--json"));
	assert_int_equal(run("", "key", "new", "--help"), 0);
	assert_true(says("--reason TEXT"));
	assert_false(says("blake2b:"));
	assert_int_equal(run("", "help", "key", "old"), 2);
}

/* What bash makes of a line's last word. */
static void
bash_completes(const char *line, const char *expected)
{
	static const char script[] =
	    "source <(\"$1\" completion bash); COMP_WORDS=($2); "
	    "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); cd /; "
	    "_llmgwctl; printf '%s' \"${COMPREPLY[*]}\"";
	const char *argv[] = { "bash", "--norc", "-c", script, "bash", program,
		line, NULL };

	assert_int_equal(run_program("/bin/bash", "", argv), 0);
	assert_str(buf_str(&out), expected);
}

static void
test_completion(void **state)
{
	(void)state;
	assert_int_equal(run("", "completion", "bash", NULL), 0);
	assert_true(says("complete -o filenames -F _llmgwctl llmgwctl"));
	assert_true(says("'key hash') words=\" --config --json"));
	bash_completes("llmgwctl ke", "key");
	bash_completes("llmgwctl key ro", "rotate");
	bash_completes("llmgwctl key rotate --gr", "--grace");
	bash_completes("llmgwctl key rotate ci --rea", "--reason");
	bash_completes("llmgwctl nothing --x", "");
	bash_completes("llmgwctl check --js", "--json");
	bash_completes("llmgwctl check x.yaml --js", "--json");
	bash_completes("llmgwctl limit create a --mode sh", "shadow");
	bash_completes("llmgwctl role grant dev", "developer");
	bash_completes("llmgwctl price import gen", "genai-prices");
	bash_completes("llmgwctl completion b", "bash");
	bash_completes("llmgwctl help li", "limit");
	/* a file, where nothing else is known */
	bash_completes("llmgwctl check /etc/hostna", "/etc/hostname");
	assert_int_equal(run("", "completion", "zsh", NULL), 1);
	assert_true(says("there is: bash"));
}

/* One value on standard output, whatever happens. */
static void
test_json_everywhere(void **state)
{
	const char *one_command[] = { "llmgwctl", "help", "key", "create",
		"--json", NULL };
	struct arena *a = arena_new(OUT_MAX);
	struct json j;

	(void)state;
	assert_int_equal(run("", "key", "new", "--json"), 0);
	assert_int_equal(json_scan(&j, a, buf_str(&out), NULL, NULL), ERR_OK);
	assert_true(json_get(&j, 0, "hash") != JSON_NONE);
	assert_int_equal(run("abc", "key", "hash", "--json"), 0);
	assert_int_equal(json_scan(&j, a, buf_str(&out), NULL, NULL), ERR_OK);
	assert_int_equal(run("", "version", "--json", NULL), 0);
	assert_int_equal(json_scan(&j, a, buf_str(&out), NULL, NULL), ERR_OK);
	assert_int_equal(run_program(program, "", one_command), 0);
	assert_int_equal(json_scan(&j, a, buf_str(&out), NULL, NULL), ERR_OK);
	assert_int_equal(json_count(&j, 0), 1);
	assert_int_equal(run("", "key", "hash", "--json"), 1);
	assert_true(says("{\"error\":{\"message\":\"a key of 1 to"));
	arena_free(a);
}

static void
test_schema_prints(void **state)
{
	static const struct json_limits limits = { 64, 100000, 2000 };
	struct arena *a = arena_new(4 * OUT_MAX);
	struct json j;

	(void)state;
	assert_int_equal(run("", "config", "schema", NULL), 0);
	assert_int_equal(
	    json_scan(&j, a, buf_str(&out), &limits, NULL), ERR_OK);
	arena_free(a);
}

/* llmgwctl of the build folder that this test was built in. */
static void
find_program(const char *self)
{
	const char *slash = strrchr(self, '/');

	(void)snprintf(program, sizeof(program), "%.*s/../../llmgwctl",
	    slash != NULL ? (int)(slash - self) : 1,
	    slash != NULL ? self : ".");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_json),
		cmocka_unit_test(test_key_new),
		cmocka_unit_test(test_key_hash),
		cmocka_unit_test(test_sample_is_fresh),
		cmocka_unit_test(test_manual_is_fresh),
		cmocka_unit_test(test_commands_manual_is_fresh),
		cmocka_unit_test(test_help_of_one),
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_json_everywhere),
		cmocka_unit_test(test_schema_prints),
	};
	int failed;

	(void)argc;
	find_program(argv[0]);
	buf_init(&out, OUT_MAX);
	failed = cmocka_run_group_tests(tests, dir_begin, dir_end);
	buf_fini(&out);
	return failed;
}
