/* What one value alone cannot tell: ends of objects, names across sections. */
#include "conf/values.h"

#include "base/utf8.h"

#define SHOWN 64u

/* ---- breaker ------------------------------------------------------------- */

void
value_done_breaker(
    struct opt_run *run, const struct tree_node *node, void *object)
{
	const struct conf_breaker *b = object;

	if (b->open_max < b->open_for)
		opt_problem(run, node, "open_max is shorter than open_for");
}

/* ---- providers ----------------------------------------------------------- */

void
value_done_provider(
    struct opt_run *run, const struct tree_node *node, void *object)
{
	struct conf_provider *p = object;

	if (p->price_as.n == 0)
		p->price_as = value_price_as(p);
	value_done_provider_keys(run, node, p);
	/* Whose limits: a key may have the same name. */
	value_own_limits(
	    run, p->name, ~hash_stable(p->name), p->limits, p->n_limits);
	if (p->base_url.n == 0) {
		for (const struct conf_kind *k = value_kinds(); k->name != NULL;
		     k++) {
			if (str_eqz(p->kind, k->name) && k->needs_base_url &&
			    tree_find(node, "base_url") == NULL)
				opt_problem(run, node,
				    "base_url is missing: a provider of kind "
				    "%s has no address of its own",
				    k->name);
		}
	} else if (str_case_starts(p->base_url, STR("http://")) &&
		   !p->allow_private) {
		opt_problem(run, tree_find(node, "base_url"),
		    "plain http would show the key to everybody on the way: "
		    "use https, or allow_private: true for a server in your "
		    "own network");
	}
}

static struct conf_provider *
find_provider(const struct conf *c, struct str name)
{
	for (uint32_t i = 0; i < c->n_providers; i++) {
		if (str_eq(c->providers[i].name, name))
			return &c->providers[i];
	}
	return NULL;
}

static void
refer(struct opt_run *run, const struct tree_node *node, struct str name,
    struct conf_target *t)
{
	t->provider = find_provider(run->conf, name);
	if (t->provider == NULL)
		opt_problem(run, node, "there is no provider \"%.*s\"",
		    STR_ARG(utf8_clip(name, SHOWN)));
}

void
value_read_provider(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct conf_target t = { 0 };

	(void)row;
	refer(run, node, node->text, &t);
	*(const struct conf_provider **)field = t.provider;
}

/* ---- models -------------------------------------------------------------- */

void
value_read_target(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct conf_target *t = field;
	struct str rest = node->text;
	struct str name = str_cut(&rest, '/');

	(void)row;
	if (name.n == 0 || rest.n == 0) {
		opt_problem(run, node,
		    "must be PROVIDER/MODEL, or a map of options, is "
		    "\"%.*s\"",
		    STR_ARG(utf8_clip(node->text, SHOWN)));
		return;
	}
	refer(run, node, name, t);
	t->model = arena_str(run->arena, rest);
}

void
value_read_model(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct conf_model *m = field;
	const struct opt *targets = row->sub->rows;

	while (targets->name != NULL && !str_eqz(STR("targets"), targets->name))
		targets++;
	m->targets = ARENA_NEW(run->arena, struct conf_target);
	if (m->targets == NULL)
		return;
	m->n_targets = 1;
	opt_read_table(run, targets->sub, NULL, m->targets);
	value_read_target(run, targets, node, m->targets);
}

static usec_t
either(usec_t mine, usec_t otherwise)
{
	return mine > 0 ? mine : otherwise;
}

static void
finish_target(
    struct opt_run *run, const struct conf_model *m, struct conf_target *t)
{
	const struct conf_timeouts *mine = &m->timeouts;
	const struct conf_timeouts *theirs;
	struct str id;

	if (t->provider == NULL)
		return;
	theirs = &t->provider->timeouts;
	t->timeouts = (struct conf_timeouts){
		.connect = either(mine->connect, theirs->connect),
		.first_byte = either(mine->first_byte, theirs->first_byte),
		.idle = either(mine->idle, theirs->idle),
		.total = either(mine->total, theirs->total),
	};
	id = arena_printf(run->arena, "%.*s\n%.*s\n%.*s",
	    STR_ARG(t->provider->name), STR_ARG(t->provider->base_url),
	    STR_ARG(t->model));
	t->identity = hash_stable(id);
	if (t->identity == 0)
		t->identity = 1; /* 0 is nobody in shared memory */
}

void
value_done_model(
    struct opt_run *run, const struct tree_node *node, void *object)
{
	struct conf_model *m = object;

