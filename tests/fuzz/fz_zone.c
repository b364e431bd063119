/*
 * TZif files. What must hold for any that is accepted: offsets within their
 * range, periods that contain their moment and follow each other.
 */
#include "fuzz.h"
#include "sys/zone.h"

static void
check_at(const struct zone *z, usec_t wall)
{
	struct zone_civil c;
	int32_t offset = zone_offset(z, wall);

	FUZZ_CHECK(offset >= -26 * 3600 && offset <= 26 * 3600);
	zone_civil(z, wall, &c);
	FUZZ_CHECK(c.month >= 1 && c.month <= 12 && c.day >= 1 && c.day <= 31);
	FUZZ_CHECK(c.hour < 24 && c.weekday >= 0 && c.weekday < 7);
	for (int p = 0; p < ZONE_PERIOD__MAX; p++) {
		struct zone_span s = zone_span_of(z, (enum zone_period)p, wall);

		FUZZ_CHECK(s.start <= s.end);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_of((const char *)data, size);
	struct zone *z;

	(void)zone_name_valid(s);
	if (zone_parse(s, &z) != ERR_OK)
		return 0;
	for (usec_t year = -70; year < 200; year += 13)
		for (usec_t part = 0; part < 5; part++)
			check_at(
			    z, (year * 365 + part * 73) * 86400 * USEC_PER_SEC);
	zone_free(z);
	return 0;
}
