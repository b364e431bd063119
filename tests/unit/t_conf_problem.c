#include "conf_help.h"

#include "base/json.h"

static char text[65536];

static void
print(const struct conf_problems *p,
    void (*fn)(const struct conf_problems *p, FILE *to))
{
	FILE *f = tmpfile();
	size_t n;

	assert_non_null(f);
	fn(p, f);
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	assert_int_equal(fclose(f), 0);
}

static void
test_lines(void **state)
{
	struct arena *a = arena_new(1024 * 1024);
	struct conf_where where = { STR("x.yaml"), 7, STR("a.b[0]") };
	struct conf_problems p;

	(void)state;
	conf_problems_init(&p, a);
	assert_false(str_present(conf_problems_first(&p, a)));
	conf_warning_add(&p, &where, "mind %d", 1);
	where.line = 0;
	conf_problem_add(&p, &where, "is \033[31m bad");
	where.path = (struct str){ NULL, 0 };
	where.file = STR("");
	conf_problem_add(&p, &where, "nowhere");
	assert_int_equal(p.n, 3);
	assert_int_equal(p.n_errors, 2);
	assert_int_equal(p.n_warnings, 1);
	print(&p, conf_problems_print);
	/* What a file holds must not reach a terminal as a command. */
	assert_string_equal(text, "x.yaml:7: a.b[0]: warning: mind 1\n"
				  "x.yaml: a.b[0]: is ?[31m bad\n"
				  "nowhere\n");
	assert_str(conf_problems_first(&p, a), "x.yaml: a.b[0]: is ?[31m bad");
	arena_free(a);
}

static void
test_json(void **state)
{
	struct arena *a = arena_new(1024 * 1024);
	struct conf_where where = { STR("x\"y"), 3, { NULL, 0 } };
	struct conf_problems p;
	struct json j;

	(void)state;
	conf_problems_init(&p, a);
	print(&p, conf_problems_print_json);
	assert_string_equal(text, "[]");
	conf_problem_add(&p, &where, "tab\t\"quote\"");
	conf_warning_add(&p, &where, "w");
	print(&p, conf_problems_print_json);
	assert_int_equal(json_scan(&j, a, str_z(text), NULL, NULL), ERR_OK);
	assert_int_equal(json_count(&j, 0), 2);
	assert_true(json_str_is(
	    &j, json_get(&j, json_elem(&j, 0, 0), "what"), "tab\t\"quote\""));
	assert_true(
	    json_is_true(&j, json_get(&j, json_elem(&j, 0, 1), "warning")));
	arena_free(a);
}

static void
test_bounded(void **state)
{
	struct arena *a = arena_new(1024 * 1024);
	struct conf_where where = { STR("f"), 1, { NULL, 0 } };
	struct conf_problems p;
	char longer[4000];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	conf_problems_init(&p, a);
	for (unsigned i = 0; i < CONF_PROBLEMS_MAX + 5; i++)
		conf_problem_add(&p, &where, "%s", longer);
	assert_int_equal(p.n, CONF_PROBLEMS_MAX);
	assert_int_equal(p.n_errors, CONF_PROBLEMS_MAX + 5);
	assert_int_equal(p.first->what.n, 1023);
	conf_problems_init(&p, a);
	for (unsigned i = 0; i < CONF_PROBLEMS_MAX + 5; i++)
		conf_problem_add(&p, &where, "%u", i);
	print(&p, conf_problems_print);
	assert_non_null(strstr(text, "f:1: 99\n... and 5 more\n"));
	arena_free(a);
}

static void
test_sort(void **state)
{
	static const struct {
		const char *file;
		uint32_t line;
	} in[] = { { "b", 2 }, { "a", 9 }, { "b", 1 }, { "a", 0 }, { "b", 2 },
		{ "a", 9 } };
	struct arena *a = arena_new(1024 * 1024);
	struct conf_problems p;

	(void)state;
	conf_problems_init(&p, a);
	conf_problems_sort(&p);
	assert_null(p.first);
	for (unsigned i = 0; i < COUNT(in); i++) {
		struct conf_where where = { str_z(in[i].file), in[i].line,
			{ NULL, 0 } };

		conf_problem_add(&p, &where, "%u", i);
	}
	conf_problems_sort(&p);
	print(&p, conf_problems_print);
	assert_string_equal(
	    text, "a: 3\na:9: 1\na:9: 5\nb:1: 2\nb:2: 0\nb:2: 4\n");
	assert_str(p.last->what, "4");
	arena_free(a);
}

static void
test_no_memory(void **state)
{
	struct arena *a = arena_new(4096);
	struct conf_where where = { STR("f"), 1, { NULL, 0 } };
	struct conf_problems p;

	(void)state;
	conf_problems_init(&p, a);
	for (unsigned i = 0; i < 90; i++)
		conf_problem_add(&p, &where, "%0200u", i);
	/* Not all are told, but that something is wrong is never lost. */
	assert_true(p.n < 90);
	assert_int_equal(p.n_errors, 90);
	print(&p, conf_problems_print);
	assert_non_null(strstr(text, " more\n"));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
