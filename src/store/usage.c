#include "store/usage.h"

enum {
	REPORT,
	/* the same for keys alone, which are many: narrow rows to sort */
	BY_KEY,
};

#define SUMS                                                     \
	" SUM(requests) AS requests, SUM(failed) AS failed,"     \
	" SUM(lost) AS lost, SUM(estimated) AS estimated,"       \
	" SUM(unpriced) AS unpriced, SUM(prompt) AS prompt,"     \
	" SUM(completion) AS completion, SUM(cached) AS cached," \
	" SUM(reasoning) AS reasoning, SUM(cost) AS cost"
/* What is not asked for is the same in all rows. */
#define GROUPS                                                      \
	" CASE WHEN ? = 1 THEN start ELSE 0 END AS g_start,"        \
	" CASE WHEN ? = 1 THEN tenant_id ELSE 0 END AS g_tenant,"   \
	" CASE WHEN ? = 1 THEN team_id ELSE 0 END AS g_team,"       \
	" CASE WHEN ? = 1 THEN user_id ELSE 0 END AS g_user,"       \
	" CASE WHEN ? = 1 THEN key_id ELSE 0 END AS g_key,"         \
	" CASE WHEN ? = 1 THEN client ELSE '' END AS g_client,"     \
	" CASE WHEN ? = 1 THEN alias ELSE '' END AS g_alias,"       \
	" CASE WHEN ? = 1 THEN provider ELSE '' END AS g_provider," \
	" CASE WHEN ? = 1 THEN model ELSE '' END AS g_model,"
#define FILTERED                                       \
	" FROM usage_rollup"                           \
	" WHERE span = ? AND start >= ? AND start < ?" \
	" AND (? = 0 OR tenant_id = ?)"                \
	" AND (? = '' OR provider = ?)"                \
	" AND (? = '' OR alias = ?)"                   \
	" AND (? = '' OR model = ?)"

const struct store_sql store_usage_sql[] = {
	[REPORT] = { "SELECT g.g_start, g.g_tenant, g.g_team, g.g_user,"
		     " g.g_key, n.name, t.name, u.name, k.name, g.g_client,"
		     " g.g_alias, g.g_provider, g.g_model, g.requests,"
		     " g.failed, g.lost, g.estimated, g.unpriced, g.prompt,"
		     " g.completion, g.cached, g.reasoning, g.cost"
		     " FROM (SELECT" GROUPS SUMS FILTERED
		     " GROUP BY g_start, g_tenant, g_team, g_user, g_key,"
		     " g_client, g_alias, g_provider, g_model) g"
		     " LEFT JOIN tenant n ON n.id = g.g_tenant"
		     " LEFT JOIN team t ON t.id = g.g_team"
		     " LEFT JOIN user_account u ON u.id = g.g_user"
		     " LEFT JOIN client_key k ON k.id = g.g_key"
		     " ORDER BY g.g_start, g.cost DESC, g.requests DESC,"
		     " g.g_tenant, g.g_team, g.g_user, g.g_key, g.g_client,"
		     " g.g_alias, g.g_provider, g.g_model LIMIT ?",
	    NULL },
	[BY_KEY] = { "SELECT 0, 0, 0, 0, g.key_id, NULL, NULL, NULL, k.name,"
		     " g.client, '', '', '', g.requests, g.failed, g.lost,"
		     " g.estimated, g.unpriced, g.prompt, g.completion,"
		     " g.cached, g.reasoning, g.cost"
		     " FROM (SELECT key_id, client," SUMS FILTERED
		     " GROUP BY key_id, client ORDER BY SUM(cost) DESC,"
		     " SUM(requests) DESC, key_id, client LIMIT ?) g"
		     " LEFT JOIN client_key k ON k.id = g.key_id"
		     " ORDER BY g.cost DESC, g.requests DESC, g.key_id,"
		     " g.client",
	    NULL },
	STORE_SQL_END,
};

enum {
	FLAGS = 9, /* values that say by what */
	N_VALUES = FLAGS + 12
};

struct reading {
	store_usage_fn fn;
	void *arg;
};

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	const struct reading *r = arg;
	const struct store_usage row = {
		.start = store_get_int(&v[0]),
		.tenant_id = store_get_int(&v[1]),
		.team_id = store_get_int(&v[2]),
		.user_id = store_get_int(&v[3]),
		.key_id = store_get_int(&v[4]),
		.tenant = store_get_str(&v[5]),
		.team = store_get_str(&v[6]),
		.user = store_get_str(&v[7]),
		.key = store_get_str(&v[8]),
		.client = store_get_str(&v[9]),
		.alias = store_get_str(&v[10]),
		.provider = store_get_str(&v[11]),
		.model = store_get_str(&v[12]),
		.requests = store_get_int(&v[13]),
		.failed = store_get_int(&v[14]),
		.lost = store_get_int(&v[15]),
		.estimated = store_get_int(&v[16]),
		.unpriced = store_get_int(&v[17]),
		.prompt = store_get_int(&v[18]),
		.completion = store_get_int(&v[19]),
		.cached = store_get_int(&v[20]),
		.reasoning = store_get_int(&v[21]),
		.cost = store_get_int(&v[22]),
	};

	(void)n;
	return r->fn(r->arg, &row);
}

static struct store_value
text(struct str s)
{
	return store_text(s.p != NULL ? s : STR(""));
}

/* Where nobody asks who it was there are fewer rows to read. */
static enum store_span
span_of(const struct store_usage_ask *ask)
{
	if (ask->span == STORE_DAY_SPAN &&
	    (ask->by & (STORE_BY_USER | STORE_BY_KEY)) == 0)
		return STORE_DAY_MODEL;
	return ask->span;
}

enum err
store_usage_each(struct store *s, const struct store_usage_ask *ask,
    store_usage_fn fn, void *arg)
{
	struct reading r = { fn, arg };
	enum store_span span = span_of(ask);
	const struct store_value v[N_VALUES] = {
		store_int((ask->by & STORE_BY_TIME) != 0),
		store_int((ask->by & STORE_BY_TENANT) != 0),
		store_int((ask->by & STORE_BY_TEAM) != 0),
		store_int((ask->by & STORE_BY_USER) != 0),
		store_int((ask->by & STORE_BY_KEY) != 0),
		store_int((ask->by & STORE_BY_KEY) != 0),
		store_int((ask->by & STORE_BY_ALIAS) != 0),
		store_int((ask->by & STORE_BY_PROVIDER) != 0),
		store_int((ask->by & STORE_BY_MODEL) != 0),
		store_text(str_z(store_span_word(span))),
		store_int(ask->from),
		store_int(ask->to),
		store_int(ask->tenant_id),
		store_int(ask->tenant_id),
		text(ask->provider),
		text(ask->provider),
		text(ask->alias),
		text(ask->alias),
		text(ask->model),
		text(ask->model),
		store_int(ask->max),
	};

	/* the second half of the values is what filters and bounds */
	if (ask->by == STORE_BY_KEY)
		return store_run(s, &store_usage_sql[BY_KEY], v + FLAGS,
		    N_VALUES - FLAGS, on_row, &r);
	return store_run(s, &store_usage_sql[REPORT], v, N_VALUES, on_row, &r);
}
