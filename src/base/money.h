#ifndef BASE_MONEY_H
#define BASE_MONEY_H
/*
 * Money, without floating point. Amounts are whole nano-dollars, prices are
 * whole pico-dollars for one token: $1 per million tokens is 1 000 000.
 *
 * THE ROUNDING RULE. What one call costs is summed exactly, in pico-dollars
 * and 128 bits, and rounded once, half up, to nano-dollars. Sums over calls are
 * sums of such rounded amounts, so a report and the rows it was made from never
 * differ.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef int64_t nanousd_t; /* up to $9 223 372 036 */
typedef int64_t picousd_t; /* of one token */

#define NANOUSD_PER_USD INT64_C(1000000000)

__extension__ typedef __int128 money_wide_t;

/* A sum while it grows; all zero to begin with. */
struct money_sum {
	money_wide_t pico;
	bool failed; /* it left the range: stays so */
};

/* n >= 0 tokens at price >= 0. */
void money_add_tokens(struct money_sum *s, int64_t n, picousd_t price);
void money_add_nano(struct money_sum *s, nanousd_t amount);
/* False: more than nanousd_t holds; *out is as it was. */
MUST_CHECK bool money_total(const struct money_sum *s, nanousd_t *out);

/*
 * A decimal number that is not negative ("0.15", "12", "2.5e-06") times
 * 10^scale as an integer, by its digits. When digits are left beyond the last
 * place: rounded half up and *is_rounded = true, or ERR_LIMIT where is_rounded
 * is NULL. ERR_SYNTAX; ERR_RANGE: negative, or too large.
 */
MUST_CHECK enum err
money_parse_decimal(struct str s, int scale, int64_t *out, bool *is_rounded);
/* "12.50", "$12.50": dollars, exactly (ERR_LIMIT: below a nano-dollar). */
MUST_CHECK enum err money_parse_usd(struct str s, nanousd_t *out);
/*
 * "0.15", "$0.15", "$0.15 per million", "0.15/M": dollars for a million tokens;
 * "0.00000015 per token". Exactly (ERR_LIMIT: below a pico-dollar a token).
 */
MUST_CHECK enum err money_parse_price(struct str s, picousd_t *out);

/* Room for any amount, its sign and NUL. */
#define MONEY_TEXT_SIZE 24
/* "0", "0.000123", "-12.5": dollars, no needless zeros. */
void money_print_usd(nanousd_t amount, char out[MONEY_TEXT_SIZE]);
/* Dollars for a million tokens: "0.15". */
void money_print_price(picousd_t price, char out[MONEY_TEXT_SIZE]);

#endif
