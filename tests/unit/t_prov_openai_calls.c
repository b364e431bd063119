#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "prov/openai.h"

static struct openai_choice choice;

static uint32_t
find(const char *id, const char *name, int64_t index, const char *args)
{
	return openai_call_find(
	    &choice, str_z(id), str_z(name), index, false, str_z(args));
}

static int
teardown(void **state)
{
	(void)state;
	openai_choice_fini(&choice);
	choice = (struct openai_choice){ 0 };
	return 0;
}

static void
by_index(void **state)
{
	(void)state;
	assert_int_equal(find("a", "f", 0, ""), 0);
	assert_int_equal(find("b", "g", 1, ""), 1);
	assert_int_equal(find(NULL, NULL, 0, "{"), 0);
	assert_int_equal(find(NULL, NULL, 1, "{"), 1);
	assert_int_equal(find("", "", 0, "}"), 0);
}

static void
by_id(void **state)
{
	(void)state;
	assert_int_equal(find("a", "f", -1, "{"), 0);
	assert_int_equal(find("b", "f", -1, "{"), 1);
	assert_int_equal(find("a", "f", -1, "}"), 0);
	assert_int_equal(find("b", NULL, -1, "}"), 1);
}

static void
neither_id_nor_index(void **state)
{
	(void)state;
	assert_int_equal(find(NULL, "f", -1, ""), 0);
	assert_int_equal(find(NULL, NULL, -1, "{"), 0);
	assert_int_equal(find(NULL, NULL, -1, "}"), 0);
	assert_int_equal(find(NULL, "f", -1, "{}"), 1);
}

static void
pieces_without_a_beginning(void **state)
{
	(void)state;
	assert_int_equal(find(NULL, NULL, -1, "{"), 0);
	assert_int_equal(find(NULL, NULL, 3, "{"), 1);
	assert_int_equal(find(NULL, NULL, 3, "}"), 1);
}

static void
whole_calls_of_one_name(void **state)
{
	(void)state;
	assert_int_equal(find(NULL, "f", 0, "{\"a\":1}"), 0);
	assert_int_equal(find(NULL, "f", 0, "{\"a\":2}"), 1);
	/* the name repeated on a piece that goes on */
	assert_int_equal(find(NULL, "g", 1, "{\"a\""), 2);
	assert_int_equal(find(NULL, "g", 1, ":1}"), 2);
}

static void
one_id_for_two_calls(void **state)
{
	(void)state;
	assert_int_equal(find("x", "f", 0, "{}"), 0);
	assert_int_equal(find("x", "g", 1, "{}"), 1);
	assert_int_equal(find("x", NULL, 1, ""), 1);
	assert_int_equal(find("x", NULL, 0, ""), 0);
}

static void
id_after_the_beginning(void **state)
{
	(void)state;
	assert_int_equal(find(NULL, "f", 0, ""), 0);
	assert_int_equal(find("a", NULL, 0, "{}"), 0);
	assert_int_equal(find("b", "f", 0, "{}"), 1);
}

static void
a_whole_list(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(openai_call_find(&choice, str_of(NULL, 0),
				     STR("f"), -1, true, STR("{}")),
		    i);
}

static void
a_stated_maximum(void **state)
{
	char id[16];

	(void)state;
	for (uint32_t i = 0; i < OPENAI_CALLS_MAX; i++) {
		(void)snprintf(id, sizeof(id), "c%u", i);
		assert_int_equal(find(id, "f", -1, ""), i);
	}
	assert_int_equal(find("more", "f", -1, ""), UINT32_MAX);
	assert_int_equal(find("c7", NULL, -1, ""), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(by_index, teardown),
		cmocka_unit_test_teardown(by_id, teardown),
		cmocka_unit_test_teardown(neither_id_nor_index, teardown),
		cmocka_unit_test_teardown(pieces_without_a_beginning, teardown),
		cmocka_unit_test_teardown(whole_calls_of_one_name, teardown),
		cmocka_unit_test_teardown(one_id_for_two_calls, teardown),
		cmocka_unit_test_teardown(id_after_the_beginning, teardown),
		cmocka_unit_test_teardown(a_whole_list, teardown),
		cmocka_unit_test_teardown(a_stated_maximum, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
