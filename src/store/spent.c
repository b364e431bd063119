#include "store/spent.h"

#include "store/rollup.h"
#include "store/sum.h"

#define HOUR (3600 * USEC_PER_SEC)
#define DAY (24 * HOUR)

enum {
	SPENT,
};

#define EACH(sum, c) ", " sum(#c)
#define SPENT_OF(sum)                                                        \
	"SELECT client, alias" EACH(sum, prompt) EACH(sum, completion) EACH( \
	    sum,                                                             \
	    cost) " FROM usage_rollup WHERE span = ? AND start >= ? AND "    \
		  "start < ?"                                                \
		  " AND (? = 0 OR tenant_id = ?) AND (? = 0 OR team_id = ?)" \
		  " AND (? = 0 OR user_id = ?) AND (? = 0 OR key_id = ?)"    \
		  " AND (? = '' OR client = ?) GROUP BY client, alias"

const struct store_sql store_spent_sql[] = {
	[SPENT] = { SPENT_OF(STORE_SUM_HALVES), SPENT_OF(STORE_SUM_DECIMAL) },
	STORE_SQL_END,
};

struct reading {
	store_spent_fn fn;
	void *arg;
};

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	const struct reading *r = arg;
	const struct store_spent row = { .client = store_get_str(&v[0]),
		.alias = store_get_str(&v[1]),
		.prompt = store_get_int(&v[2]),
		.completion = store_get_int(&v[3]),
		.cost = store_get_int(&v[4]) };

	(void)n;
	return r->fn(r->arg, &row);
}

static enum err
span_of(struct store *s, const struct store_spent_ask *ask,
    enum store_span span, usec_t from, usec_t to, struct reading *r)
{
	struct str client = str_present(ask->client) ? ask->client : STR("");
	const struct store_value v[] = {
		store_text(str_z(store_span_word(span))), store_int(from),
		store_int(to), store_int(ask->tenant_id),
		store_int(ask->tenant_id), store_int(ask->team_id),
		store_int(ask->team_id), store_int(ask->user_id),
		store_int(ask->user_id), store_int(ask->key_id),
		store_int(ask->key_id), store_text(client), store_text(client)
	};

	if (from >= to)
		return ERR_OK;
	return store_run(
	    s, &store_spent_sql[SPENT], v, sizeof(v) / sizeof(*v), on_row, r);
}

static usec_t
next(usec_t t, usec_t span)
{
	return (t + span - 1) / span * span;
}

/* Minutes to the full hour, hours to the full day (UTC), and days. */
enum err
store_spent_each(struct store *s, const struct store_spent_ask *ask,
    store_spent_fn fn, void *arg)
{
	struct reading r = { fn, arg };
	usec_t hour = next(ask->from, HOUR), day = next(ask->from, DAY);
	enum err e = span_of(s, ask, STORE_MINUTE, ask->from, hour, &r);

	if (e == ERR_OK)
		e = span_of(s, ask, STORE_HOUR, hour, day, &r);
	if (e == ERR_OK)
		e = span_of(s, ask, STORE_DAY_SPAN, day, INT64_MAX, &r);
	return e;
}
