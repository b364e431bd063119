/* Files -> snapshot: shapes, defaults, conf.d, every kind of problem. */
#include "conf_help.h"

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
	assert_true(str_eqz(secret_str(c->providers[0].api_key), "sk-test"));
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
		      "    cache: { ttl: 5s }\n"
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
	    "sealed secrets need a database store"));
	assert_true(
	    has_problem(&l.problems, 10, "providers.q", "base_url is missing"));
	assert_true(has_problem(&l.problems, 14, "models.m.targets[0].provider",
	    "no provider \"nobody\""));
	assert_true(has_problem(
	    &l.problems, 16, "models.m.cache", "not available in this"));
	assert_true(
	    has_problem(&l.problems, 17, "policies", "not available in this"));
	assert_true(
	    has_problem(&l.problems, 4, "auth.keys[0].models[0]", "no model"));
	assert_int_equal(l.problems.n_errors, 13);
	assert_int_equal(l.problems.n_warnings, 1);
	load_done(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_all_problems),
	};

	(void)setenv("LLMGW_T_KEY", "sk-test", 1);
	(void)setenv("LLMGW_T_CLIENT", "client-key-of-24-letters\n", 1);
	return cmocka_run_group_tests(tests, dir_begin, dir_end);
}
