#include "store/rollup.h"

#include <stdlib.h>

#include "store/fold.h"
#include "store/sum.h"

#define HOUR (3600 * USEC_PER_SEC)

enum {
	ADD,
	OLDEST,
	PRUNE,
};

#define INSERT                                                              \
	"INSERT INTO usage_rollup (span, start, tenant_id, team_id,"        \
	" user_id, key_id, client, alias, provider, model, requests,"       \
	" failed, lost, estimated, unpriced, prompt, completion, cached,"   \
	" reasoning, cost)"                                                 \
	" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?," \
	" ?)"
#define PLUS(c) \
	c " = MIN(" STORE_SUM_MOST ", usage_rollup." c " + excluded." c ")"
#define MORE(c) c " = LEAST(" STORE_SUM_MOST ", " c " + VALUES(" c "))"
#define SUMS_1(f) f("requests") "," f("failed") "," f("lost") ","
#define SUMS_2(f) f("estimated") "," f("unpriced") "," f("prompt") ","
#define SUMS_3(f) f("completion") "," f("cached") "," f("reasoning") ","

const struct store_sql store_rollup_sql[] = {
	[ADD] = { INSERT
	    " ON CONFLICT (span, start, tenant_id, team_id, user_id, key_id,"
	    " client, alias, provider, model) DO UPDATE SET " SUMS_1(PLUS)
		SUMS_2(PLUS) SUMS_3(PLUS) PLUS("cost"),
	    INSERT " ON DUPLICATE KEY UPDATE " SUMS_1(MORE) SUMS_2(MORE)
		SUMS_3(MORE) MORE("cost") },
	[OLDEST] = { "SELECT MIN(start) FROM usage_rollup WHERE span = ?",
	    NULL },
	[PRUNE] = { "DELETE FROM usage_rollup WHERE span = ? AND start < ?",
	    NULL },
	STORE_SQL_END,
};

static const struct {
	const char *word;
	usec_t length;
} spans[STORE_SPAN__MAX] = {
	[STORE_MINUTE] = { "minute", 60 * USEC_PER_SEC },
	[STORE_HOUR] = { "hour", HOUR },
	[STORE_DAY_SPAN] = { "day", 24 * HOUR },
	[STORE_DAY_MODEL] = { "daymodel", 24 * HOUR },
	[STORE_HOUR_MODEL] = { "hourmodel", HOUR },
};

const char *
store_span_word(enum store_span span)
{
	return spans[span].word;
}

bool
store_span_has_callers(enum store_span span)
{
	return span != STORE_DAY_MODEL && span != STORE_HOUR_MODEL;
}

usec_t
store_span_start(enum store_span span, usec_t t)
{
	return t - t % spans[span].length;
}

enum {
	VALUES = 20,
	ROWS_MAX = 256
};

static struct store_value
text(struct str s)
{
	return store_text(s.p ? s : STR(""));
}

static void
values_of(const struct store_rollup *r, struct store_value *v)
{
	const struct store_value all[VALUES] = {
		text(str_z(spans[r->span].word)),
		store_int(r->start),
		store_int(r->tenant_id),
		store_int(r->team_id),
		store_int(r->user_id),
		store_int(r->key_id),
		text(r->client),
		text(r->alias),
		text(r->provider),
		text(r->model),
		store_int(r->requests),
		store_int(r->failed),
		store_int(r->lost),
		store_int(r->estimated),
		store_int(r->unpriced),
		store_int(r->prompt),
		store_int(r->completion),
		store_int(r->cached),
		store_int(r->reasoning),
		store_int(r->cost),
	};

	memcpy(v, all, sizeof(all));
}

/* Each day that gets more, once. */
static enum err
touch_days(struct store *s, const struct store_rollup *rows, uint32_t n)
{
	int64_t day = 0;
	enum err e = ERR_OK;

	for (uint32_t i = 0; e == ERR_OK && i < n; i++) {
		int64_t own = rows[i].start / (24 * HOUR);

		if (rows[i].span != STORE_DAY_SPAN || own == day)
			continue;
		day = own;
		e = store_fold_touch(s, day);
	}
	return e;
}

enum err
store_rollup_add(struct store *s, const struct store_rollup *rows, uint32_t n)
{
	struct store_value *v = calloc((size_t)ROWS_MAX * VALUES, sizeof(*v));
	enum err e = v ? ERR_OK : ERR_NOMEM;

	ASSERT(store_in_transaction(s));
	if (e == ERR_OK)
		e = touch_days(s, rows, n);
	for (uint32_t at = 0; at < n && e == ERR_OK; at += ROWS_MAX) {
		uint32_t some = n - at < ROWS_MAX ? n - at : ROWS_MAX;

		for (uint32_t i = 0; i < some; i++)
			values_of(&rows[at + i], v + (size_t)i * VALUES);
		e = store_run_many(s, &store_rollup_sql[ADD], v, VALUES, some);
	}
	free(v);
	return e;
}

enum err
store_rollup_prune(
    struct store *s, enum store_span span, usec_t before, bool *more)
{
	struct store_value v[2] = { text(str_z(spans[span].word)) };
	int64_t oldest = 0;
	usec_t until;
	enum err e;

	e = store_run(
	    s, &store_rollup_sql[OLDEST], v, 1, store_row_int, &oldest);
	if (e != ERR_OK)
		return e;
	if (oldest == 0 || oldest >= before) {
		*more = false;
		return ERR_OK;
	}
	until = oldest + HOUR < before ? oldest + HOUR : before;
	v[1] = store_int(until);
	e = store_run(s, &store_rollup_sql[PRUNE], v, 2, NULL, NULL);
	if (e == ERR_OK)
		*more = until < before;
	return e;
}
