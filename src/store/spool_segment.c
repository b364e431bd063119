#include "store/spool_segment.h"

enum {
	ALL,
	PUT,
	REMOVE,
};

#define INSERT                                                   \
	"INSERT INTO spool_segment (node, name, taken, changed)" \
	" VALUES (?, ?, ?, ?)"

const struct store_sql store_spool_segment_sql[] = {
	[ALL] = { "SELECT name, taken FROM spool_segment WHERE node = ?",
	    NULL },
	[PUT] = { INSERT " ON CONFLICT (node, name) DO UPDATE SET"
			 " taken = excluded.taken, changed = excluded.changed",
	    INSERT " ON DUPLICATE KEY UPDATE taken = VALUES(taken),"
		   " changed = VALUES(changed)" },
	[REMOVE] = { "DELETE FROM spool_segment WHERE node = ? AND name = ?",
	    NULL },
	STORE_SQL_END,
};

struct reader {
	store_spool_segment_fn fn;
	void *arg;
};

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	const struct reader *r = arg;

	(void)n;
	return r->fn(r->arg, store_get_str(&v[0]), store_get_int(&v[1]));
}

enum err
store_spool_segment_each(
    struct store *s, struct str node, store_spool_segment_fn fn, void *arg)
{
	const struct store_value v = store_text(node);
	struct reader r = { fn, arg };

	return store_run(s, &store_spool_segment_sql[ALL], &v, 1, on_row, &r);
}

enum err
store_spool_segment_put(
    struct store *s, struct str node, struct str name, int64_t taken)
{
	const struct store_value v[] = { store_text(node), store_text(name),
		store_int(taken), store_int(clock_wall()) };

	return store_run(s, &store_spool_segment_sql[PUT], v, 4, NULL, NULL);
}

enum err
store_spool_segment_remove(struct store *s, struct str node, struct str name)
{
	const struct store_value v[] = { store_text(node), store_text(name) };

	return store_run(s, &store_spool_segment_sql[REMOVE], v, 2, NULL, NULL);
}
