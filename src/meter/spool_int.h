#ifndef METER_SPOOL_INT_H
#define METER_SPOOL_INT_H
/*
 * Inside of a spool: segments that records are appended to (spool_log.c), and
 * the table of what is under way (spool_table.c). The loop's thread, but for
 * what is said.
 */
#include "meter/spool.h"
#include "meter/spool_file.h"

#define SPOOL_CHUNKS_MAX 16
/* How soon a file that could not be made is tried again. */
#define SPOOL_RETRY (1 * USEC_PER_SEC)

/* Counted: the pool may still sync what the loop has left behind. */
struct spool_segment {
	struct spool_map map;
	size_t at; /* bytes used */
	size_t done; /* of them: synced, and not touched again */
	unsigned refs;
	bool is_dirty;
	char name[SPOOL_NAME_MAX];
};

struct spool_slot {
	struct spool_slot *next; /* free ones, or those with a waiting settle */
	char *p; /* in the table */
};

struct spool_chunk {
	struct spool_map map;
	struct spool_slot *slots;
	uint32_t n;
};

struct spool {
	struct loop *loop;
	char *folder;
	char writer[SPOOL_NAME_MAX - 16];
	uint64_t max_bytes;
	uint32_t segment_bytes;
	uint32_t number; /* of the newest segment */

	struct spool_segment *now;
	struct spool_segment *ahead; /* made, empty; or NULL */
	struct spool_segment *left; /* full, not synced; or NULL */

	struct spool_chunk chunks[SPOOL_CHUNKS_MAX];
	uint32_t n_chunks, n_slots, n_used;
	size_t table_bytes;
	struct spool_slot *free;
	struct spool_slot *waiting, **waiting_last;
	bool is_table_dirty;
	bool has_records;

	struct spool_unbooked unbooked;
	struct timer sync_timer, retry_timer;
	bool is_syncing, is_making;
	bool has_failed; /* the last file that was wanted */
	char why[SPOOL_WHY_SIZE];
};

/* ---- spool_log.c ---------------------------------------------------------- */

/* The first segment. errno tells more of ERR_IO. */
MUST_CHECK enum err spool_log_open(struct spool *s);
/* What is not synced is synced here; an empty segment is removed. */
void spool_log_close(struct spool *s);
/* Bytes that the present segment has left. */
size_t spool_log_room(const struct spool *s);
/* False: there is no room. */
bool spool_append(
    struct spool *s, enum spool_kind kind, const void *payload, size_t n);
/* When half of a segment is used the next one is made. */
void spool_make_ahead(struct spool *s);
/* What is dirty is synced within SPOOL_SYNC_EVERY. */
void spool_sync_soon(struct spool *s);
/* What came of making a file; code: errno. */
void spool_describe(struct spool *s, enum err e, int code);
/* A file that could not be made is tried again. */
void spool_retry(struct spool *s);
void spool_remove_file(const struct spool *s, const char *name);

/* ---- spool_table.c -------------------------------------------------------- */

MUST_CHECK enum err spool_table_make(struct spool *s, uint32_t n);
/*
 * Twice as many slots. On the loop: it happens a few times in the life of a
 * worker, when it has more under way than ever before.
 */
bool spool_table_grow(struct spool *s);
uint32_t spool_table_seed(const struct spool *s);
void spool_slot_release(struct spool *s, struct spool_slot *slot);
/* Settles that wait in their slots, as far as there is room. */
void spool_put_waiting(struct spool *s);
/* Syncs it; it is removed if the worker had nothing to tell. */
void spool_table_close(struct spool *s);

#endif
