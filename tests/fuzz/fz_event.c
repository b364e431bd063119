/*
 * Events for the audit on their way, and hours: what is read of any bytes is
 * the same when it is written and read again, and is text.
 */
#include <string.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "meter/event.h"
#include "sys/hours.h"

/* A span of the input, told by two of its bytes. */
static struct str
piece(struct str all, uint8_t from, uint8_t n)
{
	struct str rest = str_skip(all, all.n * from / 255);

	return str_of(rest.p, rest.n * n / 255);
}

static void
check_text(struct str s, size_t max)
{
	FUZZ_CHECK(str_present(s) && s.n <= max && utf8_valid(s));
	for (size_t i = 0; i < s.n; i++)
		FUZZ_CHECK((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f);
}

static void
check_event(struct str all)
{
	const uint8_t *b = (const uint8_t *)all.p;
	char first[METER_EVENT_MAX], second[METER_EVENT_MAX];
	struct meter_event ev = { .at = b[0],
		.tenant_id = b[1],
		.actor = piece(all, b[2], b[3]),
		.action = piece(all, b[3], b[4]),
		.object = piece(all, b[4], b[5]),
		.result = piece(all, b[5], b[6]),
		.reason = piece(all, b[6], b[7]),
		.address = piece(all, b[7], b[0]),
		.detail = piece(all, b[0], b[2]) };
	struct meter_event back;
	size_t n;

	memcpy(ev.id, b, 8);
	n = meter_event_encode(&ev, first);
	FUZZ_CHECK(meter_event_decode(str_of(first, n), &back) == ERR_OK);
	check_text(back.actor, METER_EVENT_WORD_MAX);
	check_text(back.action, METER_EVENT_WORD_MAX);
	check_text(back.object, METER_EVENT_WORD_MAX);
	check_text(back.result, METER_EVENT_WORD_MAX);
	check_text(back.reason, METER_EVENT_REASON_MAX);
	check_text(back.address, METER_EVENT_WORD_MAX);
	check_text(back.detail, METER_EVENT_DETAIL_MAX);
	FUZZ_CHECK(meter_event_encode(&back, second) == n &&
		   memcmp(first, second, n) == 0);
}

static void
check_hours(struct str text)
{
	struct hours h = { 0 };

	if (hours_parse(text, &h) != ERR_OK) {
		FUZZ_CHECK(h.n == 0);
		return;
	}
	FUZZ_CHECK(h.n > 0 && h.n <= HOURS_SPANS_MAX);
	for (uint32_t i = 0; i < h.n; i++) {
		const struct hours_span *s = &h.span[i];

		FUZZ_CHECK(s->days != 0 && s->days < 128);
		FUZZ_CHECK(s->from >= 0 && s->from < 1440);
		FUZZ_CHECK(s->to >= 0 && s->to <= 1440);
		/* its first minute is in it */
		for (int d = 0; d < 7; d++)
			if (s->days & (1u << d))
				FUZZ_CHECK(hours_contain(&h, d, s->from));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_of((const char *)data, size);
	struct meter_event ev;

	(void)!meter_event_decode(all, &ev);
	check_hours(all);
	if (size >= 8)
		check_event(all);
	return 0;
}
