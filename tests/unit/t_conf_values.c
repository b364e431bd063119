/* Values of their own kind and what refers to what: one wrong thing each. */
#include "conf_help.h"

#include "conf/opt.h"

/* What all rows below begin with. */
#define P "providers: { p: { kind: openai } }\n"
#define PM P "models: { m: p/x }\n"
#define KEY(k) "auth: { keys: [ { name: a, models: [m], key: " k " } ] }\n"
#define PROV(x) "providers: { p: { kind: openai, " x " } }\n"
#define ZEROS "0000000000000000"

struct row {
	const char *text;
	const char *path;
	const char *what; /* NULL: all is well */
};

static const struct row errors[] = {
	/* secrets */
	{ PROV("api_key: sk-plain"), "providers.p.api_key",
	    "may not stand in the configuration" },
	{ PROV("api_key: 'env:'"), "providers.p.api_key",
	    "name of an environment variable" },
	{ PROV("api_key: 'env:A B'"), "providers.p.api_key",
	    "name of an environment variable" },
	{ PROV("api_key: 'env:1A'"), "providers.p.api_key",
	    "name of an environment variable" },
	{ PROV("api_key: env:LLMGW_T_NOT_SET"), "providers.p.api_key",
	    "the environment variable LLMGW_T_NOT_SET is not set" },
	{ PROV("api_key: env:LLMGW_T_EMPTY"), "providers.p.api_key",
	    "is empty" },
	{ PROV("api_key: env:LLMGW_T_LINES"), "providers.p.api_key",
	    "line breaks" },
	{ PROV("api_key: file:relative"), "providers.p.api_key",
	    "absolute path" },
	{ PROV("api_key: file:/nonexistent/x"), "providers.p.api_key",
	    "/nonexistent/x cannot be read: No such file" },
	{ PROV("api_key: file:/"), "providers.p.api_key",
	    "it is no regular file" },
	{ PROV("api_key: sealed:x"), "providers.p.api_key",
	    "needs secrets.master_key" },
	{ PM KEY("secret"), "auth.keys[0].key", "llmgwctl key hash" },
	{ PM KEY("'blake2b:00'"), "auth.keys[0].key", "64 hexadecimal digits" },
	{ PM KEY("'blake2b:" ZEROS ZEROS ZEROS "000000000000000g'"),
	    "auth.keys[0].key", "64 hexadecimal digits" },
	/* addresses */
	{ PROV("base_url: api.openai.com"), "providers.p.base_url", "must" },
	{ PROV("base_url: ftp://x/"), "providers.p.base_url",
	    "must begin with https://" },
	{ PROV("base_url: 'https://u:p@h/'"), "providers.p.base_url",
	    "use api_key" },
	{ PROV("base_url: 'https://h /'"), "providers.p.base_url", "must be" },
	{ PROV("base_url: http://h/v1"), "providers.p.base_url",
	    "plain http would show the key" },
	{ "server: { metrics_allow: [10.0.0.0/33] }\n" P,
	    "server.metrics_allow[0]", "must be a network" },
	{ "server: { metrics_allow: [localhost] }\n" P,
	    "server.metrics_allow[0]", "must be a network" },
	{ "server: { metrics_allow: ['::1/129'] }\n" P,
	    "server.metrics_allow[0]", "must be a network" },
	{ "server: { metrics_allow: [10.0.0.0/] }\n" P,
	    "server.metrics_allow[0]", "must be a network" },
	{ "server: { state_dir: here }\n" P, "server.state_dir",
	    "absolute path" },
	{ PROV("ca_file: ca.pem"), "providers.p.ca_file", "absolute path" },
	{ "log: { to: file:x }\n" P, "log.to", "stderr, syslog or file:" },
	{ "log: { to: nowhere }\n" P, "log.to", "stderr, syslog or file:" },
	{ "store: postgres://x\n" P, "store", "sqlite:// or mariadb://" },
	{ "store: sqlite://x.db\n" P, "store", "an absolute path" },
	{ "store: mariadb://h/n\n" P, "store", "mariadb://USER@HOST/NAME" },
	{ "store: mariadb://u@h\n" P, "store", "mariadb://USER@HOST/NAME" },
	{ "store: mariadb://u:p@h/n\n" P, "store", "use ?password_file=" },
	/* headers */
	{ PROV("headers: { 'A B': x }"), "providers.p.headers.\"A B\"",
	    "not the name of a header" },
	{ PROV("headers: { Content-Length: 1 }"),
	    "providers.p.headers.Content-Length", "by the gateway itself" },
	{ PROV("headers: { authorization: x }"),
	    "providers.p.headers.authorization", "use api_key" },
	/* kinds and names */
	{ PROV("vendor: grok"), "providers.p.vendor",
	    "nothing is known of a vendor \"grok\"" },
	{ "providers: { p: { kind: gmini } }\n", "providers.p.kind",
	    "(did you mean gemini?)" },
	{ "providers: { p: {} }\n", "providers.p", "kind is missing" },
	{ "providers: { p/q: { kind: openai } }\n", "providers.p/q",
	    "cannot be the name of a provider" },
	{ P "models: { 'a b': p/x }\n", "models.\"a b\"",
	    "cannot be the name of a model" },
	{ "providers: { p: { kind: azure } }\n", "providers.p",
	    "base_url is missing" },
	{ "providers: { p: { kind: openai-compatible } }\n", "providers.p",
	    "base_url is missing" },
	/* models */
	{ P "models: { m: q/x }\n", "models.m", "no provider \"q\"" },
	{ P "models: { m: p }\n", "models.m", "must be PROVIDER/MODEL" },
	{ P "models: { m: p/ }\n", "models.m", "must be PROVIDER/MODEL" },
	{ P "models: { m: { targets: [] } }\n", "models.m.targets",
	    "at least 1" },
	{ P "models: { m: {} }\n", "models.m", "targets is missing" },
	{ P "models: { m: { targets: [ { provider: p } ] } }\n",
	    "models.m.targets[0]", "model is missing" },
	{ P "models: { m: { targets: [p/x], cache: { scope: all } } }\n",
	    "models.m.cache.scope", "must be key" },
	{ P "models: { m: { targets: [p/x], fallback_on: [rate] } }\n",
	    "models.m.fallback_on[0]", "must be unavailable" },
	{ P "models: { m: { targets: [p/x],\n"
	    "retry: { backoff: 9s } } }\n",
	    "models.m.retry", "max_backoff is shorter" },
	/* limits */
	{ PROV("limits: [ { requests: 1 } ]"), "providers.p.limits[0]",
	    "needs its window" },
	{ PROV("limits: [ { per: 1m } ]"), "providers.p.limits[0]",
	    "exactly one of" },
	{ PROV("limits: [ { tokens: 1, requests: 1, per: 1m } ]"),
	    "providers.p.limits[0]", "exactly one of" },
	{ PROV("limits: [ { concurrent: 1, per: 1m } ]"),
	    "providers.p.limits[0]", "has no window" },
	{ PROV("limits: [ { requests: 1, per: 500ms } ]"),
	    "providers.p.limits[0].per", "between 1s and 366d" },
	{ PROV("limits: [ { requests: 1, per: 367d } ]"),
	    "providers.p.limits[0].per", "between 1s and 366d" },
	{ PROV("limits: [ { requests: 0, per: 1d } ]"),
	    "providers.p.limits[0].requests", "must be between 1" },
	{ PROV("limits: [ { money: 5, per: 1d } ]"), "providers.p.limits[0]",
	    "counted over a period" },
	{ PROV("limits: [ { money: 5 } ]"), "providers.p.limits[0]",
	    "counted over a period" },
	{ PROV("limits: [ { money: 0, period: day } ]"),
	    "providers.p.limits[0].money", "must be dollars" },
	{ PROV("limits: [ { money: 1000001, period: day } ]"),
	    "providers.p.limits[0].money", "up to 1000000" },
	{ PROV("limits: [ { tokens: 5, per: 1d, period: day } ]"),
	    "providers.p.limits[0]", "needs its window" },
	{ PROV("limits: [ { tokens: 1000000000000, per: 1m } ]"),
	    "providers.p.limits[0]", "is no limit" },
	{ PROV("limits: [ { tokens: 5, period: day, timezone: Mars } ]"),
	    "providers.p.limits[0].timezone", "is no time zone" },
	{ PROV("limits: [ { requests: 5, per: 1m, soft_percent: 101 } ]"),
	    "providers.p.limits[0].soft_percent", "between 1 and 100" },
	{ PM "limits: [ { requests: 5, per: 1m } ]\n", "limits[0]",
	    "name is missing" },
	{ PM "limits: [ { name: a, requests: 5, per: 1m },\n"
	     "{ name: a, requests: 5, per: 1h } ]\n",
	    "limits[1].name", "a limit of this name before" },
	{ PM "limits: [ { name: a, provider: q, requests: 5, per: 1m } ]\n",
	    "limits[0].provider", "no provider \"q\"" },
	{ PM "limits: [ { name: a, each_of: [kye], requests: 5, per: 1m } ]\n",
	    "limits[0].each_of[0]", "did you mean key?" },
	/* keys */
	{ PM "auth: { keys: [ { name: a, key: env:LLMGW_T_A } ] }\n",
	    "auth.keys[0]", "models is missing" },
	{ PM "auth: { keys: [ { name: a, key: env:LLMGW_T_A, models: [m] },\n"
	     "{ name: a, key: env:LLMGW_T_B, models: [m] } ] }\n",
	    "auth.keys[1].name", "a key of this name before" },
	{ PM "auth: { keys: [ { name: a, key: env:LLMGW_T_A, models: [m] },\n"
	     "{ name: b, key: env:LLMGW_T_A, models: [m] } ] }\n",
	    "auth.keys[1].key", "is the same key as that of a" },
	/* the rest */
	{ PM "memcached: [ 'unix:x' ]\n", "memcached[0]", "unix:/PATH or" },
	{ PM "memcached: [ 'h:0' ]\n", "memcached[0]", "HOST:PORT" },
	{ PM "memcached: [ '11211' ]\n", "memcached[0]", "HOST:PORT" },
	{ PM "limits_when_away: deny\n", "limits_when_away", "must be local" },
	{ PM "policies: [ { name: p } ]\n", "policies[0]", "has no rule" },
	{ PM "policies: [ { name: '-p', max_n: 1 } ]\n", "policies[0].name",
	    "may have letters" },
	{ PM "policies: [ { name: tenant-residency, max_n: 1 } ]\n",
	    "policies[0].name", "take another" },
	{ PM "policies: [ { name: p, max_n: 1 }, { name: p, max_n: 2 } ]\n",
	    "policies[1].name", "a policy of this name before" },
	{ PM "policies: [ { name: p, max_n: 1, deny: [ tool ] } ]\n",
	    "policies[0].deny[0]", "did you mean tools?" },
	{ PM "policies: [ { name: p, max_n: 1, hours: 8-18 } ]\n",
	    "policies[0].hours", "must be hours such as" },
	{ PM "policies: [ { name: p, hours: '08:00-18:00', timezone: X/Y } "
	     "]\n",
	    "policies[0].timezone", "knows no time zone" },
	{ PM "policies: [ { name: p, max_n: 1, timezone: UTC } ]\n",
	    "policies[0].timezone", "nothing without hours" },
	{ PM "policies: [ { name: p, max_n: 1, on_output: clamp } ]\n",
	    "policies[0].on_output", "nothing without max_output_tokens" },
	{ PM "policies: [ { name: p, max_n: 1, for: { model: [m] } } ]\n",
	    "policies[0].for.model", "did you mean \"models\"?" },
	{ PM "breaker: { open_for: 2m }\n", "breaker", "open_max is shorter" },
	{ PM "breaker: { failure_ratio: 2 }\n", "breaker.failure_ratio",
	    "0.0 to 1.0" },
};

