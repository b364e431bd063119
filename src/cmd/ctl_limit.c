/* llmgwctl limit: how much may be asked */
#include "cmd/ctl_limit.h"

#include "base/money.h"
#include "base/num.h"
#include "cmd/ctl_people.h"
#include "gate/rule.h"
#include "store/limit.h"

static const char *const modes[] = { "enforce", "shadow", NULL };

static struct {
	const char *tenant, *team, *user, *key, *model, *provider;
	const char *requests, *tokens, *input, *output, *concurrent, *money;
	const char *per, *period, *each, *soft, *amount;
	int mode;
} o = { .mode = -1 };

#define TEXT_ROW(option, field, what, text)                          \
	{                                                            \
		.name = option, .type = OPT_TEXT, .value = &o.field, \
		.arg = what, .help = text                            \
	}
#define MODE_ROW                                                          \
	{                                                                 \
		.name = "mode", .type = OPT_WORD, .value = &o.mode,       \
		.arg = "MODE", .words = modes,                            \
		.help = "enforce refuses what is beyond it; shadow only " \
			"counts and tells."                               \
	}
#define WINDOW_ROWS                                                          \
	TEXT_ROW("per", per, "TIME", "The window, such as 1m, 12h or 30d."), \
	    TEXT_ROW("period", period, "PERIOD",                             \
		"day, week, month or quarter, in the tenant's time zone."),  \
	    MODE_ROW,                                                        \
	    TEXT_ROW("soft", soft, "PERCENT",                                \
		"Tells once in a window that so much is used; 0: not.")
#define WHO_ROWS                                             \
	CTL_TENANT_ROW(o.tenant),                            \
	    TEXT_ROW("team", team, "TEAM", "Of this team."), \
	    TEXT_ROW("user", user, "USER", "Of this user."), \
	    TEXT_ROW("key", key, "KEY", "Of this key."),     \
	    TEXT_ROW("model", model, "MODEL",                \
		"For this model; * stands for any run.")

static const struct opt_row create_options[] = {
	TEXT_ROW("requests", requests, "N", "So many requests."),
	TEXT_ROW("tokens", tokens, "N", "So many tokens, of both sides."),
	TEXT_ROW("input", input, "N", "So many tokens of prompts."),
	TEXT_ROW("output", output, "N", "So many tokens of answers."),
	TEXT_ROW("concurrent", concurrent, "N",
	    "So many at the same time, on each host."),
	TEXT_ROW("money", money, "USD", "So many dollars."),
	WINDOW_ROWS,
	{ .name = "tenant",
	    .type = OPT_TEXT,
	    .value = &o.tenant,
	    .arg = "TENANT",
	    .help = "Of this tenant; without it and those below, of all." },
	TEXT_ROW("team", team, "TEAM", "Of this team."),
	TEXT_ROW("user", user, "USER", "Of this user."),
	TEXT_ROW("key", key, "KEY", "Of this key."),
	TEXT_ROW(
	    "model", model, "MODEL", "For this model; * stands for any run."),
	TEXT_ROW("provider", provider, "PROVIDER",
	    "For calls of this provider; beyond it another is taken."),
	TEXT_ROW("each", each, "WORDS",
	    "Counts for each of them on its own: tenant, team, user, key, "
	    "model, provider."),
	{ 0 },
};

static const struct opt_row set_options[] = {
	TEXT_ROW("amount", amount, "N", "How much; of money, dollars."),
	WINDOW_ROWS,
	{ 0 },
};

static const struct opt_row list_options[] = { CTL_TENANT_ROW(o.tenant),
	{ 0 } };

static const struct opt_row status_options[] = {
	WHO_ROWS,
	TEXT_ROW("provider", provider, "PROVIDER", "At this provider."),
	{ 0 },
};

/* ---- showing ------------------------------------------------------------- */

static const char *const columns[] = { "name", "counts", "amount", "window",
	"mode", "soft_percent", "tenant", "team", "user", "key", "model",
	"provider", "each_of", "wrong", "changed", NULL };

/* "60s", "month" */
static struct str
window_text(struct ctl *c, const struct store_limit *l)
{
	if (l->period.n > 0)
		return l->period;
	if (l->per == 0)
		return (struct str){ 0 };
	return arena_printf(
	    c->arena, "%llds", (long long)(l->per / USEC_PER_SEC));
}

