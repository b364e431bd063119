/* The engine of the option tables: maps and lists -> objects. */
#include "conf/opt.h"

#include <stdarg.h>

#include "base/utf8.h"

#define NAME_SHOWN 64u

static void
vreport(struct opt_run *run, const struct tree_node *node, bool is_warning,
    const char *fmt, va_list ap)
{
	struct conf_where where = tree_where(node, run->problems);
	char text[768];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	if (is_warning)
		conf_warning_add(run->problems, &where, "%s", text);
	else
		conf_problem_add(run->problems, &where, "%s", text);
}

void
opt_problem(
    struct opt_run *run, const struct tree_node *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vreport(run, node, false, fmt, ap);
	va_end(ap);
}

void
opt_warning(
    struct opt_run *run, const struct tree_node *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vreport(run, node, true, fmt, ap);
	va_end(ap);
}

/* ---- suggestions --------------------------------------------------------- */

#define NEAR_MAX 32u /* longer names are not compared */

/* Levenshtein distance of two short words. */
static unsigned
distance(struct str a, struct str b)
{
	unsigned row[NEAR_MAX + 1];

	for (size_t j = 0; j <= b.n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned up = row[j];
			unsigned best = diagonal + (a.p[i - 1] != b.p[j - 1]);

			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = up;
			row[j] = best;
		}
	}
	return row[b.n];
}

/* Keeps the nearest so far; far ones (over a third changed) do not count. */
static void
consider(struct str name, const char *word, const char **best, unsigned *min)
{
	struct str w = str_z(word);
	unsigned d;

	if (name.n > NEAR_MAX || w.n > NEAR_MAX)
		return;
	d = distance(name, w);
	if (d < *min && d <= 1 + w.n / 3) {
		*min = d;
		*best = word;
	}
}

const char *
opt_nearest(const struct opt *rows, struct str name)
{
	const char *best = NULL;
	unsigned min = NEAR_MAX;

	for (; rows->name != NULL; rows++)
		consider(name, rows->name, &best, &min);
	return best;
}

const char *
opt_nearest_word(const struct opt_word *words, struct str name)
{
	const char *best = NULL;
	unsigned min = NEAR_MAX;

	for (; words->word != NULL; words++)
		consider(name, words->word, &best, &min);
	return best;
}

/* ---- one value ----------------------------------------------------------- */

static void *
at(void *object, size_t offset)
{
	return (char *)object + offset;
}

static bool
is_list(const struct opt *row)
{
	return row->type == OPT_WORDS || row->type == OPT_STRS ||
	       row->type == OPT_TABLES;
}

static bool
is_scalar(const struct opt *row)
{
	return row->type <= OPT_WORD || row->type == OPT_CUSTOM;
}

static void
read_one(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	uint32_t errors = run->problems->n_errors;

	if (node->type == TREE_NULL) {
		opt_problem(
		    run, node, "has no value: give one, or remove the line");
		return;
	}
	if (node->type != TREE_SCALAR) {
		opt_problem(run, node, "must be one value, not a %s",
		    node->type == TREE_SEQ ? "list" : "map");
		return;
	}
	opt_read_scalar(run, row, node, field);
	if (row->check != NULL && run->problems->n_errors == errors)
		row->check(run, row, node, field);
}

/* ---- lists of texts and words -------------------------------------------- */

static bool
too_many(
    struct opt_run *run, const struct opt *row, const struct tree_node *node)
{
	if (node->n < row->min)
		opt_problem(run, node, "needs at least %lld entr%s",
		    (long long)row->min, row->min == 1 ? "y" : "ies");
	if (row->max == 0 || node->n <= row->max)
		return false;
	opt_problem(run, node, "has %u entries: at most %lld are allowed",
	    (unsigned)node->n, (long long)row->max);
	return true;
}

static void
read_words(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *object)
{
	unsigned all = 0;

	tree_each(node, e)
	{
		unsigned one = 0;

		read_one(run, row, e, &one);
		all |= one;
	}
	*(unsigned *)at(object, row->offset) = all;
}

static void
read_strs(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *object)
{
	struct str *list;
	uint32_t n = 0;

	if (too_many(run, row, node))
		return;
	list = arena_calloc(run->arena, node->n, sizeof(*list));
	if (list == NULL)
		return;
	tree_each(node, e) read_one(run, row, e, &list[n++]);
	*(struct str **)at(object, row->offset) = list;
	*(uint32_t *)at(object, row->count_offset) = n;
}

static void
read_pairs(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *object)
{
	struct conf_header *list;
	uint32_t n = 0;

	if (too_many(run, row, node))
		return;
	list = arena_calloc(run->arena, node->n, sizeof(*list));
	if (list == NULL)
		return;
	tree_each(node, e)
	{
		list[n].name = arena_str(run->arena, e->key);
		read_one(run, row, e, &list[n].value);
		n++;
	}
	*(struct conf_header **)at(object, row->offset) = list;
	*(uint32_t *)at(object, row->count_offset) = n;
}

/* ---- objects ------------------------------------------------------------- */

static void
read_object(struct opt_run *run, const struct opt_table *table,
    const struct tree_node *node, void *object)
{
	struct opt short_row = { .name = table->what, .sub = table };

	if (node->type == TREE_MAP) {
		opt_read_table(run, table, node, object);
		return;
	}
	if (node->type != TREE_SCALAR || table->read_short == NULL) {
		opt_problem(run, node,
		    "must be a map (the options of a %s)%s%s", table->what,
		    table->read_short != NULL ? " or " : "",
		    table->read_short != NULL ? table->short_form : "");
		return;
	}
	opt_read_table(run, table, NULL, object);
	table->read_short(run, &short_row, node, object);
	if (table->done != NULL)
		table->done(run, node, object);
}

