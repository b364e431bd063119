#include "conf_help.h"

#include "base/buf.h"
#include "conf/yaml.h"

struct read {
	struct arena *arena;
	struct tree tree;
	struct tree_node *root;
	struct conf_problems problems;
	enum err err;
};

static void
read_str(struct read *r, struct str text)
{
	*r = (struct read){ .arena = arena_new(TREE_ARENA_MAX) };
	assert_non_null(r->arena);
	conf_problems_init(&r->problems, r->arena);
	tree_init(&r->tree, r->arena);
	r->err =
	    yaml_read(&r->tree, text, STR("f.yaml"), &r->root, &r->problems);
	/* An error is always told; without one there is a tree. */
	assert_int_equal(r->err != ERR_OK, r->problems.n_errors > 0);
	assert_true(r->err != ERR_OK || r->root != NULL);
}

static void
read_z(struct read *r, const char *text)
{
	read_str(r, str_z(text));
}

static void
test_shapes(void **state)
{
	struct tree_node *m;
	struct read r;

	(void)state;
	read_z(&r, "# comment\n"
		   "a: plain text\n"
		   "b: 'quoted'\n"
		   "c: [1, two, \"3\"]\n"
		   "d:\n"
		   "  e: ~\n"
		   "  f: |\n"
		   "    block\n"
		   "  g: null\n"
		   "  h:\n"
		   "i: 'null'\n");
	assert_int_equal(r.err, ERR_OK);
	assert_int_equal(r.root->type, TREE_MAP);
	assert_str(tree_text(tree_find(r.root, "a")), "plain text");
	assert_false(tree_find(r.root, "a")->is_quoted);
	assert_true(tree_find(r.root, "b")->is_quoted);
	assert_int_equal(tree_find(r.root, "c")->n, 3);
	assert_int_equal(tree_find(r.root, "c")->type, TREE_SEQ);
	assert_int_equal(tree_i64_or(tree_first(tree_find(r.root, "c")), 0), 1);
	m = tree_find(r.root, "d");
	assert_int_equal(m->line, 6);
	assert_int_equal(m->key_line, 5);
	assert_str(m->file, "f.yaml");
	assert_int_equal(tree_find(m, "e")->type, TREE_NULL);
	assert_str(tree_text(tree_find(m, "f")), "block\n");
	assert_int_equal(tree_find(m, "g")->type, TREE_NULL);
	assert_int_equal(tree_find(m, "h")->type, TREE_NULL);
	assert_int_equal(tree_find(m, "h")->line, 10);
	assert_str(tree_text(tree_find(r.root, "i")), "null");
	arena_free(r.arena);
}

static void
test_empty(void **state)
{
	static const char *const texts[] = { "", "\n", "# only\n", "---\n" };
	struct read r;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		read_z(&r, texts[i]);
		assert_int_equal(r.err, ERR_OK);
		assert_int_equal(r.root->type, TREE_NULL);
		arena_free(r.arena);
	}
	read_str(&r, (struct str){ NULL, 0 });
	assert_int_equal(r.err, ERR_OK);
	arena_free(r.arena);
	read_z(&r, "text");
	assert_int_equal(r.root->type, TREE_SCALAR);
	arena_free(r.arena);
}

static void
test_duplicates(void **state)
{
	struct read r;

	(void)state;
	read_z(&r, "a: 1\n"
		   "b: { x: 1, y: 2, x: 3 }\n"
		   "c: { x: 1 }\n"
		   "\"a\": 2\n");
	assert_int_equal(r.err, ERR_SYNTAX);
	assert_true(has_problem(&r.problems, 2, "b", "\"x\" is here twice"));
	assert_true(has_problem(
	    &r.problems, 4, "", "\"a\" is here twice, first on line 1"));
	assert_int_equal(r.problems.n, 2);
	/* The tree is there all the same, for what else may be wrong. */
	assert_non_null(tree_find(r.root, "c"));
	arena_free(r.arena);
	read_z(&r, "a: 1\na: *x\n");
	assert_int_equal(r.err, ERR_SYNTAX);
	assert_null(r.root);
	arena_free(r.arena);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text;
		uint32_t line;
		const char *what;
	} rows[] = {
		{ "a: &x 1\nb: *x\n", 1, "anchors" },
		{ "a: &x 1\nb: *x\n", 2, "aliases" },
		{ "a: 1\n*x : 2\n", 2, "aliases" },
		{ "a: &x [1]\nb: 1\n", 1, "anchors" },
		{ "a: &x { b: 1 }\n", 1, "anchors" },
		{ "a: !!str 1\n", 1, "tags" },
		{ "a: !x [ 1 ]\n", 1, "tags" },
		{ "a: !x { b: 1 }\n", 1, "tags" },
		{ "a: 1\n---\nb: 2\n", 2, "only one document" },
		{ "[a, b]: 1\n", 1, "cannot be a key" },
		{ "{a: 1}: 1\n", 1, "cannot be a key" },
		{ "a: [1\nb: 2\n", 2, "" },
		{ "a: 1\n b: 2\n", 2, "" },
		{ "a: \"x\n", 2, "" },
		{ "\ta: 1\n", 1, "" },
		{ "a: %x\n", 1, "" },
		{ "a: \x01\n", 1, "" },
		{ "a: \xff\xfe\n", 1, "" },
	};
	struct read r;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool found = false;

		read_z(&r, rows[i].text);
		assert_int_equal(r.err, ERR_SYNTAX);
		for (struct conf_problem *p = r.problems.first; p != NULL;
		     p = p->next)
			found |= p->line == rows[i].line &&
				 str_contains(p->what, str_z(rows[i].what));
		if (!found) {
			conf_problems_print(&r.problems, stdout);
			fail_msg("row %zu: %s", i, rows[i].text);
		}
		arena_free(r.arena);
	}
}

