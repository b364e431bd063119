#ifndef STORE_FOLD_H
#define STORE_FOLD_H
/*
 * Folds: sums of several whole days, so that a report about 100 000 keys over a
 * month reads a few sums of each and not those of every day. A fold is made
 * by llmgw-jobd from days that are over (store_fold_make) and is a copy: the
 * sums of the days stay, and a report takes those where there is no fold.
 *
 * A fold is right or it does not count: what adds to the sums of a day, or
 * prices them anew, drops the folds of that day in the same transaction
 * (store_fold_touch), and llmgw-jobd makes others later. Its rows stay for
 * STORE_FOLD_REST after that, for a report that has begun.
 *
 * Who makes one waits for all that touch, and they for him: one row of meta
 * is locked (MariaDB; SQLite has one writer at a time).
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

enum store_fold_shape {
	STORE_FOLD_CALLER, /* without alias, provider and model */
	STORE_FOLD_WHOLE,
	STORE_FOLD_SHAPE__MAX
};

/* Days since 1970 UTC, both included. */
struct store_fold {
	int64_t id;
	int64_t first, last;
};

#define STORE_FOLDS_MAX 1024u /* of a shape; more are not looked at */
#define STORE_FOLD_DAYS_MAX 4000 /* that are folded, and of a cover */
#define STORE_FOLD_REST (3600 * USEC_PER_SEC)

/*
 * Which folds and days together are the days from first to last, each once and
 * as few as can be. Unused places are 0, which no fold and no day has. What a
 * cover says holds while the mark is the same: ask for both in one statement.
 */
#define STORE_COVER_FOLDS 24u
#define STORE_COVER_DAYS 16u
struct store_fold_cover {
	int64_t fold[STORE_COVER_FOLDS];
	int64_t day[STORE_COVER_DAYS]; /* usec_t: their begin */
	uint32_t n_folds, n_days;
	int64_t mark;
};

/* ERR_LIMIT: they are too many; ERR_NOMEM; others as store_run. */
MUST_CHECK enum err
store_fold_cover(struct store *s, enum store_fold_shape shape, int64_t first,
    int64_t last, struct store_fold_cover *out);
/* It changes when a fold is dropped or made. */
MUST_CHECK enum err store_fold_mark(struct store *s, int64_t *mark);
#define STORE_FOLD_MARK                                    \
	"SELECT COUNT(*) + 1000000 * COALESCE(MAX(id), 0)" \
	" FROM usage_fold WHERE dropped = 0"
/* A cover from folds that are known, by their first day; mark stays 0. */
MUST_CHECK enum err store_fold_choose(const struct store_fold *folds,
    uint32_t n, int64_t first, int64_t last, struct store_fold_cover *out);
/* "caller", "whole" */
const char *store_fold_word(enum store_fold_shape shape);

/*
 * The sums of this day change: drops its folds. Before they do, in the same
 * transaction.
 */
MUST_CHECK enum err store_fold_touch(struct store *s, int64_t day);

/*
 * Makes one fold that is missing, or drops one that is not wanted any more;
 * in a transaction of its own. *more: there may be another. While days are
 * being touched it waits: *more is false for STORE_FOLD_CALM after a drop.
 * Wanted are, of the last 400 days: blocks of 4 and of 16 days, months, and
 * the last 6 and 29 days before today.
 */
#define STORE_FOLD_CALM (600 * USEC_PER_SEC)
MUST_CHECK enum err store_fold_make(struct store *s, usec_t now, bool *more);
/* The i-th that is wanted on that day; false: there are no more. */
bool
store_fold_wanted(int64_t today, uint32_t i, int64_t *first, int64_t *last);
/* Some rows of a fold that was dropped and has rested. */
MUST_CHECK enum err store_fold_prune(struct store *s, usec_t now, bool *more);

extern const struct store_sql store_fold_sql[];
extern const struct store_sql store_fold_make_sql[];

/* Statements' places for a cover. */
#define STORE_COVER_IN_FOLDS                                             \
	" IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " \
	"?, ?, ?, ?, ?)"
#define STORE_COVER_IN_DAYS \
	" IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
/* Values for both, folds first. */
#define STORE_COVER_VALUES (STORE_COVER_FOLDS + STORE_COVER_DAYS)
void store_fold_bind(
    const struct store_fold_cover *c, struct store_value v[STORE_COVER_VALUES]);

#endif