static void *
new_objects(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *object)
{
	void *list;

	if (too_many(run, row, node))
		return NULL;
	list = arena_calloc(run->arena, node->n, row->sub->size);
	if (list == NULL)
		return NULL;
	*(void **)at(object, row->offset) = list;
	*(uint32_t *)at(object, row->count_offset) = node->n;
	return list;
}

static void
read_name(struct opt_run *run, const struct opt_table *table,
    const struct tree_node *node, void *object)
{
	const char *why =
	    table->bad_name != NULL ? table->bad_name(node->key) : NULL;

	if (why != NULL)
		opt_problem(run, node,
		    "\"%.*s\" cannot be the name of a %s: %s",
		    STR_ARG(utf8_clip(node->key, NAME_SHOWN)), table->what,
		    why);
	*(struct str *)at(object, table->name_offset) =
	    arena_str(run->arena, node->key);
}

static void
read_objects(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *object)
{
	const struct opt_table *table = row->sub;
	char *list = new_objects(run, row, node, object);
	uint32_t i = 0;

	if (list == NULL)
		return;
	tree_each(node, e)
	{
		void *one = list + (size_t)i * table->size;

		if (row->type == OPT_NAMED)
			read_name(run, table, e, one);
		if (table->index_offset != SIZE_MAX)
			*(uint32_t *)at(one, table->index_offset) = i;
		i++;
	}
	/* All names stand before the first object refers to one. */
	i = 0;
	tree_each(node, e)
	    read_object(run, table, e, list + (size_t)i++ * table->size);
}

/* ---- tables -------------------------------------------------------------- */

static void
read_later(struct opt_run *run, const struct tree_node *node)
{
	if (node->type == TREE_NULL)
		return;
	if (node->type != TREE_SCALAR && node->n == 0)
		return;
	opt_problem(run, node, "is not available in this version: remove it");
}

static void
read_value(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *object)
{
	enum tree_type want;

	if (row->type == OPT_LATER) {
		read_later(run, node);
		return;
	}
	want = is_list(row) ? TREE_SEQ : TREE_MAP;
	if (is_scalar(row)) {
		read_one(run, row, node, at(object, row->offset));
		return;
	}
	if (row->type == OPT_TABLE && node->type != TREE_NULL) {
		read_object(run, row->sub, node, at(object, row->offset));
		return;
	}
	/* A heading with nothing below it: all is commented out. */
	if (node->type != want && node->type != TREE_NULL) {
		opt_problem(run, node, "must be a %s",
		    want == TREE_SEQ ? "list ([ A, B ])"
				     : "map (\"name: value\" lines below)");
		return;
	}
	if (row->type == OPT_TABLE)
		opt_read_table(run, row->sub, NULL, at(object, row->offset));
	else if (row->type == OPT_WORDS)
		read_words(run, row, node, object);
	else if (row->type == OPT_STRS)
		read_strs(run, row, node, object);
	else if (row->type == OPT_PAIRS)
		read_pairs(run, row, node, object);
	else
		read_objects(run, row, node, object);
}

/* Defaults take the way of the file, so the two cannot disagree. */
static void
read_default(struct opt_run *run, const struct opt *row, void *object)
{
	struct tree_node list = { .type = TREE_SEQ };
	struct tree_node word[8] = { 0 };
	uint32_t errors = run->problems->n_errors;
	struct str rest = str_z(row->dflt);

	if (row->type == OPT_TABLE) {
		opt_read_table(run, row->sub, NULL, at(object, row->offset));
		return;
	}
	if (row->dflt == NULL)
		return;
	if (!is_list(row)) {
		word[0].type = TREE_SCALAR;
		word[0].text = rest;
		read_value(run, row, &word[0], object);
	} else {
		for (size_t i = 0; i < 8 && str_present(rest); i++) {
			word[i].type = TREE_SCALAR;
			word[i].text = str_trim(str_cut(&rest, ','));
			tree_move(&list, &word[i]);
		}
		ASSERT(!str_present(rest));
		read_value(run, row, &list, object);
	}
	ASSERT(run->problems->n_errors == errors);
}

static void
check_unknown(struct opt_run *run, const struct opt_table *table,
    const struct tree_node *node)
{
	tree_each(node, e)
	{
		const struct opt *row = table->rows;
		const char *near;

		while (row->name != NULL && !str_eqz(e->key, row->name))
			row++;
		if (row->name != NULL)
			continue;
		near = opt_nearest(table->rows, e->key);
		opt_problem(run, e, "there is no option \"%.*s\" here%s%s%s",
		    STR_ARG(utf8_clip(e->key, NAME_SHOWN)),
		    near != NULL ? " (did you mean \"" : "",
		    near != NULL ? near : "", near != NULL ? "\"?)" : "");
	}
}

void
opt_read_row(struct opt_run *run, const struct opt *row,
    const struct tree_node *value, void *object)
{
	if (run->is_blind && (row->flags & OPT_SECRET) != 0)
		return;
	if (value == NULL || is_scalar(row))
		read_default(run, row, object);
	if (value != NULL)
		read_value(run, row, value, object);
}

void
opt_read_table(struct opt_run *run, const struct opt_table *table,
    const struct tree_node *node, void *object)
{
	if (node != NULL)
		check_unknown(run, table, node);
	for (const struct opt *row = table->rows; row->name != NULL; row++) {
		const struct tree_node *value = tree_find(node, row->name);

		opt_read_row(run, row, value, object);
		if (value == NULL && node != NULL &&
		    (row->flags & OPT_REQUIRED) != 0)
			opt_problem(run, node, "%s is missing: %s", row->name,
			    row->doc);
	}
	if (node != NULL && table->done != NULL)
		table->done(run, node, object);
}
