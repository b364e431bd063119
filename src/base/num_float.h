#ifndef BASE_NUM_FLOAT_H
#define BASE_NUM_FLOAT_H
/*
 * Decimal digits to the nearest double, ties to even: what strtod does, without
 * its locale. Used by num.c only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* No double, nor the middle of two, has more digits than this. */
enum {
	FLOAT_DIGITS = 768
};

/* 0.d0d1d2... is not meant: the value is the integer d0d1d2... * 10^exp10. */
struct num_float {
	bool is_negative;
	bool has_more; /* a digit other than 0 was left out at the end */
	unsigned n;
	int64_t exp10;
	unsigned char digit[FLOAT_DIGITS];
};

/* ERR_RANGE for what is beyond DBL_MAX; too small gives 0. */
MUST_CHECK enum err num_float_make(const struct num_float *f, double *out);

#endif
