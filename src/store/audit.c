#include "store/audit.h"

#include "base/buf.h"
#include "base/hash.h"

#define USEC_PER_DAY (86400 * USEC_PER_SEC)
/* A spool that was drained so long ago does not come back. */
#define SOURCE_DAYS 40

_Static_assert(STORE_AUDIT_HASH == HASH_KEY_BYTES, "BLAKE2b-256");

enum {
	HEAD_LOCK,
	HEAD_MAKE,
	HEAD_PUT,
	LAST_DAY,
	HAS_SOURCE,
	ADD,
};

const struct store_sql store_audit_sql[] = {
	/* SQLite's transaction is the only writer already. */
	[HEAD_LOCK] = { "SELECT seq, hash FROM audit_head WHERE day = 0",
	    "SELECT seq, hash FROM audit_head WHERE day = 0 FOR UPDATE" },
	/* A row that is not there cannot be locked: two would be the first. */
	[HEAD_MAKE] = { "INSERT OR IGNORE INTO audit_head (day, seq, hash)"
			" VALUES (0, 0, ?)",
	    "INSERT IGNORE INTO audit_head (day, seq, hash)"
	    " VALUES (0, 0, ?)" },
	/* no REPLACE: who adds need not have the right to delete */
	[HEAD_PUT] = { "INSERT INTO audit_head (day, seq, hash) VALUES (?, ?,"
		       " ?) ON CONFLICT (day) DO UPDATE SET seq = excluded.seq,"
		       " hash = excluded.hash",
	    "INSERT INTO audit_head (day, seq, hash) VALUES (?, ?, ?)"
	    " ON DUPLICATE KEY UPDATE seq = VALUES(seq),"
	    " hash = VALUES(hash)" },
	[LAST_DAY] = { "SELECT MAX(day) FROM audit_head",
	    "SELECT MAX(day) FROM audit_head FOR UPDATE" },
	/* not by a unique key alone: partitions by day could not have one */
	[HAS_SOURCE] = { "SELECT seq FROM audit WHERE source_id = ?"
			 " AND day > ?",
	    "SELECT seq FROM audit WHERE source_id = ? AND day > ?"
	    " FOR UPDATE" },
	[ADD] = { "INSERT INTO audit (seq, day, at, actor, action, object,"
		  " tenant_id, result, reason, address, detail, source_id,"
		  " hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    NULL },
	STORE_SQL_END,
};

/* ---- the hash ------------------------------------------------------------ */

static void
add_le(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_addc(b, (char)(unsigned char)(v >> (8 * i)));
}

static void
add_text(struct buf *b, struct str s)
{
	add_le(b, s.n, 4);
	buf_adds(b, s);
}

enum err
store_audit_hash(const struct store_audit *row,
    const unsigned char prev[STORE_AUDIT_HASH],
    unsigned char out[STORE_AUDIT_HASH])
{
	struct buf b;
	enum err e;

	buf_init(&b, (size_t)4 * STORE_AUDIT_DETAIL_MAX);
	buf_add(&b, prev, STORE_AUDIT_HASH);
	add_le(&b, (uint64_t)row->seq, 8);
	add_le(&b, (uint64_t)row->day, 8);
	add_le(&b, (uint64_t)row->at, 8);
	add_text(&b, row->actor);
	add_text(&b, row->action);
	add_text(&b, row->object);
	add_le(&b, (uint64_t)row->tenant_id, 8);
	add_text(&b, row->result);
	add_text(&b, row->reason);
	add_text(&b, row->address);
	add_text(&b, row->detail);
	if (str_present(row->source_id))
		add_text(&b, row->source_id);
	else
		add_le(&b, UINT32_MAX, 4);
	e = b.failed ? ERR_NOMEM : ERR_OK;
	if (e == ERR_OK)
		hash_key(buf_str(&b), (struct str){ NULL, 0 }, out);
	buf_fini(&b);
	return e;
}

/* ---- adding -------------------------------------------------------------- */

/* At most max bytes, whole characters, never absent. */
static struct str
cut(struct str s, size_t max)
{
	if (!str_present(s))
		return STR("");
	if (s.n <= max)
		return s;
	while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
		max--;
	return str_of(s.p, max);
}

static void
tidy(struct store_audit *row)
{
	row->actor = cut(row->actor, STORE_NAME_MAX);
	row->action = cut(row->action, STORE_NAME_MAX);
	row->object = cut(row->object, STORE_NAME_MAX);
	row->result = cut(row->result, STORE_NAME_MAX);
	row->reason = cut(row->reason, STORE_TITLE_MAX);
	row->address = cut(row->address, STORE_NAME_MAX);
	row->detail = cut(row->detail, STORE_AUDIT_DETAIL_MAX);
	if (row->tenant_id < 0)
		row->tenant_id = 0;
}

struct head {
	int64_t seq;
	unsigned char hash[STORE_AUDIT_HASH];
};

static enum err
on_head(void *arg, const struct store_value *v, uint32_t n)
{
	struct head *h = arg;
	struct str hash = store_get_str(&v[1]);

	(void)n;
	h->seq = store_get_int(&v[0]);
	if (hash.n != sizeof(h->hash))
		return ERR_SYNTAX;
	memcpy(h->hash, hash.p, sizeof(h->hash));
	return ERR_OK;
}

/* The end of the chain, which nobody else adds to until we have committed. */
static enum err
lock_head(struct store *s, struct head *head)
{
	static const unsigned char none[STORE_AUDIT_HASH];
	const struct store_value v = store_blob(none, sizeof(none));
	enum err e;

	head->seq = -1;
	e = store_run(s, &store_audit_sql[HEAD_LOCK], NULL, 0, on_head, head);
	if (e != ERR_OK || head->seq >= 0)
		return e;
	e = store_run(s, &store_audit_sql[HEAD_MAKE], &v, 1, NULL, NULL);
	if (e == ERR_OK)
		e = store_run(
		    s, &store_audit_sql[HEAD_LOCK], NULL, 0, on_head, head);
	return e;
}

static enum err
put_head(struct store *s, int64_t day, const struct store_audit *row)
{
	const struct store_value v[] = { store_int(day), store_int(row->seq),
		store_blob(row->hash, STORE_AUDIT_HASH) };

	return store_run(s, &store_audit_sql[HEAD_PUT], v, 3, NULL, NULL);
}

static enum err
put_row(struct store *s, const struct store_audit *row)
{
	const struct store_value v[] = { store_int(row->seq),
		store_int(row->day), store_int(row->at), store_text(row->actor),
		store_text(row->action), store_text(row->object),
		store_id(row->tenant_id), store_text(row->result),
		store_text(row->reason), store_text(row->address),
		store_text(row->detail),
		store_blob(row->source_id.p, row->source_id.n),
		store_blob(row->hash, STORE_AUDIT_HASH) };

	return store_run(s, &store_audit_sql[ADD], v, 13, NULL, NULL);
}

/* day: of the row to be added. A look at some partitions, not at all. */
static enum err
is_new(struct store *s, struct str source, int64_t day)
{
	const struct store_value v[] = { store_blob(source.p, source.n),
		store_int(day - SOURCE_DAYS) };
	int64_t seq = 0;
	enum err e;

	if (!str_present(source))
		return ERR_OK;
	e = store_run(
	    s, &store_audit_sql[HAS_SOURCE], v, 2, store_row_int, &seq);
	return e == ERR_OK && seq > 0 ? ERR_DENIED : e;
}

/* Never before the last row's, and not after today: a clock may be wrong. */
static enum err
find_day(struct store *s, usec_t at, int64_t *day)
{
	usec_t now = clock_wall();
	int64_t last = 0;
	enum err e = store_run(
	    s, &store_audit_sql[LAST_DAY], NULL, 0, store_row_int, &last);

	*day = (at < now ? at : now) / USEC_PER_DAY;
	if (*day < last)
		*day = last;
	return e;
}

enum err
store_audit_add(struct store *s, struct store_audit *row)
{
	struct head head = { 0 };
	enum err e;

	ASSERT(store_in_transaction(s));
	if (row->detail.n > STORE_AUDIT_DETAIL_MAX)
		return ERR_LIMIT;
	tidy(row);
	e = lock_head(s, &head);
	if (e != ERR_OK)
		return e;
	e = find_day(s, row->at, &row->day);
	if (e == ERR_OK)
		e = is_new(s, row->source_id, row->day);
	if (e != ERR_OK)
		return e;
	row->seq = head.seq + 1;
	e = store_audit_hash(row, head.hash, row->hash);
	if (e == ERR_OK)
		e = put_row(s, row);
	if (e == ERR_OK)
		e = put_head(s, 0, row);
	if (e == ERR_OK)
		e = put_head(s, row->day, row);
	return e;
}
