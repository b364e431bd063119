#include "base/str.h"

#include "check.h"

#define NONE ((struct str){ NULL, 0 })

static void
equality(void **state)
{
	(void)state;
	assert_true(str_eq(STR("ab"), STR("ab")));
	assert_false(str_eq(STR("ab"), STR("aB")));
	assert_false(str_eq(STR("ab"), STR("abc")));
	assert_true(str_eq(NONE, STR("")));
	assert_true(str_eqz(STR("x"), "x"));
	assert_false(str_present(NONE));
	assert_true(str_present(STR("")));
	assert_true(str_case_eq(STR("Content-Type"), STR("content-tYPE")));
	/* only letters have a case: '@' and '`' differ in the same bit */
	assert_false(str_case_eq(STR("@"), STR("`")));
	assert_false(str_case_eq(STR("["), STR("{")));
	assert_true(str_case_eq(NONE, NONE));
	assert_true(str_case_starts(STR("Bearer x"), STR("bearer ")));
	assert_false(str_case_starts(STR("Bear"), STR("bearer ")));
	assert_true(str_case_contains(STR("xxContEXTyy"), STR("context")));
	assert_false(str_case_contains(STR("cont"), STR("context")));
	assert_true(str_case_contains(NONE, STR("")));
}

static void
order(void **state)
{
	(void)state;
	assert_int_equal(str_cmp(STR("a"), STR("b")), -1);
	assert_int_equal(str_cmp(STR("b"), STR("a")), 1);
	assert_int_equal(str_cmp(STR("a"), STR("ab")), -1);
	assert_int_equal(str_cmp(STR("ab"), STR("a")), 1);
	assert_int_equal(str_cmp(STR("ab"), STR("ab")), 0);
	assert_int_equal(str_cmp(STR("\x7f"), STR("\x80")), -1);
	assert_int_equal(str_cmp(NONE, STR("")), 0);
}

static void
finding(void **state)
{
	(void)state;
	assert_true(str_starts(STR("abc"), STR("ab")));
	assert_false(str_starts(STR("a"), STR("ab")));
	assert_true(str_starts(NONE, NONE));
	assert_true(str_ends(STR("abc"), STR("bc")));
	assert_false(str_ends(STR("c"), STR("bc")));
	assert_int_equal(str_chr(STR("abc"), 'c'), 2);
	assert_int_equal(str_chr(STR("abc"), 'x'), 3);
	assert_int_equal(str_chr(NONE, 'x'), 0);
	assert_int_equal(str_find(STR("abcabd"), STR("abd")), 3);
	assert_true(str_find(STR("abc"), STR("abd")) == SIZE_MAX);
	assert_true(str_find(NONE, STR("a")) == SIZE_MAX);
	assert_int_equal(str_find(NONE, NONE), 0);
	assert_true(str_contains(STR("abc"), STR("b")));
}

static void
cutting(void **state)
{
	struct str rest = STR("a,,b");
	struct str part;

	(void)state;
	part = str_cut(&rest, ',');
	assert_str(part, "a");
	part = str_cut(&rest, ',');
	assert_str(part, "");
	part = str_cut(&rest, ',');
	assert_str(part, "b");
	assert_false(str_present(rest));
	rest = STR("a,");
	(void)str_cut(&rest, ',');
	assert_true(str_present(rest)); /* an empty last part */
	assert_int_equal(rest.n, 0);
	assert_str(str_trim(STR(" \t\r\n x y \n")), "x y");
	assert_str(str_trim(STR("  ")), "");
	assert_false(str_present(str_trim(NONE)));
	assert_str(str_skip(STR("abc"), 1), "bc");
	assert_str(str_skip(STR("abc"), 9), "");
	assert_false(str_present(str_skip(NONE, 3)));
}

static void
globs(void **state)
{
	static const struct {
		const char *pattern, *s;
		bool match;
	} row[] = {
		{ "*", "", true },
		{ "*", "anything", true },
		{ "", "", true },
		{ "", "x", false },
		{ "gpt-*", "gpt-4o", true },
		{ "gpt-*", "gpt-", true },
		{ "gpt-*", "gpt", false },
		{ "*-mini", "gpt-4o-mini", true },
		{ "*-mini", "gpt-4o-mini-x", false },
		{ "a*b*c", "a-b-b-c", true },
		{ "a*b*c", "a-c-b", false },
		{ "**", "x", true },
		{ "a?c", "abc", false }, /* '?' is itself */
		{ "a?c", "a?c", true },
		{ "[ab]", "a", false },
		{ "*aab", "aaaab", true },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(row); i++)
		if (str_glob(str_z(row[i].pattern), str_z(row[i].s)) !=
		    row[i].match)
			fail_msg("'%s' on '%s'", row[i].pattern, row[i].s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality),
		cmocka_unit_test(order),
		cmocka_unit_test(finding),
		cmocka_unit_test(cutting),
		cmocka_unit_test(globs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
