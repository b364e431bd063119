/* Limits: rows of a key's and a provider's, and of the file's own list. */
#include <arpa/inet.h>

#include "base/money.h"
#include "base/num.h"
#include "base/utf8.h"
#include "conf/opt.h"
#include "conf/values.h"

#define SEC USEC_PER_SEC
#define HOUR (3600 * SEC)
#define DAY (24 * HOUR)
#define SHOWN 64u
/* What the counters hold (gate/limit.c). */
#define WINDOW_SHORT HOUR
#define AMOUNT_SHORT ((INT64_C(1) << 38) - 1)
#define AMOUNT_MAX INT64_C(1000000000000000)

#define IN(s, f) .offset = offsetof(struct s, f)

static const struct opt_word period_words[] = {
	{ "day", 1 + ZONE_DAY, NULL },
	{ "week", 1 + ZONE_WEEK, NULL },
	{ "month", 1 + ZONE_MONTH, NULL },
	{ "quarter", 1 + ZONE_QUARTER, NULL },
	{ NULL, 0, NULL },
};

enum limit_mode {
	MODE_ENFORCE,
	MODE_SHADOW
};

static const struct opt_word mode_words[] = {
	{ "enforce", MODE_ENFORCE, "refuse what is beyond it" },
	{ "shadow", MODE_SHADOW, "only count, and tell what it would refuse" },
	{ NULL, 0, NULL },
};

static const struct opt_word each_words[] = {
	{ "tenant", CONF_EACH_TENANT, NULL },
	{ "team", CONF_EACH_TEAM, NULL },
	{ "user", CONF_EACH_USER, NULL },
	{ "key", CONF_EACH_KEY, NULL },
	{ "model", CONF_EACH_MODEL, NULL },
	{ "provider", CONF_EACH_PROVIDER, NULL },
	{ NULL, 0, NULL },
};

#define AMOUNT(field, high, eg, text)                                 \
	{                                                             \
#field, OPT_I64, IN(conf_limit, field),               \
		    .min = 1, .max = high, .example = eg, .doc = text \
	}

#define LIMIT_ROWS                                                             \
	AMOUNT(requests, INT64_C(1000000000000), "60",                         \
	    "So many requests in each window."),                               \
	    AMOUNT(tokens, AMOUNT_MAX, "100000",                               \
		"So many tokens, prompt and answer together, in each "         \
		"window."),                                                    \
	    AMOUNT(input, AMOUNT_MAX, "80000",                                 \
		"So many tokens of prompts in each window."),                  \
	    AMOUNT(output, AMOUNT_MAX, "20000",                                \
		"So many tokens of answers in each window."),                  \
	    AMOUNT(concurrent, 1000000, "64",                                  \
		"So many requests at the same time, on this host."),           \
	    { "money", OPT_CUSTOM, IN(conf_limit, money),                      \
		    .read = value_read_money, .form = "dollars",               \
		    .pattern = "^\\$?[0-9]+(\\.[0-9]+)?$", .example = "50.00", \
		    .doc = "So many dollars in each period." },                \
	    { "per", OPT_DURATION, IN(conf_limit, per), .min = SEC,            \
		    .max = 366 * DAY, .example = "1m",                         \
		    .doc =                                                     \
			"The window, from 1s to 366d; it begins where the "    \
			"clock is a multiple of it. Where nothing is "         \
			"counted (a new host, lost shared memory) money, "     \
			"tokens and a provider's requests begin with what "    \
			"the ledger has, in periods and in windows from 1h "   \
			"on; requests of clients, and shorter windows, "       \
			"begin at 0." },                                       \
	    { "period", OPT_WORD, IN(conf_limit, period),                      \
		    .words = period_words, .example = "month",                 \
		    .doc = "In place of a window, and always for money: the "  \
			   "calendar's." },                                    \
	    { "timezone", OPT_CUSTOM, IN(conf_limit, zone),                    \
		    .read = value_read_zone, .form = "a zone's name",          \
		    .pattern = "^[A-Za-z0-9_+/-]+$",                           \
		    .example = "Europe/Berlin",                                \
		    .doc = "Where periods begin and end; default: the "        \
			   "tenant's zone, or UTC." },                         \
	    { "mode", OPT_WORD, IN(conf_limit, mode), .dflt = "enforce",       \
		    .words = mode_words, .doc = "What it does." },             \
	{                                                                      \
		"soft_percent", OPT_U32, IN(conf_limit, soft_percent),         \
		    .min = 1, .max = 100, .example = "80",                     \
		    .doc = "Tell in log and counters, once in a window, "      \
			   "that so much of it is used."                       \
	}

