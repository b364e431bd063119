#ifndef TESTS_UNIT_JOBS_HELP_H
#define TESTS_UNIT_JOBS_HELP_H
/* A spool with bookings, and what the database has of them. */
#include "base/clock.h"
#include "base/rand.h"
#include "meter/booking.h"
#include "spool_help.h"
#include "store_bed.h"
#include "sys/loop.h"

#define JOBS_NODE "host.test"
#define JOBS_T0 INT64_C(1700000000000000)

struct writer {
	struct loop *loop;
	struct spool *spool;
};

static inline void
writer_open(struct writer *w, const char *folder, uint64_t max_bytes)
{
	struct spool_options o = { .folder = folder,
		.node = JOBS_NODE,
		.max_bytes = max_bytes,
		.segment_bytes = 16384,
		.slots = 8 };
	char why[SPOOL_WHY_SIZE];

	w->loop = loop_new_virtual();
	assert_non_null(w->loop);
	assert_int_equal(spool_open(w->loop, &o, &w->spool, why), ERR_OK);
}

static inline void
writer_close(struct writer *w)
{
	spool_close(w->spool);
	loop_free(w->loop);
}

/* i tells all of it: prompt i, completion 2, a cost of 3. */
static inline struct meter_booking
booking(uint32_t i, enum meter_booked state)
{
	struct meter_booking b = { .began = JOBS_T0 + i * USEC_PER_SEC,
		.attempt = 1,
		.state = state,
		.tenant_id = i % 3,
		.usage = MSG_USAGE_UNKNOWN,
		.cost = state == METER_BOOKED_OPEN ? -1 : 3,
		.request_id = STR("req"),
		.client = STR("client"),
		.surface = STR("chat"),
		.alias = STR("alias"),
		.provider = STR("provider"),
		.kind = STR("openai"),
		.model = i % 2 ? STR("odd") : STR("even") };

	if (state != METER_BOOKED_OPEN)
		b.ended = b.began + USEC_PER_SEC;
	b.usage.prompt = i;
	if (state != METER_BOOKED_OPEN)
		b.usage.completion = 2;
	memcpy(b.id, &i, sizeof(i));
	return b;
}

static inline struct spool_slot *
begin(struct writer *w, uint32_t i)
{
	struct meter_booking b = booking(i, METER_BOOKED_OPEN);
	char bytes[METER_BOOKING_MAX];

	return spool_begin(w->spool, METER_CALL_UNKNOWN, bytes,
	    meter_booking_encode(&b, bytes));
}

static inline void
settle(struct writer *w, struct spool_slot *slot, uint32_t i)
{
	struct meter_booking b = booking(i, METER_BOOKED_OK);
	char bytes[METER_BOOKING_MAX];

	spool_settle(w->spool, slot, bytes, meter_booking_encode(&b, bytes));
}

/* Calls from ... to - 1, begun and settled. */
static inline void
calls(struct writer *w, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct spool_slot *slot = begin(w, i);

		assert_non_null(slot);
		settle(w, slot, i);
		if (i % 16 == 0)
			loop_turn(w->loop);
	}
}

#endif
