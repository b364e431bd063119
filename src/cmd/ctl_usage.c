/* llmgwctl usage: what was used and what it cost, and what it would cost. */
#include "cmd/ctl.h"

#include "base/buf.h"
#include "base/num.h"
#include "cmd/ctl_people.h"
#include "cmd/ctl_price.h"
#include "meter/recompute.h"
#include "store/audit.h"
#include "store/reprice.h"
#include "store/usage.h"

#define DAY_USEC (86400 * USEC_PER_SEC)
#define DAYS_MAX 4000 /* of a report or a recomputation */
#define CSV_MAX ((size_t)1024 * 1024)
#define PAGE 2000u
#define BATCH_PAGES 5
#define PAGE_ARENA_MAX ((size_t)16 * 1024 * 1024)

static struct {
	const char *by, *from, *to, *tenant, *provider, *alias, *model;
	uint32_t top, version;
	bool is_csv, is_writing, is_totalled;
} given = { .by = "model", .top = 10000 };

/* ---- which time ----------------------------------------------------------- */

struct days {
	int64_t from, to; /* since 1970 UTC, both included */
};

static int
read_day(struct ctl *c, const char *text, int64_t otherwise, int64_t *day)
{
	*day = otherwise;
	if (text == NULL || store_day_parse(str_z(text), day) == ERR_OK)
		return CTL_OK;
	return ctl_fail(c, "'%s' is no date: it is written 2026-11-21", text);
}

/* Without --from the last 30 days, without --to until today. */
static int
read_days(struct ctl *c, struct days *d)
{
	int64_t today = clock_wall() / DAY_USEC;
	int status = read_day(c, given.to, today, &d->to);

	if (status == CTL_OK)
		status = read_day(c, given.from, d->to - 29, &d->from);
	if (status != CTL_OK)
		return status;
	if (d->from > d->to)
		return ctl_fail(c, "--from is later than --to");
	if (d->to - d->from >= DAYS_MAX)
		return ctl_fail(c, "at most %d days at once", DAYS_MAX);
	return CTL_OK;
}

/* ---- report --------------------------------------------------------------- */

enum {
	WORD_MINUTE,
	WORD_HOUR,
	WORD_DAY,
	WORD_TENANT,
	WORD_TEAM,
	WORD_USER,
	WORD_KEY,
	WORD_ALIAS,
	WORD_PROVIDER,
	WORD_MODEL,
	N_WORDS
};

static const struct {
	const char *word; /* of --by, and the column */
	unsigned by;
} words[N_WORDS] = {
	[WORD_MINUTE] = { "minute", STORE_BY_TIME },
	[WORD_HOUR] = { "hour", STORE_BY_TIME },
	[WORD_DAY] = { "day", STORE_BY_TIME },
	[WORD_TENANT] = { "tenant", STORE_BY_TENANT },
	[WORD_TEAM] = { "team", STORE_BY_TEAM },
	[WORD_USER] = { "user", STORE_BY_USER },
	[WORD_KEY] = { "key", STORE_BY_KEY },
	[WORD_ALIAS] = { "alias", STORE_BY_ALIAS },
	[WORD_PROVIDER] = { "provider", STORE_BY_PROVIDER },
	[WORD_MODEL] = { "model", STORE_BY_MODEL },
};

#define SUM_COLUMNS                                                      \
	"requests", "failed", "lost", "estimated", "unpriced", "prompt", \
	    "completion", "cached", "reasoning", "cost"
#define N_SUMS 10

struct report {
	struct ctl *c;
	struct store_usage_ask ask;
	unsigned order[N_WORDS]; /* words, as they were asked for */
	unsigned n;
	const char *columns[N_WORDS + N_SUMS + 1];
	struct buf csv;
	uint32_t n_rows;
	struct store_usage total; /* of the rows that were shown */
};

static int
read_word(struct report *r, struct str word)
{
	unsigned i = 0;

	while (i < N_WORDS && !str_eqz(word, words[i].word))
		i++;
	if (i == N_WORDS)
		return ctl_fail(r->c,
		    "--by knows minute, hour, day, tenant, team, user, key, "
		    "alias, provider and model, not '%.*s'",
		    STR_ARG(word));
	if (r->ask.by & words[i].by)
		return ctl_fail(
		    r->c, "--by has %s twice, or two spans", words[i].word);
	r->ask.by |= words[i].by;
	r->order[r->n++] = i;
	if (i <= WORD_DAY)
		r->ask.span = i == WORD_MINUTE ? STORE_MINUTE
			      : i == WORD_HOUR ? STORE_HOUR
					       : STORE_DAY_SPAN;
	return CTL_OK;
}

