/* What may be written for an option, in words for people. */
#include "base/buf.h"
#include "conf/opt.h"
#include "conf/values.h"

static void
add_range(const struct opt *row, struct buf *out)
{
	char low[32], high[32];

	opt_print_value(row, row->min, low, sizeof(low));
	opt_print_value(row, row->max, high, sizeof(high));
	if (row->zero_word != NULL)
		buf_printf(out, "%s or ", row->zero_word);
	buf_printf(out, "%s to %s", low, high);
}

static void
add_kinds(struct buf *out)
{
	const struct conf_kind *k = value_kinds();
	const char *comma = "";

	for (; k->name != NULL; k++) {
		buf_printf(out, "%s%s", comma, k->name);
		comma = ", ";
	}
}

static void
add_form(const struct opt *row, struct buf *out)
{
	char words[256];

	switch (row->type) {
	case OPT_BOOL:
		buf_addz(out, "true or false");
		break;
	case OPT_U32:
	case OPT_I64:
	case OPT_SIZE:
	case OPT_DURATION:
		add_range(row, out);
		break;
	case OPT_RATIO:
		buf_addz(out, "0.0 to 1.0");
		break;
	case OPT_WORD:
	case OPT_WORDS:
		/* Words with a meaning of their own are listed below it. */
		if (row->words->doc != NULL) {
			if (row->type == OPT_WORDS)
				buf_addz(out, "list of these words");
			break;
		}
		opt_words_text(row->words, words, sizeof(words));
		buf_addz(out, words);
		break;
	case OPT_STRS:
		buf_printf(
		    out, "list of %s", row->form != NULL ? row->form : "texts");
		break;
	case OPT_PAIRS:
		buf_addz(out, "map of name to value");
		break;
	case OPT_LATER:
		buf_addz(out, "not available in this version");
		break;
	case OPT_STR:
	case OPT_CUSTOM:
		if (row->check == value_check_kind)
			add_kinds(out);
		else if (row->form != NULL)
			buf_addz(out, row->form);
		break;
	case OPT_TABLE:
	case OPT_TABLES:
	case OPT_NAMED:
		break;
	}
}

void
opt_facts(const struct opt *row, struct buf *out)
{
	size_t start = out->n;

	add_form(row, out);
	if (row->flags & OPT_REQUIRED)
		buf_printf(out, "%srequired", out->n > start ? "; " : "");
	if (row->dflt != NULL)
		buf_printf(
		    out, "%sdefault %s", out->n > start ? "; " : "", row->dflt);
}
