/* llmgwctl limit status: what the workers of this host have counted. */
#include "cmd/ctl_limit.h"

#include "gate/rule.h"
#include "sys/shm.h"

static const char *const columns[] = { "name", "counts", "amount", "used",
	"percent", "window_began", "window_ends", "mode", "of", "from", NULL };

struct status {
	struct ctl *c;
	struct gate_limit limit;
	struct gate_ask ask;
	struct str name; /* of the operand; empty: all */
	uint32_t n;
};

/* What must be said to find the counter; NULL: all has been. */
static const char *
not_said(const struct conf_limit *l, const struct gate_ask *a)
{
	const struct {
		unsigned each;
		bool is_said;
		const char *text;
	} rows[] = {
		{ CONF_EACH_TENANT, a->tenant_id != 0,
		    "each tenant: --tenant" },
		{ CONF_EACH_TEAM, a->team_id != 0, "each team: --team" },
		{ CONF_EACH_USER, a->user_id != 0, "each user: --user" },
		{ CONF_EACH_KEY, a->key_id != 0, "each key: --key" },
		{ CONF_EACH_MODEL, a->model.n != 0, "each model: --model" },
		{ CONF_EACH_PROVIDER, a->provider.n != 0,
		    "each provider: --provider" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((l->each_of & rows[i].each) && !rows[i].is_said)
			return rows[i].text;
	/* of the file, where names are globs: the clock is the tenant's */
	if (l->period > 0 && !l->zone && a->tenant_id == 0 &&
	    l->tenant.n + l->team.n + l->user.n + l->key.n > 0)
		return "its tenant's clock: --tenant";
	return NULL;
}

/* Its first request will look into the ledger: 0 would be a lie until then. */
static bool
is_unasked(const struct status *st, const struct conf_limit *l,
    const struct gate_count *n)
{
	const struct gate_limits list = { .file = l, .n = 1 };

	return !n->is_known &&
	       (gate_limits_may_seed(&list, 1, false) ||
		   gate_limits_may_seed(&list, 1, true)) &&
	       (l->period > 0 || shm_since(st->limit.shm) > n->start);
}

static void
put_amount(struct ctl *c, const struct conf_limit *l, int64_t v)
{
	if (l->sort == CONF_LIMIT_MONEY)
		ctl_put_usd(c, v);
	else
		ctl_put_int(c, v);
}

static void
put_status(struct status *st, const struct conf_limit *l, struct str from)
{
	const char *of = not_said(l, &st->ask);
	struct gate_count n = { 0 };
	struct ctl *c = st->c;

	gate_limit_look(&st->limit, l, &st->ask, clock_wall(), &n);
	st->n++;
	ctl_put_text(c, l->name);
	ctl_put_text(c, str_z(gate_rule_sorts[l->sort]));
	put_amount(c, l, l->amount);
	if (of || is_unasked(st, l, &n)) {
		ctl_put_null(c);
		ctl_put_null(c);
	} else {
		put_amount(c, l, n.used);
		ctl_put_int(
		    c, (int64_t)((double)n.used * 100 / (double)l->amount));
	}
	ctl_put_time(c, n.start);
	ctl_put_time(c, n.end);
	ctl_put_text(c, l->is_shadow ? STR("shadow") : STR("enforce"));
	ctl_put_text(c, str_z(of));
	ctl_put_text(c, from);
}

static bool
is_meant(const struct status *st, struct str name)
{
	return st->name.n == 0 || str_eq(st->name, name);
}

static enum err
on_row(void *arg, const struct store_limit *row)
{
	struct status *st = arg;
	const struct zone *zone = NULL;
	struct gate_rule rule;

	if (gate_rule_wrong(row) || !is_meant(st, row->name))
		return ERR_OK;
	if (row->timezone.n > 0 && zone_find(row->timezone, &zone) != ERR_OK)
		zone = NULL;
	gate_rule_make(row, zone, &rule);
	put_status(st, &rule.limit, STR("database"));
	return ERR_OK;
}

/* limits: of the configuration; not those of one key or one provider. */
static int
of_the_file(struct status *st)
{
	struct conf_problems problems;
	struct conf *conf = NULL;
	struct ctl *c = st->c;
	const char *file = ctl_config_here(c);
	enum err e;

	if (file == NULL)
		return CTL_OK;
	conf_problems_init(&problems, c->arena);
	e = conf_limits_read(file, &conf, &problems);
	if (e != ERR_OK)
		return ctl_conf_fail(c, &problems, e);
	for (uint32_t i = 0; i < conf->n_limits; i++)
		if (is_meant(st, conf->limits[i].name))
			put_status(st, &conf->limits[i], STR("file"));
	conf_unref(conf);
	return CTL_OK;
}

static int
all_of(struct ctl *c, struct shm *shm, const struct store_limit *who)
{
	const struct zone *zone = NULL;
	struct status st = { .c = c, .limit = { .shm = shm } };
	int status;
	enum err e;

	if (who->timezone.n > 0 && zone_find(who->timezone, &zone) != ERR_OK)
		zone = NULL;
	st.ask = (struct gate_ask){ .tenant_id = who->tenant_id,
		.team_id = who->team_id,
		.user_id = who->user_id,
		.key_id = who->key_id,
		.tenant = who->tenant,
		.team = who->team,
		.user = who->user,
		.key = who->key,
		.model = who->model,
		.provider = who->provider,
		.zone = zone };
	st.name = ctl_operand(c, 0);
	ctl_list_begin(c, columns);
	e = store_limit_each(c->store, 0, on_row, &st);
	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	status = of_the_file(&st);
	if (status != CTL_OK)
		return status;
	if (st.n == 0 && st.name.n > 0)
		return ctl_fail(c, "no limit '%s' in the database, nor in %s",
		    c->operands[0], c->config_file);
	return ctl_list_end(c);
}

int
ctl_limit_status(struct ctl *c, const struct store_limit *who)
{
	struct shm *shm;
	int status;
	const char *path =
	    arena_printf(c->arena, "%.*s/shm", STR_ARG(c->state_dir)).p;

	if (!path)
		return ctl_nomem(c);
	if (shm_open_there(path, &shm) != ERR_OK)
		return ctl_fail(c,
		    "%s: the gateway of this host has no counts there, or they "
		    "cannot be read",
		    path);
	status = all_of(c, shm, who);
	shm_close(shm);
	return status;
}