static int
read_by(struct report *r)
{
	static const char *const sums[N_SUMS] = { SUM_COLUMNS };
	struct str rest = str_z(given.by);
	int status = CTL_OK;

	r->ask.span = STORE_DAY_SPAN;
	while (status == CTL_OK && rest.n > 0)
		status = read_word(r, str_trim(str_cut(&rest, ',')));
	for (unsigned i = 0; i < r->n; i++)
		r->columns[i] = words[r->order[i]].word;
	for (unsigned i = 0; i < N_SUMS; i++)
		r->columns[r->n + i] = sums[i];
	return status;
}

static int
read_ask(struct report *r)
{
	struct ctl *c = r->c;
	struct store_tenant tenant;
	struct days d;
	int status = read_by(r);

	if (status == CTL_OK)
		status = read_days(c, &d);
	if (status == CTL_OK && given.tenant != NULL) {
		status = ctl_find_tenant(c, given.tenant, &tenant);
		if (status == CTL_OK)
			r->ask.tenant_id = tenant.id;
	}
	if (status != CTL_OK)
		return status;
	r->ask.from = d.from * DAY_USEC;
	r->ask.to = (d.to + 1) * DAY_USEC;
	r->ask.provider = str_z(given.provider);
	r->ask.alias = str_z(given.alias);
	r->ask.model = str_z(given.model);
	/* one more tells that there are more */
	r->ask.max = given.top + 1;
	return CTL_OK;
}

/* "2026-11-21", "2026-11-21T10:00Z" */
static struct str
time_text(const struct report *r, usec_t start, char iso[CLOCK_ISO_SIZE])
{
	clock_iso(start, iso);
	if (r->ask.span == STORE_DAY_SPAN)
		return str_of(iso, 10);
	iso[16] = 'Z';
	return str_of(iso, 17);
}

/* A name, or "#12" of what was deleted, or nothing. */
static struct str
name_text(struct str name, int64_t id, char text[CLOCK_ISO_SIZE])
{
	if (name.n > 0 || id == 0)
		return name;
	(void)snprintf(text, CLOCK_ISO_SIZE, "#%lld", (long long)id);
	return str_z(text);
}

static struct str
word_text(const struct report *r, unsigned word, const struct store_usage *u,
    char text[CLOCK_ISO_SIZE])
{
	switch (word) {
	case WORD_TENANT:
		return name_text(u->tenant, u->tenant_id, text);
	case WORD_TEAM:
		return name_text(u->team, u->team_id, text);
	case WORD_USER:
		return name_text(u->user, u->user_id, text);
	case WORD_KEY:
		return u->key.n > 0 ? u->key : u->client;
	case WORD_ALIAS:
		return u->alias;
	case WORD_PROVIDER:
		return u->provider;
	case WORD_MODEL:
		return u->model;
	default:
		return time_text(r, u->start, text);
	}
}

/*
 * A name is somebody's choice, and a spreadsheet runs what begins with one of
 * these (CWE-1236): such a name gets an apostrophe before it.
 */
static bool
is_formula(struct str s)
{
	return s.n > 0 && memchr("=+-@\t\r", s.p[0], 6) != NULL;
}

static void
csv_text(struct buf *b, struct str s)
{
	bool is_bad = is_formula(s), is_quoted = is_bad;

	for (size_t i = 0; i < s.n; i++)
		is_quoted |= memchr(",\"\r\n", s.p[i], 4) != NULL;
	if (!is_quoted) {
		buf_adds(b, s);
		return;
	}
	buf_addc(b, '"');
	if (is_bad)
		buf_addc(b, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_addc(b, '"');
		buf_addc(b, s.p[i]);
	}
	buf_addc(b, '"');
}

static void
csv_flush(struct report *r)
{
	if (r->csv.n > 0)
		(void)!fwrite(r->csv.p, 1, r->csv.n, stdout);
	buf_reset(&r->csv);
}

enum row_kind {
	ROW,
	ROW_TOTAL
};

/* Of the total the first column says so, and the others are empty. */
static struct str
cell(const struct report *r, unsigned i, enum row_kind kind,
    const struct store_usage *u, char text[CLOCK_ISO_SIZE])
{
	if (kind == ROW)
		return word_text(r, r->order[i], u, text);
	return i == 0 ? STR("total") : STR("");
}

static void
csv_row(struct report *r, enum row_kind kind, const struct store_usage *u,
    const int64_t *sums)
{
	char text[MONEY_TEXT_SIZE];

	for (unsigned i = 0; i < r->n; i++) {
		char word[CLOCK_ISO_SIZE];

		csv_text(&r->csv, cell(r, i, kind, u, word));
		buf_addc(&r->csv, ',');
	}
	for (unsigned i = 0; i < N_SUMS - 1; i++)
		buf_printf(&r->csv, "%lld,", (long long)sums[i]);
	money_print_usd(u->cost, text);
	buf_printf(&r->csv, "%s\r\n", text);
	csv_flush(r);
}

