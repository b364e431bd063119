/*
 * Price lists of other projects, and amounts. Input: one list, read in every
 * format; its first line, if it is short, as a number. What must hold: what is
 * taken may be stored as it is, in order and no place twice; looked up it is
 * found again; an amount printed is that amount when it is read.
 */
#include <string.h>

#include "fuzz.h"
#include "meter/import.h"
#include "meter/price.h"

#define ARENA_MAX ((size_t)512 * 1024 * 1024)

static void
check_number(struct str text)
{
	char out[MONEY_TEXT_SIZE];
	int64_t v = 0, again = 0;
	bool is_rounded = false;

	if (money_parse_usd(text, &v) == ERR_OK) {
		money_print_usd(v, out);
		FUZZ_CHECK(money_parse_usd(str_z(out), &again) == ERR_OK);
		FUZZ_CHECK(v >= 0 && again == v);
	}
	if (money_parse_price(text, &v) == ERR_OK) {
		money_print_price(v, out);
		FUZZ_CHECK(money_parse_price(str_z(out), &again) == ERR_OK);
		FUZZ_CHECK(v >= 0 && again == v);
	}
	/* what is exact is the same rounded */
	if (money_parse_decimal(text, 9, &v, NULL) == ERR_OK) {
		FUZZ_CHECK(money_parse_decimal(text, 9, &again, &is_rounded) ==
			   ERR_OK);
		FUZZ_CHECK(!is_rounded && again == v);
	}
}

static void
check_found(const struct meter_import *in)
{
	const struct meter_price_source s = { in->rows, in->n,
		METER_PRICE_IMPORTED, 7 };
	struct meter_prices *p;

	if (in->n > 1000)
		return;
	FUZZ_CHECK(meter_prices_new(&s, 1, &p) == ERR_OK);
	FUZZ_CHECK(meter_prices_count(p) == in->n);
	for (size_t i = 0; i < in->n; i++) {
		const struct price_row *row = &in->rows[i];
		const struct meter_price_ask ask = { .provider = row->provider,
			.model = row->model,
			.is_batch = row->is_batch };
		struct meter_price found;

		/* a pattern need not match itself as the best one */
		if (memchr(row->model.p, '*', row->model.n) != NULL)
			continue;
		FUZZ_CHECK(meter_price_find(p, &ask, row->above + 1, &found));
		FUZZ_CHECK(str_eq(found.row.model, row->model));
		FUZZ_CHECK(found.row.above == row->above);
	}
	meter_prices_free(p);
}

static void
check_list(const char *format, struct str text, bool with_free)
{
	const struct meter_import_options o = { .today = STR("2026-11-21"),
		.with_free = with_free };
	struct arena *a = arena_new(ARENA_MAX);
	struct meter_import in;
	enum err e;

	FUZZ_CHECK(a != NULL);
	e = meter_import(str_z(format), text, &o, a, &in);
	FUZZ_CHECK(e == ERR_OK || e == ERR_SYNTAX || e == ERR_LIMIT);
	FUZZ_CHECK(e == ERR_OK || (in.why != NULL && in.pos <= text.n));
	for (size_t i = 0; e == ERR_OK && i < in.n; i++) {
		FUZZ_CHECK(price_row_wrong(&in.rows[i]) == NULL);
		FUZZ_CHECK(
		    i == 0 || price_row_cmp(&in.rows[i - 1], &in.rows[i]) < 0);
	}
	if (e == ERR_OK)
		check_found(&in);
	arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_of((const char *)data, size);
	struct str rest = text, line = str_cut(&rest, '\n');

	if (line.n < 100)
		check_number(line);
	for (size_t i = 0; meter_import_formats[i] != NULL; i++)
		check_list(meter_import_formats[i], text, size % 2 == 0);
	return 0;
}
