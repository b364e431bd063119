#include "conf/tree.h"

#include "base/buf.h"
#include "base/num.h"

/* Longest path shown in a problem. */
#define PATH_MAX_BYTES 1024u

void
tree_init(struct tree *t, struct arena *arena)
{
	*t = (struct tree){ .arena = arena };
}

struct tree_node *
tree_first(const struct tree_node *node)
{
	return node != NULL ? node->first : NULL;
}

struct tree_node *
tree_find_str(const struct tree_node *map, struct str key)
{
	if (map == NULL || map->type != TREE_MAP)
		return NULL;
	tree_each(map, e)
	{
		if (str_eq(e->key, key))
			return e;
	}
	return NULL;
}

struct tree_node *
tree_find(const struct tree_node *map, const char *key)
{
	return tree_find_str(map, str_z(key));
}

struct str
tree_text(const struct tree_node *node)
{
	if (node == NULL || node->type != TREE_SCALAR)
		return (struct str){ NULL, 0 };
	return node->text;
}

bool
tree_is_true(const struct tree_node *node)
{
	return node != NULL && !node->is_quoted &&
	       str_eqz(tree_text(node), "true");
}

int64_t
tree_i64_or(const struct tree_node *node, int64_t otherwise)
{
	int64_t v;

	if (node == NULL || node->is_quoted || node->type != TREE_SCALAR ||
	    num_parse_i64(node->text, &v) != ERR_OK)
		return otherwise;
	return v;
}

static bool
key_needs_quotes(struct str key)
{
	if (key.n == 0)
		return true;
	for (size_t i = 0; i < key.n; i++) {
		if (strchr(".[] \t\"'", key.p[i]) != NULL)
			return true;
	}
	return false;
}

static void
add_step(struct buf *b, const struct tree_node *node)
{
	if (!str_present(node->key)) {
		buf_printf(b, "[%u]", (unsigned)node->index);
		return;
	}
	if (b->n > 0)
		buf_addc(b, '.');
	if (key_needs_quotes(node->key)) {
		buf_addc(b, '"');
		buf_adds(b, node->key);
		buf_addc(b, '"');
	} else {
		buf_adds(b, node->key);
	}
}

struct str
tree_path(const struct tree_node *node, struct arena *a)
{
	const struct tree_node *step[TREE_DEPTH_MAX + 1];
	size_t n = 0;
	struct buf b;
	struct str path;

	for (; node != NULL && node->parent != NULL; node = node->parent) {
		if (n < TREE_DEPTH_MAX + 1)
			step[n++] = node;
	}
	buf_init(&b, PATH_MAX_BYTES);
	while (n > 0)
		add_step(&b, step[--n]);
	path = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return path;
}

struct conf_where
tree_where(const struct tree_node *node, struct conf_problems *p)
{
	if (node == NULL)
		return (struct conf_where){ 0 };
	return (struct conf_where){
		.file = node->file,
		.line = node->line,
		.path = tree_path(node, p->arena),
	};
}

void
tree_move(struct tree_node *parent, struct tree_node *node)
{
	node->parent = parent;
	node->next = NULL;
	node->index = parent->n++;
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
}

struct tree_node *
tree_add(struct tree *t, struct tree_node *parent, enum tree_type type,
    struct str key)
{
	struct tree_node *node;

	if (t->n_nodes >= TREE_NODES_MAX)
		return NULL;
	node = ARENA_NEW(t->arena, struct tree_node);
	if (node == NULL)
		return NULL;
	node->type = type;
	if (str_present(key)) {
		node->key = arena_str(t->arena, key);
		if (!str_present(node->key))
			return NULL;
	}
	t->n_nodes++;
	if (parent != NULL)
		tree_move(parent, node);
	return node;
}
