/* Files -> snapshot: shapes, defaults, conf.d, every kind of problem. */
#include "conf_help.h"

#include "base/buf.h"
#include "base/fault.h"

static const char good[] =
    "providers:\n"
    "  openai-main:\n"
    "    kind: openai\n"
    "    api_key: env:LLMGW_T_KEY\n"
    "    limits: [ { requests: 500, per: 1m }, { concurrent: 64 } ]\n"
    "    timeouts: { connect: 2s }\n"
    "  local:\n"
    "    kind: openai-compatible\n"
    "    base_url: http://127.0.0.1:8000/v1\n"
    "    allow_private: true\n"
    "    headers: { X-Team: blue }\n"
    "models:\n"
    "  default-chat:\n"
    "    tags: [chat, eu]\n"
    "    targets:\n"
    "      - { provider: openai-main, model: gpt-4o-mini, weight: 3 }\n"
    "      - { provider: local, model: llama, priority: 2 }\n"
    "    retry: { attempts: 1 }\n"
    "    timeouts: { first_byte: 9s }\n"
    "    fallback_on: [context_length, timeout]\n"
    "  short: local/meta/llama-3\n"
    "auth:\n"
    "  keys:\n"
    "    - { name: dev, key: env:LLMGW_T_CLIENT, models: [\"*\"],\n"
    "        limits: [ { tokens: 100, per: 2h } ] }\n"
    "log: { format: json, level: debug, to: \"file:/tmp/x.log\" }\n";

static void
test_reads(void **state)
{
	const struct conf_model *m;
	unsigned char hash[HASH_KEY_BYTES];
	struct loaded l;
	struct conf *c;

	(void)state;
	load_text(&l, good);
	conf_problems_print(&l.problems, stdout);
	assert_int_equal(l.err, ERR_OK);
	assert_int_equal(l.problems.n, 0);
	c = l.conf;
	assert_int_equal(c->n_providers, 2);
	assert_true(str_eqz(c->providers[0].name, "openai-main"));
	assert_true(
	    str_eqz(secret_str(c->providers[0].keys[0].key.secret), "sk-test"));
	assert_int_equal(c->providers[0].n_limits, 2);
	assert_int_equal(c->providers[0].limits[0].requests, 500);
	assert_int_equal(c->providers[0].limits[0].per, 60 * USEC_PER_SEC);
	assert_int_equal(c->providers[0].limits[1].concurrent, 64);
	assert_int_equal(c->providers[0].timeouts.connect, 2 * USEC_PER_SEC);
	assert_int_equal(c->providers[0].timeouts.total, 600 * USEC_PER_SEC);
	assert_true(c->providers[0].streaming);
	assert_false(c->providers[0].allow_private);
	assert_int_equal(c->providers[1].index, 1);
	assert_int_equal(c->providers[1].n_headers, 1);
	assert_true(str_eqz(c->providers[1].headers[0].value, "blue"));

	assert_int_equal(c->n_models, 2);
	m = conf_model_find(c, STR("default-chat"));
	assert_ptr_equal(m, &c->models[0]);
	assert_int_equal(m->n_targets, 2);
	assert_ptr_equal(m->targets[1].provider, &c->providers[1]);
	assert_int_equal(m->targets[0].weight, 3);
	assert_int_equal(m->targets[1].priority, 2);
	assert_int_equal(m->retry_attempts, 1);
	assert_int_equal(m->retry_backoff, 250 * USEC_PER_MSEC);
	assert_int_equal(
	    m->fallback_on, CONF_FB_CONTEXT_LENGTH | CONF_FB_TIMEOUT);
	/* The model's where given, else the provider's. */
	assert_int_equal(m->targets[0].timeouts.first_byte, 9 * USEC_PER_SEC);
	assert_int_equal(m->targets[0].timeouts.connect, 2 * USEC_PER_SEC);
	assert_int_equal(m->targets[1].timeouts.connect, 5 * USEC_PER_SEC);

	m = conf_model_find(c, STR("short"));
	assert_int_equal(m->n_targets, 1);
	assert_true(str_eqz(m->targets[0].model, "meta/llama-3"));
	assert_ptr_equal(m->targets[0].provider, &c->providers[1]);
	assert_int_equal(m->targets[0].priority, 1);
	assert_int_equal(m->targets[0].index, 2);
	assert_int_equal(m->targets[0].timeouts.idle, 60 * USEC_PER_SEC);
	assert_int_equal(c->n_targets, 3);
	assert_int_not_equal(
	    c->models[0].targets[1].identity, m->targets[0].identity);
	assert_int_equal(
	    m->fallback_on, CONF_FB_UNAVAILABLE | CONF_FB_RATE_LIMIT |
				CONF_FB_TIMEOUT | CONF_FB_AUTH | CONF_FB_QUOTA);

	hash_key(
	    STR("client-key-of-24-letters"), (struct str){ NULL, 0 }, hash);
	assert_ptr_equal(
	    map_find(c->keys_by_hash, str_of((char *)hash, sizeof(hash))),
	    &c->keys[0]);
	assert_int_equal(c->keys[0].limits[0].tokens, 100);
	assert_int_equal(c->log_format, LOG_JSON);
	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_int_equal(strlen(c->digest), 16);
	load_done(&l);
}

