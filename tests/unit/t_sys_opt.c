#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/str.h"
#include "sys/opt.h"

static bool flag;
static const char *text;
static uint32_t number;
static int word;

static const char *const words[] = { "auto", "event", NULL };

static const struct opt_row table[] = {
	{ .name = "flag",
	    .letter = 'f',
	    .type = OPT_FLAG,
	    .value = &flag,
	    .help = "Does it." },
	{ .name = "config",
	    .letter = 'c',
	    .type = OPT_TEXT,
	    .value = &text,
	    .arg = "FILE",
	    .help = "Reads FILE; the default is -none-." },
	{ .name = "workers",
	    .type = OPT_NUMBER,
	    .value = &number,
	    .arg = "N",
	    .min = 1,
	    .max = 48,
	    .help = "How many workers are started when the machine has more "
		    "than one core and nobody said anything else." },
	{ .name = "door",
	    .type = OPT_WORD,
	    .value = &word,
	    .arg = "DOOR",
	    .words = words,
	    .help = "Which door is opened." },
	{ 0 },
};

static char said[1024];

static int
reset(void **state)
{
	(void)state;
	flag = false;
	text = NULL;
	number = 0;
	word = 0;
	return 0;
}

static enum err
parse(int argc, const char *const *args, int *rest)
{
	char *argv[16];
	FILE *f = fmemopen(said, sizeof(said), "w");
	enum err e;

	assert_non_null(f);
	said[0] = '\0';
	for (int i = 0; i <= argc; i++)
		argv[i] = (char *)(uintptr_t)args[i];
	e = opt_parse(table, argc, argv, f, rest);
	fclose(f);
	return e;
}

static void
test_all(void **state)
{
	const char *args[] = { "prog", "--flag", "-c", "a.yaml", "--workers=7",
		"--door", "event", "left", NULL };
	int rest = 0;

	(void)state;
	assert_int_equal(parse(8, args, &rest), ERR_OK);
	assert_true(flag);
	assert_string_equal(text, "a.yaml");
	assert_int_equal(number, 7);
	assert_int_equal(word, 1);
	assert_int_equal(rest, 7);
	assert_string_equal(said, "");
}

static void
test_refused(void **state)
{
	static const struct {
		const char *args[4];
		int n;
		enum err err;
		const char *says;
	} rows[] = {
		{ { "prog", "--nope" }, 2, ERR_SYNTAX,
		    "prog: --nope: no such option; see --help\n" },
		{ { "prog", "-x" }, 2, ERR_SYNTAX,
		    "prog: -x: no such option; see --help\n" },
		{ { "prog", "--config" }, 2, ERR_SYNTAX,
		    "prog: --config: it needs an argument; see --help\n" },
		{ { "prog", "--workers", "0" }, 3, ERR_RANGE,
		    "prog: --workers: \"0\" is not a number from 1 to 48\n" },
		{ { "prog", "--workers=1x" }, 2, ERR_RANGE,
		    "prog: --workers: \"1x\" is not a number from 1 to "
		    "48\n" },
		{ { "prog", "--door=back" }, 2, ERR_RANGE,
		    "prog: --door: \"back\" is not one of auto, event\n" },
	};
	int rest;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    parse(rows[i].n, rows[i].args, &rest), rows[i].err);
		assert_string_equal(said, rows[i].says);
	}
	assert_int_equal(number, 0);
}

/* Every row appears in both, and no line of the help is longer than 84. */
static void
test_printed(void **state)
{
	char page[4096];
	FILE *f = fmemopen(page, sizeof(page), "w");
	struct str rest;

	(void)state;
	assert_non_null(f);
	opt_help(table, "prog", "[OPTIONS]", f);
	fclose(f);
	rest = str_z(page);
	assert_true(str_starts(rest, STR("usage: prog [OPTIONS]\n")));
	assert_true(str_contains(rest, STR("    -c, --config FILE\n")));
	assert_true(str_contains(rest, STR("One of: auto, event\n")));
	while (str_present(rest))
		assert_true(str_cut(&rest, '\n').n <= 84);

	f = fmemopen(page, sizeof(page), "w");
	assert_non_null(f);
	opt_man(table, f);
	fclose(f);
	rest = str_z(page);
	assert_true(str_contains(
	    rest, STR(".TP\n\\fB\\-c\\fR, \\fB\\-\\-config\\fR \\fIFILE\\fR\n"
		      "Reads FILE; the default is \\-none\\-.\n")));
	assert_true(str_contains(rest, STR("\\fB\\-\\-flag\\fR\n")));
	assert_true(str_contains(rest, STR(" One of: auto, event.\n")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all, reset),
		cmocka_unit_test_setup(test_refused, reset),
		cmocka_unit_test_setup(test_printed, reset),
	};

	return cmocka_run_group_tests_name("sys/opt", tests, NULL, NULL);
}
