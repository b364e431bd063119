#ifndef METER_SPOOL_H
#define METER_SPOOL_H
/*
 * The spool: what a worker has to tell the database, in files that outlive it.
 * llmgw-jobd takes it over (jobs/drain.h). All files are mapped and shared, so
 * an append is a memcpy and a CRC, and what was appended survives a kill -9 of
 * the worker at any instant; a power failure takes at most what came after the
 * last sync (SPOOL_SYNC_EVERY).
 *
 * FILES of one writer, in STATE_DIR/spool, NODE-PID-START being its name:
 *
 *	NODE-PID-START.00000001.seg ...	segments, filled one after another
 *	NODE-PID-START.open		the table of what is under way
 *
 * A segment holds finished records: settled attempts, audit events, marks. What
 * is under way lies in slots of the table: a begin in a log would hold its
 * segment for as long as the slowest stream runs, and a few slow streams would
 * hold all of them. A slot also has a word that the worker moves on while an
 * answer comes in (spool_progress), and some more that the caller keeps up to
 * date (spool_words): what is known when the worker dies is known afterwards.
 * They are stores to mapped memory, one by one, without a CRC: a kill leaves
 * each as it was last written. A settle goes into a segment and then its slot is free; when there
 * is no room in a segment (the disk is full) it waits in its slot, so what has
 * begun can always be settled.
 *
 * Files are made with posix_fallocate, ahead of need and on the thread pool: a
 * full disk or quota shows there and never as SIGBUS. All files of the folder
 * together stay within max_bytes (counted under a lock, exact over workers).
 *
 * A writer holds flock(2) on its table. Who gets that lock knows that the
 * writer is dead or done; pids are for people.
 *
 * Records carry a CRC that begins with a random number of the file: bytes that
 * a client chose cannot pass for a record. Readers: meter/spool_read.h.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "sys/loop.h"

struct spool;
struct spool_slot;

enum spool_kind {
	SPOOL_BEGIN = 1, /* in slots only: meter/booking.h */
	SPOOL_SETTLE, /* meter/booking.h */
	SPOOL_UNBOOKED, /* struct spool_unbooked */
	SPOOL_AUDIT, /* an audit event, gate's */
	SPOOL_KIND__MAX
};

/* Payload of a record in a segment, and in a slot. */
#define SPOOL_PAYLOAD_MAX 16384
#define SPOOL_SLOT_PAYLOAD_MAX 960
/* Words of a slot; their meaning is the caller's (meter/booking.h). */
#define SPOOL_WORDS 12
#define SPOOL_SYNC_EVERY (50 * USEC_PER_MSEC)
#define SPOOL_NODE_MAX 48

/* Requests served without a booking since the last such mark. */
struct spool_unbooked {
	int64_t count;
	int64_t from, to; /* wall */
};

struct spool_options {
	const char *folder; /* made, with its parent, when absent; 0700 */
	const char *node; /* name of the host */
	uint64_t max_bytes; /* of the whole folder */
	uint32_t segment_bytes; /* 0: 4 MiB; a multiple of 4096 */
	uint32_t slots; /* to begin with; 0: 1024. They double on need */
};

#define SPOOL_WHY_SIZE 256
/*
 * Blocks (files). ERR_IO: the folder cannot be used, why tells; ERR_LIMIT: it
 * is full already; ERR_NOMEM. loop is borrowed.
 */
MUST_CHECK enum err
spool_open(struct loop *loop, const struct spool_options *options,
    struct spool **out, char why[SPOOL_WHY_SIZE]);
/*
 * Waits for the pool, puts waiting settles into segments, syncs. Files without
 * a record go. Slots that are still open become `lost`. NULL is allowed.
 */
void spool_close(struct spool *s);

/* A reload: from now on. */
void spool_limit(struct spool *s, uint64_t max_bytes);
/* No room for another begin: SPOOL_WHY says what the matter is. */
bool spool_is_full(const struct spool *s);
/* Why the last file could not be made; "" when it could. */
const char *spool_why(const struct spool *s);

/*
 * Something begins. NULL: the spool is full. The handle is valid until it is
 * settled. n <= SPOOL_SLOT_PAYLOAD_MAX. first_word: of the slot's words (below),
 * there before the record is: who dies right after this has told it.
 */
struct spool_slot *spool_begin(
    struct spool *s, uint32_t first_word, const void *payload, size_t n);
/* One store: what has come so far, in the caller's unit. */
void spool_progress(struct spool_slot *slot, uint64_t done);
/*
 * SPOOL_WORDS words; all but the first are 0 when something begins. Valid as the
 * slot is; written from one thread.
 */
_Atomic uint32_t *spool_words(struct spool_slot *slot);
/* Never fails: it waits in its slot where a segment has no room. */
void spool_settle(
    struct spool *s, struct spool_slot *slot, const void *payload, size_t n);
/*
 * A record of its own. ERR_LIMIT: the spool is full (counted by the caller), or
 * n > SPOOL_PAYLOAD_MAX.
 */
MUST_CHECK enum err
spool_add(struct spool *s, enum spool_kind kind, const void *payload, size_t n);
/* A request is served without a booking; a mark follows when there is room. */
void spool_unbooked(struct spool *s);

#endif