static void
test_all_problems(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l, "server: { workers: many, max_body: 3TB, hartbeat: 5s }\n"
		      "auth:\n"
		      "  anonymous: yes\n"
		      "  keys: [ { name: a, key: plain, models: [x] } ]\n"
		      "providers:\n"
		      "  p:\n"
		      "    kind: open-ai\n"
		      "    api_key: env:LLMGW_T_NOT_SET\n"
		      "    timeouts: { idle: 5 s }\n"
		      "  q: { kind: azure, api_key: sealed:x }\n"
		      "models:\n"
		      "  m:\n"
		      "    targets:\n"
		      "      - provider: nobody\n"
		      "        model: x\n"
		      "    cache: { ttl: never }\n"
		      "policies: [ x ]\n");
	assert_int_equal(l.err, ERR_SYNTAX);
	assert_true(has_problem(&l.problems, 1, "server.workers", "or auto"));
	assert_true(has_problem(&l.problems, 1, "server.max_body", "must be"));
	assert_true(has_problem(
	    &l.problems, 1, "server.hartbeat", "mean \"heartbeat\"?"));
	assert_true(
	    has_problem(&l.problems, 3, "auth.anonymous", "true or false"));
	assert_true(
	    has_problem(&l.problems, 4, "auth.keys[0].key", "env:NAME"));
	assert_true(has_problem(
	    &l.problems, 7, "providers.p.kind", "did you mean openai?"));
	assert_true(has_problem(&l.problems, 8, "providers.p.api_key",
	    "LLMGW_T_NOT_SET is not set"));
	assert_true(has_problem(
	    &l.problems, 9, "providers.p.timeouts.idle", "a time such as"));
	assert_true(has_problem(&l.problems, 10, "providers.q.api_key",
	    "needs secrets.master_key"));
	assert_true(
	    has_problem(&l.problems, 10, "providers.q", "base_url is missing"));
	assert_true(has_problem(&l.problems, 14, "models.m.targets[0].provider",
	    "no provider \"nobody\""));
	assert_true(has_problem(
	    &l.problems, 16, "models.m.cache.ttl", "a time such as"));
	assert_true(
	    has_problem(&l.problems, 17, "policies[0]", "must be a map"));
	assert_true(
	    has_problem(&l.problems, 4, "auth.keys[0].models[0]", "no model"));
	assert_int_equal(l.problems.n_errors, 13);
	assert_int_equal(l.problems.n_warnings, 1);
	load_done(&l);
}

/* A name that is there twice hides nothing else that is wrong. */
static void
test_all_problems_beside_duplicates(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l, "server: { workers: many }\n"
		      "providers:\n"
		      "  p: { kind: openay }\n"
		      "  p: { kind: openai }\n"
		      "models:\n"
		      "  m: { targets: [ { provider: nobody, model: x } ] }\n"
		      "  m: { targets: [p/x] }\n"
		      "log: { format: xml }\n");
	assert_int_equal(l.err, ERR_SYNTAX);
	assert_true(has_problem(&l.problems, 1, "server.workers", "or auto"));
	assert_true(has_problem(&l.problems, 3, "providers.p.kind", "must be"));
	assert_true(has_problem(&l.problems, 4, "providers", "twice"));
	assert_true(has_problem(&l.problems, 6, "models.m.targets[0].provider",
	    "no provider \"nobody\""));
	assert_true(has_problem(&l.problems, 7, "models", "twice"));
	assert_true(has_problem(&l.problems, 8, "log.format", "must be"));
	assert_int_equal(l.problems.n_errors, 6);
	load_done(&l);
}

