/* What was used of a window before this host counted in it. */
#include "gate/limit_int.h"

#include "base/num.h"

/* ---- who wants it ---------------------------------------------------------- */

static bool
is_of_provider(const struct conf_limit *l, bool is_own_of_provider)
{
	return is_own_of_provider || l->provider.n > 0 ||
	       (l->each_of & CONF_EACH_PROVIDER) != 0;
}

/* The ledger's calls are a provider's requests, and nobody else's. */
static bool
is_in_ledger(const struct conf_limit *l, bool is_own)
{
	switch (l->sort) {
	case CONF_LIMIT_MONEY:
	case CONF_LIMIT_TOKENS:
	case CONF_LIMIT_INPUT:
	case CONF_LIMIT_OUTPUT:
		return true;
	case CONF_LIMIT_REQUESTS:
		return is_of_provider(l, is_own);
	case CONF_LIMIT_CONCURRENT:
	case CONF_LIMIT_SORT__MAX:
		break;
	}
	return false;
}

static bool
may_seed(const struct conf_limit *l, bool is_own)
{
	return (l->period > 0 || l->per >= GATE_SEED_PER) &&
	       is_in_ledger(l, is_own);
}

/* The same for an ask; and of the file's and the rules' only those it looks at. */
static bool
may_want(const struct gate_limits *list, uint32_t i, bool has_provider)
{
	const struct conf_limit *l =
	    list->rules ? &list->rules[i].limit : &list->file[i];

	if (!list->is_own && is_of_provider(l, false) != has_provider)
		return false;
	return may_seed(l, list->is_own && has_provider);
}

bool
gate_limits_may_seed(
    const struct gate_limits *lists, uint32_t n_lists, bool has_provider)
{
	for (uint32_t k = 0; k < n_lists; k++)
		for (uint32_t i = 0; i < lists[k].n; i++)
			if (may_want(&lists[k], i, has_provider))
				return true;
	return false;
}

/* ---- when ------------------------------------------------------------------ */

/*
 * The cell: the number of the window, + 1, and the second (of the wall's clock,
 * its lower bits) of the last look.
 */
#define SECOND_BITS 24
#define SECOND_MASK ((INT64_C(1) << SECOND_BITS) - 1)
/*
 * What was used before all was counted here (shm_since) may lie in spools for
 * some time. It is looked for until that has been so for LATE, at ever longer
 * intervals. Seconds.
 */
#define LATE 600
#define SOON 2

static int64_t
second_of(usec_t wall)
{
	return wall / USEC_PER_SEC;
}

static int64_t
state_of(int64_t window, usec_t wall)
{
	return (window + 1) << SECOND_BITS | (second_of(wall) & SECOND_MASK);
}

static bool
is_due(const struct gate_limit *l, int64_t cell, usec_t wall)
{
	int64_t now = second_of(wall), since = second_of(shm_since(l->shm));
	int64_t ago = (now - cell) & SECOND_MASK, age = now - ago - since;

	/* so old that it cannot be: the clock was set back */
	if (ago > SECOND_MASK / 2)
		return false;
	if (age < 0) /* counts were lost after it */
		return since <= now;
	return age < LATE && ago >= (age > SOON ? 3 * age : SOON);
}

/* All wait for the first look; one request makes each of the later ones. */
static bool
wants_look(const struct gate_limit *l, struct gate_seed *s, usec_t wall)
{
	_Atomic int64_t *cell = &s->tally->cell[TALLY_SEEDED];
	int64_t seen = atomic_load(cell);

	if (seen >> SECOND_BITS != s->window + 1)
		return true;
	return is_due(l, seen, wall) && atomic_compare_exchange_strong(cell,
					    &seen, state_of(s->window, wall));
}

static bool
wants_seed(struct gate_limit *g, const struct gate_limits *list, uint32_t i,
    const struct gate_ask *ask, usec_t wall, struct gate_seed *out)
{
	const struct gate_rule *rule = list->rules ? &list->rules[i] : NULL;
	const struct conf_limit *l = rule ? &rule->limit : &list->file[i];
	struct gate_window w;

	if (!may_want(list, i, str_present(ask->provider)) ||
	    !gate_limit_at(list, i, ask))
		return false;
	w = gate_window_of(g, l, gate_limit_zone(l, ask), wall);
	if (l->period == 0 && shm_since(g->shm) <= w.start)
		return false;
	*out = (struct gate_seed){
		.identity = gate_limit_identity(l, ask),
		.tag_bits = gate_tag_bits(l),
		.window = w.number,
		.start = w.start,
		.end = w.end,
		.limit = l,
		.rule = rule,
		.is_own = list->is_own,
		.provider = ask->provider,
	};
	out->tally = shm_tally(g->shm, out->identity);
	return out->tally && wants_look(g, out, wall);
}

uint32_t
gate_limit_unseeded(struct gate_limit *l, const struct gate_limits *lists,
    uint32_t n_lists, const struct gate_ask *ask, usec_t wall,
    struct gate_seed *out, uint32_t max)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < n_lists; k++)
		for (uint32_t i = 0; i < lists[k].n && n < max; i++)
			n += wants_seed(l, &lists[k], i, ask, wall, &out[n]);
	return n;
}

/* ---- whose ----------------------------------------------------------------- */

#define WHO (STORE_BY_USER | STORE_BY_KEY)