static bool
is_groq(struct str vendor)
{
	return str_eqz(vendor, "groq");
}

static void
test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++) {
		const struct row *row = &errors[i];
		struct loaded l;

		load_text(&l, row->text);
		assert_int_equal(l.err, ERR_SYNTAX);
		if (!has_problem(&l.problems, 0, row->path, row->what) ||
		    l.problems.n_errors != 1) {
			conf_problems_print(&l.problems, stdout);
			fail_msg("%s", row->text);
		}
		load_done(&l);
	}
}

#define ANY "auth: { anonymous: true }\n"

static const struct row fine[] = {
	{ ANY PM, NULL, NULL },
	{ ANY PROV("base_url: https://h/v1"), NULL, NULL },
	{ ANY PROV("base_url: 'http://127.0.0.1:80', allow_private: true"),
	    NULL, NULL },
	{ ANY "server: { metrics_allow: [10.0.0.0/8, '::1', 1.2.3.4] }\n" P,
	    NULL, NULL },
	{ ANY "server: { heartbeat: off, workers: auto }\n" P, NULL, NULL },
	{ ANY PM "memcached:\npolicies:\n", NULL, NULL },
	{ ANY PM "memcached: []\npolicies: []\n", NULL, NULL },
	{ ANY PM "policies: [ { name: p, mode: shadow, for: { models: ['*'] "
		 "}, hours: 'mon-fri 08:00-18:00', timezone: UTC } ]\n",
	    NULL, NULL },
	{ ANY PROV("tags: [eu]") "policies: [ { name: p, residency: [eu] } ]"
				 "\n",
	    NULL, NULL },
	{ ANY PROV("tags: [eu]") "policies: [ { name: p, residency: [us] } ]"
				 "\n",
	    "policies[0].residency", "has the tag \"us\"" },
	{ ANY PM "memcached: ['unix:/x', '10.0.0.5:11211', 'h:1']\n", NULL,
	    NULL },
	{ ANY PM "limits: [ { name: a, provider: p, money: 12.50, "
		 "period: quarter, timezone: Europe/Berlin, mode: shadow, "
		 "each_of: [key, model], soft_percent: 80 } ]\n",
	    NULL, NULL },
	{ ANY PROV("headers: { X-A: b }"), NULL, NULL },
	{ ANY PROV("vendor: groq"), NULL, NULL },
	/* warnings */
	{ ANY PROV("ca_file: /nonexistent/ca.pem"), "providers.p.ca_file",
	    "/nonexistent/ca.pem cannot be read: No such" },
	{ ANY PM "store: sqlite:///x\n", NULL, NULL },
	{ ANY PM "store: mariadb://u@h:3306/n?socket=/s\n", NULL, NULL },
	{ PM, "", "nobody may ask" },
	{ PM "auth: { identity: remote_user, anonymous_models: [no*] }\n",
	    "auth.anonymous_models[0]", "no model has a name like \"no*\"" },
	{ PM "auth: { keys: [ { name: a, key: env:LLMGW_T_A,\n"
	     "models: ['m*', zz] } ] }\n",
	    "auth.keys[0].models[1]", "no model has a name like \"zz\"" },
	{ PM KEY("env:LLMGW_T_SHORT"), "auth.keys[0].key", "easily guessed" },
	{ ANY P "models: { m: { targets: [p/x, p/x] } }\n", "models.m.targets",
	    "targets 0 and 1 are the same" },
	{ ANY P "models: { m: { targets: [p/x],\n"
		"cache: { ttl: 300s, scope: key } } }\n",
	    "models.m.cache", "keeps no answers" },
	{ ANY PM "log: { to: file:/nonexistent/dir/x.log }\n", "log.to",
	    "/nonexistent/dir/ cannot be written: No such" },
};

