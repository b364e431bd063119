#include "store/ledger.h"

#include <stdlib.h>

enum {
	ADD,
};

#define INTO                                                         \
	"INSERT INTO ledger (day, id, request_id, attempt, began,"   \
	" ended, node, tenant_id, team_id, user_id, key_id, client," \
	" surface, alias, provider, model, state, status,"           \
	" is_estimated, prompt, completion, cached, cache_write,"    \
	" cache_write_1h, reasoning, audio_in, audio_out, image_in," \
	" image_out, cost, price_version) "

/* The values are in the order of values_of. */
const struct store_sql store_ledger_sql[] = {
	[ADD] = { INTO
	    "SELECT v00, v01, v02, v03, v04, v05, v06, v07, v08, v09,"
	    " v10, v11, v12, v13, v14, v15, v16, v17, v18, v19,"
	    " v20, v21, v22, v23, v24, v25, v26, v27, v28, v29, v30"
	    " FROM store_rows",
	    INTO "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		 " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" },
	STORE_SQL_END,
};

enum {
	VALUES = 31,
	ROWS_MAX = 128 /* a statement: of 48 KiB of values */
};

/* What is not known is NULL. */
static struct store_value
known(int64_t n)
{
	return n >= 0 ? store_int(n) : store_null();
}

static struct store_value
text(struct str s)
{
	return store_text(s.p ? s : STR(""));
}

static void
values_of(const struct store_ledger *r, struct store_value *v)
{
	const struct store_value all[VALUES] = {
		store_int(store_ledger_day(r->began)),
		store_blob(r->id, sizeof(r->id)),
		text(r->request_id),
		store_int(r->attempt),
		store_int(r->began),
		store_id(r->ended),
		text(r->node),
		store_id(r->tenant_id),
		store_id(r->team_id),
		store_id(r->user_id),
		store_id(r->key_id),
		text(r->client),
		text(r->surface),
		text(r->alias),
		text(r->provider),
		text(r->model),
		text(str_z(r->state)),
		store_id(r->status),
		store_int(r->is_estimated),
		known(r->prompt),
		known(r->completion),
		known(r->cached),
		known(r->cache_write),
		known(r->cache_write_1h),
		known(r->reasoning),
		known(r->audio_in),
		known(r->audio_out),
		known(r->image_in),
		known(r->image_out),
		known(r->cost),
		r->cost >= 0 ? store_int(r->price_version) : store_null(),
	};

	memcpy(v, all, sizeof(all));
}

enum err
store_ledger_add(struct store *s, const struct store_ledger *rows, uint32_t n)
{
	struct store_value *v = calloc((size_t)ROWS_MAX * VALUES, sizeof(*v));
	enum err e = v ? ERR_OK : ERR_NOMEM;

	ASSERT(store_in_transaction(s));
	for (uint32_t at = 0; at < n && e == ERR_OK; at += ROWS_MAX) {
		uint32_t some = n - at < ROWS_MAX ? n - at : ROWS_MAX;

		for (uint32_t i = 0; i < some; i++)
			values_of(&rows[at + i], v + (size_t)i * VALUES);
		e = store_run_many(s, &store_ledger_sql[ADD], v, VALUES, some);
	}
	free(v);
	return e;
}

enum err
store_ledger_add_new(
    struct store *s, const struct store_ledger *row, bool *is_new)
{
	struct store_value v[VALUES];
	enum err e;

	values_of(row, v);
	e = store_run(s, &store_ledger_sql[ADD], v, VALUES, NULL, NULL);
	if (e == ERR_OK || e == ERR_DENIED)
		*is_new = e == ERR_OK;
	return e == ERR_DENIED ? ERR_OK : e;
}