/* Keys that could not be read are not "the same key". */
static void
test_unread_keys_are_not_the_same(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l,
	    "providers: { p: { kind: openai } }\n"
	    "models: { m: p/x }\n"
	    "auth:\n"
	    "  keys:\n"
	    "    - { name: a, key: env:LLMGW_T_NOT_SET, models: [m] }\n"
	    "    - { name: b, key: file:/nonexistent, models: [m] }\n"
	    "    - { name: c, key: 'blake2b:1234', models: [m] }\n");
	assert_int_equal(l.err, ERR_SYNTAX);
	assert_true(has_problem(&l.problems, 5, "auth.keys[0].key", "not set"));
	assert_true(
	    has_problem(&l.problems, 6, "auth.keys[1].key", "cannot be read"));
	assert_true(
	    has_problem(&l.problems, 7, "auth.keys[2].key", "64 hexadecimal"));
	assert_int_equal(l.problems.n_errors, 3);
	load_done(&l);
}

/* ---- conf.d -------------------------------------------------------------- */

static void
test_conf_d(void **state)
{
	struct loaded l;

	(void)state;
	assert_int_equal(mkdir(test_path("conf.d"), 0700), 0);
	put_file("conf.d/10-models.yaml",
	    "models: { more: local/x }\n"
	    "auth: { keys: [ { name: b, key: env:LLMGW_T_KEY, models: [] } ]"
	    " }\n"
	    "server: { max_tools: 3 }\n");
	put_file("conf.d/20-empty.yaml", "# nothing yet\n");
	put_file("conf.d/.hidden.yaml", "{");
	put_file("conf.d/backup.yaml~", "{");
	load_text(&l, good);
	conf_problems_print(&l.problems, stdout);
	assert_int_equal(l.err, ERR_OK);
	assert_int_equal(l.conf->n_models, 3);
	assert_int_equal(l.conf->n_keys, 2);
	assert_str(l.conf->keys[1].name, "b");
	assert_int_equal(l.conf->max_tools, 3);
	load_done(&l);

	/* What is given twice is named with both places. */
	put_file("conf.d/20-empty.yaml",
	    "models: { short: local/y }\n"
	    "log: { format: keyvalue }\n"
	    "providers: { local: { kind: openai } }\n"
	    "modles: {}\n");
	load_text(&l, good);
	assert_int_equal(l.err, ERR_SYNTAX);
	assert_true(has_problem(
	    &l.problems, 1, "models.short", "given twice, first in /tmp"));
	assert_true(
	    has_problem(&l.problems, 2, "log.format", "llmgw.yaml line 26"));
	assert_true(
	    has_problem(&l.problems, 3, "providers.local", "given twice"));
	assert_true(has_problem(&l.problems, 4, "modles", "no option"));
	assert_int_equal(l.problems.n_errors, 4);
	assert_true(
	    str_ends(l.problems.last->file, STR("conf.d/20-empty.yaml")));
	load_done(&l);

	/* Every broken file is told. */
	put_file("conf.d/10-models.yaml", "a: [\n");
	put_file("conf.d/20-empty.yaml", "b: }\n");
	load_text(&l, good);
	assert_int_equal(l.err, ERR_SYNTAX);
	assert_int_equal(l.problems.n_errors, 2);
	load_done(&l);

	drop_file("conf.d/10-models.yaml");
	drop_file("conf.d/20-empty.yaml");
	drop_file("conf.d/.hidden.yaml");
	drop_file("conf.d/backup.yaml~");
	assert_int_equal(rmdir(test_path("conf.d")), 0);
}

static void
test_no_map(void **state)
{
	static const char *const texts[] = { "", "# only\n", "[a]\n", "x\n",
		"~\n" };
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		load_text(&l, texts[i]);
		assert_int_equal(l.err, ERR_SYNTAX);
		assert_int_equal(l.problems.n, 1);
		load_done(&l);
	}
	drop_file("llmgw.yaml");
	load_file(&l, test_path("llmgw.yaml"));
	assert_int_equal(l.err, ERR_SYNTAX);
	assert_true(
	    has_problem(&l.problems, 0, "", "cannot be read: No such file"));
	load_done(&l);
}