static void
test_fine(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(fine); i++) {
		const struct row *row = &fine[i];
		struct loaded l;

		load_text(&l, row->text);
		if (l.err != ERR_OK ||
		    l.problems.n_warnings != (row->what != NULL) ||
		    (row->what != NULL &&
			!has_problem(&l.problems, 0, row->path, row->what))) {
			conf_problems_print(&l.problems, stdout);
			fail_msg("%s", row->text);
		}
		load_done(&l);
	}
}

/* What limits count, and by which identity, is settled when they are read. */
static void
test_limits(void **state)
{
	const struct conf_limit *l;
	struct loaded a;

	(void)state;
	load_text(&a,
	    ANY PM "limits: [ { name: a, money: 12.50, period: month, "
		   "timezone: Europe/Berlin, mode: shadow }, "
		   "{ name: b, input: 7, per: 2h } ]\n"
		   "auth: { anonymous: true, keys: [ { name: k, "
		   "key: env:LLMGW_T_A, models: [m], limits: [ "
		   "{ requests: 5, per: 1m }, { requests: 9, per: 1m }, "
		   "{ concurrent: 2 }, { name: own, tokens: 1, period: day } "
		   "] } ] }\n" +
		strlen(ANY));
	assert_int_equal(a.err, ERR_OK);
	l = a.conf->limits;
	assert_int_equal(l[0].sort, CONF_LIMIT_MONEY);
	assert_int_equal(l[0].amount, INT64_C(12500000000));
	assert_int_equal(l[0].period, 1 + ZONE_MONTH);
	assert_true(l[0].is_shadow && l[0].zone != NULL);
	assert_int_equal(l[1].sort, CONF_LIMIT_INPUT);
	assert_int_equal(l[1].amount, 7);
	assert_true(!l[1].is_shadow && l[1].zone == NULL);
	assert_true(l[0].identity != l[1].identity && l[0].identity != 0);
	l = a.conf->keys[0].limits;
	assert_str(l[0].name, "k: requests per 60s");
	assert_true(l[0].identity != l[1].identity);
	assert_str(l[2].name, "k: concurrent");
	assert_str(l[3].name, "own");
	load_done(&a);
}

