#include "store/logday.h"

#include "base/num.h"

#define DAYS_MAX 512

enum {
	LEDGER_EXPIRE, /* SQLite */
	AUDIT_EXPIRE,
	DAYS, /* MariaDB */
	DAY_ADD,
	DAY_DROP,
};

/* A bunch at a time: SQLite has one writer, and others want to write too. */
#define BUNCH "5000"

const struct store_sql store_logday_sql[] = {
	[LEDGER_EXPIRE] = { "DELETE FROM ledger WHERE (day, id) IN "
			    "(SELECT day, id FROM ledger WHERE day < ? "
			    "ORDER BY day LIMIT " BUNCH ")",
	    "DELETE FROM ledger WHERE day < ? LIMIT " BUNCH },
	[AUDIT_EXPIRE] = { "DELETE FROM audit WHERE seq IN "
			   "(SELECT seq FROM audit WHERE day < ? "
			   "ORDER BY seq LIMIT " BUNCH ")",
	    "DELETE FROM audit WHERE day < ? LIMIT " BUNCH },
	[DAYS] = { "",
	    "SELECT partition_description FROM information_schema.partitions "
	    "WHERE table_schema = DATABASE() AND table_name = ? "
	    "AND partition_name <> 'p_rest' "
	    "ORDER BY partition_ordinal_position" },
	[DAY_ADD] = { "", "CALL log_day_add(?, ?)" },
	[DAY_DROP] = { "", "CALL log_day_drop(?, ?)" },
	STORE_SQL_END,
};

static struct store_value
name_of(enum store_log log)
{
	return store_text(log == STORE_LEDGER ? STR("ledger") : STR("audit"));
}

static bool
has_partitions(const struct store *s)
{
	return strcmp(store_product(s), "mariadb") == 0;
}

struct days {
	int64_t day[DAYS_MAX]; /* a partition's last day, rising */
	unsigned n;
};

/* A partition ends before its number. */
static enum err
keep_day(void *arg, const struct store_value *row, uint32_t n)
{
	struct days *d = arg;
	int64_t end;

	(void)n;
	if (num_parse_i64(store_get_str(&row[0]), &end) != ERR_OK)
		return ERR_SYNTAX;
	if (d->n < DAYS_MAX)
		d->day[d->n++] = end - 1;
	else
		d->day[DAYS_MAX - 1] = end - 1;
	return ERR_OK;
}

static enum err
get_days(struct store *s, enum store_log log, struct days *d)
{
	struct store_value v = name_of(log);

	d->n = 0;
	return store_run(s, &store_logday_sql[DAYS], &v, 1, keep_day, d);
}

static enum err
call(struct store *s, int which, enum store_log log, int64_t day)
{
	struct store_value v[2] = { name_of(log), store_int(day) };

	return store_run(s, &store_logday_sql[which], v, 2, NULL, NULL);
}

enum err
store_logday_make(struct store *s, enum store_log log, int64_t day)
{
	struct days d;
	int64_t next;
	enum err e;

	ASSERT(!store_in_transaction(s));
	if (!has_partitions(s))
		return ERR_OK;
	e = get_days(s, log, &d);
	if (e != ERR_OK)
		return e;
	next = d.n > 0 ? d.day[d.n - 1] + 1 : day;
	if (next + STORE_LOGDAY_STEP <= day)
		next = day - STORE_LOGDAY_STEP + 1;
	for (; next <= day && e == ERR_OK; next++)
		e = call(s, DAY_ADD, log, next);
	return e;
}

static enum err
drop_days(struct store *s, enum store_log log, int64_t before, uint64_t *n)
{
	struct days d;
	unsigned i;
	enum err e = get_days(s, log, &d);

	for (i = 0; e == ERR_OK && i < d.n && d.day[i] < before; i++) {
		e = call(s, DAY_DROP, log, d.day[i]);
		*n += e == ERR_OK;
	}
	return e;
}

enum err
store_logday_drop(
    struct store *s, enum store_log log, int64_t before, uint64_t *n)
{
	const struct store_sql *row =
	    &store_logday_sql[log == STORE_LEDGER ? LEDGER_EXPIRE
						  : AUDIT_EXPIRE];
	struct store_value v = store_int(before);
	enum err e;

	ASSERT(!store_in_transaction(s));
	*n = 0;
	if (has_partitions(s))
		return drop_days(s, log, before, n);
	do {
		e = store_run(s, row, &v, 1, NULL, NULL);
		*n += e == ERR_OK ? store_changed(s) : 0;
	} while (e == ERR_OK && store_changed(s) > 0);
	return e;
}
