#ifndef CONF_TREE_H
#define CONF_TREE_H
/*
 * A configuration file as a tree of scalars, lists and maps, each of which
 * knows its file, line and path. Readers (conf/yaml.h; later HOCON) make it;
 * the option tables and the scenario runner read it.
 *
 * Everything lives in the arena of the struct tree. The tree does not change
 * after reading but by tree_move. Bounded by TREE_* below.
 *
 *	struct tree t;
 *	tree_init(&t, arena);
 *	if (yaml_read_file(&t, "x.yaml", &root, &problems) == ERR_OK)
 *		tree_each(tree_find(root, "steps"), step)
 *			run(tree_text(tree_find(step, "send")));
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/problem.h"

#define TREE_DEPTH_MAX 32u
#define TREE_NODES_MAX 200000u /* over all files of a tree */
#define TREE_FILE_MAX (4u * 1024 * 1024)
/* Enough for text and nodes at these limits. */
#define TREE_ARENA_MAX ((size_t)64 * 1024 * 1024)

enum tree_type {
	TREE_NULL, /* "key:" with nothing, "~" or "null" */
	TREE_SCALAR,
	TREE_SEQ,
	TREE_MAP,
};

struct tree_node {
	enum tree_type type;
	bool
	    is_quoted; /* a scalar in quotes or a block: text, never a number */
	struct str text; /* of a scalar, NUL-terminated in memory */
	struct str key; /* of a member of a map, else absent */
	uint32_t index; /* of an element of a list */
	uint32_t line; /* of the value, 1-based */
	uint32_t key_line; /* of the key; line for elements */
	uint32_t n; /* children */
	struct str file;
	struct tree_node *parent;
	struct tree_node *first, *last; /* children in the order of the file */
	struct tree_node *next; /* sibling */
};

struct tree {
	struct arena *arena;
	uint32_t n_nodes;
};

/* arena is borrowed. */
void tree_init(struct tree *t, struct arena *arena);

/*
 * Reading. All take NULL for the node, and answer NULL, an absent text or 0
 * then, so look-ups can be chained.
 */
/* The member of a map; NULL when absent or when the node is no map. */
struct tree_node *tree_find(const struct tree_node *map, const char *key);
struct tree_node *tree_find_str(const struct tree_node *map, struct str key);
/* Children of a list or map, in order. */
#define tree_each(node, e) \
	for (struct tree_node *e = tree_first(node); e != NULL; e = (e)->next)
struct tree_node *tree_first(const struct tree_node *node);
/* Text of a scalar; absent for anything else. */
struct str tree_text(const struct tree_node *node);
/* A plain "true"; false for anything else. */
bool tree_is_true(const struct tree_node *node);
/* A plain integer, else `otherwise`. */
int64_t tree_i64_or(const struct tree_node *node, int64_t otherwise);
/*
 * "models.default-chat.targets[0].provider"; keys with dots, brackets or
 * blanks are quoted. "" for the root.
 */
struct str tree_path(const struct tree_node *node, struct arena *a);
/* For conf_problem_add; the path is made in the problems' arena. */
struct conf_where
tree_where(const struct tree_node *node, struct conf_problems *p);

/*
 * Building, for readers. NULL: no memory, or TREE_NODES_MAX reached. parent
 * NULL makes a root; key is copied.
 */
struct tree_node *tree_add(struct tree *t, struct tree_node *parent,
    enum tree_type type, struct str key);
/* Moves node (a root's or another tree's child) to the end of parent. */
void tree_move(struct tree_node *parent, struct tree_node *node);

#endif
