/* Escaped text judged without decoding; arguments inside strings. */
#include "check.h"

#include "prov/inner.h"

static void
tells_blank_text(void **state)
{
	static const char *const blank[] = { "", " ", "\t", "\\n", "\\r\\n\\t ",
		"\\u0020", "\\u000a\\u000D\\u0009" };
	static const char *const not_blank[] = { "a", " a", "\\", "\\\\n",
		"\\u0021", "\\u00", "\\u0", "\\b", "\\\"", "\xc2\xa0" };

	(void)state;
	for (size_t i = 0; i < COUNT(blank); i++)
		assert_true(prov_inner_is_blank(str_z(blank[i])));
	for (size_t i = 0; i < COUNT(not_blank); i++)
		assert_false(prov_inner_is_blank(str_z(not_blank[i])));
}

static void
trims_the_end(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "a", "a" },
		{ "a \\n\\t\\u0020 \r\n", "a" },
		{ " \\n", "" },
		/* an escaped backslash, then a letter */
		{ "a\\\\n", "a\\\\n" },
		{ "a\\\\\\n", "a\\\\" },
		{ "a\\\\u0020", "a\\\\u0020" },
		{ "n\\n", "n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_str(prov_inner_rtrim(str_z(rows[i][0])), rows[i][1]);
}

static void
puts_arguments(void **state)
{
	static const struct {
		const char *inner, *want;
		bool ok;
	} rows[] = {
		{ "{\\\"a\\\":\\\"\\\\n\\\"}", "{\"a\":\"\\n\"}", true },
		{ "", "{}", true },
		{ " \\n", "{}", true },
		{ "null", "{}", true },
		{ "{", "{\"_raw\":\"{\"}", false },
		{ "7", "{\"_raw\":\"7\"}", false },
		{ "[\\\"x\\\"]", "{\"_raw\":\"[\\\"x\\\"]\"}", false },
	};
	struct prov_tape tape = { 0 };
	struct buf b;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_init(&b, 100);
		buf_addz(&b, "x:");
		assert_int_equal(
		    prov_put_arguments(&b, &tape, str_z(rows[i].inner)),
		    rows[i].ok);
		assert_str(str_skip(buf_str(&b), 2), rows[i].want);
		buf_fini(&b);
	}
	assert_false(tape.failed);
	prov_tape_fini(&tape);
}

static void
puts_members_once(void **state)
{
	static const char *const known[] = { "k", NULL };
	static const char text[] =
	    "{\"a\":1,\"k\":2,\"n\":null,\"b\":{\"c\":[]}}";
	struct prov_tape tape = { 0 };
	struct json j;
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_true(prov_tape_scan(&tape, str_z(text), &j));
	prov_put_members(&b, &j, 0, known);
	assert_str(buf_str(&b), "\"a\":1,\"b\":{\"c\":[]}");
	prov_put_members(&b, &j, 0, known);
	assert_str(buf_str(&b), "\"a\":1,\"b\":{\"c\":[]}");
	assert_false(prov_tape_scan(&tape, STR("{"), &j));
	assert_false(tape.failed);
	prov_tape_fini(&tape);
	buf_fini(&b);
}

/* An operator may allow more than the defaults: it is not refused here. */
static void
reads_what_options_allow(void **state)
{
	struct prov_tape tape = { 0 };
	struct json j;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 200; i++)
		buf_addc(&b, '[');
	buf_addc(&b, '1');
	for (int i = 0; i < 210000; i++)
		buf_addz(&b, ",1");
	for (int i = 0; i < 200; i++)
		buf_addc(&b, ']');
	assert_true(prov_tape_scan(&tape, buf_str(&b), &j));
	prov_tape_fini(&tape);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_blank_text),
		cmocka_unit_test(trims_the_end),
		cmocka_unit_test(puts_arguments),
		cmocka_unit_test(puts_members_once),
		cmocka_unit_test(reads_what_options_allow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
