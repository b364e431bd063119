/* llmgwctl price set and unset: what a hand says of one model's price. */
#include "cmd/ctl_price.h"

#include "store/price.h"

#define SET_ROWS_MAX 32u /* tiers of one model */

/* What a hand has set for the model so far, without the tier that is set. */
static enum err
other_tiers(struct ctl *c, const struct price_row *set, struct price_row *rows,
    size_t *n)
{
	struct price_row *all;
	size_t n_all;
	enum err e = store_price_rows(c->store, 0, c->arena, &all, &n_all);

	for (size_t i = 0; e == ERR_OK && i < n_all; i++) {
		if (!all[i].is_hand || price_row_is_empty(&all[i]) ||
		    !str_eq(all[i].provider, set->provider) ||
		    !str_eq(all[i].model, set->model) ||
		    price_row_cmp(&all[i], set) == 0)
			continue;
		if (*n == SET_ROWS_MAX)
			return ERR_LIMIT;
		rows[(*n)++] = all[i];
	}
	return e;
}

static int
take_parts(
    struct ctl *c, const struct ctl_price_set *given, struct price_row *row)
{
	bool any = false;

	for (unsigned i = 0; i < PRICE__MAX; i++) {
		enum err e;

		if (given->part[i] == NULL)
			continue;
		any = true;
		e = price_part_parse(i, str_z(given->part[i]), &row->part[i]);
		if (e != ERR_OK)
			return ctl_fail(c, "'%s' is no price of %s: %s",
			    given->part[i], price_part_table[i].name,
			    e == ERR_LIMIT ? "too fine"
			    : i == PRICE_PER_REQUEST
				? "dollars are wanted, such as 0.005"
				: "dollars for a million tokens are wanted, "
				  "such as 0.15");
	}
	if (any == given->is_unpriced)
		return ctl_fail(c,
		    any ? "--unpriced and a price contradict each other"
			: "give a price (--input, --output ...) or --unpriced");
	return CTL_OK;
}

/* The model of the operands, without prices yet. */
static int
take_row(struct ctl *c, uint32_t above, bool is_batch, struct price_row *row)
{
	struct conf *conf = NULL;
	const char *why;
	int status = ctl_prices_conf(c, &conf);

	if (status != CTL_OK)
		return status;
	price_row_init(row);
	row->provider = ctl_price_family(c, conf, ctl_operand(c, 0));
	conf_unref(conf);
	row->model = ctl_operand(c, 1);
	row->above = above;
	row->is_batch = is_batch;
	why = price_row_wrong(row);
	return why == NULL ? CTL_OK : ctl_fail(c, "the row %s", why);
}

int
ctl_price_set(struct ctl *c, const struct ctl_price_set *given)
{
	struct price_row rows[SET_ROWS_MAX + 1];
	struct ctl_price_adding a = { .c = c,
		.source = STORE_PRICE_HAND,
		.action = "price.set",
		.note = given->note,
		.rows = rows,
		.n = 1 };
	int status = take_row(c, given->above, given->is_batch, &rows[0]);
	enum err e;

	if (status == CTL_OK)
		status = take_parts(c, given, &rows[0]);
	if (status != CTL_OK)
		return status;
	if (!given->is_unpriced) {
		e = other_tiers(c, &rows[0], rows, &a.n);
		if (e == ERR_LIMIT)
			return ctl_fail(
			    c, "a model has at most %u tiers", SET_ROWS_MAX);
		if (e != ERR_OK)
			return ctl_store_fail(c, e);
	}
	return ctl_price_add(&a);
}

static int
find_hand(struct ctl *c, const struct price_row *row)
{
	struct price_row *all;
	size_t n;
	enum err e = store_price_rows(c->store, 0, c->arena, &all, &n);

	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	for (size_t i = 0; i < n; i++)
		if (all[i].is_hand && str_eq(all[i].provider, row->provider) &&
		    str_eq(all[i].model, row->model))
			return CTL_OK;
	return ctl_fail(c,
	    "no price of '%.*s' of %.*s was set by hand; llmgwctl price list "
	    "shows them",
	    STR_ARG(row->model), STR_ARG(row->provider));
}

int
ctl_price_unset(struct ctl *c, const char *note)
{
	struct price_row row;
	struct ctl_price_adding a = { .c = c,
		.source = STORE_PRICE_UNSET,
		.action = "price.unset",
		.note = note,
		.rows = &row,
		.n = 1 };
	int status = take_row(c, 0, false, &row);

	if (status == CTL_OK)
		status = find_hand(c, &row);
	return status == CTL_OK ? ctl_price_add(&a) : status;
}