/* What the limit looks at. A name may be a key's or a user's: both, then. */
static unsigned
by(const struct gate_seed *s)
{
	const struct conf_limit *l = s->limit;
	const struct gate_rule *r = s->rule;
	unsigned out = 0;

	if (l->tenant.n > 0 || (l->each_of & CONF_EACH_TENANT) ||
	    (r && r->tenant_id))
		out |= STORE_BY_TENANT;
	if (l->team.n > 0 || (l->each_of & CONF_EACH_TEAM) || (r && r->team_id))
		out |= STORE_BY_TEAM;
	if (l->user.n > 0 || l->key.n > 0 ||
	    (l->each_of & (CONF_EACH_USER | CONF_EACH_KEY)) ||
	    (r && (r->user_id || r->key_id)))
		out |= WHO;
	if (l->model.n > 0 || (l->each_of & CONF_EACH_MODEL))
		out |= STORE_BY_ALIAS;
	if (s->is_own && !str_present(s->provider))
		out |= WHO;
	return out | (str_present(s->provider) ? STORE_BY_PROVIDER : 0u);
}

/* Of a rule, or of who asks where each of them counts. 0: not that alone. */
static int64_t
id_of(int64_t of_rule, bool is_each, int64_t of_ask)
{
	return of_rule ? of_rule : is_each ? of_ask : 0;
}

/* A key's owner, and a user's tenant, are the same in all rows of theirs. */
static void
narrow(const struct gate_ask *a, struct store_spent_ask *out)
{
	const bool is_key = out->key_id > 0 && out->key_id == a->key_id;

	if (!is_key && (out->user_id <= 0 || out->user_id != a->user_id ||
			   out->key_id > 0))
		return;
	out->is_one = true;
	out->tenant_id = a->tenant_id;
	out->user_id = a->user_id;
	if (is_key)
		out->team_id = a->team_id;
}

void
gate_seed_ask(const struct gate_seed *s, const struct gate_ask *a,
    struct store_spent_ask *out)
{
	static const struct gate_rule anyone;
	const struct gate_rule *r = s->rule ? s->rule : &anyone;
	const unsigned each = s->limit->each_of;

	*out = (struct store_spent_ask){ .from = s->start,
		.to = s->end,
		.by = by(s),
		.tenant_id =
		    id_of(r->tenant_id, each & CONF_EACH_TENANT, a->tenant_id),
		.team_id = id_of(r->team_id, each & CONF_EACH_TEAM, a->team_id),
		.user_id = id_of(r->user_id, each & CONF_EACH_USER, a->user_id),
		.key_id = id_of(r->key_id, each & CONF_EACH_KEY, a->key_id),
		.provider = s->provider };
	if (each & CONF_EACH_MODEL)
		out->alias = a->model;
	if (s->is_own && !str_present(s->provider))
		out->client = a->key;
	narrow(a, out);
}

static bool
is_key(const struct conf *conf, struct str name)
{
	for (uint32_t i = 0; i < conf->n_keys; i++)
		if (str_eq(conf->keys[i].name, name))
			return true;
	return conf->identity_from == CONF_ID_NONE &&
	       !str_eqz(name, "anonymous");
}

/*
 * The ask of a request that was booked so. The file's keys and the web server's
 * users have no ids, but a name: a key's, if the file has it, or if there are no
 * such users (then the file had it).
 */
static struct gate_ask
ask_of(const struct gate_seed *s, const struct conf *conf,
    const struct store_spent *row)
{
	struct gate_ask a = { .tenant_id = row->tenant_id,
		.team_id = row->team_id,
		.user_id = row->user_id,
		.key_id = row->key_id,
		.tenant = row->tenant,
		.team = row->team,
		.user = row->user,
		.key = row->key,
		.model = row->alias };

	if (row->user_id == 0 && row->key_id == 0) {
		if (is_key(conf, row->client))
			a.key = row->client;
		else
			a.user = row->client;
	}
	if (str_present(s->provider))
		a.provider = row->provider;
	return a;
}

/* A key's own limits in the file are that key's. */
static bool
is_owners(const struct gate_seed *s, const struct gate_ask *ask,
    const struct gate_ask *row)
{
	if (str_present(s->provider))
		return str_eq(row->provider, s->provider);
	return row->key_id == 0 && row->user_id == 0 &&
	       str_eq(row->key, ask->key);
}

static int64_t
amount_of(const struct conf_limit *l, const struct store_spent *row)
{
	switch (l->sort) {
	case CONF_LIMIT_MONEY:
		return row->cost;
	case CONF_LIMIT_INPUT:
		return row->prompt;
	case CONF_LIMIT_OUTPUT:
		return row->completion;
	case CONF_LIMIT_TOKENS:
		return num_add_i64_sat(row->prompt, row->completion);
	case CONF_LIMIT_REQUESTS:
		return row->requests;
	case CONF_LIMIT_CONCURRENT:
	case CONF_LIMIT_SORT__MAX:
		break;
	}
	return 0;
}

int64_t
gate_seed_counts(const struct gate_seed *s, const struct gate_ask *ask,
    const struct conf *conf, const struct store_spent *row)
{
	const struct gate_limits list = {
		.file = s->rule ? NULL : s->limit, .rules = s->rule, .n = 1
	};
	const struct gate_ask of_row = ask_of(s, conf, row);
	struct gate_ask of_ask = *ask;

	of_ask.provider = s->provider;
	if (s->is_own ? !is_owners(s, ask, &of_row)
		      : !gate_limit_at(&list, 0, &of_row))
		return 0;
	if (gate_limit_identity(s->limit, &of_row) !=
	    gate_limit_identity(s->limit, &of_ask))
		return 0;
	return amount_of(s->limit, row);
}

/* ---- counting it ----------------------------------------------------------- */

/* What is counted already is in the ledger's sum, or soon will be. */
void
gate_limit_seed(const struct gate_seed *s, int64_t amount, usec_t wall)
{
	struct shm_tally *t = s->tally;

	(void)gate_cell_raise(
	    &t->cell[TALLY_COUNT], s->tag_bits, s->window, amount);
	atomic_store(&t->cell[TALLY_SEEDED], state_of(s->window, wall));
}
