/* Keys of providers, and the master key. */
#include "conf_help.h"

#include <stdlib.h>

#define ONE "providers: { p: { kind: openai, api_keys: [ "
#define END " ] } }\nmodels: { m: p/x }\n"
#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void
load_with(struct loaded *l, const char *before, const char *keys)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "%s" ONE "%s" END, before, keys);
	load_text(l, text);
}

static void
test_names_and_weights(void **state)
{
	const struct conf_provider *p;
	char keys[512];
	struct loaded l;

	(void)state;
	put_file("k.1", "sk-file");
	assert_int_equal(chmod(test_path("k.1"), 0600), 0);
	(void)snprintf(keys, sizeof(keys),
	    "env:LLMGW_T_A, { key: env:LLMGW_T_B, weight: 2 }, "
	    "{ key: env:LLMGW_T_B, weight: 0, name: b.2 }, \"file:%s\"",
	    test_path("k.1"));
	load_with(&l, "", keys);
	assert_int_equal(l.err, ERR_OK);
	p = &l.conf->providers[0];
	assert_int_equal(p->n_keys, 4);
	assert_str(p->keys[0].name, "LLMGW_T_A");
	assert_str(secret_str(p->keys[0].key.secret), "sk-a");
	assert_int_equal(p->keys[0].weight, 1);
	assert_str(p->keys[1].name, "LLMGW_T_B");
	assert_int_equal(p->keys[1].weight, 2);
	assert_str(p->keys[2].name, "b.2");
	assert_int_equal(p->keys[2].weight, 0);
	assert_str(p->keys[3].name, "k.1");
	assert_str(secret_str(p->keys[3].key.secret), "sk-file");
	assert_int_equal(l.conf->key_recheck, 300 * USEC_PER_SEC);
	load_done(&l);
	drop_file("k.1");
}

/* api_key is one of keys; what gives no name is numbered. */
static void
test_one_key(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l,
	    "providers: { p: { kind: openai, api_key: env:LLMGW_T_A }, "
	    "q: { kind: openai } }\nmodels: { m: p/x }\n");
	assert_int_equal(l.err, ERR_OK);
	assert_int_equal(l.conf->providers[0].n_keys, 1);
	assert_str(l.conf->providers[0].keys[0].name, "LLMGW_T_A");
	assert_int_equal(l.conf->providers[0].keys[0].weight, 1);
	assert_int_equal(l.conf->providers[1].n_keys, 0);
	load_done(&l);
	/* with more of them it is the first */
	load_with(&l, "",
	    "env:LLMGW_T_B ], api_key: env:LLMGW_T_A } , "
	    "q: { kind: openai, api_keys: [");
	assert_int_equal(l.err, ERR_OK);
	assert_int_equal(l.conf->providers[0].n_keys, 2);
	assert_str(l.conf->providers[0].keys[0].name, "LLMGW_T_A");
	assert_str(l.conf->providers[0].keys[1].name, "LLMGW_T_B");
	load_done(&l);
}

