/* The option tables as the OPTIONS of llmgw.yaml(5), in mdoc. */
#include "base/buf.h"
#include "conf/opt.h"

#define MAN_MAX ((size_t)1024 * 1024)

/* Text: a line per sentence; nothing that roff would take for a request. */
static void
prose(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool at_start = out->n == 0 || out->p[out->n - 1] == '\n';

		if (c == '\\')
			buf_addz(out, "\\e");
		else if (at_start && (c == '.' || c == '\''))
			buf_printf(out, "\\&%c", c);
		else if (c == ' ' && i > 0 && text.p[i - 1] == '.')
			buf_addc(out, '\n');
		else
			buf_addc(out, c);
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
		buf_addc(&facts, '.');
		/* Capital where a sentence begins. */
		buf_addz(out, "Value: ");
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
