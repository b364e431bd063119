#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static atomic_bool is_held;
static _Atomic usec_t held_mono, held_wall;

static usec_t
now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (usec_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

usec_t
clock_mono(void)
{
	if (atomic_load_explicit(&is_held, memory_order_relaxed))
		return atomic_load(&held_mono);
	return now(CLOCK_MONOTONIC);
}

usec_t
clock_wall(void)
{
	if (atomic_load_explicit(&is_held, memory_order_relaxed))
		return atomic_load(&held_wall);
	return now(CLOCK_REALTIME);
}

void
clock_set(usec_t mono, usec_t wall)
{
	atomic_store(&held_mono, mono);
	atomic_store(&held_wall, wall);
	atomic_store(&is_held, true);
}

void
clock_real(void)
{
	atomic_store(&is_held, false);
}

/* v as n digits, with leading zeros, at p. */
static void
put_digits(char *p, int64_t v, int n)
{
	while (n-- > 0) {
		p[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

void
clock_iso(usec_t wall, char out[CLOCK_ISO_SIZE])
{
	static const char shape[CLOCK_ISO_SIZE] = "0000-00-00T00:00:00.000000Z";
	/* Years 0000..9999: what four digits can say. */
	const usec_t first = -62167219200 * USEC_PER_SEC;
	const usec_t last = 253402300800 * USEC_PER_SEC - 1;
	struct tm tm = { 0 };
	usec_t usec;
	time_t sec;

	wall = wall < first ? first : wall > last ? last : wall;
	usec = wall % USEC_PER_SEC;
	if (usec < 0)
		usec += USEC_PER_SEC;
	sec = (time_t)((wall - usec) / USEC_PER_SEC);
	gmtime_r(&sec, &tm);
	for (int i = 0; i < CLOCK_ISO_SIZE; i++)
		out[i] = shape[i];
	put_digits(out, tm.tm_year + 1900, 4);
	put_digits(out + 5, tm.tm_mon + 1, 2);
	put_digits(out + 8, tm.tm_mday, 2);
	put_digits(out + 11, tm.tm_hour, 2);
	put_digits(out + 14, tm.tm_min, 2);
	put_digits(out + 17, tm.tm_sec, 2);
	put_digits(out + 20, usec, 6);
}