/* "Billion laughs" in nine lines: refused at its first anchor. */
static void
test_laughs(void **state)
{
	struct read r;

	(void)state;
	read_z(&r, "a: &a [l,l,l,l,l,l,l,l,l]\n"
		   "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
		   "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
		   "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n");
	assert_int_equal(r.err, ERR_SYNTAX);
	assert_true(r.tree.n_nodes < 64);
	arena_free(r.arena);
}

static void
test_depth(void **state)
{
	struct read r;
	char text[2 * TREE_DEPTH_MAX + 4];

	(void)state;
	memset(text, '[', TREE_DEPTH_MAX);
	memset(text + TREE_DEPTH_MAX, ']', TREE_DEPTH_MAX);
	read_str(&r, str_of(text, 2 * TREE_DEPTH_MAX));
	assert_int_equal(r.err, ERR_OK);
	arena_free(r.arena);
	memset(text, '[', TREE_DEPTH_MAX + 1);
	memset(text + TREE_DEPTH_MAX + 1, ']', TREE_DEPTH_MAX + 1);
	read_str(&r, str_of(text, 2 * TREE_DEPTH_MAX + 2));
	assert_int_equal(r.err, ERR_LIMIT);
	assert_non_null(r.problems.first);
	assert_str(r.problems.first->what, "nested too deeply");
	arena_free(r.arena);
}

static void
test_many(void **state)
{
	struct buf b;
	struct read r;

	(void)state;
	buf_init(&b, 2 * TREE_FILE_MAX);
	/* As many keys as there may be: not quadratic in time. */
	for (unsigned i = 0; i < TREE_NODES_MAX - 1; i++)
		buf_printf(&b, "k%u: 1\n", i);
	read_str(&r, buf_str(&b));
	assert_int_equal(r.err, ERR_OK);
	assert_int_equal(r.root->n, TREE_NODES_MAX - 1);
	arena_free(r.arena);
	buf_addz(&b, "more: 1\n");
	read_str(&r, buf_str(&b));
	assert_int_equal(r.err, ERR_LIMIT);
	arena_free(r.arena);
	buf_reset(&b);
	while (b.n <= TREE_FILE_MAX)
		buf_addz(&b, "# 3456789 123456789 123456789\n");
	read_str(&r, buf_str(&b));
	assert_int_equal(r.err, ERR_LIMIT);
	arena_free(r.arena);
	buf_fini(&b);
}

static void
test_files(void **state)
{
	struct tree_node *root = NULL;
	struct conf_problems p;
	struct arena *a = arena_new(TREE_ARENA_MAX);
	struct tree t;

	(void)state;
	tree_init(&t, a);
	conf_problems_init(&p, a);
	assert_int_equal(
	    yaml_read_file(&t, put_file("x.yaml", "a: [1]\n"), &root, &p),
	    ERR_OK);
	assert_int_equal(tree_find(root, "a")->n, 1);
	drop_file("x.yaml");
	assert_int_equal(
	    yaml_read_file(&t, test_path("x.yaml"), &root, &p), ERR_IO);
	assert_true(str_contains(p.first->what, STR("No such file")));
	assert_int_equal(
	    yaml_read_file(&t, test_dir, &root, &p), ERR_UNSUPPORTED);
	assert_int_equal(p.n, 2);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_laughs),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, dir_begin, dir_end);
}
