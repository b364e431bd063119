/*
 * YAML and configurations. Input: one file. What must hold: a tree has no key
 * twice, but where that is told, and knows its lines; a load gives either a
 * snapshot or at least one problem; a snapshot keeps what conf/conf.h promises;
 * the same text gives the same again.
 */
#include <string.h>

#include "conf/conf.h"
#include "conf/yaml.h"
#include "fuzz.h"

static const struct conf_kind kinds[] = { { "anthropic", false },
	{ "azure", true }, { "gemini", false }, { "openai", false },
	{ "openai-compatible", true }, { NULL, false } };

static uint32_t
check_node(const struct tree_node *node, struct arena *a, unsigned depth,
    bool is_sound)
{
	struct str path = tree_path(node, a);
	uint32_t n = 1, i = 0;

	FUZZ_CHECK(depth <= TREE_DEPTH_MAX);
	FUZZ_CHECK(str_present(path) && node->line > 0);
	tree_each(node, e)
	{
		FUZZ_CHECK(e->parent == node && e->index == i++);
		FUZZ_CHECK(str_present(e->key) == (node->type == TREE_MAP));
		/* Small maps only: looking up all keys is quadratic. */
		if (is_sound && node->type == TREE_MAP && node->n < 64)
			FUZZ_CHECK(tree_find_str(node, e->key) == e);
		n += check_node(e, a, depth + 1, is_sound);
	}
	FUZZ_CHECK(node->n == i);
	return n;
}

static void
check_tree(struct str text)
{
	struct arena *a = arena_new(TREE_ARENA_MAX);
	struct tree_node *root = NULL;
	struct conf_problems problems;
	struct tree t;
	enum err e;

	FUZZ_CHECK(a);
	conf_problems_init(&problems, a);
	tree_init(&t, a);
	e = yaml_read(&t, text, STR("f"), &root, &problems);
	FUZZ_CHECK((e == ERR_OK) == (problems.n_errors == 0));
	FUZZ_CHECK(e != ERR_OK || root != NULL);
	if (root != NULL && root->type != TREE_NULL)
		FUZZ_CHECK(check_node(root, a, 0, e == ERR_OK) == t.n_nodes);
	arena_free(a);
}

static void
check_limits(const struct conf_limit *limits, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct conf_limit *l = &limits[i];

		FUZZ_CHECK(
		    (l->requests > 0) + (l->tokens > 0) + (l->concurrent > 0) ==
		    1);
		FUZZ_CHECK((l->per > 0) == (l->concurrent == 0));
		FUZZ_CHECK(l->per <= 31 * 86400 * USEC_PER_SEC);
	}
}

static void
check_model(const struct conf *c, const struct conf_model *m)
{
	FUZZ_CHECK(conf_model_find(c, m->name) == m);
	FUZZ_CHECK(m->n_targets > 0);
	for (uint32_t i = 0; i < m->n_targets; i++) {
		const struct conf_target *t = &m->targets[i];

		FUZZ_CHECK(t->provider == &c->providers[t->provider->index]);
		FUZZ_CHECK(t->model.n > 0 && t->priority > 0);
		FUZZ_CHECK(t->index < c->n_targets && t->identity != 0);
		FUZZ_CHECK(t->timeouts.connect > 0 && t->timeouts.idle > 0);
		FUZZ_CHECK(t->timeouts.first_byte > 0 && t->timeouts.total > 0);
	}
}

static void
check_conf(const struct conf *c)
{
	for (uint32_t i = 0; i < c->n_providers; i++) {
		const struct conf_provider *p = &c->providers[i];

		FUZZ_CHECK(p->index == i && p->name.n > 0 && p->kind.n > 0);
		check_limits(p->limits, p->n_limits);
	}
	for (uint32_t i = 0; i < c->n_models; i++) {
		FUZZ_CHECK(c->models[i].index == i);
		check_model(c, &c->models[i]);
	}
	for (uint32_t i = 0; i < c->n_keys; i++) {
		const struct conf_key *k = &c->keys[i];
		struct str hash = { (const char *)k->hash, sizeof(k->hash) };

		FUZZ_CHECK(k->index == i && k->identity != 0);
		FUZZ_CHECK(map_find(c->keys_by_hash, hash) == k);
		check_limits(k->limits, k->n_limits);
	}
	FUZZ_CHECK(c->refs == 1 && strlen(c->digest) == 16);
	FUZZ_CHECK(c->json.depth > 0 && c->max_body > 0);
}

static struct conf *
load(struct str text, struct arena *a, struct conf_problems *problems)
{
	struct conf *c = NULL;
	enum err e;

	conf_problems_init(problems, a);
	e = conf_load_text(text, STR("f"), &c, problems);
	FUZZ_CHECK((e == ERR_OK) == (c != NULL));
	FUZZ_CHECK((e == ERR_OK) == (problems->n_errors == 0));
	for (struct conf_problem *p = problems->first; p != NULL; p = p->next)
		FUZZ_CHECK(p->what.n > 0 && str_eqz(p->file, "f"));
	return c;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_of((const char *)data, size);
	struct arena *a = arena_new((size_t)4 * 1024 * 1024);
	struct conf_problems first, second;
	struct conf *c, *d;

	FUZZ_CHECK(a);
	conf_kinds_set(kinds);
	check_tree(text);
	c = load(text, a, &first);
	d = load(text, a, &second);
	FUZZ_CHECK((c != NULL) == (d != NULL));
	FUZZ_CHECK(first.n_errors == second.n_errors);
	FUZZ_CHECK(first.n_warnings == second.n_warnings);
	if (c != NULL) {
		check_conf(c);
		FUZZ_CHECK(strcmp(c->digest, d->digest) == 0);
		FUZZ_CHECK(c->n_targets == d->n_targets);
	}
	conf_unref(c);
	conf_unref(d);
	arena_free(a);
	return 0;
}
