#include "store/fold.h"

#include <stdlib.h>

#include "store/sum.h"

#define DAY (86400 * USEC_PER_SEC)
/* A day is over a little later: what was under way is on its way. */
#define GRACE (900 * USEC_PER_SEC)
#define REACH 400 /* days */

enum {
	LOCK,
	OLDEST,
	LAST_DROP,
	EACH,
	NEW,
	FILL,
	OUST,
	RESTED,
	CLEAR,
	FORGET,
};

#define DIMS                                            \
	" tenant_id, team_id, user_id, key_id, client," \
	" alias, provider, model,"
#define PLACE                                           \
	" tenant_id, team_id, user_id, key_id, client," \
	" alias, provider, model"
#define NUMBERS                                                             \
	" requests, failed, lost, estimated, unpriced, prompt, completion," \
	" cached, reasoning, cost"
#define EACH_SUM(sum, c) ", " sum(#c)
#define SUMS(sum)                                                        \
	" SUM(requests), SUM(failed), SUM(lost), SUM(estimated),"        \
	" SUM(unpriced)" EACH_SUM(sum, prompt) EACH_SUM(sum, completion) \
	    EACH_SUM(sum, cached) EACH_SUM(sum, reasoning) EACH_SUM(sum, cost)
#define BUNCH "20000"

#define FILL_OF(sum)                                                          \
	"INSERT INTO usage_folded (fold_id," DIMS NUMBERS ")"                 \
	" SELECT ?, tenant_id, team_id, user_id, key_id, client,"             \
	" g_alias, g_provider, g_model," SUMS(                                \
	    sum) " FROM (SELECT tenant_id, team_id, user_id, key_id,"         \
		 " client, CASE WHEN ? = 1 THEN alias ELSE '' END"            \
		 " AS g_alias, CASE WHEN ? = 1 THEN provider ELSE '' END"     \
		 " AS g_provider, CASE WHEN ? = 1 THEN model ELSE '' END"     \
		 " AS g_model," NUMBERS " FROM ("                             \
		 "SELECT" DIMS NUMBERS " FROM usage_folded"                   \
		 " WHERE fold_id" STORE_COVER_IN_FOLDS " UNION ALL"           \
		 " SELECT" DIMS NUMBERS " FROM usage_rollup"                  \
		 " WHERE span = 'day' AND start" STORE_COVER_IN_DAYS ") r) g" \
		 " GROUP BY tenant_id, team_id, user_id, key_id, client,"     \
		 " g_alias, g_provider, g_model"

const struct store_sql store_fold_make_sql[] = {
	[LOCK] = { "", "SELECT value FROM meta WHERE name = 'usage.fold'"
		       " FOR UPDATE" },
	[OLDEST] = { "SELECT COALESCE(MIN(start), 0) FROM usage_rollup"
		     " WHERE span = 'day'",
	    NULL },
	[LAST_DROP] = { "SELECT COALESCE(MAX(dropped), 0) FROM usage_fold",
	    NULL },
	[EACH] = { "SELECT id, first_day, last_day FROM usage_fold"
		   " WHERE shape = ? AND dropped = 0",
	    NULL },
	[NEW] = { "INSERT INTO usage_fold (shape, first_day, last_day,"
		  " dropped) VALUES (?, ?, ?, 0)",
	    NULL },
	[FILL] = { FILL_OF(STORE_SUM_HALVES), FILL_OF(STORE_SUM_DECIMAL) },
	[OUST] = { "UPDATE usage_fold SET dropped = ? WHERE id = ?", NULL },
	[RESTED] = { "SELECT COALESCE(MIN(id), 0) FROM usage_fold"
		     " WHERE dropped > 0 AND dropped < ?",
	    NULL },
	[CLEAR] = { "DELETE FROM usage_folded WHERE (fold_id, tenant_id,"
		    " team_id, user_id, key_id, client, alias, provider,"
		    " model) IN (SELECT fold_id," PLACE
		    " FROM usage_folded WHERE fold_id = ? LIMIT " BUNCH ")",
	    "DELETE FROM usage_folded WHERE fold_id = ? LIMIT " BUNCH },
	[FORGET] = { "DELETE FROM usage_fold WHERE id = ?", NULL },
	STORE_SQL_END,
};

/* ---- which are wanted ----------------------------------------------------- */

/* Blocks of so many days, counted from 1970, the newest last. */
static bool
block(int64_t today, int64_t size, uint32_t *i, int64_t *first, int64_t *last)
{
	int64_t from = (today - REACH + size - 1) / size, to = today / size;

	if (from < 1)
		from = 1;
	if (from + (int64_t)*i >= to) {
		*i -= to > from ? (uint32_t)(to - from) : 0;
		return false;
	}
	*first = (from + (int64_t)*i) * size;
	*last = *first + size - 1;
	return true;
}

static int64_t
month_of(int64_t day)
{
	char iso[CLOCK_ISO_SIZE];

	clock_iso(day * DAY, iso);
	return day + 1 - ((iso[8] - '0') * 10 + iso[9] - '0');
}

bool
store_fold_wanted(int64_t today, uint32_t i, int64_t *first, int64_t *last)
{
	static const int64_t windows[] = { 6, 29 };
	const uint32_t n_windows = sizeof(windows) / sizeof(*windows);

	if (today <= REACH)
		return false;
	if (block(today, 4, &i, first, last) ||
	    block(today, 16, &i, first, last))
		return true;
	if (i < n_windows) {
		*first = today - windows[i];
		*last = today - 1;
		return true;
	}
	i -= n_windows;
	*first = month_of(today);
	for (uint32_t back = 0; back <= i; back++) {
		*last = *first - 1;
		*first = month_of(*last);
	}
	return *first >= today - REACH;
}

