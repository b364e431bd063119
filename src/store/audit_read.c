#include "store/audit.h"

#include <stdio.h>

#include "base/num.h"

#define EACH_MAX 100000

enum {
	EACH_UP,
	EACH_DOWN,
	HEADS,
};

#define COLUMNS                                                          \
	"SELECT seq, day, at, actor, action, object, tenant_id, result," \
	" reason, address, detail, source_id, hash FROM audit"
#define WHERE                                                         \
	" WHERE seq > ? AND at >= ? AND at < ?"                       \
	" AND (? IS NULL OR actor = ?) AND (? IS NULL OR object = ?)" \
	" AND (? IS NULL OR SUBSTR(action, 1, ?) = ?)"                \
	" AND (? IS NULL OR tenant_id = ?)"

const struct store_sql store_audit_read_sql[] = {
	[EACH_UP] = { COLUMNS WHERE " ORDER BY seq LIMIT ?", NULL },
	[EACH_DOWN] = { COLUMNS WHERE " ORDER BY seq DESC LIMIT ?", NULL },
	[HEADS] = { "SELECT day, seq, hash FROM audit_head"
		    " WHERE day = 0 OR (day >= ? AND day <= ?) ORDER BY day",
	    NULL },
	STORE_SQL_END,
};

/* ---- rows ------------------------------------------------------------------ */

/*
 * Every column as it was written and nothing else: a text that became a blob
 * or a tenant 0 in place of none hash alike.
 */
static bool
is_sound(const struct store_value *v, uint32_t n)
{
	static const enum store_type types[] = { STORE_INT, STORE_INT,
		STORE_INT, STORE_TEXT, STORE_TEXT, STORE_TEXT, STORE_INT,
		STORE_TEXT, STORE_TEXT, STORE_TEXT, STORE_TEXT, STORE_BLOB,
		STORE_BLOB };
	enum {
		TENANT = 6,
		SOURCE = 11,
		HASH = 12
	};

	if (n != sizeof(types) / sizeof(*types))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (v[i].type != types[i] &&
		    !(v[i].type == STORE_NULL && (i == TENANT || i == SOURCE)))
			return false;
	return (v[TENANT].type == STORE_NULL || v[TENANT].i > 0) &&
	       v[HASH].s.n == STORE_AUDIT_HASH;
}

struct each {
	store_audit_fn fn;
	void *arg;
};

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	const struct each *each = arg;
	struct store_audit row;

	if (!is_sound(v, n))
		return ERR_SYNTAX;
	row = (struct store_audit){
		.seq = v[0].i,
		.day = v[1].i,
		.at = v[2].i,
		.actor = v[3].s,
		.action = v[4].s,
		.object = v[5].s,
		.tenant_id = store_get_int(&v[6]),
		.result = v[7].s,
		.reason = v[8].s,
		.address = v[9].s,
		.detail = v[10].s,
		.source_id = store_get_str(&v[11]),
	};
	memcpy(row.hash, v[12].s.p, STORE_AUDIT_HASH);
	return each->fn(each->arg, &row);
}

/* An empty one is none. */
static struct store_value
wanted(struct str s)
{
	return s.n > 0 ? store_text(s) : store_null();
}

enum err
store_audit_each(struct store *s, const struct store_audit_filter *f,
    uint32_t max, store_audit_fn fn, void *arg)
{
	const struct store_value v[] = { store_int(f->after_seq),
		store_int(f->from), store_int(f->to > 0 ? f->to : INT64_MAX),
		wanted(f->actor), wanted(f->actor), wanted(f->object),
		wanted(f->object), wanted(f->action),
		store_int((int64_t)f->action.n), wanted(f->action),
		store_id(f->tenant_id), store_id(f->tenant_id),
		store_int(max < EACH_MAX ? max : EACH_MAX) };
	struct each each = { fn, arg };

	return store_run(s,
	    &store_audit_read_sql[f->newest_first ? EACH_DOWN : EACH_UP], v,
	    sizeof(v) / sizeof(*v), on_row, &each);
}

/* ---- heads ----------------------------------------------------------------- */

struct heads {
	store_audit_head_fn fn;
	void *arg;
};

static enum err
on_head(void *arg, const struct store_value *v, uint32_t n)
{
	const struct heads *heads = arg;
	struct store_audit_head h;
	struct str hash;

	(void)n;
	h.day = store_get_int(&v[0]);
	h.seq = store_get_int(&v[1]);
	hash = store_get_str(&v[2]);
	if (hash.n != sizeof(h.hash))
		return ERR_SYNTAX;
	memcpy(h.hash, hash.p, sizeof(h.hash));
	return heads->fn(heads->arg, &h);
}

enum err
store_audit_heads(struct store *s, int64_t day_from, int64_t day_to,
    store_audit_head_fn fn, void *arg)
{
	const struct store_value v[] = { store_int(day_from > 0 ? day_from : 1),
		store_int(day_to) };
	struct heads heads = { fn, arg };

	return store_run(
	    s, &store_audit_read_sql[HEADS], v, 2, on_head, &heads);
}

/* ---- days ------------------------------------------------------------------ */

/* Days since 1970 of a date of the Gregorian calendar, and back. */
static int64_t
day_of(int64_t y, int64_t m, int64_t d)
{
	int64_t era, year_of_era, day_of_year;

	y -= m <= 2;
	era = y / 400;
	year_of_era = y - era * 400;
	day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 -
	       year_of_era / 100 + day_of_year - 719468;
}

void
store_day_print(int64_t day, char out[STORE_DAY_SIZE])
{
	char iso[CLOCK_ISO_SIZE];

	clock_iso(day * 86400 * USEC_PER_SEC, iso);
	(void)snprintf(out, STORE_DAY_SIZE, "%.10s", iso);
}

enum err
store_day_parse(struct str text, int64_t *day)
{
	char again[STORE_DAY_SIZE];
	int64_t y, m, d, n;

	if (text.n != 10 || text.p[4] != '-' || text.p[7] != '-' ||
	    num_parse_i64(str_of(text.p, 4), &y) != ERR_OK ||
	    num_parse_i64(str_of(text.p + 5, 2), &m) != ERR_OK ||
	    num_parse_i64(str_of(text.p + 8, 2), &d) != ERR_OK || y < 1970 ||
	    m < 1 || m > 12 || d < 1 || d > 31)
		return ERR_SYNTAX;
	n = day_of(y, m, d);
	/* the 31st of February would be another day */
	store_day_print(n, again);
	if (!str_eqz(text, again))
		return ERR_SYNTAX;
	*day = n;
	return ERR_OK;
}
