/* The engine of the option tables, on a small table of its own. */
#include "conf_help.h"

#include "base/buf.h"
#include "conf/opt.h"
#include "conf/yaml.h"

struct item {
	struct str name;
	uint32_t index;
	int64_t count;
	bool is_done;
};

struct thing {
	bool flag;
	uint32_t number;
	int64_t big;
	double ratio;
	uint64_t size;
	usec_t time;
	struct str text;
	unsigned word;
	unsigned bits;
	struct str *list;
	uint32_t n_list;
	struct conf_header *pairs;
	uint32_t n_pairs;
	struct item inner;
	struct item *items;
	uint32_t n_items;
	struct item *named;
	uint32_t n_named;
	uint32_t n_checked;
};

static const struct opt_word words[] = {
	{ "one", 1, NULL },
	{ "two", 2, "twice" },
	{ "four", 4, NULL },
	{ NULL, 0, NULL },
};

static void
check_text(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	(void)row;
	(void)field;
	if (str_eqz(node->text, "evil"))
		opt_problem(run, node, "is evil");
}

static void
read_short(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct item *it = field;

	assert_string_equal(row->name, "item");
	if (!str_starts(node->text, STR("x")))
		opt_problem(run, node, "must begin with x");
	it->count = (int64_t)node->text.n;
}

static void
item_done(struct opt_run *run, const struct tree_node *node, void *object)
{
	(void)run;
	assert_non_null(node);
	((struct item *)object)->is_done = true;
}

static const char *
bad_name(struct str name)
{
	return str_eqz(name, "bad") ? "it is bad" : NULL;
}

static const struct opt item_rows[] = {
	{ "count", OPT_I64, .flags = OPT_REQUIRED,
	    .offset = offsetof(struct item, count), .dflt = "7", .min = 1,
	    .max = 100, .doc = "How many." },
	{ .name = NULL },
};
static const struct opt_table item_table = {
	.what = "item",
	.size = sizeof(struct item),
	.name_offset = offsetof(struct item, name),
	.index_offset = offsetof(struct item, index),
	.rows = item_rows,
	.read_short = read_short,
	.short_form = "xTEXT",
	.done = item_done,
	.bad_name = bad_name,
};

#define AT(f) .offset = offsetof(struct thing, f)
#define LIST(f) AT(f), .count_offset = offsetof(struct thing, n_##f)

static const struct opt rows[] = {
	{ "flag", OPT_BOOL, AT(flag), .dflt = "true", .doc = "d" },
	{ "number", OPT_U32, AT(number), .dflt = "auto", .zero_word = "auto",
	    .min = 2, .max = 9, .doc = "d" },
	{ "big", OPT_I64, AT(big), .min = -5, .max = INT64_MAX, .doc = "d" },
	{ "ratio", OPT_RATIO, AT(ratio), .dflt = "0.25", .doc = "d" },
	{ "size", OPT_SIZE, AT(size), .dflt = "1KiB", .min = 1024,
	    .max = 1024 * 1024, .doc = "d" },
	{ "time", OPT_DURATION, AT(time), .dflt = "250ms", .min = 1000,
	    .max = 60 * USEC_PER_SEC, .doc = "d" },
	{ "text", OPT_STR, AT(text), .max = 8, .check = check_text,
	    .doc = "d" },
	{ "word", OPT_WORD, AT(word), .dflt = "two", .words = words,
	    .doc = "d" },
	{ "bits", OPT_WORDS, AT(bits), .dflt = "one, four", .words = words,
	    .doc = "d" },
	{ "list", OPT_STRS, LIST(list), .dflt = "a, b", .max = 3,
	    .check = check_text, .doc = "d" },
	{ "pairs", OPT_PAIRS, LIST(pairs), .max = 2, .doc = "d" },
	{ "inner", OPT_TABLE, AT(inner), .sub = &item_table, .doc = "d" },
	{ "items", OPT_TABLES, LIST(items), .min = 1, .max = 2,
	    .sub = &item_table, .doc = "d" },
	{ "named", OPT_NAMED, LIST(named), .max = 2, .sub = &item_table,
	    .doc = "d" },
	{ "later", OPT_LATER, .doc = "d" },
	{ .name = NULL },
};
static const struct opt_table table = { .what = "thing", .rows = rows };

struct result {
	struct arena *arena;
	struct conf_problems problems;
	struct thing thing;
};

