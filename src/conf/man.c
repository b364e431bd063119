/* The option tables as the OPTIONS of llmgw.yaml(5), in mdoc. */
#include "base/buf.h"
#include "conf/opt.h"

#define WIDTH 78u
#define MAN_MAX ((size_t)1024 * 1024)

/* Text: lines end with a sentence or when they are full. */
static void
prose(struct buf *out, struct str text)
{
	size_t column = 0;

	while (text.n > 0) {
		size_t n = str_chr(text, ' ');
		bool is_end = n > 0 && text.p[n - 1] == '.';

		if (column > 0 && column + n + 1 > WIDTH) {
			buf_addc(out, '\n');
			column = 0;
		}
		if (column > 0)
			buf_addc(out, ' ');
		else if (text.p[0] == '.' || text.p[0] == '\'')
			buf_addz(out, "\\&"); /* no request of roff's */
		for (size_t i = 0; i < n; i++)
			buf_printf(
			    out, text.p[i] == '\\' ? "%ce" : "%c", text.p[i]);
		column += n + 1;
		text = str_skip(text, n + 1);
		if (is_end && text.n > 0) {
			buf_addc(out, '\n');
			column = 0;
		}
	}
	buf_addc(out, '\n');
}

static void
words_man(struct buf *out, const struct opt_word *words)
{
	if (words == NULL || words->doc == NULL)
		return;
	buf_addz(out, ".Bl -tag -width Ds -compact\n");
	for (; words->word != NULL; words++) {
		buf_printf(out, ".It Cm %s\n", words->word);
		prose(out, str_z(words->doc));
	}
	buf_addz(out, ".El\n");
}

static void
rows_man(struct buf *out, const struct opt_table *t, const char *prefix);

static void
row_man(struct buf *out, const struct opt *row, const char *prefix)
{
	struct buf facts;
	char below[256];

	buf_printf(out, ".It Cm %s%s\n", prefix, row->name);
	prose(out, str_z(row->doc));
	if (row->sub != NULL && row->sub->short_form != NULL) {
		buf_addz(out, "One may be written as\n");
		buf_printf(out, ".Ar %s .\n", row->sub->short_form);
	}
	buf_init(&facts, 2048);
	opt_facts(row, &facts);
	if (facts.n > 0) {
		buf_addz(out, ".br\n");
		buf_addc(&facts, '.');
		prose(out, buf_str(&facts));
	}
	buf_fini(&facts);
	words_man(out, row->words);
	if (row->sub == NULL)
		return;
	(void)snprintf(below, sizeof(below), "%s%s%s.", prefix, row->name,
	    row->type == OPT_NAMED    ? ".NAME"
	    : row->type == OPT_TABLES ? "[]"
				      : "");
	rows_man(out, row->sub, below);
}

static void
rows_man(struct buf *out, const struct opt_table *t, const char *prefix)
{
	for (const struct opt *row = t->rows; row->name != NULL; row++)
		row_man(out, row, prefix);
}

enum err
conf_man_print(FILE *to)
{
	struct buf out;
	enum err e = ERR_OK;

	buf_init(&out, MAN_MAX);
	for (const struct opt *row = conf_table.rows; row->name != NULL;
	     row++) {
		buf_printf(&out, ".Ss %s\n.Bl -tag -width Ds\n", row->name);
		row_man(&out, row, "");
		buf_addz(&out, ".El\n");
	}
	if (out.failed)
		e = ERR_NOMEM;
	else if (fwrite(out.p, 1, out.n, to) != out.n)
		e = ERR_IO;
	buf_fini(&out);
	return e;
}
