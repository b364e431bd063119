#ifndef CONF_OPT_H
#define CONF_OPT_H
/*
 * Option tables: every option of the configuration is a row here. Reading,
 * defaults, ranges, problems, the JSON schema, the sample file and the manual
 * come from the rows, so none of them can be forgotten.
 *
 * Private to conf.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/conf.h"
#include "conf/tree.h"

enum opt_type {
	OPT_BOOL, /* bool */
	OPT_U32, /* uint32_t */
	OPT_I64, /* int64_t */
	OPT_RATIO, /* double, 0.0 to 1.0 */
	OPT_SIZE, /* uint64_t */
	OPT_DURATION, /* usec_t */
	OPT_STR, /* struct str */
	OPT_WORD, /* an enum: one of words */
	OPT_WORDS, /* unsigned: bits of words, a list in the file */
	OPT_STRS, /* struct str * and a count: a list of texts */
	OPT_PAIRS, /* struct conf_header * and a count: a map of texts */
	OPT_CUSTOM, /* a text that `read` understands */
	OPT_TABLE, /* a map read by sub into the same object + offset */
	OPT_TABLES, /* object array and a count: a list of maps */
	OPT_NAMED, /* object array and a count: a map of name -> map */
	OPT_LATER, /* must be absent or empty: not available yet */
};

enum opt_flag {
	OPT_REQUIRED = 1,
	OPT_LIVE = 2, /* in the sample as a line that counts */
	OPT_SECRET = 4, /* holds a reference to a secret */
	OPT_AMOUNT = 8, /* OPT_CUSTOM: a number is as good as a text */
};

struct opt_word {
	const char *word; /* NULL ends */
	unsigned value;
	const char *doc; /* what it means; may be NULL */
};

struct opt;
struct opt_run;

/*
 * Reads a scalar into field (its type is the row's business), or adds a
 * problem. node is a TREE_SCALAR.
 */
typedef void (*opt_read_fn)(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
/* A word on a value that was read well: adds a problem or nothing. */
typedef void (*opt_check_fn)(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);

struct opt {
	const char *name; /* NULL ends a table */
	enum opt_type type;
	unsigned flags; /* enum opt_flag */
	size_t offset; /* in the table's object */
	size_t count_offset; /* of the uint32_t beside a list */
	/* As written in the file ("a, b" for lists); NULL: zero or absent. */
	const char *dflt;
	/* OPT_U32, I64, SIZE, DURATION. OPT_STRS, TABLES, NAMED: entries. */
	int64_t min, max;
	const char *zero_word; /* a word that means 0: "auto", "off" */
	const struct opt_word *words;
	const struct opt_table *sub;
	opt_read_fn read; /* OPT_CUSTOM */
	opt_check_fn check; /* scalars: the value. Lists: each element. */
	const char *pattern; /* of a text, for the schema */
	const char *form; /* how a text is written: "env:NAME | file:/PATH" */
	const char *example; /* for the sample when there is no dflt */
	const char *doc; /* one sentence or two, without markup */
};

struct opt_table {
	const char *what; /* "provider": what one object is */
	size_t size; /* of an object */
	size_t name_offset; /* OPT_NAMED: of its struct str name */
	size_t index_offset; /* of a uint32_t index; SIZE_MAX: none */
	const struct opt *rows;
	/* An object written as one text ("openai-main/gpt-4o"). May be NULL. */
	opt_read_fn read_short;
	const char *short_form;
	const char *short_pattern;
	/* After all rows of an object, also when some were wrong. */
	void (*done)(
	    struct opt_run *run, const struct tree_node *node, void *object);
	/* May this be a name (OPT_NAMED)? Says why not, or NULL. */
	const char *(*bad_name)(struct str name);
	const char *sample_name; /* OPT_NAMED: a name for the sample */
	const char *sample_list; /* OPT_TABLES: written so, not one by one */
};

/* What readers share. */
struct opt_run {
	struct arena *arena; /* the snapshot's */
	struct conf_problems *problems;
	struct conf *conf; /* what is being filled */
	bool is_blind; /* references to secrets are not followed */
};

/*
 * Reads a map into object: rows in the table's order, absent ones by default.
 * node may be NULL (all defaults). Problems tell what is wrong.
 */
void opt_read_table(struct opt_run *run, const struct opt_table *table,
    const struct tree_node *node, void *object);

/* One row of it; value may be NULL. */
void opt_read_row(struct opt_run *run, const struct opt *row,
    const struct tree_node *value, void *object);

/* A problem or a warning at node. */
void opt_problem(struct opt_run *run, const struct tree_node *node,
    const char *fmt, ...) PRINTF_LIKE(3, 4);
void opt_warning(struct opt_run *run, const struct tree_node *node,
    const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The one scalar of a row that is no list, map or CUSTOM: optread.c. */
void opt_read_scalar(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
/* "a, b or c" into out. */
void opt_words_text(const struct opt_word *words, char *out, size_t size);

/* A number in the row's unit, as the file has it: "32MiB", "5s". */
void opt_print_value(const struct opt *row, int64_t v, char *out, size_t size);

/* The row's name nearest to a misspelt one, or NULL. */
const char *opt_nearest(const struct opt *rows, struct str name);
/* Of a list of words. */
const char *opt_nearest_word(const struct opt_word *words, struct str name);

/*
 * What may be written, for people: "64KiB to 1GiB; default 32MiB". Empty for
 * sections and lists of objects.
 */
struct buf;
void opt_facts(const struct opt *row, struct buf *out);

/* Limits of keys and providers, and those of the file: options_limit.c. */
extern const struct opt_table opt_limit_table;
extern const struct opt_table opt_rule_table;

/* The whole file: options.c. */
extern const struct opt_table conf_table;
/* Sections of it with a file of their own. */
extern const struct opt_table conf_policy_table; /* options_policy.c */

#endif