static void
read_z(struct result *r, const char *text)
{
	struct tree_node *root = NULL;
	struct opt_run run;
	struct tree t;

	*r = (struct result){ .arena = arena_new(1024 * 1024) };
	conf_problems_init(&r->problems, r->arena);
	tree_init(&t, r->arena);
	assert_int_equal(
	    yaml_read(&t, str_z(text), STR("f"), &root, &r->problems), ERR_OK);
	run = (struct opt_run){ .arena = r->arena, .problems = &r->problems };
	opt_read_table(
	    &run, &table, root->type == TREE_MAP ? root : NULL, &r->thing);
}

static void
test_defaults(void **state)
{
	struct result r;

	(void)state;
	read_z(&r, "");
	assert_int_equal(r.problems.n, 0);
	assert_true(r.thing.flag);
	assert_int_equal(r.thing.number, 0);
	assert_int_equal(r.thing.big, 0);
	assert_true(r.thing.ratio == 0.25);
	assert_int_equal(r.thing.size, 1024);
	assert_int_equal(r.thing.time, 250000);
	assert_false(str_present(r.thing.text));
	assert_int_equal(r.thing.word, 2);
	assert_int_equal(r.thing.bits, 5);
	assert_int_equal(r.thing.n_list, 2);
	assert_str(r.thing.list[1], "b");
	assert_int_equal(r.thing.inner.count, 7);
	assert_false(r.thing.inner.is_done);
	assert_int_equal(r.thing.n_items, 0);
	arena_free(r.arena);
}

static void
test_values(void **state)
{
	struct result r;

	(void)state;
	read_z(&r, "flag: false\nnumber: 9\nbig: -5\nratio: 1\nsize: 1MiB\n"
		   "time: 1m\ntext: x y\nword: four\nbits: [two]\nlist: []\n"
		   "pairs: { A: b, C: d }\ninner: { count: 8 }\n"
		   "items: [ { count: 1 }, xabc ]\n"
		   "named: { a: { count: 2 }, b: xx }\nlater: []\n");
	conf_problems_print(&r.problems, stdout);
	assert_int_equal(r.problems.n, 0);
	assert_false(r.thing.flag);
	assert_int_equal(r.thing.number, 9);
	assert_int_equal(r.thing.big, -5);
	assert_true(r.thing.ratio == 1.0);
	assert_int_equal(r.thing.size, 1024 * 1024);
	assert_int_equal(r.thing.time, 60 * USEC_PER_SEC);
	assert_str(r.thing.text, "x y");
	assert_int_equal(r.thing.word, 4);
	assert_int_equal(r.thing.bits, 2);
	assert_int_equal(r.thing.n_list, 0);
	assert_int_equal(r.thing.n_pairs, 2);
	assert_str(r.thing.pairs[1].name, "C");
	assert_str(r.thing.pairs[1].value, "d");
	assert_int_equal(r.thing.inner.count, 8);
	assert_true(r.thing.inner.is_done);
	assert_int_equal(r.thing.n_items, 2);
	assert_int_equal(r.thing.items[1].count, 4);
	assert_int_equal(r.thing.items[1].index, 1);
	assert_true(r.thing.items[1].is_done);
	assert_int_equal(r.thing.n_named, 2);
	assert_str(r.thing.named[0].name, "a");
	assert_int_equal(r.thing.named[0].count, 2);
	assert_int_equal(r.thing.named[1].count, 2);
	arena_free(r.arena);
}

