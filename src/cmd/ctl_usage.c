/* llmgwctl usage: what was used and what it cost, and what it would cost. */
#include "cmd/ctl_usage.h"

#include "store/audit.h"
#include "store/usage.h"

#define DAYS_MAX 4000 /* of a report or a recomputation */

static struct {
	const char *from, *to;
	uint32_t version;
	bool is_writing;
} given;

static struct ctl_usage_report report = { .by = "model", .top = 10000 };

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
read_days(struct ctl *c, struct ctl_days *d)
{
	int64_t today = clock_wall() / CTL_DAY_USEC;
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

static int
run_report(struct ctl *c)
{
	struct ctl_days d;
	int status = read_days(c, &d);

	return status == CTL_OK ? ctl_usage_report(c, &report, &d) : status;
}

static int
run_recompute(struct ctl *c)
{
	struct ctl_days d;
	int status;

	if (given.from == NULL || given.to == NULL)
		return ctl_fail(c, "--from and --to are needed");
	status = read_days(c, &d);
	return status == CTL_OK
		   ? ctl_usage_recompute(c, &d, given.version, given.is_writing)
		   : status;
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
	OPTION("by", OPT_TEXT, &report.by, "WORDS",
	    "With commas between: minute, hour or day; tenant, team, user, "
	    "key, alias, provider, model. Default: model. \"\": one sum."),
	DAY_OPTIONS,
	OPTION(
	    "tenant", OPT_TEXT, &report.tenant, "NAME", "Only this tenant's."),
	OPTION("provider", OPT_TEXT, &report.provider, "NAME",
	    "Only what this provider answered."),
	OPTION("alias", OPT_TEXT, &report.alias, "NAME",
	    "Only what was asked for under this name."),
	OPTION("model", OPT_TEXT, &report.model, "NAME",
	    "Only this model, as the provider calls it."),
	{ .name = "top",
	    .type = OPT_NUMBER,
	    .value = &report.top,
	    .arg = "N",
	    .min = 1,
	    .max = STORE_USAGE_MAX - 1,
	    .help = "So many rows at most; default 10000." },
	OPTION("total", OPT_FLAG, &report.is_totalled, NULL,
	    "A last row, \"total\", with the sums of all rows, also of those "
	    "that --top leaves out."),
	OPTION("csv", OPT_FLAG, &report.is_csv, NULL,
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
