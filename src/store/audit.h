#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H
/*
 * The audit: append-only rows in a chain. The hash of a row is BLAKE2b-256 of
 * the hash before it (32 zero bytes for row 1) followed by the row's bytes:
 *
 *	int64 seq, day, at		little-endian
 *	text actor, action, object	uint32 length, bytes
 *	int64 tenant_id			0 for NULL
 *	text result, reason, address, detail
 *	text source_id			length 0xffffffff for NULL
 *
 * The end of the chain is audit_head's row 0, and one row per day has that
 * day's last. Both are read and written in the transaction that adds the row;
 * the row 0 is locked first, so writers stand in line and seq has no gaps.
 *
 * DAYS never go back along the chain: an event that comes late (from a spool)
 * gets the day of the row before it, while `at` keeps when it happened. So a
 * day is a run of rows, and leaves as one (store_audit_drop).
 *
 * WHAT IT PROVES. Whoever changes a row has to make every later hash anew, and
 * the heads. To tell that as well, a head is kept somewhere else from time to
 * time ("llmgwctl audit head") and given to the verification. Triggers in the
 * database refuse UPDATE and DELETE, against mistakes; rows of days before
 * meta's audit_kept_from may be deleted. The head of the last day before it
 * stays, which is where the verification begins.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

#define STORE_AUDIT_HASH 32

struct store_audit {
	/* store_audit_add makes these three */
	int64_t seq; /* 1 ... without gaps */
	int64_t day; /* days since 1970 UTC, see above */
	unsigned char hash[STORE_AUDIT_HASH];
	usec_t at;
	struct str actor; /* "cli:root", "user:acme/kim", "key:AbCd1234" */
	struct str action; /* "key.create", "auth.refused" */
	struct str object; /* "key:12" */
	int64_t tenant_id; /* 0: none */
	struct str result; /* "ok", or why not */
	struct str reason;
	struct str address;
	struct str detail; /* JSON object, or empty */
	struct str source_id; /* 16 bytes of a spooled event, or absent */
};

/* The hash of row, whose seq and day are set, after prev. ERR_NOMEM. */
MUST_CHECK enum err store_audit_hash(const struct store_audit *row,
    const unsigned char prev[STORE_AUDIT_HASH],
    unsigned char out[STORE_AUDIT_HASH]);

/*
 * Adds row, filling in seq, day and hash. In the caller's transaction (an
 * ASSERT). An event whose source_id is there already is ERR_DENIED; a detail of
 * more than STORE_AUDIT_DETAIL_MAX bytes is ERR_LIMIT. Other texts that are
 * longer than their columns are cut (whole characters) in *row before they are
 * hashed: what is in the database is what the hash is of.
 */
#define STORE_AUDIT_DETAIL_MAX 16384
MUST_CHECK enum err store_audit_add(struct store *s, struct store_audit *row);

/* ---- reading (audit_read.c) ---------------------------------------------- */

/* What is absent or 0 matches all. */
struct store_audit_filter {
	int64_t after_seq; /* only greater ones */
	usec_t from, to; /* from <= at < to */
	struct str actor, object; /* whole */
	struct str action; /* its beginning: "key." */
	int64_t tenant_id;
	bool newest_first;
};

/* The row and its texts are borrowed for the call. */
typedef enum err (*store_audit_fn)(void *arg, const struct store_audit *row);

/*
 * At most max rows (1..100000) in one statement; the next ones by after_seq.
 * ERR_SYNTAX: a row that no program of ours has written.
 */
MUST_CHECK enum err
store_audit_each(struct store *s, const struct store_audit_filter *filter,
    uint32_t max, store_audit_fn fn, void *arg);

/* A place in the chain. */
struct store_audit_head {
	int64_t day; /* 0: the end */
	int64_t seq; /* 0: there is no row yet */
	unsigned char hash[STORE_AUDIT_HASH];
};

/* The heads of days day_from <= day <= day_to and, as day 0, the end. */
typedef enum err (*store_audit_head_fn)(
    void *arg, const struct store_audit_head *head);
MUST_CHECK enum err store_audit_heads(struct store *s, int64_t day_from,
    int64_t day_to, store_audit_head_fn fn, void *arg);

/* ---- verifying (audit_verify.c) -------------------------------------------- */

struct store_audit_check {
	int64_t from_day; /* 0: all that is kept; else from this day on */
	/* seq > 0: a head that was kept elsewhere; the chain must have it */
	struct store_audit_head known;
};

struct store_audit_verdict {
	bool is_whole;
	int64_t first_seq, rows; /* that were read */
	int64_t bad_seq; /* where it does not fit; 0: in no one row */
	char why[256]; /* a sentence for people; "" when it is whole */
	struct store_audit_head end; /* as far as it was read */
};

/*
 * Reads all rows in portions and tells the first place that does not fit: a row
 * that was changed, a gap, rows missing at the beginning or the end, a head that
 * is not the day's last row. ERR_OK also when it is not whole. Rows that are
 * added meanwhile are not looked at.
 */
MUST_CHECK enum err store_audit_verify(struct store *s,
    const struct store_audit_check *check, struct store_audit_verdict *verdict);

/* ---- keeping (audit_keep.c) ------------------------------------------------ */

/*
 * The first day that is kept whole; 0: nothing was dropped yet.
 */
MUST_CHECK enum err store_audit_kept_from(struct store *s, int64_t *day);
/*
 * Drops the days before `day` (store/logday.h; *n: partitions, or rows of
 * SQLite). First a row "audit.dropped" is added, so that the chain itself tells
 * it. The day of the last row always stays, and the seven days up to today. Not
 * in a transaction; ends what an earlier call could not.
 */
MUST_CHECK enum err
store_audit_drop(struct store *s, struct str actor, int64_t day, uint64_t *n);

#define STORE_AUDIT_DROPPED "audit.dropped"

/* "2026-11-21" of a day; its number, or ERR_SYNTAX. */
#define STORE_DAY_SIZE 16
void store_day_print(int64_t day, char out[STORE_DAY_SIZE]);
MUST_CHECK enum err store_day_parse(struct str text, int64_t *day);

extern const struct store_sql store_audit_sql[];
extern const struct store_sql store_audit_read_sql[];
extern const struct store_sql store_audit_keep_sql[];

#endif