/* One wrong value each: where, what is said, and the default that stays. */
static const struct wrong {
	const char *text;
	const char *path;
	const char *what;
} wrongs[] = {
	{ "flag: yes", "flag", "must be true or false, is \"yes\"" },
	{ "flag: 'true'", "flag", "must be true or false" },
	{ "flag: [true]", "flag", "must be one value, not a list" },
	{ "flag: { a: 1 }", "flag", "must be one value, not a map" },
	{ "flag:", "flag", "has no value" },
	{ "number: 1", "number", "must be between 2 and 9, is \"1\"" },
	{ "number: 10", "number", "must be between 2 and 9" },
	{ "number: 2.5", "number", "must be a whole number, or auto" },
	{ "number: 99999999999999999999", "number", "between 2 and 9" },
	{ "number: -1", "number", "must be" },
	{ "big: -6", "big", "must be between -5 and" },
	{ "ratio: 1.01", "ratio", "0.0 to 1.0" },
	{ "ratio: -0.1", "ratio", "0.0 to 1.0" },
	{ "ratio: nan", "ratio", "0.0 to 1.0" },
	{ "size: 1000", "size", "must be between 1KiB and 1MiB" },
	{ "size: 2GiB", "size", "must be between 1KiB and 1MiB" },
	{ "size: 99999999999GiB", "size", "must be between" },
	{ "size: 1 KiB", "size", "must be a size such as" },
	{ "time: 5", "time", "must be a time such as" },
	{ "time: 61s", "time", "must be between 1ms and 1m" },
	{ "text: ''", "text", "is empty" },
	{ "text: 123456789", "text", "is longer than 8 bytes" },
	{ "text: \"a\\nb\"", "text", "control character" },
	{ "text: evil", "text", "is evil" },
	{ "word: tow", "word",
	    "must be one, two or four, is \"tow\" (did you mean two?)" },
	{ "word: zzzzzz", "word", "must be one, two or four" },
	{ "bits: one", "bits", "must be a list" },
	{ "bits: [one, x]", "bits[1]", "must be one, two or four" },
	{ "list: { a: 1 }", "list", "must be a list" },
	{ "list: [a, b, c, d]", "list", "has 4 entries: at most 3" },
	{ "list: [a, evil]", "list[1]", "is evil" },
	{ "list: [a, [b]]", "list[1]", "must be one value" },
	{ "list: [a, ~]", "list[1]", "has no value" },
	{ "pairs: [a]", "pairs", "must be a map" },
	{ "pairs: { a: 1, b: 1, c: 1 }", "pairs", "has 3 entries" },
	{ "inner: [x]", "inner", "must be a map (the options of a item)" },
	{ "inner: y", "inner", "must begin with x" },
	{ "inner: { count: 0 }", "inner.count", "between 1 and 100" },
	{ "inner: {}", "inner", "count is missing: How many." },
	{ "items: []", "items", "needs at least 1 entry" },
	{ "items: [x, x, x]", "items", "has 3 entries" },
	{ "items: [[x]]", "items[0]", "or xTEXT" },
	{ "items: [{ cuont: 1, count: 1 }]", "items[0].cuont",
	    "there is no option \"cuont\" here (did you mean \"count\"?)" },
	{ "named: { bad: x }", "named.bad", "cannot be the name of a item" },
	{ "named: [x]", "named", "must be a map" },
	{ "later: x", "later", "not available in this version" },
	{ "later: [1]", "later", "not available in this version" },
	{ "tiem: 1s", "tiem", "(did you mean \"time\"?)" },
	{ "completely_other: 1", "completely_other", "there is no option" },
};

static void
test_wrong_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrongs); i++) {
		const struct wrong *w = &wrongs[i];
		struct result r;

		read_z(&r, w->text);
		if (!has_problem(&r.problems, 1, w->path, w->what) ||
		    r.problems.n_errors != 1)
			fail_msg("%s", w->text);
		assert_true(r.thing.flag);
		assert_int_equal(r.thing.number, 0);
		assert_int_equal(r.thing.size, 1024);
		assert_int_equal(r.thing.time, 250000);
		assert_int_equal(r.thing.word, 2);
		arena_free(r.arena);
	}
}

/* A heading with everything below it commented out. */
static void
test_empty_headings(void **state)
{
	struct result r;

	(void)state;
	read_z(&r, "list:\npairs:\ninner:\nnamed:\nlater:\n");
	conf_problems_print(&r.problems, stdout);
	assert_int_equal(r.problems.n, 0);
	assert_int_equal(r.thing.inner.count, 7);
	arena_free(r.arena);
}

static void
test_nearest(void **state)
{
	(void)state;
	assert_string_equal(opt_nearest(rows, STR("Flag")), "flag");
	assert_string_equal(opt_nearest(rows, STR("sizes")), "size");
	assert_null(opt_nearest(rows, STR("abcdefgh")));
	assert_null(
	    opt_nearest(rows, STR("0123456789012345678901234567890123456789")));
	assert_string_equal(opt_nearest_word(words, STR("fuor")), "four");
}

static void
test_print_value(void **state)
{
	static const struct opt size = { .type = OPT_SIZE };
	static const struct opt time = { .type = OPT_DURATION };
	static const struct opt number = { .type = OPT_U32 };
	char out[32];

	(void)state;
	opt_print_value(&size, 3 * 1024 * 1024, out, sizeof(out));
	assert_string_equal(out, "3MiB");
	opt_print_value(&size, 1025, out, sizeof(out));
	assert_string_equal(out, "1025");
	opt_print_value(&time, 0, out, sizeof(out));
	assert_string_equal(out, "0s");
	opt_print_value(&time, 90 * USEC_PER_SEC, out, sizeof(out));
	assert_string_equal(out, "90s");
	opt_print_value(&time, 250000, out, sizeof(out));
	assert_string_equal(out, "250ms");
	opt_print_value(&number, 1024, out, sizeof(out));
	assert_string_equal(out, "1024");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_wrong_values),
		cmocka_unit_test(test_empty_headings),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_print_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
