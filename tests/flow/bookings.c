/* The ledger of a scenario: a spool, and what flow has written into it. */
#include <dirent.h>
#include <unistd.h>

#include "base/fault.h"
#include "meter/booking.h"
#include "meter/spool_read.h"
#include "scenario.h"

#define NAMES_MAX 64

void
bookings_open(struct bookings *b, struct loop *loop, const char *folder)
{
	struct spool_options o = { .folder = b->folder,
		.node = "scenario",
		.max_bytes = 1 << 24,
		.segment_bytes = 65536,
		.slots = 4 };
	char why[SPOOL_WHY_SIZE];
	bool was = fault_pause(true);

	snprintf(b->folder, sizeof(b->folder), "%s/spool", folder);
	ASSERT(spool_open(loop, &o, &b->spool, why) == ERR_OK);
	fault_pause(was);
}

static int
names_of(const char *folder, char names[NAMES_MAX][256])
{
	DIR *d = opendir(folder);
	struct dirent *e;
	int n = 0;

	while (d && n < NAMES_MAX && (e = readdir(d)))
		snprintf(names[n++], 256, "%s", e->d_name);
	if (d)
		closedir(d);
	return n;
}

static void
print(const struct meter_booking *k, struct buf *out)
{
	buf_printf(out, "ledger %s %.*s/%.*s try=%u status=%d %s=%lld+%lld ",
	    meter_booked_word(k->state), STR_ARG(k->provider),
	    STR_ARG(k->model), (unsigned)k->attempt, k->status,
	    k->is_estimated ? "estimated" : "told", (long long)k->usage.prompt,
	    (long long)k->usage.completion);
	if (k->cost < 0)
		buf_printf(out, "unpriced\n");
	else
		buf_printf(out, "cost=%lld\n", (long long)k->cost);
}

void
bookings_print(const struct bookings *b, struct buf *out)
{
	static char names[NAMES_MAX][256];
	int n = b->spool ? names_of(b->folder, names) : 0;

	for (int i = 0; i < n; i++) {
		struct spool_reader r = { .map = { .fd = -1 } };
		struct meter_booking k;
		struct spool_seen seen;

		if (!str_ends(str_z(names[i]), STR(".seg")) ||
		    spool_reader_open(&r, b->folder, names[i], 0) != ERR_OK)
			continue;
		while (spool_reader_next(&r, false, &seen))
			if (meter_booking_decode(seen.payload, &k) == ERR_OK)
				print(&k, out);
		spool_reader_close(&r);
	}
}

void
bookings_close(struct bookings *b)
{
	static char names[NAMES_MAX][256];
	char path[512];
	int n;

	if (!b->spool)
		return;
	spool_close(b->spool);
	n = names_of(b->folder, names);
	for (int i = 0; i < n; i++) {
		snprintf(
		    path, sizeof(path), "%.200s/%.255s", b->folder, names[i]);
		unlink(path);
	}
	rmdir(b->folder);
	b->spool = NULL;
}
