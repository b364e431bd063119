#ifndef BASE_PRICE_H
#define BASE_PRICE_H
/*
 * A row of a price list, as files, the database and the look-up
 * (meter/price.h) hand it to each other.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/money.h"
#include "base/str.h"

/*
 * What has a price. A part without a price of its own is priced as its parent,
 * so an unknown discount is never taken:
 *
 *	cached		input	read from the maker's prompt cache
 *	cache_write	input	written to it
 *	cache_write_1h	cache_write	... for an hour
 *	audio_in	input	audio in the prompt
 *	image_in	input	images in the prompt
 *	reasoning	output	thoughts
 *	audio_out	output	audio in the answer
 *	image_out	output	images in the answer
 *
 * input, output and per_request have no parent: without a price they have
 * none.
 */
enum price_part {
	PRICE_INPUT,
	PRICE_OUTPUT,
	PRICE_CACHED,
	PRICE_CACHE_WRITE,
	PRICE_CACHE_WRITE_1H,
	PRICE_REASONING,
	PRICE_AUDIO_IN,
	PRICE_AUDIO_OUT,
	PRICE_IMAGE_IN,
	PRICE_IMAGE_OUT,
	PRICE_PER_REQUEST,
	PRICE__MAX
};

#define PRICE_NONE INT64_C(-1)

struct price_part_row {
	const char *name; /* in files, commands and the database */
	enum price_part parent; /* PRICE__MAX: none */
};
extern const struct price_part_row price_part_table[PRICE__MAX];

/* Bytes of names: what the database holds. */
#define PRICE_PROVIDER_MAX 128
#define PRICE_MODEL_MAX 190

struct price_row {
	struct str provider; /* vendor or kind; "*": any */
	struct str model; /* '*' stands for any run */
	/* Counts for the whole request when its prompt has more tokens. */
	int64_t above;
	bool is_batch; /* price of batch processing */
	/*
	 * PRICE_NONE or picousd_t; per_request is nanousd_t. A row with nothing
	 * but PRICE_NONE says: has no price, whatever older lists say.
	 */
	int64_t part[PRICE__MAX];
	int64_t version; /* of the database; 0: none yet */
	bool is_hand; /* set by hand: before what was imported */
};

/* All parts PRICE_NONE, the rest 0. */
void price_row_init(struct price_row *row);
bool price_row_is_empty(const struct price_row *row);
/* Same provider, model, above, batch and parts. */
bool price_row_eq(const struct price_row *a, const struct price_row *b);
/* Order of lists: provider, model, batch, above; 0 for rows of one place. */
int price_row_cmp(const struct price_row *a, const struct price_row *b);
/*
 * Why the row is no good, as a sentence's end ("has no model"); NULL: it is.
 */
const char *price_row_wrong(const struct price_row *row);
/*
 * A part's text: dollars for a million tokens, or dollars for per_request.
 * Errors as money_parse_price.
 */
MUST_CHECK enum err
price_part_parse(enum price_part part, struct str text, int64_t *out);
void price_part_print(
    enum price_part part, int64_t value, char out[MONEY_TEXT_SIZE]);

#endif