static void
key_from(struct loaded *l, const char *reference)
{
	char text[512];

	(void)snprintf(
	    text, sizeof(text), PROV("api_key: \"%s\"") ANY, reference);
	load_text(l, text);
}

static void
test_secret_files(void **state)
{
	static const struct {
		const char *text, *secret;
	} rows[] = {
		{ "sk-1", "sk-1" },
		{ "sk-1\n", "sk-1" },
		{ "sk-1\r\n", "sk-1" },
		{ "sk-1\n\n", NULL },
		{ "sk 1", NULL },
		{ "\n", NULL },
		{ "", NULL },
		{ "sk-\xc3\xa4", NULL },
	};
	char reference[300];
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		put_file("key", rows[i].text);
		assert_int_equal(chmod(test_path("key"), 0640), 0);
		(void)snprintf(
		    reference, sizeof(reference), "file:%s", test_path("key"));
		key_from(&l, reference);
		assert_int_equal(l.err == ERR_OK, rows[i].secret != NULL);
		assert_int_equal(l.problems.n, rows[i].secret == NULL);
		if (l.conf != NULL)
			assert_str(
			    secret_str(l.conf->providers[0].keys[0].key.secret),
			    rows[i].secret);
		/* Nothing of a secret is ever told. */
		for (struct conf_problem *p = l.problems.first; p != NULL;
		     p = p->next)
			assert_false(str_contains(p->what, STR("sk")));
		load_done(&l);
	}
	put_file("key", "sk-1");
	assert_int_equal(chmod(test_path("key"), 0644), 0);
	key_from(&l, reference);
	assert_int_equal(l.err, ERR_OK);
	assert_true(has_problem(&l.problems, 0, "providers.p.api_key",
	    "every user of this host may read"));
	load_done(&l);
	drop_file("key");
}

