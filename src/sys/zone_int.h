#ifndef SYS_ZONE_INT_H
#define SYS_ZONE_INT_H
/* Inside of the zones: how a file's content is kept. */
#include "sys/zone.h"

#define ZONE_TYPES_MAX 256u
#define ZONE_CHANGES_MAX 4096u

/* When a rule's half of the year begins: Mm.w.d, Jn or n, and the time. */
struct zone_date {
	enum zone_date_sort {
		ZONE_DATE_WEEKDAY, /* the week'th (5: last) weekday of month */
		ZONE_DATE_JULIAN, /* 1 .. 365, no 29th of February */
		ZONE_DATE_DAY /* 0 .. 365 */
	} sort;
	int month, week, weekday; /* weekday 0: Sunday, as POSIX has it */
	int day;
	int32_t time; /* seconds since midnight, also negative or > a day */
};

/* The footer. */
struct zone_rule {
	bool is_there;
	bool has_dst;
	int32_t std, dst; /* ahead of UTC */
	struct zone_date start, end; /* of daylight saving time */
};

struct zone_change {
	int64_t at; /* seconds since 1970 */
	int32_t offset; /* from then on */
};

struct zone {
	int32_t first; /* before all changes */
	struct zone_rule rule; /* from the last change on */
	uint32_t n;
	struct zone_change change[];
};

/* ERR_SYNTAX. rule is only written on ERR_OK. */
MUST_CHECK enum err zone_rule_parse(struct str text, struct zone_rule *rule);

#endif