/* With a database, also one that is only there by its name, keys lie in it. */
static void
test_nobody_may_ask(void **state)
{
	struct loaded l;
	char text[1024];

	(void)state;
	(void)snprintf(text, sizeof(text),
	    "server: { state_dir: %s }\nproviders: { p: { kind: openai } }\n"
	    "models: { m: p/x }\n",
	    test_path(""));
	load_text(&l, text);
	assert_int_equal(l.err, ERR_OK);
	assert_true(has_problem(&l.problems, 0, "", "there is no database"));
	load_done(&l);
	put_file("llmgw.db", "");
	load_text(&l, text);
	assert_int_equal(l.err, ERR_OK);
	assert_int_equal(l.problems.n_warnings, 0);
	load_done(&l);
	drop_file("llmgw.db");
}

/* A file name without a folder: conf.d is looked for in the working one. */
static void
test_relative(void **state)
{
	char cwd[4096];
	struct loaded l;

	(void)state;
	put_file("llmgw.yaml", good);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(test_dir), 0);
	load_file(&l, "llmgw.yaml");
	assert_int_equal(chdir(cwd), 0);
	assert_int_equal(l.err, ERR_OK);
	load_done(&l);
}

static void
test_digest_and_version(void **state)
{
	struct loaded a, b;

	(void)state;
	load_text(&a, good);
	load_text(&b, good);
	assert_string_equal(a.conf->digest, b.conf->digest);
	assert_true(b.conf->version > a.conf->version);
	assert_int_equal(a.conf->models[0].targets[0].identity,
	    b.conf->models[0].targets[0].identity);
	assert_int_equal(a.conf->keys[0].identity, b.conf->keys[0].identity);
	load_done(&b);
	load_text(&b,
	    "providers: { p: { kind: openai } }\nauth: { anonymous: true }\n");
	assert_string_not_equal(a.conf->digest, b.conf->digest);
	load_done(&a);
	load_done(&b);
}

static void
test_references(void **state)
{
	struct secret *s;
	struct loaded l;

	(void)state;
	load_text(&l, good);
	assert_ptr_equal(conf_ref(l.conf), l.conf);
	conf_unref(l.conf);
	assert_int_equal(l.conf->n_providers, 2);
	/* A request keeps the key it began with. */
	s = secret_ref(l.conf->providers[0].keys[0].key.secret);
	load_done(&l);
	assert_str(secret_str(s), "sk-test");
	secret_unref(s);
	conf_unref(NULL);
}

static void
places(const char *file, enum err e, const char *dir, const char *url)
{
	struct arena *a = arena_new(1024 * 1024);
	struct conf_problems problems;
	struct conf_places p = { 0 };

	conf_problems_init(&problems, a);
	assert_int_equal(conf_places_read(file, a, &p, &problems), e);
	if (e == ERR_OK) {
		assert_str(p.state_dir, dir);
		assert_str(p.store_url, url);
	}
	arena_free(a);
}

static bool
wants_reason(const char *text)
{
	struct arena *a = arena_new(1024 * 1024);
	struct conf_problems problems;
	struct conf_places p = { 0 };

	conf_problems_init(&problems, a);
	assert_int_equal(
	    conf_places_read(put_file("llmgw.yaml", text), a, &p, &problems),
	    ERR_OK);
	arena_free(a);
	return p.audit_require_reason;
}

/* A misspelt word does not switch it off. */
static void
test_reason_is_required(void **state)
{
	(void)state;
	assert_false(wants_reason("audit: {}\n"));
	assert_false(wants_reason("audit: { require_reason: false }\n"));
	assert_true(wants_reason("audit: { require_reason: true }\n"));
	assert_true(wants_reason("audit: { require_reason: yes }\n"));
}

/* Where the state lies is known while a secret is not there. */
static void
test_places(void **state)
{
	const char *file;

	(void)state;
	places(
	    NULL, ERR_OK, "/var/lib/llmgw", "sqlite:///var/lib/llmgw/llmgw.db");
	file = put_file("llmgw.yaml",
	    "server: { state_dir: /srv/g }\n"
	    "providers: { p: { kind: openai, api_key: env:NOT_THERE } }\n");
	places(file, ERR_OK, "/srv/g", "sqlite:///srv/g/llmgw.db");
	file = put_file("llmgw.yaml", "store: mariadb://a@b/c\n");
	places(file, ERR_OK, "/var/lib/llmgw", "mariadb://a@b/c");
	file = put_file("llmgw.yaml", "server: {\n");
	places(file, ERR_SYNTAX, NULL, NULL);
	places("/nonexistent", ERR_SYNTAX, NULL, NULL);
}

