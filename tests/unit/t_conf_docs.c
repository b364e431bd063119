/* Sample, schema and manual: made from the tables, so that they agree. */
#include "conf_help.h"

#include "base/buf.h"
#include "base/json.h"
#include "conf/opt.h"

#define TEXT_MAX ((size_t)1024 * 1024)

static void
print(struct buf *b, enum err (*fn)(FILE *to))
{
	FILE *f = tmpfile();
	char *p;

	assert_non_null(f);
	assert_int_equal(fn(f), ERR_OK);
	rewind(f);
	buf_init(b, TEXT_MAX);
	p = buf_room(b, TEXT_MAX);
	assert_non_null(p);
	b->n = fread(p, 1, TEXT_MAX, f);
	assert_in_range(b->n, 1000, TEXT_MAX - 1);
	assert_int_equal(fclose(f), 0);
}

static struct str
next_line(struct str *rest)
{
	return str_cut(rest, '\n');
}

/* ---- the tables themselves ----------------------------------------------- */

static void
each_row(const struct opt_table *t, int depth,
    void (*fn)(const struct opt_table *t, const struct opt *row, void *arg),
    void *arg)
{
	assert_true(depth < 8);
	for (const struct opt *row = t->rows; row->name != NULL; row++) {
		fn(t, row, arg);
		if (row->sub != NULL)
			each_row(row->sub, depth + 1, fn, arg);
	}
}

static void
row_is_told(const struct opt_table *t, const struct opt *row)
{
	struct buf facts;

	for (const char *p = row->name; *p != '\0'; p++)
		assert_non_null(
		    strchr("abcdefghijklmnopqrstuvwxyz_0123456789", *p));
	for (const struct opt *o = t->rows; o != row; o++)
		assert_string_not_equal(o->name, row->name);
	/* A sentence; the last byte is its stop. */
	assert_non_null(row->doc);
	assert_true(str_ends(str_z(row->doc), STR(".")));
	if (row->type < OPT_TABLE && row->dflt == NULL && row->example == NULL)
		fail_msg("%s has neither a default nor an example", row->name);
	buf_init(&facts, 4096);
	opt_facts(row, &facts);
	assert_false(facts.failed);
	buf_fini(&facts);
}

static void
row_is_complete(const struct opt_table *t, const struct opt *row, void *arg)
{
	(void)arg;
	row_is_told(t, row);
	assert_true(row->min <= row->max);
	switch (row->type) {
	case OPT_NAMED:
		assert_non_null(row->sub->sample_name);
		/* fall through */
	case OPT_TABLES:
		assert_non_null(row->sub);
		/* fall through */
	case OPT_STR:
	case OPT_STRS:
	case OPT_PAIRS:
		/* What grows has a stated maximum. */
		assert_true(row->max > 0);
		break;
	case OPT_TABLE:
		assert_non_null(row->sub);
		break;
	case OPT_WORD:
	case OPT_WORDS:
		assert_non_null(row->words);
		break;
	case OPT_CUSTOM:
		assert_non_null(row->read);
		break;
	default:
		break;
	}
}

static void
test_rows(void **state)
{
	(void)state;
	each_row(&conf_table, 0, row_is_complete, NULL);
}

static void
test_facts(void **state)
{
	static const struct {
		struct opt row;
		const char *want;
	} rows[] = {
		{ { "a", OPT_BOOL, .dflt = "true" },
		    "true or false; default true" },
		{ { "a", OPT_SIZE, .min = 1024, .max = 2048 }, "1KiB to 2KiB" },
		{ { "a", OPT_U32, .zero_word = "auto", .min = 1, .max = 8,
		      .dflt = "auto" },
		    "auto or 1 to 8; default auto" },
		{ { "a", OPT_STR, .flags = OPT_REQUIRED, .form = "/PATH" },
		    "/PATH; required" },
		{ { "a", OPT_LATER, .flags = 0 },
		    "not available in this version" },
		{ { "a", OPT_STRS, .flags = 0 }, "list of texts" },
		{ { "a", OPT_NAMED, .flags = 0 }, "" },
	};
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		opt_facts(&rows[i].row, &b);
		assert_str(buf_str(&b), rows[i].want);
	}
	buf_fini(&b);
}

/* ---- the sample ---------------------------------------------------------- */

struct names {
	struct str text;
	unsigned n;
};

