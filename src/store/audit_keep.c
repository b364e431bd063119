#include "store/audit.h"

#include <stdio.h>

#include "base/num.h"
#include "store/logday.h"

/* The days up to today; log_day_drop of MariaDB has the same number. */
#define KEPT_ALWAYS 7

enum {
	READ_KEPT,
	WRITE_KEPT,
	LAST_DAY,
	FIRST_DAY,
};

const struct store_sql store_audit_keep_sql[] = {
	[READ_KEPT] = { "SELECT value FROM meta WHERE name ="
			" 'audit_kept_from'",
	    NULL },
	[WRITE_KEPT] = { "INSERT INTO meta (name, value) VALUES"
			 " ('audit_kept_from', ?) ON CONFLICT (name) DO UPDATE"
			 " SET value = excluded.value",
	    "INSERT INTO meta (name, value) VALUES ('audit_kept_from', ?)"
	    " ON DUPLICATE KEY UPDATE value = VALUES(value)" },
	[LAST_DAY] = { "SELECT MAX(day) FROM audit_head", NULL },
	[FIRST_DAY] = { "SELECT day FROM audit ORDER BY seq LIMIT 1", NULL },
	STORE_SQL_END,
};

static enum err
on_kept(void *arg, const struct store_value *v, uint32_t n)
{
	(void)n;
	return num_parse_i64(store_get_str(v), arg) == ERR_OK ? ERR_OK
							      : ERR_SYNTAX;
}

enum err
store_audit_kept_from(struct store *s, int64_t *day)
{
	int64_t kept = 0;
	enum err e = store_run(
	    s, &store_audit_keep_sql[READ_KEPT], NULL, 0, on_kept, &kept);

	if (e == ERR_OK)
		*day = kept;
	return e;
}

/* In the chain first, then in meta, which lets the triggers agree. */
static enum err
tell(struct store *s, struct str actor, int64_t day)
{
	char date[STORE_DAY_SIZE], object[STORE_DAY_SIZE + 8], number[32];
	struct store_audit row = {
		.at = clock_wall(),
		.actor = actor,
		.action = STR(STORE_AUDIT_DROPPED),
		.result = STR("ok"),
	};
	struct store_value v;
	enum err e;

	store_day_print(day, date);
	(void)snprintf(object, sizeof(object), "day:%s", date);
	(void)snprintf(number, sizeof(number), "%lld", (long long)day);
	row.object = str_z(object);
	e = store_audit_add(s, &row);
	if (e != ERR_OK)
		return e;
	v = store_text(str_z(number));
	return store_run(
	    s, &store_audit_keep_sql[WRITE_KEPT], &v, 1, NULL, NULL);
}

struct drop {
	struct str actor;
	int64_t day;
};

static enum err
keep_from(struct store *s, void *arg)
{
	struct drop *d = arg;
	int64_t kept = 0, last = 0, first = INT64_MAX, day = d->day;
	enum err e = store_audit_kept_from(s, &kept);

	if (e == ERR_OK)
		e = store_run(s, &store_audit_keep_sql[LAST_DAY], NULL, 0,
		    store_row_int, &last);
	if (e == ERR_OK)
		e = store_run(s, &store_audit_keep_sql[FIRST_DAY], NULL, 0,
		    store_row_int, &first);
	if (day > last)
		day = last;
	/* Where nothing is so old there is nothing to tell. */
	if (e == ERR_OK && day > kept && day > first)
		return tell(s, d->actor, day);
	return e;
}

enum err
store_audit_drop(struct store *s, struct str actor, int64_t day, uint64_t *n)
{
	int64_t newest = clock_wall() / STORE_DAY - KEPT_ALWAYS;
	struct drop d = { .actor = actor, .day = day < newest ? day : newest };
	int64_t kept = 0;
	enum err e = store_atomically(s, keep_from, &d);

	*n = 0;
	if (e == ERR_OK)
		e = store_audit_kept_from(s, &kept);
	if (e != ERR_OK || kept == 0)
		return e;
	return store_logday_drop(s, STORE_AUDIT, kept, n);
}
