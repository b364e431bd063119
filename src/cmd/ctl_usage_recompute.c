/* llmgwctl usage recompute: what the ledger would cost by other prices. */
#include "cmd/ctl_usage.h"

#include "cmd/ctl_price.h"
#include "meter/recompute.h"
#include "store/reprice.h"

#define PAGE 2000u /* rows */
#define BATCH_PAGES 5
#define PAGE_ARENA_MAX ((size_t)16 * 1024 * 1024)

/* How far a day's rows have been seen, by their ids. */
struct place {
	unsigned char after[STORE_LEDGER_ID];
	bool has_begun;
	bool is_over;
};

struct work {
	struct ctl *c;
	struct ctl_prices prices;
	struct meter_recompute *sums; /* of what would change */
	struct meter_recompute *scratch; /* while it is written */
	int64_t day;
	bool is_writing;
	/* one batch: from place to next, where it is committed */
	struct place place, next;
	int64_t n_written;
	nanousd_t difference;
};

struct page {
	struct arena *arena;
	struct store_ledger *rows;
	uint32_t n;
};

static enum err
on_row(void *arg, const struct store_ledger *row)
{
	struct page *p = arg;
	struct store_ledger *to = &p->rows[p->n];

	*to = *row;
	to->client = arena_str(p->arena, row->client);
	to->alias = arena_str(p->arena, row->alias);
	to->provider = arena_str(p->arena, row->provider);
	to->model = arena_str(p->arena, row->model);
	p->n++;
	return arena_failed(p->arena) ? ERR_NOMEM : ERR_OK;
}

/* The rows of a page that change, into change; *n of them. */
static enum err
look(struct work *w, const struct page *p, struct meter_recompute *sums,
    struct store_reprice *change, uint32_t *n)
{
	enum err e = ERR_OK;

	*n = 0;
	for (uint32_t i = 0; e == ERR_OK && i < p->n; i++) {
		struct store_reprice one = { .row = &p->rows[i] };
		bool is_changed;

		e = meter_recompute_row(
		    sums, one.row, &is_changed, &one.cost, &one.version);
		if (e != ERR_OK || !is_changed)
			continue;
		change[(*n)++] = one;
		w->difference += (one.cost > 0 ? one.cost : 0) -
				 (one.row->cost > 0 ? one.row->cost : 0);
	}
	return e;
}

/* The day's next page, from w->next on. */
static enum err
do_page(struct work *w, struct store *s)
{
	struct meter_recompute *sums = w->is_writing ? w->scratch : w->sums;
	struct page p = { .arena = arena_new(PAGE_ARENA_MAX) };
	struct store_reprice *change = NULL;
	struct place *at = &w->next;
	uint32_t n = 0;
	enum err e = ERR_NOMEM;

	if (p.arena != NULL) {
		p.rows = arena_calloc(p.arena, PAGE, sizeof(*p.rows));
		change = arena_calloc(p.arena, PAGE, sizeof(*change));
	}
	if (p.rows != NULL && change != NULL)
		e = store_reprice_each(s, w->day,
		    at->has_begun ? at->after : NULL, PAGE, on_row, &p);
	if (e == ERR_OK)
		e = look(w, &p, sums, change, &n);
	if (e == ERR_OK && w->is_writing && n > 0)
		e = store_reprice_write(s, change, n);
	if (e == ERR_OK && p.n > 0)
		memcpy(at->after, p.rows[p.n - 1].id, STORE_LEDGER_ID);
	at->has_begun = true;
	at->is_over = p.n < PAGE;
	w->n_written += n;
	arena_free(p.arena);
	return e;
}

static enum err
look_at_day(struct work *w, struct store *s)
{
	enum err e = ERR_OK;

	w->next = (struct place){ 0 };
	while (e == ERR_OK && !w->next.is_over)
		e = do_page(w, s);
	return e;
}

/*
 * Some pages in one transaction, with their sums: who drains a spool waits for
 * these and not for a day. May run again from its beginning.
 */
