#include "sys/opt.h"

#include <getopt.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

enum {
	OPT_ROWS_MAX = 64,
	FIRST_CODE = 256, /* getopt_long's value of row 0 */
	HELP_WIDTH = 76,
	HELP_INDENT = 8,
};

struct tables {
	struct option longs[OPT_ROWS_MAX + 1];
	char shorts[2 * OPT_ROWS_MAX + 2];
};

static void
tables_make(const struct opt_row *table, struct tables *t)
{
	size_t n = 0, s = 0;

	t->shorts[s++] = ':'; /* tell a missing argument apart */
	for (const struct opt_row *r = table; r->name; r++, n++) {
		bool has_arg = r->type != OPT_FLAG;

		ASSERT(n < OPT_ROWS_MAX);
		t->longs[n] = (struct option){
			.name = r->name,
			.has_arg = has_arg ? required_argument : no_argument,
			.val = FIRST_CODE + (int)n,
		};
		if (!r->letter)
			continue;
		t->shorts[s++] = r->letter;
		if (has_arg)
			t->shorts[s++] = ':';
	}
	t->longs[n] = (struct option){ 0 };
	t->shorts[s] = '\0';
}

static const struct opt_row *
row_of(const struct opt_row *table, int code)
{
	if (code >= FIRST_CODE)
		return &table[code - FIRST_CODE];
	for (const struct opt_row *r = table; r->name; r++)
		if (r->letter == code)
			return r;
	return NULL;
}

static enum err
set_number(const struct opt_row *r, const char *text)
{
	uint64_t v;

	if (num_parse_u64(str_z(text), &v) != ERR_OK || v < r->min ||
	    v > r->max)
		return ERR_RANGE;
	*(uint32_t *)r->value = (uint32_t)v;
	return ERR_OK;
}

static enum err
set_word(const struct opt_row *r, const char *text)
{
	for (int i = 0; r->words[i]; i++)
		if (str_eq(str_z(r->words[i]), str_z(text))) {
			*(int *)r->value = i;
			return ERR_OK;
		}
	return ERR_RANGE;
}

static enum err
set(const struct opt_row *r, const char *text)
{
	switch (r->type) {
	case OPT_FLAG:
		*(bool *)r->value = true;
		return ERR_OK;
	case OPT_TEXT:
		*(const char **)r->value = text;
		return ERR_OK;
	case OPT_NUMBER:
		return set_number(r, text);
	case OPT_WORD:
		return set_word(r, text);
	case OPT__MAX:
		break;
	}
	ASSERT(false);
	return ERR_UNSUPPORTED;
}

static void
words_print(const struct opt_row *r, FILE *to)
{
	for (int i = 0; r->words[i]; i++)
		fprintf(to, "%s%s", i ? ", " : "", r->words[i]);
}

static void
say_range(
    const struct opt_row *r, const char *text, const char *program, FILE *to)
{
	fprintf(to, "%s: --%s: \"%s\" is not ", program, r->name, text);
	if (r->type == OPT_WORD) {
		fputs("one of ", to);
		words_print(r, to);
	} else {
		fprintf(to, "a number from %u to %u", r->min, r->max);
	}
	fputc('\n', to);
}

enum err
opt_parse(
    const struct opt_row *table, int argc, char **argv, FILE *err_to, int *rest)
{
	struct tables t;
	int code;

	tables_make(table, &t);
	optind = 0; /* GNU: begin anew */
	opterr = 0;
	while (
	    (code = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
		const struct opt_row *r = row_of(table, code);

		if (code == '?' || code == ':' || !r) {
			fprintf(err_to, "%s: %s: %s; see --help\n", argv[0],
			    argv[optind - 1],
			    code == ':' ? "it needs an argument"
					: "no such option");
			return ERR_SYNTAX;
		}
		if (set(r, optarg) != ERR_OK) {
			say_range(r, optarg, argv[0], err_to);
			return ERR_RANGE;
		}
	}
	*rest = optind;
	return ERR_OK;
}

/* Words of text in lines of HELP_WIDTH, each indented. */
static void
wrap(const char *text, FILE *to)
{
	struct str rest = str_z(text);
	size_t col = 0;

	while (str_present(rest)) {
		struct str word = str_cut(&rest, ' ');

		if (col && col + 1 + word.n > HELP_WIDTH) {
			fputc('\n', to);
			col = 0;
		}
		if (col)
			col += (size_t)fprintf(to, " %.*s", STR_ARG(word));
		else
			col = (size_t)fprintf(
			    to, "%*s%.*s", HELP_INDENT, "", STR_ARG(word));
	}
	fputc('\n', to);
}

void
opt_help(const struct opt_row *table, const char *program, const char *synopsis,
    FILE *to)
{
	fprintf(to, "usage: %s %s\n", program, synopsis);
	for (const struct opt_row *r = table; r->name; r++) {
		fputs("\n    ", to);
		if (r->letter)
			fprintf(to, "-%c, ", r->letter);
		fprintf(to, "--%s%s%s\n", r->name, r->arg ? " " : "",
		    r->arg ? r->arg : "");
		wrap(r->help, to);
		if (r->type == OPT_WORD) {
			fprintf(to, "%*sOne of: ", HELP_INDENT, "");
			words_print(r, to);
			fputc('\n', to);
		}
	}
}

/* man(7) takes '-' for a hyphen and a dot at the start for a request. */
static void
man_text(const char *text, FILE *to)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", to);
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			fputc('\\', to);
		fputc(*text == '\\' ? 'e' : *text, to);
	}
}

void
opt_man(const struct opt_row *table, FILE *to)
{
	for (const struct opt_row *r = table; r->name; r++) {
		fputs(".TP\n", to);
		if (r->letter)
			fprintf(to, "\\fB\\-%c\\fR, ", r->letter);
		fputs("\\fB\\-\\-", to);
		man_text(r->name, to);
		fputs("\\fR", to);
		if (r->arg)
			fprintf(to, " \\fI%s\\fR", r->arg);
		fputc('\n', to);
		man_text(r->help, to);
		if (r->type == OPT_WORD) {
			fputs(" One of: ", to);
			words_print(r, to);
			fputc('.', to);
		}
		fputc('\n', to);
	}
}