static void
put_amount(struct ctl *c, const struct store_limit *l, int64_t v)
{
	if (str_eqz(l->sort, "money"))
		ctl_put_usd(c, v);
	else
		ctl_put_int(c, v);
}

static struct str
given(struct str s)
{
	return s.n > 0 ? s : (struct str){ 0 };
}

static void
put(struct ctl *c, const struct store_limit *l)
{
	ctl_put_text(c, l->name);
	ctl_put_text(c, l->sort);
	put_amount(c, l, l->amount);
	ctl_put_text(c, window_text(c, l));
	ctl_put_text(c, l->is_shadow ? STR("shadow") : STR("enforce"));
	if (l->soft_percent > 0)
		ctl_put_int(c, l->soft_percent);
	else
		ctl_put_null(c);
	ctl_put_text(c, l->tenant);
	ctl_put_text(c, l->team);
	ctl_put_text(c, l->user);
	ctl_put_text(c, l->key);
	ctl_put_text(c, l->model);
	ctl_put_text(c, l->provider);
	ctl_put_words(c, given(l->each_of));
	ctl_put_text(c, str_z(gate_rule_wrong(l)));
	ctl_put_time(c, l->changed);
}

/* ---- reading ------------------------------------------------------------- */

static int
read_number(struct ctl *c, const char *option, const char *text, int64_t *out)
{
	if (num_parse_i64(str_z(text), out) == ERR_OK && *out > 0)
		return CTL_OK;
	return ctl_fail(c, "--%s: '%s' is not a whole number from 1 to %lld",
	    option, text, (long long)INT64_MAX);
}

static int
read_money(struct ctl *c, const char *option, const char *text, int64_t *out)
{
	nanousd_t v;

	if (money_parse_usd(str_z(text), &v) != ERR_OK || v <= 0)
		return ctl_fail(c,
		    "--%s: '%s' is not an amount of dollars, such as 50 or "
		    "12.50",
		    option, text);
	*out = v;
	return CTL_OK;
}

static int
read_sort(struct ctl *c, struct store_limit *l)
{
	const struct {
		const char *name, *text;
	} sorts[] = { { "requests", o.requests }, { "tokens", o.tokens },
		{ "input", o.input }, { "output", o.output },
		{ "concurrent", o.concurrent }, { "money", o.money } };
	int n = 0, status = CTL_OK;

	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		if (!sorts[i].text)
			continue;
		n++;
		l->sort = str_z(sorts[i].name);
		status = (sorts[i].text == o.money ? read_money : read_number)(
		    c, sorts[i].name, sorts[i].text, &l->amount);
		if (status != CTL_OK)
			return status;
	}
	if (n != 1)
		return ctl_fail(c,
		    "exactly one of --requests, --tokens, --input, --output, "
		    "--concurrent and --money");
	return status;
}

/* Windows, mode and soft percentage, where given. */
static int
read_window(struct ctl *c, struct store_limit *l)
{
	int64_t soft;

	if (o.per && num_parse_duration(str_z(o.per), &l->per) != ERR_OK)
		return ctl_fail(
		    c, "--per: '%s' is no time such as 1m, 12h or 30d", o.per);
	if (o.per && !o.period)
		l->period = STR("");
	if (o.period)
		l->period = str_z(o.period);
	if (o.period && !o.per)
		l->per = 0;
	if (o.mode >= 0)
		l->is_shadow = o.mode == 1;
	if (!o.soft)
		return CTL_OK;
	if (num_parse_i64(str_z(o.soft), &soft) != ERR_OK || soft < 0 ||
	    soft > 100)
		return ctl_fail(c, "--soft: '%s' is not 0 to 100", o.soft);
	l->soft_percent = soft;
	return CTL_OK;
}

/* Who: names become ids; --team, --user and --key come with their tenant. */
static int
read_who(struct ctl *c, struct store_limit *l)
{
	const struct ctl_owner_names names = { o.tenant, o.team, o.user,
		o.key };
	struct ctl_owner w;
	int status;

	if (!o.tenant && !o.team && !o.user && !o.key)
		return CTL_OK;
	status = ctl_find_owner(c, &names, &w);
	if (status != CTL_OK)
		return status;
	l->tenant_id = w.tenant.id;
	l->tenant = w.tenant.name;
	l->timezone = w.tenant.timezone;
	l->team_id = w.team.id;
	l->team = w.team.name;
	l->user_id = w.user.id;
	l->user = w.user.name;
	l->key_id = w.key.id;
	l->key = w.key.name;
	return CTL_OK;
}

