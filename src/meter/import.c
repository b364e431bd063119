#include "meter/import.h"

#include "meter/import_int.h"

/* What there is of such lists has some hundred thousand values. */
static const struct json_limits limits = { 32, 8000000, 200000 };

const char *const meter_import_reasons[METER_IMPORT__MAX] = {
	[METER_IMPORT_NO_PRICE] = "has no price",
	[METER_IMPORT_FREE] = "costs nothing: taken as not known",
	[METER_IMPORT_BELOW_ZERO] = "has a price below zero",
	[METER_IMPORT_BAD_NUMBER] = "has a price that is no number",
	[METER_IMPORT_BAD_NAME] = "has a name that cannot be kept",
	[METER_IMPORT_AGAIN] = "is there already",
	[METER_IMPORT_BY_TIME] = "has a price by time of day: left out",
	[METER_IMPORT_BY_RULE] = "has a rule for names that * cannot say: "
				 "taken by its own name only",
	[METER_IMPORT_NOT_A_MODEL] = "is no model",
};

const char *const meter_import_formats[] = { "litellm", "models.dev",
	"genai-prices", NULL };

static enum err (*const readers[])(
    struct import *) = { import_litellm, import_models_dev, import_genai };

struct str
import_provider(const struct import_name *names, struct str theirs)
{
	for (; names->theirs != NULL; names++) {
		if (str_eqz(theirs, names->theirs))
			return str_z(names->ours);
	}
	return theirs;
}

void
import_begin(struct import *i, struct str provider, struct str model)
{
	i->provider = provider;
	i->model = model;
	i->first = i->out->n;
	i->is_bad = false;
	i->out->n_models++;
}

void
import_note(struct import *i, enum meter_import_reason why)
{
	if (i->out->skipped[why]++ == 0)
		i->out->example[why] = arena_printf(i->arena, "%.*s/%.*s",
		    STR_ARG(i->provider), STR_ARG(i->model));
}

void
import_skip(struct import *i, enum meter_import_reason why)
{
	if (i->is_bad)
		return;
	import_note(i, why);
	i->is_bad = true;
	i->out->n = i->first;
}

/* A row behind the last; NULL: too many, or no memory. */
static struct price_row *
new_row(struct import *i)
{
	struct meter_import *out = i->out;
	size_t cap = i->cap != 0 ? 2 * i->cap : 1024;

	if (out->n == i->cap) {
		struct price_row *more = NULL;

		i->is_full = cap > 2 * METER_IMPORT_ROWS_MAX;
		if (!i->is_full)
			more = arena_resize(i->arena, out->rows,
			    i->cap * sizeof(*more), cap * sizeof(*more));
		if (more == NULL) {
			i->is_bad = true;
			return NULL;
		}
		out->rows = more;
		i->cap = cap;
	}
	price_row_init(&out->rows[out->n]);
	return &out->rows[out->n++];
}

/* The model's row of this tier. */
static struct price_row *
tier_row(struct import *i, int64_t above, bool is_batch)
{
	struct price_row *row;

	for (size_t k = i->first; k < i->out->n; k++) {
		row = &i->out->rows[k];
		if (row->above == above && row->is_batch == is_batch)
			return row;
	}
	row = new_row(i);
	if (row != NULL) {
		row->provider = i->provider;
		row->above = above;
		row->is_batch = is_batch;
	}
	return row;
}

void
import_price(struct import *i, enum price_part part, int64_t above,
    bool is_batch, json_ref v, int scale)
{
	struct str text = json_raw(&i->json, v);
	enum json_type type = json_type(&i->json, v);
	struct price_row *row;
	bool is_rounded = false;
	int64_t value = 0;
	enum err e;

	if (i->is_bad || type == JSON_T_NONE || type == JSON_T_NULL)
		return;
	if (type != JSON_T_NUMBER) {
		import_skip(i, METER_IMPORT_BAD_NUMBER);
		return;
	}
	e = money_parse_decimal(text, scale, &value, &is_rounded);
	if (e != ERR_OK) {
		import_skip(i, text.p[0] == '-' ? METER_IMPORT_BELOW_ZERO
						: METER_IMPORT_BAD_NUMBER);
		return;
	}
	row = tier_row(i, above, is_batch);
	if (row == NULL)
		return;
	i->out->n_rounded += is_rounded;
	row->part[part] = value;
}