/* ---- making --------------------------------------------------------------- */

struct work {
	struct store *s;
	usec_t now;
	int64_t today;
	bool more;
	uint32_t n;
	struct store_fold folds[STORE_FOLDS_MAX]; /* of a shape */
};

static enum err
on_fold(void *arg, const struct store_value *v, uint32_t n)
{
	struct work *w = arg;

	(void)n;
	if (w->n < STORE_FOLDS_MAX)
		w->folds[w->n++] = (struct store_fold){ store_get_int(&v[0]),
			store_get_int(&v[1]), store_get_int(&v[2]) };
	return ERR_OK;
}

static bool
is_there(const struct work *w, int64_t first, int64_t last)
{
	for (uint32_t i = 0; i < w->n; i++) {
		if (w->folds[i].first == first && w->folds[i].last == last)
			return true;
	}
	return false;
}

static bool
is_wanted(const struct work *w, const struct store_fold *f)
{
	int64_t first, last;

	for (uint32_t i = 0; store_fold_wanted(w->today, i, &first, &last);
	     i++) {
		if (f->first == first && f->last == last)
			return true;
	}
	return false;
}

static enum err
get_int(struct store *s, int which, int64_t *out)
{
	return store_run(
	    s, &store_fold_make_sql[which], NULL, 0, store_row_int, out);
}

/*
 * From smaller ones where there are any: see the order of what is wanted. Days
 * before the oldest have no sums, nor any smaller fold: a month of which only
 * the last day has some would be too many days for a cover.
 */
static enum err
make(struct work *w, enum store_fold_shape shape, int64_t first, int64_t last,
    int64_t oldest)
{
	struct store_value v[4 + STORE_COVER_VALUES] = {
		store_text(str_z(store_fold_word(shape))),
		store_int(first),
		store_int(last),
	};
	struct store_fold_cover cover;
	enum err e = store_fold_cover(
	    w->s, shape, first < oldest ? oldest : first, last, &cover);

	if (e == ERR_OK)
		e = store_run(
		    w->s, &store_fold_make_sql[NEW], v, 3, NULL, NULL);
	if (e != ERR_OK)
		return e;
	v[0] = store_int(store_last_id(w->s));
	for (int i = 1; i < 4; i++)
		v[i] = store_int(shape == STORE_FOLD_WHOLE);
	store_fold_bind(&cover, v + 4);
	return store_run(w->s, &store_fold_make_sql[FILL], v,
	    4 + STORE_COVER_VALUES, NULL, NULL);
}

static enum err
oust(struct work *w)
{
	for (uint32_t i = 0; i < w->n; i++) {
		const struct store_value v[2] = {
			store_int(w->now - STORE_FOLD_CALM),
			store_int(w->folds[i].id),
		};

		if (is_wanted(w, &w->folds[i]))
			continue;
		w->more = true;
		return store_run(
		    w->s, &store_fold_make_sql[OUST], v, 2, NULL, NULL);
	}
	return ERR_OK;
}

static enum err
do_shape(struct work *w, enum store_fold_shape shape, int64_t oldest)
{
	struct store_value v = store_text(str_z(store_fold_word(shape)));
	int64_t first, last;
	enum err e;

	w->n = 0;
	e = store_run(w->s, &store_fold_make_sql[EACH], &v, 1, on_fold, w);
	for (uint32_t i = 0; e == ERR_OK && w->n < STORE_FOLDS_MAX &&
			     store_fold_wanted(w->today, i, &first, &last);
	     i++) {
		if (last < oldest || is_there(w, first, last))
			continue;
		w->more = true;
		return make(w, shape, first, last, oldest);
	}
	return e == ERR_OK ? oust(w) : e;
}

static enum err
do_one(struct store *s, void *arg)
{
	struct work *w = arg;
	int64_t oldest = 0, dropped = 0;
	enum err e = ERR_OK;

	w->more = false;
	if (strcmp(store_product(s), "mariadb") == 0)
		e = store_run(
		    s, &store_fold_make_sql[LOCK], NULL, 0, NULL, NULL);
	if (e == ERR_OK)
		e = get_int(s, OLDEST, &oldest);
	if (e == ERR_OK)
		e = get_int(s, LAST_DROP, &dropped);
	if (oldest == 0 || dropped > w->now - STORE_FOLD_CALM)
		return e;
	for (int i = 0; e == ERR_OK && !w->more && i < STORE_FOLD_SHAPE__MAX;
	     i++)
		e = do_shape(w, (enum store_fold_shape)i, oldest / DAY);
	return e;
}

enum err
store_fold_make(struct store *s, usec_t now, bool *more)
{
	struct work *w = calloc(1, sizeof(*w));
	enum err e;

	if (w == NULL)
		return ERR_NOMEM;
	w->s = s;
	w->now = now;
	w->today = (now - GRACE) / DAY;
	e = store_atomically(s, do_one, w);
	*more = e == ERR_OK && w->more;
	free(w);
	return e;
}

/* ---- clearing away -------------------------------------------------------- */

enum err
store_fold_prune(struct store *s, usec_t now, bool *more)
{
	struct store_value v = store_int(now - STORE_FOLD_REST);
	int64_t id = 0;
	enum err e = store_run(
	    s, &store_fold_make_sql[RESTED], &v, 1, store_row_int, &id);

	*more = false;
	if (e != ERR_OK || id == 0)
		return e;
	v = store_int(id);
	e = store_run(s, &store_fold_make_sql[CLEAR], &v, 1, NULL, NULL);
	if (e == ERR_OK && store_changed(s) == 0)
		e = store_run(
		    s, &store_fold_make_sql[FORGET], &v, 1, NULL, NULL);
	*more = e == ERR_OK;
	return e;
}
