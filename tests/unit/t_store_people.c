#include "store/people.h"

#include "check.h"

static void
test_names(void **state)
{
	static const char *const good[] = { "a", "Acme", "7up", "a.b_c-d@e+f",
		"0123456789012345678901234567890123456789012345678901234567"
		"890123" };
	static const char *const bad[] = { "", ".a", "-a", "a b", "a/b", "a~b",
		"\xc3\xa4", "a\n",
		"0123456789012345678901234567890123456789012345678901234567"
		"8901234" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(store_name_valid(str_z(good[i])));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(store_name_valid(str_z(bad[i])));
}

static void
test_user_names(void **state)
{
	static char many[STORE_NAME_MAX + 1];

	(void)state;
	assert_true(store_user_name_valid(STR("CN=Kim Lee,O=Acme/EU")));
	assert_true(store_user_name_valid(STR("kim@acme.example")));
	assert_true(store_user_name_valid(STR("J\xc3\xa4ger")));
	assert_false(store_user_name_valid(STR("")));
	assert_false(store_user_name_valid(STR(" kim")));
	assert_false(store_user_name_valid(STR("kim\n")));
	assert_false(store_user_name_valid(STR("k\x1b[31m")));
	assert_false(store_user_name_valid(STR("k\xff")));
	memset(many, 'x', sizeof(many));
	assert_true(store_user_name_valid(str_of(many, STORE_NAME_MAX)));
	assert_false(store_user_name_valid(str_of(many, sizeof(many))));
}

static void
test_titles(void **state)
{
	static char many[251];

	(void)state;
	assert_true(store_title_valid(STR("")));
	assert_true(store_title_valid(STR("The people of Acme")));
	assert_false(store_title_valid(STR("two\nlines")));
	memset(many, 'x', sizeof(many));
	assert_true(store_title_valid(str_of(many, 250)));
	assert_false(store_title_valid(str_of(many, 251)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_user_names),
		cmocka_unit_test(test_titles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
