#include "base/price.h"

#include "base/utf8.h"

const struct price_part_row price_part_table[PRICE__MAX] = {
	[PRICE_INPUT] = { "input", PRICE__MAX },
	[PRICE_OUTPUT] = { "output", PRICE__MAX },
	[PRICE_CACHED] = { "cached", PRICE_INPUT },
	[PRICE_CACHE_WRITE] = { "cache_write", PRICE_INPUT },
	[PRICE_CACHE_WRITE_1H] = { "cache_write_1h", PRICE_CACHE_WRITE },
	[PRICE_REASONING] = { "reasoning", PRICE_OUTPUT },
	[PRICE_AUDIO_IN] = { "audio_in", PRICE_INPUT },
	[PRICE_AUDIO_OUT] = { "audio_out", PRICE_OUTPUT },
	[PRICE_IMAGE_IN] = { "image_in", PRICE_INPUT },
	[PRICE_IMAGE_OUT] = { "image_out", PRICE_OUTPUT },
	[PRICE_PER_REQUEST] = { "per_request", PRICE__MAX },
};

void
price_row_init(struct price_row *row)
{
	*row = (struct price_row){ 0 };
	for (unsigned i = 0; i < PRICE__MAX; i++)
		row->part[i] = PRICE_NONE;
}

bool
price_row_is_empty(const struct price_row *row)
{
	for (unsigned i = 0; i < PRICE__MAX; i++) {
		if (row->part[i] >= 0)
			return false;
	}
	return true;
}

bool
price_row_eq(const struct price_row *a, const struct price_row *b)
{
	return price_row_cmp(a, b) == 0 &&
	       memcmp(a->part, b->part, sizeof(a->part)) == 0;
}

int
price_row_cmp(const struct price_row *a, const struct price_row *b)
{
	int c = str_cmp(a->provider, b->provider);

	if (c == 0)
		c = str_cmp(a->model, b->model);
	if (c == 0)
		c = (a->is_batch > b->is_batch) - (a->is_batch < b->is_batch);
	if (c == 0)
		c = (a->above > b->above) - (a->above < b->above);
	return c;
}

static bool
is_name(struct str s, size_t max)
{
	if (s.n > max || !utf8_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	}
	return true;
}

const char *
price_row_wrong(const struct price_row *row)
{
	const char *why = NULL;

	if (row->provider.n == 0)
		why = "has no provider";
	else if (!is_name(row->provider, PRICE_PROVIDER_MAX))
		why = "has a provider with blanks or over 128 bytes";
	else if (row->model.n == 0)
		why = "has no model";
	else if (!is_name(row->model, PRICE_MODEL_MAX))
		why = "has a model with blanks or over 190 bytes";
	if (why == NULL && row->above < 0)
		why = "counts above less than no tokens";
	for (unsigned i = 0; why == NULL && i < PRICE__MAX; i++) {
		if (row->part[i] < PRICE_NONE)
			why = "has a price below zero";
	}
	return why;
}

enum err
price_part_parse(enum price_part part, struct str text, int64_t *out)
{
	return part == PRICE_PER_REQUEST ? money_parse_usd(text, out)
					 : money_parse_price(text, out);
}

void
price_part_print(enum price_part part, int64_t value, char out[MONEY_TEXT_SIZE])
{
	if (part == PRICE_PER_REQUEST)
		money_print_usd(value, out);
	else
		money_print_price(value, out);
}
