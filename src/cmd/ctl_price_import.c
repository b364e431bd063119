/* llmgwctl price import: other projects' lists of prices. */
#include "cmd/ctl_price.h"

#include <errno.h>

#include "base/buf.h"
#include "conf/catalogue.h"
#include "conf/file.h"
#include "meter/import.h"

#define IMPORT_ARENA_MAX ((size_t)1024 * 1024 * 1024)

static void
tell_skipped(struct ctl *c, const struct meter_import *in)
{
	ctl_note(c,
	    "%u models read, %zu rows, %u prices rounded to a "
	    "pico-dollar a token",
	    in->n_models, in->n, in->n_rounded);
	for (unsigned i = 0; i < METER_IMPORT__MAX; i++) {
		if (in->skipped[i] != 0)
			ctl_note(c, "%6u: %s (%.*s%s)", in->skipped[i],
			    meter_import_reasons[i], STR_ARG(in->example[i]),
			    in->skipped[i] > 1 ? ", ..." : "");
	}
}

static int
read_list(struct ctl *c, bool with_free, struct buf *text, struct arena *a,
    struct meter_import *in)
{
	struct str format = ctl_operand(c, 0);
	const char *file = c->operands[1];
	char iso[CLOCK_ISO_SIZE];
	struct meter_import_options o = { .with_free = with_free };
	enum err e = conf_file_read(file, text, NULL);
	int why = errno;

	if (e != ERR_OK &&
	    meter_import(format, STR("{}"), &o, a, in) != ERR_NOT_FOUND)
		return ctl_fail(c, "%s: %s", file, conf_file_why(e, why));
	clock_iso(clock_wall(), iso);
	o.today = str_of(iso, 10);
	e = meter_import(format, buf_str(text), &o, a, in);
	if (e == ERR_NOT_FOUND)
		return ctl_fail(c,
		    "no format '%s': litellm, models.dev, genai-prices and "
		    "catalogue are there",
		    c->operands[0]);
	if (e == ERR_NOMEM)
		return ctl_nomem(c);
	if (e != ERR_OK)
		return ctl_fail(c, "%s, byte %zu: %s", file, in->pos,
		    in->why != NULL ? in->why : err_word(e));
	return CTL_OK;
}

static int
import_catalogue(struct ctl *c, bool is_dry, struct ctl_price_adding *adding)
{
	struct conf_problems problems;
	struct conf_catalogue *k;
	int status;

	conf_problems_init(&problems, c->arena);
	if (conf_catalogue_load(c->operands[1], &k, &problems) != ERR_OK) {
		conf_problems_print(&problems, stderr);
		return ctl_fail(c, "%s is no good", c->operands[1]);
	}
	adding->rows = k->rows;
	adding->n = k->n_rows;
	status = is_dry ? CTL_OK : ctl_price_add(adding);
	conf_catalogue_free(k);
	return status;
}

static int
show(struct ctl *c, const struct meter_import *in)
{
	ctl_list_begin(c, ctl_price_columns);
	for (size_t i = 0; i < in->n; i++)
		ctl_price_put(c, &in->rows[i], METER_PRICE_IMPORTED, 0);
	return ctl_list_end(c);
}

static int
import_foreign(struct ctl *c, const struct ctl_price_import *given,
    struct ctl_price_adding *adding, struct arena *a)
{
	struct meter_import in = { 0 };
	struct buf text;
	int status;

	buf_init(&text, METER_IMPORT_TEXT_MAX);
	status = read_list(c, given->with_free, &text, a, &in);
	if (status == CTL_OK) {
		tell_skipped(c, &in);
		adding->rows = in.rows;
		adding->n = in.n;
		status = given->is_dry ? show(c, &in) : ctl_price_add(adding);
	}
	buf_fini(&text);
	return status;
}

int
ctl_price_import(struct ctl *c, const struct ctl_price_import *given)
{
	struct ctl_price_adding adding = { .c = c,
		.source = c->operands[0],
		.action = "price.import",
		.note = given->note };
	struct arena *arena;
	int status;

	if (strcmp(c->operands[0], "catalogue") == 0)
		return import_catalogue(c, given->is_dry, &adding);
	arena = arena_new(IMPORT_ARENA_MAX);
	if (arena == NULL)
		return ctl_nomem(c);
	status = import_foreign(c, given, &adding, arena);
	arena_free(arena);
	return status;
}