static void
test_problems(void **state)
{
	static const struct {
		const char *keys, *path, *what;
	} rows[] = {
		{ "env:LLMGW_T_A, env:LLMGW_T_A", "providers.p.api_keys[1]",
		    "there is a key LLMGW_T_A of this provider before" },
		{ "{ weight: 1 }", "providers.p.api_keys[0]", "key" },
		{ "{ key: env:LLMGW_T_A, name: a/b }",
		    "providers.p.api_keys[0].name", "use letters" },
		{ "sk-plain", "providers.p.api_keys[0]", "secret add" },
		{ "sealed:a", "providers.p.api_keys[0]",
		    "needs secrets.master_key" },
		{ "'sealed:'", "providers.p.api_keys[0]",
		    "the name of a secret" },
		{ "sealed:a@1", "providers.p.api_keys[0]",
		    "the name of a secret" },
		{ "env:LLMGW_T_A ], api_key: env:LLMGW_T_A } , "
		  "q: { kind: openai, api_keys: [",
		    "providers.p.api_key", "LLMGW_T_A of this provider" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct loaded l;

		load_with(&l, "", rows[i].keys);
		assert_int_not_equal(l.err, ERR_OK);
		assert_true(
		    has_problem(&l.problems, 0, rows[i].path, rows[i].what));
		for (struct conf_problem *p = l.problems.first; p; p = p->next)
			assert_false(str_contains(p->what, STR("sk-")));
		load_done(&l);
	}
}

/* ---- the master key ------------------------------------------------------ */

static void
load_master(struct loaded *l, const char *reference)
{
	char before[512];

	(void)snprintf(before, sizeof(before),
	    "secrets: { master_key: \"%s\", master_key_old: [ \"%s\" ] }\n",
	    reference, reference);
	load_with(l, before, "sealed:a, { key: sealed:b, name: x }");
}

static const char *
master_file(const char *text, int mode)
{
	static char reference[300];

	put_file("master", text);
	assert_int_equal(chmod(test_path("master"), (mode_t)mode), 0);
	(void)snprintf(
	    reference, sizeof(reference), "file:%s", test_path("master"));
	return reference;
}

static void
test_master(void **state)
{
	static const char *const fine[] = { HEX, HEX "\n",
		"0123456789abcdefghijklmnopqrstuv" };
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < COUNT(fine); i++) {
		load_master(&l, master_file(fine[i], 0640));
		assert_int_equal(l.err, ERR_OK);
		assert_int_equal(
		    secret_str(l.conf->master_key).n, CONF_MASTER_KEY_BYTES);
		assert_int_equal(l.conf->n_master_key_old, 1);
		assert_non_null(l.conf->master_key_old[0].secret);
		assert_int_equal(
		    secret_str(l.conf->master_key).p[1], i == 2 ? '1' : 1);
		assert_null(l.conf->providers[0].keys[0].key.secret);
		assert_str(l.conf->providers[0].keys[0].key.sealed, "a");
		assert_str(l.conf->providers[0].keys[0].name, "a");
		assert_str(l.conf->providers[0].keys[1].name, "x");
		load_done(&l);
	}
	drop_file("master");
}

static void
test_credential(void **state)
{
	struct loaded l;

	(void)state;
	(void)master_file(HEX, 0400);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", test_dir, 1), 0);
	load_master(&l, "credential:master");
	assert_int_equal(l.err, ERR_OK);
	load_done(&l);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	load_master(&l, "credential:master");
	assert_true(has_problem(&l.problems, 0, "secrets.master_key",
	    "CREDENTIALS_DIRECTORY is not set"));
	load_done(&l);
	load_master(&l, "credential:../x");
	assert_true(has_problem(
	    &l.problems, 0, "secrets.master_key", "LoadCredential="));
	load_done(&l);
	drop_file("master");
}

static void
test_bad_master(void **state)
{
	static const struct {
		const char *text;
		int mode;
		const char *what;
	} rows[] = {
		{ HEX, 0644, "every user of this host may read" },
		{ "", 0600, "must hold 32 bytes" },
		{ "x" HEX, 0600, "must hold 32 bytes" },
		{ HEX "00000000", 0600, "too large" },
		{ "0123456789abcdefghijklmnopqrstu", 0600,
		    "must hold 32 bytes" },
	};
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		load_master(&l, master_file(rows[i].text, rows[i].mode));
		assert_int_not_equal(l.err, ERR_OK);
		assert_true(has_problem(
		    &l.problems, 0, "secrets.master_key", rows[i].what));
		load_done(&l);
	}
	drop_file("master");
	load_master(&l, "file:/nonexistent/m");
	assert_true(has_problem(
	    &l.problems, 0, "secrets.master_key", "cannot be read"));
	load_done(&l);
	load_master(&l, HEX);
	assert_true(has_problem(
	    &l.problems, 0, "secrets.master_key", "must be file:/PATH"));
	for (struct conf_problem *p = l.problems.first; p; p = p->next)
		assert_false(str_contains(p->what, STR("0102")));
	load_done(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_weights),
		cmocka_unit_test(test_one_key),
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_master),
		cmocka_unit_test(test_credential),
		cmocka_unit_test(test_bad_master),
	};

	(void)setenv("LLMGW_T_A", "sk-a", 1);
	(void)setenv("LLMGW_T_B", "sk-b", 1);
	return cmocka_run_group_tests(tests, dir_begin, dir_end);
}
