#include "gate/want.h"

#include "check.h"
#include "gate/pepper.h"

#include <stdio.h>
#include <unistd.h>

#define KEY "llmgw_AAAAAAAA_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* A key goes by its hash, and by those with the peppers before. */
static void
test_keys(void **state)
{
	char folder[] = "/tmp/llmgw-want-XXXXXX", path[128];
	struct gate_pepper p = { 0 }, newer = { 0 };
	struct gate_want w, w2;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(gate_pepper_make(str_z(folder), &p), ERR_OK);
	assert_true(gate_want_key(&p, STR(KEY), &w));
	assert_int_equal(w.sort, GATE_WANT_KEY);
	assert_string_equal(w.public_part, "AAAAAAAA");
	assert_int_equal(w.n_older, 0);
	assert_int_equal(gate_pepper_add(str_z(folder), &newer), ERR_OK);
	assert_true(gate_want_key(&newer, STR(KEY), &w2));
	assert_int_equal(w2.n_older, 1);
	assert_memory_equal(w2.older[0], w.id, sizeof(w.id));
	assert_memory_not_equal(w2.id, w.id, sizeof(w.id));
	gate_pepper_fini(&p);
	gate_pepper_fini(&newer);
	snprintf(path, sizeof(path), "%s/pepper", folder);
	unlink(path);
	rmdir(folder);
}

/* What has not the form of a key is hashed with nothing. */
static void
test_form_of_keys(void **state)
{
	static const char *const bad[] = { "", "sk-proj-abc",
		"llmgw_AAAAAAAA_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"llmgw_AAAAAAAA_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"llmgw_AAAAAAAAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"LLMGW_AAAAAAAA_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	struct gate_pepper none = { 0 };
	struct gate_want w;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(gate_key_has_form(str_z(bad[i])));
		assert_false(gate_want_key(&none, str_z(bad[i]), &w));
	}
	assert_true(gate_key_has_form(STR(KEY)));
}

static void
test_names(void **state)
{
	static char name[GATE_NAME_SIZE];
	struct gate_want a, b;

	(void)state;
	assert_true(gate_want_user(STR("acme"), STR("kim"), &a));
	assert_int_equal(a.sort, GATE_WANT_USER);
	assert_string_equal(a.tenant, "acme");
	assert_string_equal(a.user, "kim");
	assert_true(gate_want_user(STR("acmek"), STR("im"), &b));
	assert_memory_not_equal(a.id, b.id, sizeof(a.id));
	memset(name, 'x', sizeof(name));
	assert_false(gate_want_user(STR("acme"), STR(""), &b));
	assert_false(gate_want_user(STR(""), STR("kim"), &b));
	assert_false(gate_want_user(STR("acme"), STR("ki\0m"), &b));
	assert_false(
	    gate_want_user(STR("acme"), str_of(name, sizeof(name)), &b));
	assert_true(
	    gate_want_user(STR("acme"), str_of(name, sizeof(name) - 1), &b));
}

/* A token and a user of the same text are two. */
static void
test_tokens(void **state)
{
	struct gate_want a, b;

	(void)state;
	gate_want_token(STR("acme"), &a);
	gate_want_token(STR("acme"), &b);
	assert_int_equal(a.sort, GATE_WANT_USER);
	assert_memory_equal(a.id, b.id, sizeof(a.id));
	gate_want_token(STR("acme\0kim"), &a);
	assert_true(gate_want_user(STR("acme"), STR("kim"), &b));
	assert_memory_not_equal(a.id, b.id, sizeof(a.id));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_form_of_keys),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