static int
read_what(struct ctl *c, struct store_limit *l)
{
	l->model = str_z(o.model);
	l->provider = str_z(o.provider);
	if ((o.model && !ctl_is_word(l->model)) ||
	    (o.provider && !ctl_is_word(l->provider)))
		return ctl_fail(c, "a model or provider is a name");
	return o.each ? ctl_words(c, "word", o.each, ctl_is_word, &l->each_of)
		      : CTL_OK;
}

/* ---- changes ------------------------------------------------------------- */

enum change_sort {
	CREATE,
	SET,
	REMOVE
};

struct change {
	struct ctl *c;
	struct store_limit l;
	enum change_sort sort;
};

static struct str
amount_text(struct ctl *c, const struct store_limit *l)
{
	char usd[MONEY_TEXT_SIZE];

	if (!str_eqz(l->sort, "money"))
		return arena_printf(c->arena, "%lld", (long long)l->amount);
	money_print_usd(l->amount, usd);
	return arena_printf(c->arena, "$%s", usd);
}

static struct str
soft_text(struct ctl *c, const struct store_limit *l)
{
	if (l->soft_percent == 0)
		return (struct str){ 0 };
	return arena_printf(c->arena, "%lld", (long long)l->soft_percent);
}

static struct str
detail_of(struct ctl *c, const struct store_limit *l)
{
	const struct ctl_pair pairs[] = {
		{ "name", l->name },
		{ "counts", l->sort },
		{ "amount", amount_text(c, l) },
		{ "window", window_text(c, l) },
		{ "mode", l->is_shadow ? STR("shadow") : STR("enforce") },
		{ "soft_percent", soft_text(c, l) },
		{ "tenant", l->tenant },
		{ "team", l->team },
		{ "user", l->user },
		{ "key", l->key },
		{ "model", l->model },
		{ "provider", l->provider },
		{ "each_of", given(l->each_of) },
		{ 0 },
	};

	return ctl_detail(c, pairs);
}

static enum err
too_many(struct ctl *c, enum err e)
{
	if (e != ERR_LIMIT)
		return e;
	(void)ctl_fail(c,
	    "there are %d limits, which is as many as the gateway takes; one "
	    "with --each counts for many",
	    STORE_LIMITS_MAX);
	return ERR_UNSUPPORTED;
}

static enum err
apply(struct store *s, void *arg)
{
	static const char *const actions[] = { "limit.create", "limit.set",
		"limit.remove" };
	struct change *ch = arg;
	/* A copy: it may run again when another was in the way. */
	struct store_limit copy = ch->l, *l = &copy;
	enum err e = ERR_OK;

	switch (ch->sort) {
	case CREATE:
		e = ctl_added(ch->c, too_many(ch->c, store_limit_add(s, l)),
		    "limit", l->name);
		break;
	case SET:
		e = ctl_was_set(ch->c, store_limit_set(s, l), "limit", l->name);
		break;
	case REMOVE:
		e = ctl_was_set(
		    ch->c, store_limit_remove(s, l->id), "limit", l->name);
		break;
	}
	if (e == ERR_OK)
		e = ctl_act(ch->c, actions[ch->sort], "limit", l->id,
		    l->tenant_id, detail_of(ch->c, l));
	if (e == ERR_OK)
		ch->l = copy;
	return e;
}

static int
change(struct ctl *c, const struct store_limit *l, enum change_sort sort)
{
	struct change ch = { c, *l, sort };
	const char *wrong = sort == REMOVE ? NULL : gate_rule_wrong(l);
	int status;

	if (wrong)
		return ctl_fail(c, "limit '%.*s': %s", STR_ARG(l->name), wrong);
	status = ctl_change(c, apply, &ch);
	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, columns);
	put(c, &ch.l);
	return ctl_done(c, "limit %.*s %s; workers take it within two seconds",
	    STR_ARG(l->name),
	    sort == REMOVE   ? "is removed"
	    : sort == CREATE ? "is there"
			     : "is changed");
}