static void
test_too_long_secret(void **state)
{
	char *text = malloc(20000);
	char reference[300];
	struct loaded l;

	(void)state;
	assert_non_null(text);
	(void)snprintf(
	    reference, sizeof(reference), "file:%s", test_path("key"));
	for (size_t n = 8191; n < 8195; n++) {
		memset(text, 'x', n);
		text[n] = '\0';
		put_file("key", text);
		assert_int_equal(chmod(test_path("key"), 0600), 0);
		key_from(&l, reference);
		assert_int_equal(l.err == ERR_OK, n <= 8192);
		load_done(&l);
	}
	drop_file("key");
	free(text);
}

/* A plain secret in the configuration is not repeated in its problem. */
static void
test_plain_is_not_told(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l, PM KEY("swordfish") "log: { lvl: 1 }\n");
	assert_int_equal(l.err, ERR_SYNTAX);
	for (struct conf_problem *p = l.problems.first; p != NULL; p = p->next)
		assert_false(str_contains(p->what, STR("swordfish")));
	load_done(&l);
}

static void
test_hash_forms_agree(void **state)
{
	unsigned char hash[HASH_KEY_BYTES];
	char hex[2 * HASH_KEY_BYTES + 1];
	char text[512];
	struct loaded l;

	(void)state;
	hash_key(
	    STR("a-key-of-the-first-client"), (struct str){ NULL, 0 }, hash);
	hash_hex(hash, sizeof(hash), hex);
	(void)snprintf(text, sizeof(text), PM KEY("\"blake2b:%s\""), hex);
	load_text(&l, text);
	assert_int_equal(l.err, ERR_OK);
	assert_memory_equal(l.conf->keys[0].hash, hash, sizeof(hash));
	load_done(&l);
	load_text(&l, PM KEY("env:LLMGW_T_A"));
	assert_int_equal(l.err, ERR_OK);
	assert_memory_equal(l.conf->keys[0].hash, hash, sizeof(hash));
	load_done(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_fine),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_secret_files),
		cmocka_unit_test(test_too_long_secret),
		cmocka_unit_test(test_plain_is_not_told),
		cmocka_unit_test(test_hash_forms_agree),
	};

	(void)setenv("LLMGW_T_A", "a-key-of-the-first-client", 1);
	(void)setenv("LLMGW_T_B", "a-key-of-the-other-client", 1);
	(void)setenv("LLMGW_T_SHORT", "short", 1);
	(void)setenv("LLMGW_T_EMPTY", "", 1);
	(void)setenv("LLMGW_T_LINES", "a\nb", 1);
	(void)unsetenv("LLMGW_T_NOT_SET");
	conf_vendors_set(is_groq);
	return cmocka_run_group_tests(tests, dir_begin, dir_end);
}
