#include "store/fold.h"

#include <stdlib.h>

#define DAY (86400 * USEC_PER_SEC)

enum {
	EACH,
	MARK,
	SHARE,
	DROP,
};

/* Ids only grow: a fold that is dropped, made or both changes the mark. */
const struct store_sql store_fold_sql[] = {
	[EACH] = { "SELECT id, first_day, last_day FROM usage_fold"
		   " WHERE shape = ? AND dropped = 0 AND first_day >= ?"
		   " AND last_day <= ? ORDER BY first_day, id",
	    NULL },
	[MARK] = { STORE_FOLD_MARK, NULL },
	[SHARE] = { "", "SELECT value FROM meta WHERE name = 'usage.fold'"
			" LOCK IN SHARE MODE" },
	[DROP] = { "UPDATE usage_fold SET dropped = ? WHERE last_day >= ?"
		   " AND first_day <= ? AND dropped = 0",
	    NULL },
	STORE_SQL_END,
};

const char *
store_fold_word(enum store_fold_shape shape)
{
	return shape == STORE_FOLD_CALLER ? "caller" : "whole";
}

/* ---- which ---------------------------------------------------------------- */

/* The cheapest way from a day to the end: a fold, or the day itself. */
struct step {
	uint32_t cost;
	uint32_t fold; /* its number + 1; 0: the day */
};

static enum err
walk(const struct store_fold *folds, const struct step *steps, int64_t first,
    int64_t last, struct store_fold_cover *c)
{
	int64_t day = first;

	while (day <= last) {
		uint32_t fold = steps[day - first].fold;

		if (fold == 0) {
			if (c->n_days == STORE_COVER_DAYS)
				return ERR_LIMIT;
			c->day[c->n_days++] = day++ * DAY;
			continue;
		}
		if (c->n_folds == STORE_COVER_FOLDS)
			return ERR_LIMIT;
		c->fold[c->n_folds++] = folds[fold - 1].id;
		day = folds[fold - 1].last + 1;
	}
	return ERR_OK;
}

enum err
store_fold_choose(const struct store_fold *folds, uint32_t n, int64_t first,
    int64_t last, struct store_fold_cover *out)
{
	struct store_fold_cover c = { .mark = 0 };
	struct step *steps;
	enum err e;

	if (first > last || last - first >= STORE_FOLD_DAYS_MAX || first < 1)
		return ERR_LIMIT;
	steps = calloc((size_t)(last - first) + 2, sizeof(*steps));
	if (steps == NULL)
		return ERR_NOMEM;
	for (int64_t day = last; day >= first; day--) {
		struct step *at = &steps[day - first];

		at->cost = at[1].cost + 1;
		for (; n > 0 && folds[n - 1].first >= day; n--) {
			const struct store_fold *f = &folds[n - 1];
			uint32_t cost;

			if (f->first > day || f->last < day || f->last > last)
				continue;
			cost = steps[f->last + 1 - first].cost + 1;
			if (cost >= at->cost)
				continue;
			at->cost = cost;
			at->fold = n;
		}
	}
	e = walk(folds, steps, first, last, &c);
	free(steps);
	if (e == ERR_OK)
		*out = c;
	return e;
}

struct folds {
	struct store_fold fold[STORE_FOLDS_MAX];
	uint32_t n;
};

static enum err
on_fold(void *arg, const struct store_value *v, uint32_t n)
{
	struct folds *f = arg;

	(void)n;
	if (f->n < STORE_FOLDS_MAX)
		f->fold[f->n++] = (struct store_fold){ store_get_int(&v[0]),
			store_get_int(&v[1]), store_get_int(&v[2]) };
	return ERR_OK;
}

enum err
store_fold_mark(struct store *s, int64_t *mark)
{
	return store_run(
	    s, &store_fold_sql[MARK], NULL, 0, store_row_int, mark);
}

enum err
store_fold_cover(struct store *s, enum store_fold_shape shape, int64_t first,
    int64_t last, struct store_fold_cover *out)
{
	const struct store_value v[3] = {
		store_text(str_z(store_fold_word(shape))),
		store_int(first),
		store_int(last),
	};
	struct folds *f = calloc(1, sizeof(*f));
	int64_t mark = 0;
	enum err e = f != NULL ? ERR_OK : ERR_NOMEM;

	/* the mark first: what changes then is noticed */
	if (e == ERR_OK)
		e = store_run(
		    s, &store_fold_sql[MARK], NULL, 0, store_row_int, &mark);
	if (e == ERR_OK)
		e = store_run(s, &store_fold_sql[EACH], v, 3, on_fold, f);
	if (e == ERR_OK)
		e = store_fold_choose(f->fold, f->n, first, last, out);
	if (e == ERR_OK)
		out->mark = mark;
	free(f);
	return e;
}

void
store_fold_bind(
    const struct store_fold_cover *c, struct store_value v[STORE_COVER_VALUES])
{
	for (uint32_t i = 0; i < STORE_COVER_FOLDS; i++)
		v[i] = store_int(c->fold[i]);
	for (uint32_t i = 0; i < STORE_COVER_DAYS; i++)
		v[STORE_COVER_FOLDS + i] = store_int(c->day[i]);
}

/* ---- dropping ------------------------------------------------------------- */

enum err
store_fold_touch(struct store *s, int64_t day)
{
	const struct store_value v[3] = { store_int(clock_wall()),
		store_int(day), store_int(day) };
	enum err e = ERR_OK;

	ASSERT(store_in_transaction(s));
	if (strcmp(store_product(s), "mariadb") == 0)
		e = store_run(s, &store_fold_sql[SHARE], NULL, 0, NULL, NULL);
	if (e == ERR_OK)
		e = store_run(s, &store_fold_sql[DROP], v, 3, NULL, NULL);
	return e;
}