static int
run_create(struct ctl *c)
{
	struct store_limit l = { .name = ctl_operand(c, 0) };
	int status;

	if (l.name.n == 0 || l.name.n > STORE_NAME_MAX || !ctl_is_word(l.name))
		return ctl_fail(c,
		    "a limit has a name of at most %d bytes of UTF-8, without "
		    "blanks",
		    STORE_NAME_MAX);
	status = read_sort(c, &l);
	if (status == CTL_OK)
		status = read_window(c, &l);
	if (status == CTL_OK)
		status = read_who(c, &l);
	if (status == CTL_OK)
		status = read_what(c, &l);
	return status == CTL_OK ? change(c, &l, CREATE) : status;
}

static int
find(struct ctl *c, struct store_limit *l)
{
	enum err e = store_limit_find(c->store, ctl_operand(c, 0), c->arena, l);

	if (e == ERR_NOT_FOUND)
		return ctl_fail(c,
		    "no limit '%s'; llmgwctl limit list shows them",
		    c->operands[0]);
	return e == ERR_OK ? CTL_OK : ctl_store_fail(c, e);
}

static int
run_set(struct ctl *c)
{
	struct store_limit l;
	int status = find(c, &l);

	if (status == CTL_OK && !o.amount && !o.per && !o.period && !o.soft &&
	    o.mode < 0)
		return ctl_nothing(c);
	if (status == CTL_OK && o.amount)
		status = (str_eqz(l.sort, "money") ? read_money : read_number)(
		    c, "amount", o.amount, &l.amount);
	if (status == CTL_OK)
		status = read_window(c, &l);
	return status == CTL_OK ? change(c, &l, SET) : status;
}

static int
run_remove(struct ctl *c)
{
	struct store_limit l;
	int status = find(c, &l);

	return status == CTL_OK ? change(c, &l, REMOVE) : status;
}

static int
run_show(struct ctl *c)
{
	struct store_limit l;
	int status = find(c, &l);

	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, columns);
	put(c, &l);
	return ctl_record_end(c);
}

static enum err
on_limit(void *arg, const struct store_limit *l)
{
	put(arg, l);
	return ERR_OK;
}

static int
run_list(struct ctl *c)
{
	int64_t tenant;
	int status = ctl_tenant_or_all(c, o.tenant, &tenant);

	if (status != CTL_OK)
		return status;
	ctl_list_begin(c, columns);
	return ctl_list_read(
	    c, store_limit_each(c->store, tenant, on_limit, c));
}

static int
run_status(struct ctl *c)
{
	struct store_limit who = { 0 };
	int status = read_who(c, &who);

	if (status != CTL_OK)
		return status;
	who.model = str_z(o.model);
	who.provider = str_z(o.provider);
	return ctl_limit_status(c, &who);
}

#define ROW(v, operand, lo, hi, f, opts)                             \
	.group = "limit", .verb = v, .operands = operand, .min = lo, \
	.max = hi, .flags = CTL_STORE | (f), .options = opts

const struct ctl_command ctl_limit_commands[] = {
	{ ROW("create", "NAME", 1, 1, CTL_CHANGES, create_options),
	    .help = "limit requests, tokens, concurrency or money",
	    .more = "It holds for requests that match all of --tenant, --team, "
		    "--user, --key, --model and --provider that are given. "
		    "With --each it counts for each of them on its own: one "
		    "limit with --each key is a limit for every key. Money is "
		    "counted over a --period, the others over a window (--per) "
		    "or a period. Workers know it within two seconds.",
	    .run = run_create },
	{ ROW("set", "NAME", 1, 1, CTL_CHANGES, set_options),
	    .help = "change a limit's amount, window or mode",
	    .more = "With another amount it counts on from where it is; with "
		    "another window it begins anew.",
	    .run = run_set },
	{ ROW("remove", "NAME", 1, 1, CTL_CHANGES, NULL),
	    .help = "take a limit away", .run = run_remove },
	{ ROW("list", "", 0, 0, 0, list_options),
	    .help = "list the limits of the database",
	    .more = "Those of the configuration file are not among them.",
	    .run = run_list },
	{ ROW("show", "NAME", 1, 1, 0, NULL), .help = "show one limit",
	    .run = run_show },
	{ ROW("status", "[NAME]", 0, 1, 0, status_options),
	    .help = "show what is used of limits on this host",
	    .more =
		"Reads the counts of this host's workers, of the database's "
		"limits and of those in limits: of the configuration. Of a "
		"limit that "
		"counts for each of something it must be said of which: "
		"--key for each key, and so on. Nothing is told of tokens or "
		"money of a period before their first request, which "
		"takes what the ledger has already.",
	    .run = run_status },
	{ 0 },
};
