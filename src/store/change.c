#include "store/change.h"

enum {
	ADD,
	ENDS,
	NEWER,
	PRUNE,
};

const struct store_sql store_change_sql[] = {
	[ADD] = { "INSERT INTO change_log (at, sort, object_id)"
		  " VALUES (?, ?, ?)",
	    NULL },
	/* Both at once would read all of the table in SQLite. */
	[ENDS] = { "SELECT (SELECT MIN(seq) FROM change_log),"
		   " (SELECT MAX(seq) FROM change_log)",
	    NULL },
	[NEWER] = { "SELECT seq, sort, object_id FROM change_log"
		    " WHERE seq > ? ORDER BY seq LIMIT ?",
	    NULL },
	/* MariaDB takes no LIMIT in the subquery itself. */
	[PRUNE] = { "DELETE FROM change_log WHERE seq IN (SELECT seq FROM"
		    " (SELECT seq FROM change_log WHERE at < ? AND seq <"
		    " (SELECT MAX(seq) FROM change_log)"
		    " ORDER BY seq LIMIT ?) AS old)",
	    NULL },
	STORE_SQL_END,
};

enum err
store_change_add(struct store *s, const char *sort, int64_t object_id)
{
	const struct store_value v[] = { store_int(clock_wall()),
		store_text(str_z(sort)), store_int(object_id) };

	return store_run(s, &store_change_sql[ADD], v, 3, NULL, NULL);
}

struct ends {
	int64_t first, last;
};

static enum err
on_ends(void *arg, const struct store_value *v, uint32_t n)
{
	struct ends *ends = arg;

	(void)n;
	ends->first = store_get_int(&v[0]);
	ends->last = store_get_int(&v[1]);
	return ERR_OK;
}

static enum err
read_ends(struct store *s, struct ends *ends)
{
	*ends = (struct ends){ 0 };
	return store_run(s, &store_change_sql[ENDS], NULL, 0, on_ends, ends);
}

enum err
store_change_last(struct store *s, int64_t *seq)
{
	struct ends ends;
	enum err e = read_ends(s, &ends);

	if (e == ERR_OK)
		*seq = ends.last;
	return e;
}

struct reader {
	store_change_fn fn;
	void *arg;
};

static enum err
on_change(void *arg, const struct store_value *v, uint32_t n)
{
	const struct reader *r = arg;

	(void)n;
	return r->fn(r->arg, store_get_int(&v[0]), store_get_str(&v[1]),
	    store_get_int(&v[2]));
}

enum err
store_change_each(struct store *s, int64_t after, uint32_t max, bool *gap,
    store_change_fn fn, void *arg)
{
	const struct store_value v[] = { store_int(after), store_int(max) };
	struct reader r = { fn, arg };
	struct ends ends;
	enum err e = read_ends(s, &ends);

	if (e != ERR_OK)
		return e;
	*gap = ends.first > after + 1 || ends.last < after;
	if (ends.last <= after)
		return ERR_OK;
	return store_run(s, &store_change_sql[NEWER], v, 2, on_change, &r);
}

enum err
store_change_prune(struct store *s, usec_t before, uint32_t max, uint64_t *n)
{
	const struct store_value v[] = { store_int(before), store_int(max) };
	enum err e = store_run(s, &store_change_sql[PRUNE], v, 2, NULL, NULL);

	if (e == ERR_OK)
		*n = store_changed(s);
	return e;
}
