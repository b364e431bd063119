/* Scalars of the option tables: text -> value, with a sentence when not. */
#include "conf/opt.h"

#include "base/buf.h"
#include "base/num.h"
#include "base/utf8.h"

#define SHOW_MAX 64u /* bytes of a wrong value that a problem repeats */
#define TEXT_MAX 4096u /* bytes of a text whose row says nothing */

static struct str
show(const struct tree_node *node)
{
	return utf8_clip(node->text, SHOW_MAX);
}

static void
read_bool(struct opt_run *run, const struct tree_node *node, void *field)
{
	bool v = str_eqz(node->text, "true");

	if (node->is_quoted || (!v && !str_eqz(node->text, "false")))
		opt_problem(run, node, "must be true or false, is \"%.*s\"",
		    STR_ARG(show(node)));
	else
		*(bool *)field = v;
}

static const char *
unit_of(const struct opt *row)
{
	switch (row->type) {
	case OPT_SIZE:
		return "a size such as 512, 64KiB or 8MiB";
	case OPT_DURATION:
		return "a time such as 250ms, 5s, 10m, 2h or 7d";
	default:
		return "a whole number";
	}
}

/* A number of the row's unit in the words of the file. */
void
opt_print_value(const struct opt *row, int64_t v, char *out, size_t size)
{
	static const struct {
		enum opt_type type;
		int64_t unit;
		const char *name;
	} units[] = {
		{ OPT_SIZE, 1024 * 1024 * 1024, "GiB" },
		{ OPT_SIZE, 1024 * 1024, "MiB" },
		{ OPT_SIZE, 1024, "KiB" },
		{ OPT_DURATION, 86400 * USEC_PER_SEC, "d" },
		{ OPT_DURATION, 3600 * USEC_PER_SEC, "h" },
		{ OPT_DURATION, 60 * USEC_PER_SEC, "m" },
		{ OPT_DURATION, USEC_PER_SEC, "s" },
		{ OPT_DURATION, USEC_PER_MSEC, "ms" },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].type == row->type && v != 0 &&
		    v % units[i].unit == 0) {
			(void)snprintf(out, size, "%lld%s",
			    (long long)(v / units[i].unit), units[i].name);
			return;
		}
	}
	(void)snprintf(out, size, "%lld%s", (long long)v,
	    row->type == OPT_DURATION ? "s" : "");
}

static enum err
parse_number(const struct opt *row, struct str text, int64_t *v)
{
	uint64_t u;
	enum err e;

	switch (row->type) {
	case OPT_DURATION:
		return num_parse_duration(text, v);
	case OPT_SIZE:
		e = num_parse_size(text, &u);
		if (e != ERR_OK)
			return e;
		if (u > INT64_MAX)
			return ERR_RANGE;
		*v = (int64_t)u;
		return ERR_OK;
	default:
		return num_parse_i64(text, v);
	}
}

static void
store_number(const struct opt *row, int64_t v, void *field)
{
	switch (row->type) {
	case OPT_U32:
		*(uint32_t *)field = (uint32_t)v;
		break;
	case OPT_SIZE:
		*(uint64_t *)field = (uint64_t)v;
		break;
	default: /* int64_t and usec_t are one type */
		*(int64_t *)field = v;
		break;
	}
}

static void
read_number(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	char low[32], high[32];
	int64_t v = 0;
	enum err e;

	if (row->zero_word != NULL && str_eqz(node->text, row->zero_word)) {
		store_number(row, 0, field);
		return;
	}
	e = parse_number(row, node->text, &v);
	if (e == ERR_OK && v >= row->min && v <= row->max) {
		store_number(row, v, field);
		return;
	}
	if (e == ERR_SYNTAX) {
		opt_problem(run, node, "must be %s%s%s, is \"%.*s\"",
		    unit_of(row), row->zero_word != NULL ? ", or " : "",
		    row->zero_word != NULL ? row->zero_word : "",
		    STR_ARG(show(node)));
		return;
	}
	opt_print_value(row, row->min, low, sizeof(low));
	opt_print_value(row, row->max, high, sizeof(high));
	opt_problem(run, node, "must be between %s and %s, is \"%.*s\"", low,
	    high, STR_ARG(show(node)));
}

static void
read_ratio(struct opt_run *run, const struct tree_node *node, void *field)
{
	double v = 0;

	if (num_parse_double(node->text, &v) != ERR_OK || !(v >= 0.0) ||
	    !(v <= 1.0))
		opt_problem(run, node,
		    "must be a number from 0.0 to 1.0, is \"%.*s\"",
		    STR_ARG(show(node)));
	else
		*(double *)field = v;
}

/* The word's value. false: none of them. */
static bool
word_find(const struct opt_word *words, struct str text, unsigned *value)
{
	for (; words->word != NULL; words++) {
		if (str_eqz(text, words->word)) {
			*value = words->value;
			return true;
		}
	}
	return false;
}

void
opt_words_text(const struct opt_word *words, char *out, size_t size)
{
	struct buf b;

	buf_init(&b, size - 1);
	for (const struct opt_word *w = words; w->word != NULL; w++) {
		if (w != words)
			buf_addz(&b, w[1].word == NULL ? " or " : ", ");
		buf_addz(&b, w->word);
	}
	(void)snprintf(out, size, "%.*s", STR_ARG(buf_str(&b)));
	buf_fini(&b);
}

static void
read_word(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	const char *near;
	char all[256];
	unsigned v = 0;

	if (word_find(row->words, node->text, &v)) {
		memcpy(field, &v, sizeof(v));
		return;
	}
	near = opt_nearest_word(row->words, node->text);
	opt_words_text(row->words, all, sizeof(all));
	opt_problem(run, node, "must be %s, is \"%.*s\"%s%s%s", all,
	    STR_ARG(show(node)), near != NULL ? " (did you mean " : "",
	    near != NULL ? near : "", near != NULL ? "?)" : "");
}

static void
read_str(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	/* Of lists and maps, max counts the entries. */
	size_t max =
	    row->type == OPT_STR && row->max > 0 ? (size_t)row->max : TEXT_MAX;
	struct str text = node->text;

	if (text.n == 0) {
		opt_problem(run, node, "is empty: give a text, or remove it");
		return;
	}
	if (text.n > max) {
		opt_problem(run, node, "is longer than %zu bytes", max);
		return;
	}
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < 0x20 || c == 0x7f) {
			opt_problem(run, node,
			    "has a control character (or a line break): "
			    "remove it");
			return;
		}
	}
	*(struct str *)field = arena_str(run->arena, text);
}

void
opt_read_scalar(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	switch (row->type) {
	case OPT_BOOL:
		read_bool(run, node, field);
		break;
	case OPT_U32:
	case OPT_I64:
	case OPT_SIZE:
	case OPT_DURATION:
		read_number(run, row, node, field);
		break;
	case OPT_RATIO:
		read_ratio(run, node, field);
		break;
	case OPT_WORD:
	case OPT_WORDS: /* one of them */
		read_word(run, row, node, field);
		break;
	case OPT_STR:
	case OPT_STRS: /* one of them */
	case OPT_PAIRS: /* the value of one */
		read_str(run, row, node, field);
		break;
	case OPT_CUSTOM:
		row->read(run, row, node, field);
		break;
	case OPT_TABLE:
	case OPT_TABLES:
	case OPT_NAMED:
	case OPT_LATER:
		break;
	}
}