static enum err
write_batch(struct store *s, void *arg)
{
	struct work *w = arg;
	struct ctl *c = w->c;
	char iso[CLOCK_ISO_SIZE], money[MONEY_TEXT_SIZE];
	enum err e = ERR_OK;

	w->n_written = 0;
	w->difference = 0;
	w->next = w->place;
	for (int i = 0; e == ERR_OK && i < BATCH_PAGES && !w->next.is_over; i++)
		e = do_page(w, s);
	if (e != ERR_OK || w->n_written == 0)
		return e;
	clock_iso(w->day * CTL_DAY_USEC, iso);
	money_print_usd(w->difference, money);
	const struct ctl_pair pairs[] = { { "day", str_of(iso, 10) },
		{ "rows",
		    arena_printf(c->arena, "%lld", (long long)w->n_written) },
		{ "difference", str_z(money) }, { .name = NULL } };
	return ctl_act(
	    c, "usage.recompute", "usage", w->day, 0, ctl_detail(c, pairs));
}

/* ---- the look ------------------------------------------------------------- */

static int
show_difference(struct work *w)
{
	static const char *const columns[] = { "provider", "model", "rows",
		"changed", "before", "after", "difference", "unpriced_before",
		"unpriced_after", NULL };
	struct ctl *c = w->c;

	ctl_list_begin(c, columns);
	for (uint32_t i = 0; i < meter_recompute_count(w->sums); i++) {
		const struct meter_recompute_sum *s =
		    meter_recompute_sum(w->sums, i);

		if (s->changed == 0)
			continue;
		ctl_put_text(c, s->provider);
		ctl_put_text(c, s->model);
		ctl_put_int(c, s->rows);
		ctl_put_int(c, s->changed);
		ctl_put_usd(c, s->before);
		ctl_put_usd(c, s->after);
		ctl_put_usd(c, s->after - s->before);
		ctl_put_int(c, s->unpriced_before);
		ctl_put_int(c, s->unpriced_after);
	}
	return ctl_list_end(c);
}

static int
write_day(struct work *w, int64_t *n)
{
	int status = CTL_OK;

	w->place = (struct place){ 0 };
	while (status == CTL_OK && !w->place.is_over) {
		status = ctl_change(w->c, write_batch, w);
		w->place = w->next;
		*n += status == CTL_OK ? w->n_written : 0;
	}
	return status;
}

static int
write_days(struct work *w, const struct ctl_days *d)
{
	int status = CTL_OK;
	int64_t all = 0;

	w->is_writing = true;
	w->scratch = meter_recompute_new(w->prices.conf, w->prices.all);
	if (w->scratch == NULL)
		return ctl_nomem(w->c);
	for (w->day = d->from; status == CTL_OK && w->day <= d->to; w->day++)
		status = write_day(w, &all);
	meter_recompute_free(w->scratch);
	if (all > 0 || status == CTL_OK)
		ctl_note(
		    w->c, "%lld rows have other prices now", (long long)all);
	return status;
}

static int
recompute(struct work *w, const struct ctl_days *d, bool is_writing)
{
	struct ctl *c = w->c;
	int status = CTL_OK;
	enum err e = ERR_OK;

	w->sums = meter_recompute_new(w->prices.conf, w->prices.all);
	if (w->sums == NULL)
		return ctl_nomem(c);
	for (w->day = d->from; e == ERR_OK && w->day <= d->to; w->day++)
		e = look_at_day(w, c->store);
	if (e == ERR_LIMIT)
		status = ctl_fail(c, "more than %u models: take fewer days",
		    METER_RECOMPUTE_MODELS_MAX);
	else if (e != ERR_OK)
		status = ctl_store_fail(c, e);
	else
		status = show_difference(w);
	if (status == CTL_OK && is_writing)
		status = write_days(w, d);
	else if (status == CTL_OK && w->n_written > 0)
		ctl_note(c, "nothing was written; --write does it");
	meter_recompute_free(w->sums);
	return status;
}

int
ctl_usage_recompute(
    struct ctl *c, const struct ctl_days *d, uint32_t version, bool is_writing)
{
	struct work w = { .c = c };
	int status = ctl_prices_load(c, version, &w.prices);

	if (status != CTL_OK)
		return status;
	status = recompute(&w, d, is_writing);
	ctl_prices_done(&w.prices);
	return status;
}
