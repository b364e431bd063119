#ifndef METER_SPOOL_READ_H
#define METER_SPOOL_READ_H
/*
 * Reading the spool, while its writers write (jobs/drain.h). Only records whose
 * CRC is right are seen. In a segment that is still written reading stops at
 * the first place without one; in one whose writer is dead what lies behind a
 * damaged place (a page that a power failure took) is searched and its bytes
 * are counted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "meter/spool.h"
#include "meter/spool_file.h"

struct spool_seen {
	enum spool_kind kind; /* may be one that this version does not know */
	struct str payload; /* borrowed, valid while the map is */
	uint64_t progress; /* of a begin */
	uint32_t words[SPOOL_WORDS]; /* as well */
};

struct spool_reader {
	struct spool_map map;
	size_t
	    at; /* bytes taken; a segment's first record is behind its head */
	uint64_t skipped; /* damaged bytes */
};

/* at: where to go on; 0: at the beginning. ERR_NOT_FOUND, ERR_SYNTAX, ERR_IO */
MUST_CHECK enum err spool_reader_open(
    struct spool_reader *r, const char *folder, const char *name, size_t at);
/* Allowed on one that was never opened and is all zero. */
void spool_reader_close(struct spool_reader *r);
/* The writer has said that nothing more comes. */
bool spool_reader_is_finished(const struct spool_reader *r);
/*
 * The next record of a segment; r->at is behind it. False: none (yet).
 * is_over: nobody writes any more.
 */
bool
spool_reader_next(struct spool_reader *r, bool is_over, struct spool_seen *out);
/*
 * The next slot in use of a table whose writer is dead; a settle that waits
 * there, else the begin.
 */
bool spool_reader_next_slot(struct spool_reader *r, struct spool_seen *out);

/*
 * Is the writer of this table dead or done? fd: of the table. Then its lock is
 * held until fd is closed.
 */
bool spool_is_dead(int fd);

#endif