static void
csv_head(struct report *r)
{
	for (unsigned i = 0; r->columns[i] != NULL; i++)
		buf_printf(&r->csv, "%s%s", i > 0 ? "," : "", r->columns[i]);
	buf_addz(&r->csv, "\r\n");
	csv_flush(r);
}

static void
put_row(struct report *r, enum row_kind kind, const struct store_usage *u)
{
	const int64_t sums[N_SUMS - 1] = { u->requests, u->failed, u->lost,
		u->estimated, u->unpriced, u->prompt, u->completion, u->cached,
		u->reasoning };

	if (given.is_csv) {
		csv_row(r, kind, u, sums);
		return;
	}
	for (unsigned i = 0; i < r->n; i++) {
		char word[CLOCK_ISO_SIZE];

		ctl_put_text(r->c, cell(r, i, kind, u, word));
	}
	for (unsigned i = 0; i < N_SUMS - 1; i++)
		ctl_put_int(r->c, sums[i]);
	ctl_put_usd(r->c, u->cost);
}

static void
plus(int64_t *sum, int64_t n)
{
	*sum = num_add_i64_sat(*sum, n);
}

static void
add_up(struct store_usage *sum, const struct store_usage *u)
{
	plus(&sum->requests, u->requests);
	plus(&sum->failed, u->failed);
	plus(&sum->lost, u->lost);
	plus(&sum->estimated, u->estimated);
	plus(&sum->unpriced, u->unpriced);
	plus(&sum->prompt, u->prompt);
	plus(&sum->completion, u->completion);
	plus(&sum->cached, u->cached);
	plus(&sum->reasoning, u->reasoning);
	plus(&sum->cost, u->cost);
}

static enum err
on_usage(void *arg, const struct store_usage *u)
{
	struct report *r = arg;

	if (r->n_rows++ == given.top)
		return ERR_OK;
	add_up(&r->total, u);
	put_row(r, ROW, u);
	return ERR_OK;
}

static enum err
on_whole(void *arg, const struct store_usage *u)
{
	struct report *r = arg;

	add_up(&r->total, u);
	return ERR_OK;
}

/* Of all rows, also of those that --top left out. */
static enum err
put_total(struct report *r)
{
	enum err e = ERR_OK;

	if (r->n == 0)
		return ERR_OK;
	if (r->n_rows > given.top) {
		struct store_usage_ask whole = r->ask;

		whole.by = 0;
		whole.span = STORE_DAY_SPAN;
		r->total = (struct store_usage){ 0 };
		e = store_usage_each(r->c->store, &whole, on_whole, r);
	}
	if (e == ERR_OK)
		put_row(r, ROW_TOTAL, &r->total);
	return e;
}

static int
run_report(struct ctl *c)
{
	struct report r = { .c = c };
	int status = read_ask(&r);
	enum err e;

	if (status != CTL_OK)
		return status;
	if (given.is_csv && c->is_json)
		return ctl_fail(c, "--csv and --json contradict each other");
	buf_init(&r.csv, CSV_MAX);
	if (given.is_csv)
		csv_head(&r);
	else
		ctl_list_begin(c, r.columns);
	e = store_usage_each(c->store, &r.ask, on_usage, &r);
	if (e == ERR_OK && given.is_totalled)
		e = put_total(&r);
	buf_fini(&r.csv);
	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	status = given.is_csv ? ctl_flushed(CTL_OK) : ctl_list_end(c);
	if (r.n_rows > given.top)
		ctl_note(c, "there are more rows; --top N shows more of them");
	return status;
}

/* ---- recompute ------------------------------------------------------------ */

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
	clock_iso(w->day * DAY_USEC, iso);
	money_print_usd(w->difference, money);
	const struct ctl_pair pairs[] = { { "day", str_of(iso, 10) },
		{ "rows",
		    arena_printf(c->arena, "%lld", (long long)w->n_written) },
		{ "difference", str_z(money) }, { .name = NULL } };
	return ctl_act(
	    c, "usage.recompute", "usage", w->day, 0, ctl_detail(c, pairs));
}

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
write_days(struct work *w, const struct days *d)
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
recompute(struct work *w)
{
	struct ctl *c = w->c;
	struct days d;
	int status = read_days(c, &d);
	enum err e = ERR_OK;

	if (status != CTL_OK)
		return status;
	w->sums = meter_recompute_new(w->prices.conf, w->prices.all);
	if (w->sums == NULL)
		return ctl_nomem(c);
	for (w->day = d.from; e == ERR_OK && w->day <= d.to; w->day++)
		e = look_at_day(w, c->store);
	if (e == ERR_LIMIT)
		status = ctl_fail(c, "more than %u models: take fewer days",
		    METER_RECOMPUTE_MODELS_MAX);
	else if (e != ERR_OK)
		status = ctl_store_fail(c, e);
	else
		status = show_difference(w);
	if (status == CTL_OK && given.is_writing)
		status = write_days(w, &d);
	else if (status == CTL_OK && w->n_written > 0)
		ctl_note(c, "nothing was written; --write does it");
	meter_recompute_free(w->sums);
	return status;
}

