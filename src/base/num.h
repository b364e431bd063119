#ifndef BASE_NUM_H
#define BASE_NUM_H
/*
 * Checked arithmetic and the only number parsers. Parsers take the whole span
 * (no leading blanks, no trailing bytes) and write *out only on ERR_OK:
 * ERR_SYNTAX for what is no number, ERR_RANGE for what does not fit.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

static inline bool
num_add_size(size_t a, size_t b, size_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

static inline bool
num_mul_size(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

/* Saturating: for counters that must not wrap. */
int64_t num_add_i64_sat(int64_t a, int64_t b);

MUST_CHECK enum err num_parse_i64(struct str s, int64_t *out);
MUST_CHECK enum err num_parse_u64(struct str s, uint64_t *out);
/* Decimal with optional sign, fraction and exponent. C locale always. */
MUST_CHECK enum err num_parse_double(struct str s, double *out);
/* 0..15; -1: it is none. */
int num_hex_digit(char c);
MUST_CHECK enum err num_parse_hex_u64(struct str s, uint64_t *out);

/* Configuration: 250ms 5s 10m 2h 7d (an integer and one unit). */
MUST_CHECK enum err num_parse_duration(struct str s, usec_t *out);
/* Configuration: 512 64KiB 8MiB 1GiB, also KB MB GB (powers of 1000). */
MUST_CHECK enum err num_parse_size(struct str s, uint64_t *out);
/* Go's: 2ms, 1m30.951s, 6m0s, 1h2m3s, 20us (wire.md 4.4). */
MUST_CHECK enum err num_parse_go_duration(struct str s, usec_t *out);

#endif