static const struct opt limit_rows[] = {
	LIMIT_ROWS,
	{ "name", OPT_STR, IN(conf_limit, name), .max = 64, .example = "rpm",
	    .doc = "What refusals and logs call it." },
	{ .name = NULL },
};

const struct opt_table opt_limit_table = {
	.what = "limit",
	.size = sizeof(struct conf_limit),
	.index_offset = SIZE_MAX,
	.rows = limit_rows,
	.sample_list =
	    "[ { requests: 60, per: 1m }, { tokens: 100000, per: 1h }, "
	    "{ concurrent: 8 } ]",
	.done = value_done_limit,
};

#define WHO(field, eg, text)                               \
	{                                                  \
#field, OPT_STR, IN(conf_limit, field),    \
		    .max = 256, .example = eg, .doc = text \
	}

static const struct opt rule_rows[] = {
	{ "name", OPT_STR, .flags = OPT_REQUIRED, IN(conf_limit, name),
	    .max = 64, .example = "everyone",
	    .doc = "What refusals, logs and counters call it." },
	WHO(tenant, "acme", "Only requests of this tenant; * for any part."),
	WHO(team, "research", "Only of this team; * for any part."),
	WHO(user, "kim", "Only of this user; * for any part."),
	WHO(key, "dev-*", "Only by this key; * for any part of its name."),
	WHO(model, "gpt-*", "Only for this model; * for any part."),
	{ "provider", OPT_STR, IN(conf_limit, provider), .max = 64,
	    .example = "openai-main",
	    .doc = "Only calls of this provider; beyond it another target "
		   "is taken, or 429 answered. Counted on each host." },
	{ "each_of", OPT_WORDS, IN(conf_limit, each_of), .words = each_words,
	    .example = "key", .doc = "Counts for each of them on its own." },
	LIMIT_ROWS,
	{ .name = NULL },
};

const struct opt_table opt_rule_table = {
	.what = "limit",
	.size = sizeof(struct conf_limit),
	.index_offset = SIZE_MAX,
	.rows = rule_rows,
	.sample_list =
	    "[ { name: everyone, each_of: [key], requests: 600, per: 1m }, "
	    "{ name: month, tenant: acme, team: red, money: 500, "
	    "period: month, timezone: Europe/Berlin, soft_percent: 80 }, "
	    "{ name: prompts, user: kim, model: \"gpt-*\", input: 80000, "
	    "per: 1h }, "
	    "{ name: answers, key: \"dev-*\", provider: openai-main, "
	    "output: 20000, per: 1h, mode: shadow } ]",
	.done = value_done_rule,
};

/* ---- values -------------------------------------------------------------- */

void
value_read_money(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	nanousd_t v = 0;

	(void)row;
	if (money_parse_usd(node->text, &v) != ERR_OK || v <= 0 ||
	    v > AMOUNT_MAX)
		opt_problem(run, node,
		    "must be dollars, such as 50 or 12.50, up to 1000000, is "
		    "\"%.*s\"",
		    STR_ARG(utf8_clip(node->text, SHOWN)));
	else
		*(int64_t *)field = v;
}

void
value_read_zone(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	const struct zone *z;
	enum err e = zone_find(node->text, &z);

	(void)row;
	if (e == ERR_OK)
		*(const struct zone **)field = z;
	else
		opt_problem(run, node,
		    "is no time zone that " ZONE_DIR
		    " knows: \"%.*s\" (Europe/Berlin would be one)",
		    STR_ARG(utf8_clip(node->text, SHOWN)));
}

void
value_check_memcached(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct str s = node->text, port;
	size_t colon = s.n;
	int64_t n = 0;

	(void)row;
	(void)field;
	if (str_starts(s, STR("unix:/")) && s.n > 6 && s.n < 108)
		return;
	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	port = str_skip(s, colon);
	if (colon < 2 || s.p[0] == '/' || str_starts(s, STR("unix:")) ||
	    num_parse_i64(port, &n) != ERR_OK || n < 1 || n > 65535)
		opt_problem(run, node,
		    "must be unix:/PATH or HOST:PORT, is \"%.*s\"",
		    STR_ARG(utf8_clip(s, SHOWN)));
}

/* ---- whole limits -------------------------------------------------------- */