static void
test_stamp(void **state)
{
	uint64_t before, after;

	(void)state;
	before = conf_stamp(put_file("llmgw.yaml", "a"));
	assert_int_equal(before, conf_stamp(test_path("llmgw.yaml")));
	after = conf_stamp(put_file("llmgw.yaml", "ab"));
	assert_int_not_equal(before, after);
	assert_int_equal(mkdir(test_path("conf.d"), 0700), 0);
	put_file("conf.d/x.yaml", "x");
	before = conf_stamp(test_path("llmgw.yaml"));
	assert_int_not_equal(before, after);
	drop_file("conf.d/x.yaml");
	assert_int_equal(conf_stamp(test_path("llmgw.yaml")), after);
	assert_int_equal(rmdir(test_path("conf.d")), 0);
	assert_int_not_equal(conf_stamp("/nonexistent/x"), 0);
}

/* More than the problems that are kept: all are counted, the load fails. */
static void
test_many_problems(void **state)
{
	struct loaded l;
	struct buf b;

	(void)state;
	buf_init(&b, 1024 * 1024);
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "wrong%d: 1\n", i);
	buf_addc(&b, '\0');
	load_text(&l, b.p);
	assert_int_equal(l.err, ERR_SYNTAX);
	assert_int_equal(l.problems.n_errors, 1000);
	assert_int_equal(l.problems.n, CONF_PROBLEMS_MAX);
	load_done(&l);
	buf_fini(&b);
}

/* As many as are allowed, in a time that nobody notices. */
static void
test_large(void **state)
{
	struct loaded l;
	struct buf b;

	(void)state;
	buf_init(&b, TREE_FILE_MAX);
	buf_addz(&b, "auth: { anonymous: true }\n"
		     "providers: { p: { kind: openai } }\nmodels:\n");
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "  m%d: p/x%d\n", i, i);
	buf_addc(&b, '\0');
	load_text(&l, b.p);
	conf_problems_print(&l.problems, stdout);
	assert_int_equal(l.err, ERR_OK);
	assert_int_equal(l.conf->n_targets, 10000);
	assert_ptr_equal(
	    conf_model_find(l.conf, STR("m9999")), &l.conf->models[9999]);
	assert_null(conf_model_find(l.conf, STR("m10000")));
	load_done(&l);
	buf_fini(&b);
}

#ifdef WITH_FAULTS
/* Every allocation fails once: the load fails and says so, nothing leaks. */
static void
test_no_memory(void **state)
{
	static const char *const points[] = { "arena.block", "conf.load",
		"conf.yaml", "conf.read", "map.grow", "buf.grow" };
	unsigned failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(points); i++) {
		for (int n = 1; n < 40; n++) {
			struct loaded l = { 0 };
			char spec[64];

			put_file("llmgw.yaml", good);
			l.arena = arena_new(1024 * 1024);
			conf_problems_init(&l.problems, l.arena);
			(void)snprintf(
			    spec, sizeof(spec), "%s:%d", points[i], n);
			fault_setup(spec);
			l.err = conf_load(
			    test_path("llmgw.yaml"), &l.conf, &l.problems);
			fault_setup(NULL);
			assert_int_equal(
			    l.err != ERR_OK, l.problems.n_errors > 0);
			assert_int_equal(l.err == ERR_OK, l.conf != NULL);
			failures += l.err != ERR_OK;
			load_done(&l);
		}
	}
	assert_true(failures > 4);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_all_problems),
		cmocka_unit_test(test_all_problems_beside_duplicates),
		cmocka_unit_test(test_unread_keys_are_not_the_same),
		cmocka_unit_test(test_conf_d),
		cmocka_unit_test(test_no_map),
		cmocka_unit_test(test_relative),
		cmocka_unit_test(test_digest_and_version),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_nobody_may_ask),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_reason_is_required),
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_many_problems),
		cmocka_unit_test(test_large),
#ifdef WITH_FAULTS
		cmocka_unit_test(test_no_memory),
#endif
	};

	(void)setenv("LLMGW_T_KEY", "sk-test", 1);
	(void)setenv("LLMGW_T_CLIENT", "client-key-of-24-letters", 1);
	return cmocka_run_group_tests(tests, dir_begin, dir_end);
}