/* The name as an option: at the start of a line or in a { } of its own. */
static bool
is_named(struct str text, const char *name)
{
	char needle[80];
	size_t at;

	(void)snprintf(needle, sizeof(needle), "%s:", name);
	while ((at = str_find(text, str_z(needle))) != SIZE_MAX) {
		if (at > 0 && strchr(" #\n", text.p[at - 1]) != NULL)
			return true;
		text = str_skip(text, at + 1);
	}
	return false;
}

static void
row_is_named(const struct opt_table *t, const struct opt *row, void *arg)
{
	struct names *names = arg;

	(void)t;
	names->n++;
	if (!is_named(names->text, row->name))
		fail_msg("%s is not in the sample", row->name);
}

static void
test_sample_names_all(void **state)
{
	struct names names = { 0 };
	struct buf b;

	(void)state;
	print(&b, conf_sample_print);
	names.text = buf_str(&b);
	each_row(&conf_table, 0, row_is_named, &names);
	assert_true(names.n > 80);
	buf_fini(&b);
}

static void
test_sample_loads(void **state)
{
	struct loaded l;
	struct buf b;

	(void)state;
	print(&b, conf_sample_print);
	buf_addc(&b, '\0');
	load_text(&l, b.p);
	conf_problems_print(&l.problems, stdout);
	assert_int_equal(l.err, ERR_OK);
	assert_int_equal(l.problems.n, 0);
	assert_int_equal(l.conf->n_providers, 1);
	assert_int_equal(l.conf->n_models, 1);
	assert_int_equal(l.conf->n_keys, 1);
	load_done(&l);
	buf_fini(&b);
}

/* The master key is looked for where this test has put one. */
static void
add_line(struct buf *out, struct str line)
{
	static const char name[] = "/etc/llmgw/master.key";
	size_t at = str_find(line, str_z(name));

	if (at != SIZE_MAX) {
		buf_add(out, line.p, at);
		buf_addz(out, test_path("master.key"));
		line = str_skip(line, at + sizeof(name) - 1);
	}
	buf_adds(out, line);
	buf_addc(out, '\n');
}

/*
 * With every '#' before an option taken away all of it is read: each name in
 * the sample is an option, and each example is a value that it may have.
 */
static void
test_sample_uncommented(void **state)
{
	struct str rest;
	struct loaded l;
	struct buf b, all;

	(void)state;
	print(&b, conf_sample_print);
	buf_init(&all, TEXT_MAX);
	rest = buf_str(&b);
	while (str_present(rest)) {
		struct str line = next_line(&rest);
		size_t at = str_chr(line, '#');
		struct str after = str_skip(line, at + 1);
		bool is_first = str_trim(str_of(line.p, at)).n == 0;
		bool is_text =
		    after.n == 0 ||
		    (after.p[0] == ' ' && (after.n < 2 || after.p[1] != ' '));

		if (at < line.n && is_first && !is_text) {
			buf_add(&all, line.p, at);
			line = after;
		}
		add_line(&all, line);
	}
	buf_addc(&all, '\0');
	put_file("master.key", "0123456789abcdef0123456789abcdef");
	put_file("master.key.old", "0123456789abcdef0123456789abcdeF");
	assert_int_equal(chmod(test_path("master.key"), 0600), 0);
	assert_int_equal(chmod(test_path("master.key.old"), 0600), 0);
	load_text(&l, all.p);
	drop_file("master.key");
	drop_file("master.key.old");
	conf_problems_print(&l.problems, stdout);
	assert_int_equal(l.err, ERR_OK);
	/* The two ca_file and the catalogue may not be there. */
	assert_in_range(l.problems.n, 0, 3);
	assert_int_equal(l.conf->models[0].timeouts.idle, 60 * USEC_PER_SEC);
	assert_int_equal(l.conf->keys[0].n_limits, 3);
	assert_int_equal(l.conf->providers[0].n_headers, 1);
	load_done(&l);
	buf_fini(&b);
	buf_fini(&all);
}

