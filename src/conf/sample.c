/*
 * The option tables as a commented sample configuration. "# text" explains;
 * "#name: value" is an option at its default (or an example of it).
 */
#include "base/buf.h"
#include "conf/opt.h"

#define SAMPLE_MAX ((size_t)1024 * 1024)
#define WIDTH 78u

struct sample {
	struct buf out;
	/* Column of the '#' that turns a whole block off, or -1. */
	int off_column;
};

static void
rows_sample(struct sample *s, const struct opt_table *t, int column);

/* Begins a line whose text stands at a column. */
static void
begin(struct sample *s, int column)
{
	for (int i = 0; i < column; i++) {
		if (i == s->off_column)
			buf_addc(&s->out, '#');
		buf_addc(&s->out, ' ');
	}
	if (column == s->off_column)
		buf_addc(&s->out, '#');
}

/* "# ..." lines, broken at blanks. */
static void
comment(struct sample *s, int column, struct str text)
{
	size_t width = WIDTH - (size_t)column - 2;

	while (text.n > 0) {
		size_t n = text.n;

		if (n > width) {
			for (n = width; n > 0 && text.p[n] != ' '; n--)
				;
			if (n == 0)
				n = str_chr(text, ' ');
		}
		begin(s, column);
		buf_printf(&s->out, "# %.*s\n", (int)n, text.p);
		text = str_skip(text, n + 1);
	}
}

/* Quotes what YAML would take for something else. */
static void
scalar(struct sample *s, struct str v)
{
	bool plain = v.n > 0 && strchr("*&!%@`:-?{}[],#|>'\"", v.p[0]) == NULL;

	buf_printf(&s->out, plain ? "%.*s" : "\"%.*s\"", STR_ARG(v));
}

static void
value(struct sample *s, const struct opt *row)
{
	struct str rest = str_z(row->dflt != NULL ? row->dflt : row->example);

	switch (row->type) {
	case OPT_WORDS:
	case OPT_STRS:
		buf_addc(&s->out, '[');
		while (str_present(rest)) {
			scalar(s, str_trim(str_cut(&rest, ',')));
			if (str_present(rest))
				buf_addz(&s->out, ", ");
		}
		buf_addc(&s->out, ']');
		break;
	case OPT_PAIRS:
		buf_printf(&s->out, "{ %.*s }", STR_ARG(rest));
		break;
	case OPT_TABLES:
		buf_addz(&s->out, row->sub->sample_list);
		break;
	case OPT_LATER:
		buf_addz(&s->out, "[]");
		break;
	default:
		scalar(s, rest);
		break;
	}
}

static void
explain(struct sample *s, const struct opt *row, int column)
{
	struct buf text;
	size_t n;

	buf_init(&text, 2048);
	buf_addz(&text, row->doc);
	n = text.n;
	buf_addz(&text, " (");
	opt_facts(row, &text);
	if (text.n == n + 2)
		text.n = n;
	else
		buf_addc(&text, ')');
	comment(s, column, buf_str(&text));
	for (const struct opt_word *w = row->words;
	     w != NULL && w->word != NULL && w->doc != NULL; w++) {
		buf_reset(&text);
		buf_printf(&text, "- %s: %s", w->word, w->doc);
		comment(s, column, buf_str(&text));
	}
	if (row->sub != NULL && row->sub->short_form != NULL) {
		buf_reset(&text);
		buf_printf(
		    &text, "One may be written as %s.", row->sub->short_form);
		comment(s, column, buf_str(&text));
	}
	buf_fini(&text);
}

static bool
is_block(const struct opt *row)
{
	return row->type == OPT_TABLE || row->type == OPT_NAMED ||
	       (row->type == OPT_TABLES && row->sub->sample_list == NULL);
}

static void
row_sample(struct sample *s, const struct opt *row, int column)
{
	int saved = s->off_column;

	explain(s, row, column);
	/* A heading of the top level may stand with nothing below it. */
	if (s->off_column < 0 && !(row->flags & OPT_LIVE) &&
	    !(is_block(row) && column == 0))
		s->off_column = column;
	begin(s, column);
	buf_printf(&s->out, "%s:", row->name);
	if (!is_block(row)) {
		buf_addc(&s->out, ' ');
		value(s, row);
	}
	buf_addc(&s->out, '\n');
	if (row->type == OPT_TABLE) {
		rows_sample(s, row->sub, column + 2);
	} else if (row->type == OPT_NAMED) {
		begin(s, column + 2);
		buf_printf(&s->out, "%s:\n", row->sub->sample_name);
		rows_sample(s, row->sub, column + 4);
	} else if (is_block(row)) {
		/* a heading may stand alone, an entry without options not */
		if (s->off_column < 0 && !(row->flags & OPT_LIVE))
			s->off_column = column + 2;
		begin(s, column + 2);
		buf_addz(&s->out, "-\n");
		rows_sample(s, row->sub, column + 4);
	}
	s->off_column = saved;
}

static void
rows_sample(struct sample *s, const struct opt_table *t, int column)
{
	for (const struct opt *row = t->rows; row->name != NULL; row++) {
		if (column == 0)
			buf_addc(&s->out, '\n');
		row_sample(s, row, column);
	}
}

static const char head[] =
    "# Configuration of the LLM Gateway: /etc/llmgw/llmgw.yaml, see\n"
    "# llmgw.yaml(5). Made from the option tables by \"llmgwctl config "
    "sample\".\n"
    "#\n"
    "# Lines like \"#name: value\" show an option at its default, or an "
    "example;\n"
    "# take the # away to use them. \"llmgwctl check FILE\" tells everything "
    "that is\n"
    "# wrong. A change is in force a moment after it is saved; a file with\n"
    "# problems changes nothing. Files conf.d/*.yaml beside this one are read "
    "too.\n"
    "#\n"
    "# Times: 250ms 5s 10m 2h 7d. Sizes: 512 64KiB 8MiB. Secrets stand here "
    "by\n"
    "# reference only: env:NAME or file:/PATH.\n";

enum err
conf_sample_print(FILE *to)
{
	struct sample s = { .off_column = -1 };
	enum err e = ERR_OK;

	buf_init(&s.out, SAMPLE_MAX);
	buf_addz(&s.out, head);
	rows_sample(&s, &conf_table, 0);
	if (s.out.failed)
		e = ERR_NOMEM;
	else if (fwrite(s.out.p, 1, s.out.n, to) != s.out.n)
		e = ERR_IO;
	buf_fini(&s.out);
	return e;
}
