#ifndef SYS_ZONE_H
#define SYS_ZONE_H
/*
 * Time zones of the IANA data base (/usr/share/zoneinfo, package tzdata), and
 * the periods of the calendar in them: budgets begin and end where people live.
 *
 * The C library's localtime works with one zone per process; here any thread
 * may ask for any zone. A zone is immutable once it is read. Version 2 or later
 * of TZif (RFC 8536) with its footer, a POSIX TZ rule, for times to come; a file
 * with leap seconds ("right/...") is refused.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

struct zone;

#define ZONE_DIR "/usr/share/zoneinfo"
#define ZONE_NAME_MAX 64u
/* A file may be as large as this; those of tzdata have up to 4 KB. */
#define ZONE_FILE_MAX (64u * 1024)
/* So many zones are kept (zone_find); tzdata has about 600. */
#define ZONES_MAX 1024u

/* UTC, without a file; never NULL. */
const struct zone *zone_utc(void);

/* May this be the name of a zone ("Europe/Berlin")? Tells nothing of files. */
bool zone_name_valid(struct str name);
/*
 * The zone of that name, kept until the process ends: *out needs no care. Its
 * first look-up reads a file (a millisecond at most), later ones take a lock for
 * a moment. "UTC" needs no file. Any thread.
 *
 * ERR_SYNTAX: not a name, or the file is broken. ERR_NOT_FOUND. ERR_LIMIT:
 * ZONES_MAX. ERR_IO, ERR_NOMEM.
 */
MUST_CHECK enum err zone_find(struct str name, const struct zone **out);

/* From the bytes of a file. ERR_SYNTAX, ERR_UNSUPPORTED (version 1), ERR_NOMEM.
 */
MUST_CHECK enum err zone_parse(struct str tzif, struct zone **out);
/* Of zone_parse only. NULL is allowed. */
void zone_free(struct zone *z);

/* ---- asking ------------------------------------------------------------- */

/* Seconds that its clocks are ahead of UTC at that moment. */
int32_t zone_offset(const struct zone *z, usec_t wall);

struct zone_civil {
	int64_t year;
	int month; /* 1 .. 12 */
	int day; /* 1 .. 31 */
	int hour, minute, second;
	int weekday; /* 0: Monday */
	int32_t offset; /* seconds ahead of UTC */
};

void zone_civil(const struct zone *z, usec_t wall, struct zone_civil *out);

enum zone_period {
	ZONE_DAY,
	ZONE_WEEK, /* begins on Monday */
	ZONE_MONTH,
	ZONE_QUARTER,
	ZONE_PERIOD__MAX
};

/* "day", "week", "month", "quarter" */
extern const char *const zone_period_words[ZONE_PERIOD__MAX];
/* ERR_RANGE: none of them. */
MUST_CHECK enum err zone_period_parse(struct str word, enum zone_period *out);

/*
 * The period that contains a moment: start <= wall < end. Periods follow each
 * other without gap. One begins when the clocks of the zone first show its
 * first midnight or, where that hour is skipped, the time after it: a day may
 * have 23 or 25 hours.
 */
struct zone_span {
	usec_t start;
	usec_t end;
};

struct zone_span
zone_span_of(const struct zone *z, enum zone_period period, usec_t wall);

#endif
