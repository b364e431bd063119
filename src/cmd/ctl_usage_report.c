/* llmgwctl usage report: sums of the ledger as a list, as JSON or as CSV. */
#include "cmd/ctl_usage.h"

#include "base/buf.h"
#include "base/num.h"
#include "cmd/ctl_people.h"
#include "store/usage.h"

#define CSV_MAX ((size_t)1024 * 1024)

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
	const struct ctl_usage_report *given;
	struct store_usage_ask ask;
	unsigned order[N_WORDS]; /* words, as they were asked for */
	unsigned n;
	const char *columns[N_WORDS + N_SUMS + 1];
	struct buf csv;
	uint32_t n_rows;
	struct store_usage total; /* of the rows that were shown */
};

/* ---- what is asked for ---------------------------------------------------- */

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
	struct str rest = str_z(r->given->by);
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
read_ask(struct report *r, const struct ctl_days *d)
{
	const struct ctl_usage_report *given = r->given;
	int status = read_by(r);

	if (status == CTL_OK)
		status =
		    ctl_tenant_or_all(r->c, given->tenant, &r->ask.tenant_id);
	if (status != CTL_OK)
		return status;
	r->ask.from = d->from * CTL_DAY_USEC;
	r->ask.to = (d->to + 1) * CTL_DAY_USEC;
	r->ask.provider = str_z(given->provider);
	r->ask.alias = str_z(given->alias);
	r->ask.model = str_z(given->model);
	/* one more tells that there are more */
	r->ask.max = given->top + 1;
	return CTL_OK;
}

/* ---- rows ----------------------------------------------------------------- */

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

	if (r->given->is_csv) {
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

/* ---- the sums ------------------------------------------------------------- */

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

	if (r->n_rows++ == r->given->top)
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
	if (r->n_rows > r->given->top) {
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

int
ctl_usage_report(struct ctl *c, const struct ctl_usage_report *given,
    const struct ctl_days *d)
{
	struct report r = { .c = c, .given = given };
	int status = read_ask(&r, d);
	enum err e;

	if (status != CTL_OK)
		return status;
	if (given->is_csv && c->is_json)
		return ctl_fail(c, "--csv and --json contradict each other");
	buf_init(&r.csv, CSV_MAX);
	if (given->is_csv)
		csv_head(&r);
	else
		ctl_list_begin(c, r.columns);
	e = store_usage_each(c->store, &r.ask, on_usage, &r);
	if (e == ERR_OK && given->is_totalled)
		e = put_total(&r);
	buf_fini(&r.csv);
	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	status = given->is_csv ? ctl_flushed(CTL_OK) : ctl_list_end(c);
	if (r.n_rows > given->top)
		ctl_note(c, "there are more rows; --top N shows more of them");
	return status;
}
