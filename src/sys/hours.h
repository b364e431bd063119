#ifndef SYS_HOURS_H
#define SYS_HOURS_H
/*
 * Hours of the week: "mon-fri 08:00-18:00, sat 10:00-14:00".
 *
 *	hours	span [, span ...]
 *	span	[days] HH:MM-HH:MM
 *	days	day | day-day	mon tue wed thu fri sat sun, either case
 *
 * Without days it is every day. The end does not belong to the span; 24:00 is
 * the end of the day. A span whose end is not after its begin goes on until
 * that time of the next day ("fri 22:00-06:00" ends on Saturday), and
 * sat-mon goes over Sunday.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define HOURS_SPANS_MAX 16u

struct hours_span {
	unsigned days; /* bits: 1 is Monday */
	int from, to; /* minutes of the day; to <= from: of the next day */
};

struct hours {
	uint32_t n;
	struct hours_span span[HOURS_SPANS_MAX];
};

/* Writes *out on ERR_OK only. ERR_SYNTAX, ERR_LIMIT: too many spans. */
MUST_CHECK enum err hours_parse(struct str text, struct hours *out);
/*
 * Is this moment, by the clocks that are meant, in one of the spans? weekday:
 * 0 is Monday; minute: of the day.
 */
bool hours_contain(const struct hours *h, int weekday, int minute);

#endif