static bool
is_free(const struct import *i)
{
	for (size_t k = i->first; k < i->out->n; k++) {
		for (unsigned p = 0; p < PRICE__MAX; p++) {
			if (i->out->rows[k].part[p] > 0)
				return false;
		}
	}
	return true;
}

void
import_keep(struct import *i, struct str pattern)
{
	size_t first = i->first, n = i->out->n - first;

	if (i->is_bad)
		return;
	if (n == 0) {
		import_skip(i, METER_IMPORT_NO_PRICE);
		return;
	}
	if (is_free(i) && !i->options->with_free) {
		import_skip(i, METER_IMPORT_FREE);
		return;
	}
	/* its rows stay without a name; those that are kept go before them */
	for (size_t k = 0; k < n; k++) {
		struct price_row *to = new_row(i), kept;

		if (to == NULL)
			return;
		kept = i->out->rows[i->first + k];
		kept.model = pattern;
		if (price_row_wrong(&kept) != NULL) {
			i->out->n--;
			import_note(i, METER_IMPORT_BAD_NAME);
			return;
		}
		*to = i->out->rows[first + k];
		i->out->rows[first + k] = kept;
	}
	i->first = first + n;
}

void
import_end(struct import *i)
{
	/* what is left are the rows without a name */
	if (i->out->n > i->first)
		i->out->n = i->first;
}

/* ---- all of it ---------------------------------------------------------- */

struct placed {
	struct price_row row;
	size_t order; /* in the file */
};

static int
by_place(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int c = price_row_cmp(&x->row, &y->row);

	return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

/* Sorted; of one place the file's first stays. */
static enum err
only_once(struct import *i)
{
	struct meter_import *out = i->out;
	struct placed *all = calloc(out->n + 1, sizeof(*all));
	size_t kept = 0;

	if (all == NULL)
		return ERR_NOMEM;
	for (size_t k = 0; k < out->n; k++)
		all[k] = (struct placed){ out->rows[k], k };
	qsort(all, out->n, sizeof(*all), by_place);
	for (size_t k = 0; k < out->n; k++) {
		const struct price_row *row = &all[k].row;

		if (kept > 0 && price_row_cmp(&out->rows[kept - 1], row) == 0) {
			i->provider = row->provider;
			i->model = row->model;
			if (!price_row_eq(&out->rows[kept - 1], row))
				import_note(i, METER_IMPORT_AGAIN);
			continue;
		}
		out->rows[kept++] = *row;
	}
	out->n = kept;
	free(all);
	return ERR_OK;
}

enum err
meter_import(struct str format, struct str text,
    const struct meter_import_options *options, struct arena *a,
    struct meter_import *out)
{
	struct import i = { .arena = a, .options = options, .out = out };
	struct json_problem problem = { 0 };
	size_t f = 0;
	enum err e;

	*out = (struct meter_import){ 0 };
	while (meter_import_formats[f] != NULL &&
	       !str_eqz(format, meter_import_formats[f]))
		f++;
	if (meter_import_formats[f] == NULL)
		return ERR_NOT_FOUND;
	if (text.n > METER_IMPORT_TEXT_MAX) {
		out->why = "is too large";
		return ERR_LIMIT;
	}
	e = json_scan(&i.json, a, text, &limits, &problem);
	if (e != ERR_OK) {
		out->pos = problem.pos;
		out->why = problem.why != NULL ? problem.why : err_word(e);
		return e;
	}
	e = readers[f](&i);
	if (e == ERR_OK && i.is_full) {
		out->why = "has too many models";
		e = ERR_LIMIT;
	}
	if (e == ERR_OK && arena_failed(a))
		e = ERR_NOMEM;
	return e == ERR_OK ? only_once(&i) : e;
}
