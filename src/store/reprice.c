#include "store/reprice.h"

#include <stdlib.h>

#include "store/fold.h"
#include "store/rollup.h"
#include "store/sum.h"

enum {
	EACH,
	ROW,
	SUMS,
};

#define ADD_TO(least)                                                       \
	"UPDATE usage_rollup SET cost = " least "(" STORE_SUM_MOST          \
	", cost + ?), unpriced = unpriced + ? WHERE span = ? AND start = ?" \
	" AND tenant_id = ? AND team_id = ? AND user_id = ?"                \
	" AND key_id = ? AND client = ? AND alias = ?"                      \
	" AND provider = ? AND model = ?"

const struct store_sql store_reprice_sql[] = {
	[EACH] = { "SELECT id, began, tenant_id, team_id, user_id, key_id,"
		   " client, alias, provider, model, state, is_estimated,"
		   " prompt, completion, cached, cache_write, cache_write_1h,"
		   " reasoning, audio_in, audio_out, image_in, image_out,"
		   " cost, price_version"
		   " FROM ledger WHERE day = ? AND id > ? AND state <> 'open'"
		   " ORDER BY id LIMIT ?",
	    NULL },
	[ROW] = { "UPDATE ledger SET cost = ?, price_version = ?"
		  " WHERE day = ? AND id = ?",
	    NULL },
	[SUMS] = { ADD_TO("MIN"), ADD_TO("LEAST") },
	STORE_SQL_END,
};

struct reading {
	store_reprice_fn fn;
	void *arg;
};

/* The states' words live for ever. */
static const char *
state_of(struct str s)
{
	static const char *const states[] = { "ok", "failed", "cut", "aborted",
		"lost", "not_sent", "unsure" };

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		if (str_eqz(s, states[i]))
			return states[i];
	}
	return "";
}

static int64_t
known(const struct store_value *v)
{
	return v->type == STORE_INT ? v->i : -1;
}

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	const struct reading *r = arg;
	struct str id = store_get_str(&v[0]);
	struct store_ledger row = {
		.began = store_get_int(&v[1]),
		.tenant_id = store_get_int(&v[2]),
		.team_id = store_get_int(&v[3]),
		.user_id = store_get_int(&v[4]),
		.key_id = store_get_int(&v[5]),
		.client = store_get_str(&v[6]),
		.alias = store_get_str(&v[7]),
		.provider = store_get_str(&v[8]),
		.model = store_get_str(&v[9]),
		.state = state_of(store_get_str(&v[10])),
		.is_estimated = store_get_int(&v[11]) != 0,
		.prompt = known(&v[12]),
		.completion = known(&v[13]),
		.cached = known(&v[14]),
		.cache_write = known(&v[15]),
		.cache_write_1h = known(&v[16]),
		.reasoning = known(&v[17]),
		.audio_in = known(&v[18]),
		.audio_out = known(&v[19]),
		.image_in = known(&v[20]),
		.image_out = known(&v[21]),
		.cost = known(&v[22]),
		.price_version = store_get_int(&v[23]),
	};

	(void)n;
	if (id.n != sizeof(row.id))
		return ERR_IO;
	memcpy(row.id, id.p, sizeof(row.id));
	return r->fn(r->arg, &row);
}

enum err
store_reprice_each(struct store *s, int64_t day,
    const unsigned char after[STORE_LEDGER_ID], uint32_t max,
    store_reprice_fn fn, void *arg)
{
	struct reading r = { fn, arg };
	const struct store_value v[] = {
		store_int(day),
		after != NULL ? store_blob(after, STORE_LEDGER_ID)
			      : store_blob("", 0),
		store_int(max),
	};

	return store_run(s, &store_reprice_sql[EACH], v, 3, on_row, &r);
}

/* ---- writing ------------------------------------------------------------ */

enum {
	ROW_VALUES = 4,
	SUM_VALUES = 12,
	ROWS_AT_ONCE = 200,
};

static void
bind_row(const struct store_reprice *p, struct store_value *v)
{
	v[0] = p->cost >= 0 ? store_int(p->cost) : store_null();
	v[1] = p->cost >= 0 ? store_int(p->version) : store_null();
	v[2] = store_int(store_ledger_day(p->row->began));
	v[3] = store_blob(p->row->id, sizeof(p->row->id));
}

static void
bind_sum(
    const struct store_reprice *p, enum store_span span, struct store_value *v)
{
	const struct store_ledger *r = p->row;
	int64_t before = r->cost > 0 ? r->cost : 0;
	int64_t now = p->cost > 0 ? p->cost : 0;
	bool whose = store_span_has_callers(span);

	v[0] = store_int(now - before);
	v[1] = store_int((p->cost < 0) - (r->cost < 0));
	v[2] = store_text(str_z(store_span_word(span)));
	v[3] = store_int(store_span_start(span, r->began));
	v[4] = store_int(r->tenant_id);
	v[5] = store_int(r->team_id);
	v[6] = store_int(whose ? r->user_id : 0);
	v[7] = store_int(whose ? r->key_id : 0);
	v[8] = store_text(whose ? r->client : STR(""));
	v[9] = store_text(r->alias);
	v[10] = store_text(r->provider);
	v[11] = store_text(r->model);
}

static enum err
write_some(struct store *s, const struct store_reprice *rows, uint32_t n,
    struct store_value *v)
{
	enum err e;

	for (uint32_t i = 0; i < n; i++)
		bind_row(&rows[i], v + (size_t)i * ROW_VALUES);
	e = store_run_many(s, &store_reprice_sql[ROW], v, ROW_VALUES, n);
	for (int k = 0; e == ERR_OK && k < STORE_SPAN__MAX; k++) {
		for (uint32_t i = 0; i < n; i++)
			bind_sum(&rows[i], (enum store_span)k,
			    v + (size_t)i * SUM_VALUES);
		e = store_run_many(
		    s, &store_reprice_sql[SUMS], v, SUM_VALUES, n);
	}
	return e;
}

static enum err
touch_days(struct store *s, const struct store_reprice *rows, uint32_t n)
{
	int64_t day = 0;
	enum err e = ERR_OK;

	for (uint32_t i = 0; e == ERR_OK && i < n; i++) {
		int64_t own = store_ledger_day(rows[i].row->began);

		if (own == day)
			continue;
		day = own;
		e = store_fold_touch(s, day);
	}
	return e;
}

enum err
store_reprice_write(
    struct store *s, const struct store_reprice *rows, uint32_t n)
{
	struct store_value *v =
	    calloc((size_t)ROWS_AT_ONCE * SUM_VALUES, sizeof(*v));
	enum err e = v != NULL ? ERR_OK : ERR_NOMEM;

	ASSERT(store_in_transaction(s));
	if (e == ERR_OK)
		e = touch_days(s, rows, n);
	for (uint32_t i = 0; e == ERR_OK && i < n; i += ROWS_AT_ONCE)
		e = write_some(s, rows + i,
		    n - i < ROWS_AT_ONCE ? n - i : ROWS_AT_ONCE, v);
	free(v);
	return e;
}