static void
take_sort(struct conf_limit *l)
{
	const int64_t amount[CONF_LIMIT_SORT__MAX] = {
		[CONF_LIMIT_REQUESTS] = l->requests,
		[CONF_LIMIT_TOKENS] = l->tokens,
		[CONF_LIMIT_INPUT] = l->input,
		[CONF_LIMIT_OUTPUT] = l->output,
		[CONF_LIMIT_CONCURRENT] = l->concurrent,
		[CONF_LIMIT_MONEY] = l->money,
	};

	for (int i = 0; i < CONF_LIMIT_SORT__MAX; i++) {
		if (amount[i] > 0) {
			l->sort = (enum conf_limit_sort)i;
			l->amount = amount[i];
		}
	}
	l->is_shadow = l->mode == MODE_SHADOW;
}

void
value_done_limit(
    struct opt_run *run, const struct tree_node *node, void *object)
{
	static const char *const sorts[] = { "requests", "tokens", "input",
		"output", "concurrent", "money" };
	struct conf_limit *l = object;
	bool has_per = tree_find(node, "per") != NULL;
	bool has_period = tree_find(node, "period") != NULL;
	bool is_concurrent = tree_find(node, "concurrent") != NULL;
	int n = 0;

	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++)
		n += tree_find(node, sorts[i]) != NULL;
	if (n != 1)
		opt_problem(run, node,
		    "must have exactly one of requests, tokens, input, output, "
		    "money and concurrent");
	else if (is_concurrent && (has_per || has_period))
		opt_problem(run, node,
		    "concurrent has no window: remove \"%s\"",
		    has_per ? "per" : "period");
	else if (tree_find(node, "money") != NULL && (!has_period || has_per))
		opt_problem(run, node,
		    "money is counted over a period, such as "
		    "\"period: month\"");
	else if (!is_concurrent && has_per == has_period)
		opt_problem(run, node,
		    "needs its window, such as \"per: 1m\" or \"period: day\"");
	take_sort(l);
	if (l->per > 0 && l->per < WINDOW_SHORT && l->amount > AMOUNT_SHORT)
		opt_problem(run, node,
		    "more than %lld in less than an hour is no limit",
		    (long long)AMOUNT_SHORT);
}

/* Counts go on over a reload that changes amounts: they are no part of it. */
static uint64_t
identity_of(uint64_t owner, const struct conf_limit *l, int64_t twin)
{
	struct {
		uint64_t owner;
		int64_t sort, per, period, twin;
	} key = { owner, l->sort, l->per, l->period, twin };
	uint64_t id = hash_stable(str_of((const char *)&key, sizeof(key)));

	return id ? id : 1;
}

void
value_done_rule(struct opt_run *run, const struct tree_node *node, void *object)
{
	struct conf_limit *l = object;
	struct conf *c = run->conf;

	value_done_limit(run, node, object);
	l->identity =
	    identity_of(hash_stable(l->name) ^ UINT64_C(0x6c696d697473), l, 0);
	if (l->provider.n > 0) {
		uint32_t i = 0;

		while (i < c->n_providers &&
		       !str_eq(c->providers[i].name, l->provider))
			i++;
		if (i == c->n_providers)
			opt_problem(run, tree_find(node, "provider"),
			    "there is no provider \"%.*s\"",
			    STR_ARG(utf8_clip(l->provider, SHOWN)));
	}
	for (struct conf_limit *o = c->limits; o && o < l; o++)
		if (str_eq(o->name, l->name))
			opt_problem(run, tree_find(node, "name"),
			    "there is a limit of this name before");
}

/* "dev-local-1: 60 requests per 60s" */
static struct str
made_name(struct opt_run *run, struct str owner, const struct conf_limit *l)
{
	static const char *const words[CONF_LIMIT_SORT__MAX] = { "requests",
		"tokens", "input tokens", "output tokens", "concurrent",
		"money" };

	if (l->period > 0)
		return arena_printf(run->arena, "%.*s: %s per %s",
		    STR_ARG(owner), words[l->sort],
		    zone_period_words[l->period - 1]);
	if (l->per > 0)
		return arena_printf(run->arena, "%.*s: %s per %llds",
		    STR_ARG(owner), words[l->sort], (long long)(l->per / SEC));
	return arena_printf(
	    run->arena, "%.*s: %s", STR_ARG(owner), words[l->sort]);
}

void
value_own_limits(struct opt_run *run, struct str owner, uint64_t identity,
    struct conf_limit *limits, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct conf_limit *l = &limits[i];
		int64_t twins = 0;

		/* How many before count the same: each counts for itself. */
		for (uint32_t k = 0; k < i; k++)
			twins += limits[k].sort == l->sort &&
				 limits[k].per == l->per &&
				 limits[k].period == l->period;
		l->identity = identity_of(identity, l, twins);
		if (l->name.n == 0)
			l->name = made_name(run, owner, l);
	}
}
