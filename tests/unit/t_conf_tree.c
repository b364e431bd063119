#include "conf_help.h"

static struct str
absent(void)
{
	return (struct str){ NULL, 0 };
}

static struct tree_node *
scalar(
    struct tree *t, struct tree_node *parent, const char *key, const char *text)
{
	struct tree_node *n = tree_add(t, parent, TREE_SCALAR, str_z(key));

	assert_non_null(n);
	n->text = arena_str(t->arena, str_z(text));
	return n;
}

static void
test_read(void **state)
{
	struct arena *a = arena_new(1024 * 1024);
	struct tree_node *root, *list, *n;
	struct tree t;
	size_t seen = 0;

	(void)state;
	tree_init(&t, a);
	root = tree_add(&t, NULL, TREE_MAP, absent());
	scalar(&t, root, "a", "true");
	n = scalar(&t, root, "b.c", "-12");
	list = tree_add(&t, root, TREE_SEQ, STR("list"));
	scalar(&t, list, NULL, "x");
	scalar(&t, list, NULL, "y");

	assert_int_equal(t.n_nodes, 6);
	assert_int_equal(root->n, 3);
	assert_str(tree_text(tree_find(root, "a")), "true");
	assert_true(tree_is_true(tree_find(root, "a")));
	assert_false(tree_is_true(n));
	assert_int_equal(tree_i64_or(n, 5), -12);
	n->is_quoted = true;
	assert_int_equal(tree_i64_or(n, 5), 5);
	assert_int_equal(tree_i64_or(tree_find(root, "a"), 5), 5);
	assert_null(tree_find(root, "none"));
	assert_null(tree_find(list, "x"));
	tree_each(list, e)
	{
		assert_int_equal(e->index, seen);
		seen++;
	}
	assert_int_equal(seen, 2);
	/* Look-ups chain over what is not there. */
	assert_false(str_present(tree_text(tree_find(NULL, "x"))));
	assert_false(str_present(tree_text(root)));
	assert_null(tree_first(NULL));
	assert_int_equal(tree_i64_or(NULL, 7), 7);
	assert_false(tree_is_true(NULL));

	assert_str(tree_path(root, a), "");
	assert_str(tree_path(n, a), "\"b.c\"");
	assert_str(tree_path(list->last, a), "list[1]");
	arena_free(a);
}

static void
test_path_and_where(void **state)
{
	struct arena *a = arena_new(1024 * 1024);
	struct tree_node *root, *at;
	struct conf_problems p;
	struct conf_where w;
	struct tree t;

	(void)state;
	conf_problems_init(&p, a);
	tree_init(&t, a);
	root = tree_add(&t, NULL, TREE_MAP, absent());
	at = tree_add(&t, root, TREE_MAP, STR("models"));
	at = tree_add(&t, at, TREE_MAP, STR("gpt-4.1 x"));
	at = tree_add(&t, at, TREE_SEQ, STR("targets"));
	at = tree_add(&t, at, TREE_MAP, absent());
	at->file = STR("f");
	at->line = 9;
	w = tree_where(at, &p);
	assert_str(w.path, "models.\"gpt-4.1 x\".targets[0]");
	assert_str(w.file, "f");
	assert_int_equal(w.line, 9);
	w = tree_where(NULL, &p);
	assert_int_equal(w.line, 0);
	assert_false(str_present(w.path));
	arena_free(a);
}

static void
test_move(void **state)
{
	struct arena *a = arena_new(1024 * 1024);
	struct tree_node *one, *two, *x;
	struct tree t;

	(void)state;
	tree_init(&t, a);
	one = tree_add(&t, NULL, TREE_SEQ, absent());
	two = tree_add(&t, NULL, TREE_SEQ, absent());
	scalar(&t, one, NULL, "x");
	x = scalar(&t, two, NULL, "y");
	tree_move(one, x);
	assert_int_equal(one->n, 2);
	assert_ptr_equal(x->parent, one);
	assert_int_equal(x->index, 1);
	assert_null(x->next);
	arena_free(a);
}

static void
test_bounds(void **state)
{
	struct arena *a = arena_new(TREE_ARENA_MAX);
	struct tree_node *root;
	struct tree t;

	(void)state;
	tree_init(&t, a);
	root = tree_add(&t, NULL, TREE_SEQ, absent());
	while (t.n_nodes < TREE_NODES_MAX)
		assert_non_null(tree_add(&t, root, TREE_NULL, absent()));
	assert_null(tree_add(&t, root, TREE_NULL, absent()));
	assert_int_equal(root->n, TREE_NODES_MAX - 1);
	/* All that may be read fits with room for text. */
	assert_true(arena_bytes(a) < TREE_ARENA_MAX * 3 / 4);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_path_and_where),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
