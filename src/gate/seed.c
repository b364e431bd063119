/* Budgets of periods that began before this host counted. */
#include "gate/limit_int.h"

static bool
is_seedable(const struct conf_limit *l)
{
	if (l->period == 0 || l->sort == CONF_LIMIT_REQUESTS ||
	    l->sort == CONF_LIMIT_CONCURRENT)
		return false;
	return l->provider.n == 0 && !(l->each_of & CONF_EACH_PROVIDER);
}

/* False: it is longer than names are. */
static bool
put(char out[GATE_SEED_NAME], struct str s)
{
	if (s.n >= GATE_SEED_NAME)
		return false;
	if (s.n > 0)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

/*
 * Without an id the ledger's sums would be everybody's: those of who has no
 * tenant, team or user cannot be asked for, unless a key or a name tells all.
 */
static bool
is_certain(
    const struct conf_limit *l, const struct gate_ask *a, struct str client)
{
	bool has_key = (l->each_of & CONF_EACH_KEY) && a->key_id > 0;

	if (has_key || client.n > 0)
		return true;
	if ((l->each_of & CONF_EACH_KEY) ||
	    ((l->each_of & CONF_EACH_USER) && a->user_id == 0))
		return false;
	return !((l->each_of & CONF_EACH_TENANT) && a->tenant_id == 0) &&
	       !((l->each_of & CONF_EACH_TEAM) && a->team_id == 0);
}

/* One name, and no more of them. */
static bool
is_whole(struct str glob)
{
	return glob.n > 0 && str_chr(glob, '*') == glob.n;
}

/*
 * The file has names, the ledger's sums ids: those of who asks, whom the limit
 * matches, where its names can be nobody else's. Teams and users have theirs
 * within a tenant.
 */
static bool
fill_named(
    struct gate_seed *s, const struct conf_limit *l, const struct gate_ask *a)
{
	const bool is_tenant_told =
	    is_whole(l->tenant) || (l->each_of & CONF_EACH_TENANT);

	if (l->tenant.n > 0 && !(l->each_of & CONF_EACH_TENANT)) {
		if (!is_whole(l->tenant) || a->tenant_id == 0)
			return false;
		s->tenant_id = a->tenant_id;
	}
	if (l->team.n > 0 && !(l->each_of & CONF_EACH_TEAM)) {
		if (!is_tenant_told || !is_whole(l->team) || a->team_id == 0)
			return false;
		s->team_id = a->team_id;
	}
	if (l->user.n > 0 && !(l->each_of & CONF_EACH_USER)) {
		if (!is_tenant_told || !is_whole(l->user) || a->user_id == 0)
			return false;
		s->user_id = a->user_id;
	}
	return true;
}

/* Whose sums: the rule's ids, and who asks where it counts for each. */
static bool
fill(struct gate_seed *s, const struct conf_limit *l,
    const struct gate_rule *rule, const struct gate_ask *a)
{
	struct str client = { 0 }, model = l->model;

	if (rule) {
		s->tenant_id = rule->tenant_id;
		s->team_id = rule->team_id;
		s->user_id = rule->user_id;
		s->key_id = rule->key_id;
	} else if (!fill_named(s, l, a)) {
		return false;
	}
	if (l->each_of & CONF_EACH_TENANT)
		s->tenant_id = a->tenant_id;
	if (l->each_of & CONF_EACH_TEAM)
		s->team_id = a->team_id;
	if (l->each_of & CONF_EACH_USER)
		s->user_id = a->user_id;
	if (l->each_of & CONF_EACH_KEY)
		s->key_id = a->key_id;
	/* The file's people have no ids, but a name in the ledger. */
	if ((l->each_of & CONF_EACH_KEY) && a->key_id == 0)
		client = a->key;
	if ((l->each_of & CONF_EACH_USER) && a->user_id == 0 && a->user.n > 0)
		client = a->user;
	if (l->each_of & CONF_EACH_MODEL)
		model = a->model;
	return is_certain(l, a, client) && put(s->client, client) &&
	       put(s->model, model) && put(s->key, l->key);
}

static bool
wants_seed(struct gate_limit *g, const struct conf_limit *l,
    const struct gate_rule *rule, const struct gate_ask *ask, bool is_own,
    usec_t wall, struct gate_seed *out)
{
	struct gate_window w;

	if (!is_seedable(l))
		return false;
	w = gate_window_of(g, l, gate_limit_zone(l, ask), wall);
	*out = (struct gate_seed){
		.tally = shm_tally(g->shm, gate_limit_identity(l, ask)),
		.tag_bits = gate_tag_bits(l),
		.window = w.number,
		.start = w.start,
		.sort = l->sort,
	};
	if (!out->tally ||
	    atomic_load(&out->tally->cell[TALLY_SEEDED]) == w.number + 1)
		return false;
	if (!fill(out, l, rule, ask))
		return false;
	/* A key's own in the file: its name is its client's in the ledger. */
	return !is_own || put(out->client, ask->key);
}

uint32_t
gate_limit_unseeded(struct gate_limit *l, const struct gate_limits *lists,
    uint32_t n_lists, const struct gate_ask *ask, usec_t wall,
    struct gate_seed *out, uint32_t max)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < n_lists; k++) {
		for (uint32_t i = 0; i < lists[k].n && n < max; i++) {
			const struct conf_limit *limit;

			limit = lists[k].rules ? &lists[k].rules[i].limit
					       : &lists[k].file[i];
			if (limit->period == 0 ||
			    !gate_limit_at(&lists[k], i, ask))
				continue;
			n += wants_seed(l, limit,
			    lists[k].rules ? &lists[k].rules[i] : NULL, ask,
			    lists[k].is_own, wall, &out[n]);
		}
	}
	return n;
}

/* What is counted already is in the ledger's sum, or soon will be. */
static void
at_least(const struct gate_seed *s, unsigned cell, int64_t amount)
{
	_Atomic int64_t *c = &s->tally->cell[cell];
	int64_t more = amount - gate_cell_get(c, s->tag_bits, s->window);
	struct gate_take t = { s->window, more, INT64_MAX, 0 };

	if (more > 0)
		(void)gate_cell_take(c, s->tag_bits, &t);
}

void
gate_limit_seed(const struct gate_seed *s, int64_t amount)
{
	_Atomic int64_t *cell = &s->tally->cell[TALLY_SEEDED];
	int64_t seen = atomic_load(cell);

	while (seen != s->window + 1) {
		if (!atomic_compare_exchange_weak(cell, &seen, s->window + 1))
			continue;
		at_least(s, TALLY_COUNT, amount);
		at_least(s, TALLY_KNOWN, amount);
		return;
	}
}
