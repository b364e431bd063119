#ifndef CONF_LOAD_INT_H
#define CONF_LOAD_INT_H
/*
 * Inside of loading: files -> one tree (load_files.c) -> a snapshot (load.c) or
 * some sections of one (load_parts.c).
 */
#include "base/buf.h"
#include "conf/conf.h"
#include "conf/opt.h"
#include "conf/tree.h"

struct load_list {
	struct arena *arena;
	const char *dir; /* conf.d */
	char *path[CONF_FILES_MAX]; /* the main file first, then by name */
	uint32_t n;
	bool too_many;
	int dir_errno; /* conf.d is there, but cannot be read */
};

struct load {
	struct arena *arena; /* of the tree */
	struct tree tree;
	struct load_list files;
	struct conf_problems *problems;
	struct buf digest; /* names and contents of all files */
	struct tree_node *root;
	struct conf *conf;
	bool is_read; /* every file was well formed */
};

/* ---- load_files.c --------------------------------------------------------- */

/* False: no memory, which is a problem then. load_end all the same. */
bool
load_begin(struct load *l, struct conf_problems *problems, struct str name);
/* Sorts the problems. The snapshot stays the caller's. */
void load_end(struct load *l);
/* The file and its conf.d into l->root; ERR_NOMEM: not even their names. */
MUST_CHECK enum err load_files(struct load *l, const char *file);
void load_text(struct load *l, struct str name, struct str text);
/* NULL: there is no such option. */
const struct opt *load_row(const struct opt_table *table, struct str key);

/* ---- load.c --------------------------------------------------------------- */

/* Nothing is set, not even defaults. NULL: no memory. */
struct conf *load_blank(void);
void load_catalogue(struct load *l, struct conf *c);

#endif