static void
test_sample_defaults(void **state)
{
	struct loaded sample, bare;
	struct buf b;

	(void)state;
	print(&b, conf_sample_print);
	buf_addc(&b, '\0');
	load_text(&sample, b.p);
	load_text(&bare, "auth: { anonymous: true }\n"
			 "providers: { openai-main: { kind: openai } }\n"
			 "models: { default-chat: openai-main/gpt-4o-mini }\n");
	assert_int_equal(bare.err, ERR_OK);
	assert_int_equal(sample.conf->max_body, bare.conf->max_body);
	assert_int_equal(bare.conf->max_body, 32 * 1024 * 1024);
	assert_int_equal(bare.conf->json.depth, 64);
	assert_int_equal(bare.conf->heartbeat, 15 * USEC_PER_SEC);
	assert_int_equal(bare.conf->breaker.failures, 5);
	assert_int_equal(bare.conf->breaker.open_max, 60 * USEC_PER_SEC);
	assert_true(bare.conf->breaker.failure_ratio == 0.5);
	assert_memory_equal(&sample.conf->breaker, &bare.conf->breaker,
	    sizeof(bare.conf->breaker));
	assert_int_equal(bare.conf->n_metrics_allow, 2);
	assert_str(bare.conf->state_dir, "/var/lib/llmgw");
	assert_str(bare.conf->log_to, "stderr");
	assert_int_equal(bare.conf->log_level, LOG_INFO);
	load_done(&sample);
	load_done(&bare);
	buf_fini(&b);
}

/* ---- the schema ---------------------------------------------------------- */

static void
test_schema(void **state)
{
	static const struct json_limits limits = { 64, 100000, 2000 };
	struct arena *a = arena_new(TEXT_MAX * 4);
	json_ref v, size;
	struct json j;
	struct buf b;

	(void)state;
	print(&b, conf_schema_print);
	assert_int_equal(json_scan(&j, a, buf_str(&b), &limits, NULL), ERR_OK);
	assert_true(json_str_is(&j, json_get(&j, 0, "$schema"),
	    "https://json-schema.org/draft/2020-12/schema"));
	for (const struct opt *row = conf_table.rows; row->name != NULL; row++)
		assert_int_not_equal(
		    json_at(&j, 0, "properties", row->name, NULL), JSON_NONE);
	size = json_at(
	    &j, 0, "properties", "server", "properties", "max_body", NULL);
	assert_true(json_str_is(&j, json_get(&j, size, "default"), "32MiB"));
	v = json_at(
	    &j, 0, "properties", "providers", "additionalProperties", NULL);
	assert_int_equal(
	    json_count(&j, json_at(&j, v, "properties", "kind", "enum", NULL)),
	    5);
	assert_true(json_str_is(
	    &j, json_elem(&j, json_get(&j, v, "required"), 0), "kind"));
	assert_int_equal(json_type(&j, json_get(&j, v, "additionalProperties")),
	    JSON_T_FALSE);
	arena_free(a);
	buf_fini(&b);
}

/* ---- the manual ---------------------------------------------------------- */

static void
test_man(void **state)
{
	struct buf b;
	struct str rest;
	int open = 0;

	(void)state;
	print(&b, conf_man_print);
	rest = buf_str(&b);
	while (str_present(rest)) {
		struct str line = next_line(&rest);

		assert_true(line.n <= 80);
		open += str_starts(line, STR(".Bl "));
		open -= str_starts(line, STR(".El"));
		assert_in_range(open, 0, 2);
	}
	assert_int_equal(open, 0);
	rest = buf_str(&b);
	assert_true(str_contains(rest, STR(".Ss providers\n")));
	assert_true(
	    str_contains(rest, STR(".It Cm models.NAME.targets[].weight\n")));
	assert_true(str_contains(
	    rest, STR(".It Cm auth.keys[].limits[].concurrent\n")));
	buf_fini(&b);
}

static void
test_full_disk(void **state)
{
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	if (f == NULL)
		skip();
	(void)setvbuf(f, NULL, _IONBF, 0);
	assert_int_equal(conf_sample_print(f), ERR_IO);
	assert_int_equal(conf_schema_print(f), ERR_IO);
	assert_int_equal(conf_man_print(f), ERR_IO);
	(void)fclose(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_sample_names_all),
		cmocka_unit_test(test_sample_loads),
		cmocka_unit_test(test_sample_uncommented),
		cmocka_unit_test(test_sample_defaults),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_man),
		cmocka_unit_test(test_full_disk),
	};

	(void)setenv("OPENAI_API_KEY", "sk-test", 1);
	(void)setenv("OPENAI_KEY_A", "sk-test-a", 1);
	(void)setenv("DEV_KEY", "a-key-of-the-first-client", 1);
	return cmocka_run_group_tests(tests, dir_begin, dir_end);
}