static int
run_recompute(struct ctl *c)
{
	struct work w = { .c = c };
	enum err e;
	int status;

	if (given.from == NULL || given.to == NULL)
		return ctl_fail(c, "--from and --to are needed");
	e = ctl_prices_load(c, given.version, &w.prices);
	if (e != ERR_OK)
		return e == ERR_UNSUPPORTED ? CTL_FAILED : ctl_store_fail(c, e);
	status = recompute(&w);
	ctl_prices_done(&w.prices);
	return status;
}

/* ---- the table ------------------------------------------------------------ */

#define OPTION(n, t, v, a, h)                                         \
	{                                                             \
		.name = n, .type = t, .value = v, .arg = a, .help = h \
	}
#define DAY_OPTIONS                                   \
	OPTION("from", OPT_TEXT, &given.from, "DATE", \
	    "From this day on, in UTC: 2026-11-21."), \
	    OPTION("to", OPT_TEXT, &given.to, "DATE", \
		"To this day, itself included.")

static const struct opt_row report_options[] = {
	OPTION("by", OPT_TEXT, &given.by, "WORDS",
	    "With commas between: minute, hour or day; tenant, team, user, "
	    "key, alias, provider, model. Default: model. \"\": one sum."),
	DAY_OPTIONS,
	OPTION(
	    "tenant", OPT_TEXT, &given.tenant, "NAME", "Only this tenant's."),
	OPTION("provider", OPT_TEXT, &given.provider, "NAME",
	    "Only what this provider answered."),
	OPTION("alias", OPT_TEXT, &given.alias, "NAME",
	    "Only what was asked for under this name."),
	OPTION("model", OPT_TEXT, &given.model, "NAME",
	    "Only this model, as the provider calls it."),
	{ .name = "top",
	    .type = OPT_NUMBER,
	    .value = &given.top,
	    .arg = "N",
	    .min = 1,
	    .max = STORE_USAGE_MAX - 1,
	    .help = "So many rows at most; default 10000." },
	OPTION("total", OPT_FLAG, &given.is_totalled, NULL,
	    "A last row, \"total\", with the sums of all rows, also of those "
	    "that --top leaves out."),
	OPTION("csv", OPT_FLAG, &given.is_csv, NULL,
	    "Comma-separated values, with a line of names. A name that a "
	    "spreadsheet would take for a formula has an apostrophe before "
	    "it."),
	{ .name = NULL },
};

static const struct opt_row recompute_options[] = {
	DAY_OPTIONS,
	{ .name = "version",
	    .type = OPT_NUMBER,
	    .value = &given.version,
	    .arg = "N",
	    .max = INT32_MAX,
	    .help = "By the database's prices as they were with this "
		    "version; default: as they are now." },
	OPTION("write", OPT_FLAG, &given.is_writing, NULL,
	    "Write them, ten thousand rows with their sums in each "
	    "transaction; when it was interrupted, the same command "
	    "does the rest."),
	{ .name = NULL },
};

static bool
only_looks(void)
{
	return !given.is_writing;
}

const struct ctl_command ctl_usage_commands[] = {
	{ .group = "usage",
	    .verb = "report",
	    .operands = "",
	    .flags = CTL_STORE,
	    .options = report_options,
	    .help = "show requests, tokens and costs",
	    .more = "Costs are dollars; requests without a price are counted "
		    "as unpriced and are not part of the cost. Days are those "
		    "of UTC; default are the last 30. What costs most comes "
		    "first. Minutes are kept for a shorter time than hours "
		    "and days (ledger in llmgw.yaml(5)).",
	    .run = run_report },
	{ .group = "usage",
	    .verb = "recompute",
	    .operands = "",
	    .flags = CTL_STORE | CTL_CHANGES | CTL_GATEWAYS,
	    .options = recompute_options,
	    .help = "price the ledger anew, after a look at the difference",
	    .more = "Shows by model what would change, and changes it with "
		    "--write. The configuration's own prices and targets "
		    "count as they are now. Budgets of a period that runs go "
		    "on from what was counted by the prices of then.",
	    .only_looks = only_looks,
	    .run = run_recompute },
	{ .group = NULL },
};
