#include "store/audit.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/hash.h"

/* Rows of one statement: well within its time-out. */
#define PORTION 2000u
/* Days in the table of heads; a century. */
#define HEADS_MAX 36600u

struct heads {
	struct arena *arena;
	struct store_audit_head *day; /* ascending */
	uint32_t n, room;
	struct store_audit_head end;
};

struct walk {
	const struct store_audit_check *check;
	struct store_audit_verdict *verdict;
	struct heads heads;
	uint32_t next_head; /* of heads.day: the first not passed yet */
	int64_t kept_from; /* meta's */
	int64_t dropped; /* what the last row "audit.dropped" tells */
	int64_t last_day;
	int64_t beyond; /* the last row behind the end, as it was; 0: none */
	uint32_t portion;
};

/* ---- what is wrong ------------------------------------------------------------ */

static enum err
wrong(struct walk *w, int64_t seq, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* ERR_RANGE ends the walk. */
static enum err
wrong(struct walk *w, int64_t seq, const char *fmt, ...)
{
	va_list ap;

	w->verdict->bad_seq = seq;
	va_start(ap, fmt);
	(void)vsnprintf(w->verdict->why, sizeof(w->verdict->why), fmt, ap);
	va_end(ap);
	return ERR_RANGE;
}

/* ---- heads ----------------------------------------------------------------- */

static enum err
on_head(void *arg, const struct store_audit_head *h)
{
	struct heads *heads = arg;

	if (h->day == 0) {
		heads->end = *h;
		return ERR_OK;
	}
	if (heads->n == HEADS_MAX)
		return ERR_LIMIT;
	if (heads->n == heads->room) {
		uint32_t room = heads->room > 0 ? 2 * heads->room : 64;
		struct store_audit_head *more = arena_resize(heads->arena,
		    heads->day, heads->n * sizeof(*more), room * sizeof(*more));

		if (more == NULL)
			return ERR_NOMEM;
		heads->day = more;
		heads->room = room;
	}
	heads->day[heads->n++] = *h;
	return ERR_OK;
}

/*
 * Where to begin: behind the last day before the first one that is wanted and
 * kept.
 */
static enum err
find_begin(struct walk *w)
{
	struct store_audit_verdict *v = w->verdict;
	int64_t from = w->check->from_day;

	if (from < w->kept_from)
		from = w->kept_from;
	while (
	    w->next_head < w->heads.n && w->heads.day[w->next_head].day < from)
		w->next_head++;
	if (w->next_head > 0)
		v->end = w->heads.day[w->next_head - 1];
	else if (w->kept_from > 0)
		return wrong(w, 0,
		    "the head of the last day that was dropped is missing");
	v->first_seq = v->end.seq + 1;
	w->last_day = v->end.day;
	return ERR_OK;
}

/* The day that ended with verdict->end has its head, and no other is before. */
static enum err
pass_day(struct walk *w)
{
	const struct store_audit_head *end = &w->verdict->end;
	const struct store_audit_head *h;
	char day[STORE_DAY_SIZE];

	if (w->verdict->rows == 0)
		return ERR_OK;
	store_day_print(w->last_day, day);
	h = w->next_head < w->heads.n ? &w->heads.day[w->next_head] : NULL;
	if (h == NULL || h->day != w->last_day)
		return wrong(w, end->seq,
		    "the head of %s is missing, or there "
		    "is one of a day without rows",
		    day);
	if (h->seq != end->seq ||
	    !hash_equal(h->hash, end->hash, sizeof(h->hash)))
		return wrong(w, end->seq,
		    "the head of %s is not the last row of that day", day);
	w->next_head++;
	return ERR_OK;
}

/* ---- rows ------------------------------------------------------------------ */

static void
note_dropped(struct walk *w, const struct store_audit *row)
{
	struct str day = row->object;

	if (!str_eqz(row->action, STORE_AUDIT_DROPPED) ||
	    !str_starts(day, STR("day:")))
		return;
	if (store_day_parse(str_skip(day, 4), &w->dropped) != ERR_OK)
		w->dropped = 0;
}

static enum err
check_known(struct walk *w)
{
	const struct store_audit_head *known = &w->check->known;
	const struct store_audit_head *end = &w->verdict->end;

	if (known->seq == 0 || known->seq != end->seq ||
	    hash_equal(known->hash, end->hash, sizeof(end->hash)))
		return ERR_OK;
	return wrong(w, end->seq,
	    "row %lld is not the one whose head was kept: it, or rows before "
	    "it, were written anew",
	    (long long)end->seq);
}

static enum err
on_row(void *arg, const struct store_audit *row)
{
	struct walk *w = arg;
	struct store_audit_verdict *v = w->verdict;
	unsigned char hash[STORE_AUDIT_HASH];
	enum err e;

	w->portion++;
	if (row->seq > w->heads.end.seq) {
		w->beyond = row->seq;
		return ERR_OK;
	}
	if (row->seq != v->end.seq + 1)
		return wrong(w, v->end.seq + 1, "row %lld is missing",
		    (long long)(v->end.seq + 1));
	e = store_audit_hash(row, v->end.hash, hash);
	if (e != ERR_OK)
		return e;
	if (!hash_equal(hash, row->hash, sizeof(hash)))
		return wrong(w, row->seq,
		    "row %lld, or the one before it, is not as it was written",
		    (long long)row->seq);
	if (row->day < w->last_day)
		return wrong(w, row->seq,
		    "row %lld is of an earlier day than "
		    "the one before it",
		    (long long)row->seq);
	if (row->day != w->last_day) {
		e = pass_day(w);
		if (e != ERR_OK)
			return e;
	}
	w->last_day = row->day;
	v->end.day = row->day;
	v->end.seq = row->seq;
	memcpy(v->end.hash, hash, sizeof(hash));
	v->rows++;
	note_dropped(w, row);
	return check_known(w);
}

static enum err
walk_rows(struct store *s, struct walk *w)
{
	enum err e;

	do {
		struct store_audit_filter f = {
			.after_seq = w->verdict->end.seq,
			.from = INT64_MIN,
		};

		w->portion = 0;
		e = store_audit_each(s, &f, PORTION, on_row, w);
		if (e == ERR_SYNTAX)
			return wrong(w, w->verdict->end.seq + 1,
			    "row %lld has a column that was not written so",
			    (long long)(w->verdict->end.seq + 1));
	} while (e == ERR_OK && w->portion == PORTION &&
		 w->verdict->end.seq < w->heads.end.seq);
	return e;
}

static enum err
on_end_now(void *arg, const struct store_audit_head *h)
{
	if (h->day == 0)
		*(int64_t *)arg = h->seq;
	return ERR_OK;
}

/* Rows that were added meanwhile have moved the end; others are not ours. */
static enum err
check_beyond(struct store *s, struct walk *w)
{
	int64_t end = 0;
	enum err e = ERR_OK;

	if (w->beyond > 0)
		e = store_audit_heads(
		    s, INT64_MAX, INT64_MAX, on_end_now, &end);
	if (e == ERR_OK && w->beyond > end)
		e = wrong(w, w->beyond,
		    "row %lld is behind the end of the chain",
		    (long long)w->beyond);
	return e;
}

/* ---- the end ---------------------------------------------------------------- */

static enum err
check_end(struct walk *w)
{
	const struct store_audit_verdict *v = w->verdict;
	const struct store_audit_head *end = &w->heads.end;
	enum err e;

	if (v->end.seq < end->seq)
		return wrong(w, v->end.seq + 1,
		    "rows %lld to %lld are missing at the end",
		    (long long)(v->end.seq + 1), (long long)end->seq);
	if (v->end.seq > end->seq ||
	    (end->seq > 0 &&
		!hash_equal(v->end.hash, end->hash, sizeof(end->hash))))
		return wrong(w, v->end.seq,
		    "the end of the chain is not where its head tells");
	e = pass_day(w);
	if (e == ERR_OK && w->next_head < w->heads.n)
		e = wrong(w, 0, "there is a head of a day after the last row");
	if (e != ERR_OK)
		return e;
	if (w->check->known.seq > v->end.seq)
		return wrong(w, v->end.seq + 1,
		    "the chain ends before row %lld, whose head was kept",
		    (long long)w->check->known.seq);
	/* Only from the beginning: the row may be before. */
	if (w->check->from_day <= w->kept_from && w->kept_from > 0 &&
	    w->dropped != w->kept_from)
		return wrong(w, v->first_seq,
		    "days are gone, and no row " STORE_AUDIT_DROPPED
		    " tells that they were dropped");
	return ERR_OK;
}

enum err
store_audit_verify(struct store *s, const struct store_audit_check *check,
    struct store_audit_verdict *verdict)
{
	struct walk w = { .check = check, .verdict = verdict };
	enum err e;

	*verdict = (struct store_audit_verdict){ 0 };
	w.heads.arena = arena_new((size_t)16 * 1024 * 1024);
	if (w.heads.arena == NULL)
		return ERR_NOMEM;
	e = store_audit_kept_from(s, &w.kept_from);
	if (e == ERR_OK)
		e = store_audit_heads(s, 1, INT64_MAX, on_head, &w.heads);
	if (e == ERR_SYNTAX)
		e = wrong(&w, 0, "a head is not as it was written");
	if (e == ERR_OK)
		e = find_begin(&w);
	if (e == ERR_OK)
		e = walk_rows(s, &w);
	if (e == ERR_OK)
		e = check_beyond(s, &w);
	if (e == ERR_OK)
		e = check_end(&w);
	arena_free(w.heads.arena);
	verdict->is_whole = e == ERR_OK;
	return verdict->why[0] != '\0' ? ERR_OK : e;
}
