#ifndef CONF_YAML_H
#define CONF_YAML_H
/*
 * YAML -> tree, over libyaml's event interface. One document per file. Refused,
 * because they make a file mean something else than it says or grow beyond what
 * it is: anchors, aliases (and so "<<"), tags, maps or lists as keys, the same
 * key twice. A BOM and UTF-16 are libyaml's matter.
 *
 * On ERR_OK *root is a root node; TREE_NULL when the document is empty.
 * Otherwise the problems say what is wrong (all duplicate keys, aliases and
 * tags; the first syntax error): ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM, ERR_IO.
 * When keys that are there twice are all that is wrong, *root is set with
 * ERR_SYNTAX as well, so that a reader may tell what else is.
 */
#include "base/err.h"
#include "base/str.h"
#include "conf/problem.h"
#include "conf/tree.h"

/* name: what problems and nodes call the file; copied. */
MUST_CHECK enum err yaml_read(struct tree *t, struct str text, struct str name,
    struct tree_node **root, struct conf_problems *p);
/* A regular file of at most TREE_FILE_MAX bytes. */
MUST_CHECK enum err yaml_read_file(struct tree *t, const char *path,
    struct tree_node **root, struct conf_problems *p);

#endif
