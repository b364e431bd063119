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
 */
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
	int64_t day; /* days since 1970 UTC of `at` */
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

extern const struct store_sql store_audit_sql[];

#endif