	for (uint32_t i = 0; i < m->n_targets; i++) {
		struct conf_target *t = &m->targets[i];

		t->index = run->conf->n_targets++;
		finish_target(run, m, t);
		for (uint32_t j = 0; j < i; j++) {
			if (m->targets[j].provider == t->provider &&
			    str_eq(m->targets[j].model, t->model) &&
			    t->provider != NULL && t->model.n > 0)
				opt_warning(run, tree_find(node, "targets"),
				    "targets %u and %u are the same", j, i);
		}
	}
	if (m->retry_backoff_max < m->retry_backoff)
		opt_problem(run, tree_find(node, "retry"),
		    "max_backoff is shorter than backoff");
	if (m->cache_ttl > 0)
		opt_warning(run, tree_find(node, "cache"),
		    "is accepted, but this version keeps no answers");
}

/* ---- keys ---------------------------------------------------------------- */

void
value_done_key(struct opt_run *run, const struct tree_node *node, void *object)
{
	struct conf_key *k = object;

	(void)node;
	k->identity = hash_stable(k->name);
	if (k->identity == 0)
		k->identity = 1;
	value_own_limits(run, k->name, k->identity, k->limits, k->n_limits);
}

static const struct tree_node *
element(const struct tree_node *list, uint32_t index)
{
	tree_each(list, e)
	{
		if (index-- == 0)
			return e;
	}
	return list;
}

static void
check_globs(struct opt_run *run, const struct tree_node *node,
    const struct str *globs, uint32_t n)
{
	const struct conf *c = run->conf;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = 0;

		while (
		    j < c->n_models && !str_glob(globs[i], c->models[j].name))
			j++;
		if (j == c->n_models)
			opt_warning(run, element(node, i),
			    "no model has a name like \"%.*s\"",
			    STR_ARG(utf8_clip(globs[i], SHOWN)));
	}
}

static enum err
index_keys(struct opt_run *run, const struct tree_node *list)
{
	static const unsigned char no_hash[HASH_KEY_BYTES];
	struct conf *c = run->conf;
	struct map *names = map_new((size_t)c->n_keys + 1);
	enum err e = names == NULL ? ERR_NOMEM : ERR_OK;
	const struct tree_node *node = tree_first(list);

	for (uint32_t i = 0; i < c->n_keys && e == ERR_OK; i++) {
		struct conf_key *k = &c->keys[i];
		struct str hash = { (const char *)k->hash, sizeof(k->hash) };
		const struct conf_key *old = map_find(names, k->name);

		if (old != NULL)
			opt_problem(run, tree_find(node, "name"),
			    "there is a key of this name before");
		/* What its key leads to could not be read: that is told. */
		old = hash_equal(k->hash, no_hash, sizeof(no_hash))
			  ? NULL
			  : map_find(c->keys_by_hash, hash);
		if (old != NULL && str_present(k->name))
			opt_problem(run, tree_find(node, "key"),
			    "is the same key as that of %.*s",
			    STR_ARG(old->name));
		e = map_put(c->keys_by_hash, hash, k);
		if (e == ERR_OK && k->name.n > 0)
			e = map_put(names, k->name, k);
		check_globs(
		    run, tree_find(node, "models"), k->models, k->n_models);
		node = node != NULL ? node->next : NULL;
	}
	map_free(names);
	return e;
}

/* ---- the snapshot -------------------------------------------------------- */

void
value_done_conf(struct opt_run *run, const struct tree_node *node, void *object)
{
	struct conf *c = object;
	const struct tree_node *auth = tree_find(node, "auth");
	enum err e = ERR_OK;

	c->keys_by_hash = map_new((size_t)c->n_keys + 1);
	c->models_by_name = map_new((size_t)c->n_models + 1);
	if (c->keys_by_hash == NULL || c->models_by_name == NULL)
		e = ERR_NOMEM;
	for (uint32_t i = 0; i < c->n_models && e == ERR_OK; i++)
		e = map_put(
		    c->models_by_name, c->models[i].name, &c->models[i]);
	if (e == ERR_OK)
		e = index_keys(run, tree_find(auth, "keys"));
	if (e != ERR_OK)
		opt_problem(run, node, "out of memory");
	if (tree_find(auth, "anonymous_models") != NULL)
		check_globs(run, tree_find(auth, "anonymous_models"),
		    c->anonymous_models, c->n_anonymous_models);
	value_check_policies(run, tree_find(node, "policies"));
}
