#include "conf/catalogue.h"

#include <errno.h>

#include "conf/file.h"
#include "conf/options_price.h"
#include "conf/yaml.h"

#define CATALOGUE_ARENA_MAX ((size_t)64 * 1024 * 1024)

static int
by_place(const void *a, const void *b)
{
	return price_row_cmp(a, b);
}

/* All rows in one order; the same place twice is a problem. */
static void
join_rows(struct conf_catalogue *c, const char *path, struct conf_problems *p)
{
	struct conf_where where = { .file = str_z(path) };
	size_t n = 0;

	for (uint32_t i = 0; i < c->n_makers; i++)
		n += c->makers[i].n_models;
	c->rows = arena_calloc(c->arena, n, sizeof(*c->rows));
	if (c->rows == NULL || n == 0)
		return;
	for (uint32_t i = 0; i < c->n_makers; i++) {
		const struct conf_maker *m = &c->makers[i];

		if (m->n_models != 0)
			memcpy(c->rows + c->n_rows, m->models,
			    m->n_models * sizeof(*m->models));
		c->n_rows += m->n_models;
	}
	qsort(c->rows, c->n_rows, sizeof(*c->rows), by_place);
	for (uint32_t i = 1; i < c->n_rows; i++) {
		if (price_row_cmp(&c->rows[i - 1], &c->rows[i]) == 0)
			conf_problem_add(p, &where,
			    "%.*s of %.*s is there "
			    "twice",
			    STR_ARG(c->rows[i].model),
			    STR_ARG(c->rows[i].provider));
	}
}

static enum err
read_tree(struct conf_catalogue *c, const char *path, struct conf_problems *p)
{
	struct opt_run run = { .arena = c->arena, .problems = p };
	struct arena *a = arena_new(TREE_ARENA_MAX);
	struct tree_node *root = NULL;
	struct tree tree;
	enum err e;

	if (a == NULL)
		return ERR_NOMEM;
	tree_init(&tree, a);
	e = yaml_read_file(&tree, path, &root, p);
	if (e == ERR_OK) {
		opt_read_table(&run, &opt_catalogue_table, root, c);
		join_rows(c, path, p);
		if (p->n_errors > 0)
			e = ERR_SYNTAX;
		else if (arena_failed(c->arena) || arena_failed(a))
			e = ERR_NOMEM;
	}
	arena_free(a);
	return e;
}

enum err
conf_catalogue_load(const char *path, struct conf_catalogue **out,
    struct conf_problems *problems)
{
	struct arena *a = arena_new(CATALOGUE_ARENA_MAX);
	struct conf_catalogue *c =
	    a != NULL ? ARENA_NEW(a, struct conf_catalogue) : NULL;
	enum err e;

	if (c == NULL) {
		arena_free(a);
		return ERR_NOMEM;
	}
	c->arena = a;
	e = read_tree(c, path, problems);
	if (e == ERR_OK)
		*out = c;
	else
		conf_catalogue_free(c);
	return e;
}

void
conf_catalogue_free(struct conf_catalogue *c)
{
	if (c != NULL)
		arena_free(c->arena);
}
