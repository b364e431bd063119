/* One tree -> a snapshot. */
#include "conf/conf.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "conf/catalogue.h"
#include "conf/load_int.h"

#define CONF_ARENA_MAX ((size_t)64 * 1024 * 1024)

/* Loads may run on the thread pool. */
static _Atomic uint64_t versions;

struct conf *
load_blank(void)
{
	struct arena *a = arena_new(CONF_ARENA_MAX);
	struct conf *c = a != NULL ? ARENA_NEW(a, struct conf) : NULL;

	if (c == NULL) {
		arena_free(a);
		return NULL;
	}
	c->arena = a;
	c->refs = 1;
	return c;
}

struct conf *
conf_ref(struct conf *c)
{
	c->refs++;
	return c;
}

static void
conf_secrets_free(struct conf *c)
{
	for (uint32_t i = 0; i < c->n_providers; i++) {
		struct conf_provider *p = &c->providers[i];

		for (uint32_t k = 0; k < p->n_keys; k++)
			secret_unref(p->keys[k].key.secret);
		secret_unref(p->api_key.secret);
	}
	secret_unref(c->master_key);
	for (uint32_t i = 0; i < c->n_master_key_old; i++)
		secret_unref(c->master_key_old[i].secret);
}

void
conf_unref(struct conf *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	conf_secrets_free(c);
	conf_catalogue_free(c->catalogue);
	map_free(c->keys_by_hash);
	map_free(c->models_by_name);
	arena_free(c->arena);
}

const struct conf_model *
conf_model_find(const struct conf *c, struct str name)
{
	return map_find(c->models_by_name, name);
}

/* Set once by the mains before anything is loaded. */
static const char *default_catalogue;

void
conf_catalogue_default(const char *path)
{
	default_catalogue = path;
}

/*
 * A catalogue that the file names must be good if it is there. The package's own is not the
 * operator's to mend: without it models are unpriced, which shows.
 */
void
load_catalogue(struct load *l, struct conf *c)
{
	struct conf_problems own, *p = l->problems;
	struct conf_where where = { .file = str_z(default_catalogue) };
	enum err e;

	if (c->price_catalogue != NULL &&
	    access(c->price_catalogue, R_OK) != 0) {
		where.file = str_z(c->price_catalogue);
		conf_warning_add(p, &where,
		    "cannot be read, so models have no list prices: %s",
		    strerror(errno));
		return;
	}
	if (c->price_catalogue != NULL) {
		(void)!conf_catalogue_load(
		    c->price_catalogue, &c->catalogue, p);
		return;
	}
	if (default_catalogue == NULL || access(default_catalogue, F_OK) != 0)
		return;
	conf_problems_init(&own, l->arena);
	e = conf_catalogue_load(default_catalogue, &c->catalogue, &own);
	if (e != ERR_OK)
		conf_warning_add(p, &where,
		    "cannot be used, so models have no list prices: %s",
		    own.first != NULL ? own.first->what.p : err_word(e));
}

/* Nobody drains the spool of a host that has no database. */
static void
find_store(struct conf *c)
{
	const char *file =
	    arena_printf(c->arena, "%.*s/llmgw.db", STR_ARG(c->state_dir)).p;

	c->has_store =
	    !c->store_is_default || (file != NULL && access(file, F_OK) == 0);
	c->ledger = c->ledger_mode == CONF_LEDGER_ON ||
		    (c->ledger_mode == CONF_LEDGER_AUTO && c->has_store);
}

/* Keys and users of tokens lie in the database. */
static bool
may_anybody_ask(const struct conf *c)
{
	return c->anonymous || c->n_keys > 0 ||
	       c->identity_from != CONF_ID_NONE || c->has_store;
}

static void
build(struct load *l)
{
	struct conf *c = load_blank();
	struct opt_run run = {
		.problems = l->problems,
		.conf = c,
	};

	l->conf = c;
	if (c == NULL)
		return;
	run.arena = c->arena;
	opt_read_table(&run, &conf_table, l->root, c);
	load_catalogue(l, c);
	if (c->store_url.n == 0) {
		c->store_is_default = true;
		c->store_url = arena_printf(
		    c->arena, "sqlite://%.*s/llmgw.db", STR_ARG(c->state_dir));
	}
	find_store(c);
	if (!may_anybody_ask(c))
		opt_warning(&run, l->root,
		    "nobody may ask: auth has neither keys nor an identity, "
		    "anonymous is false, and there is no database");
	c->loaded_wall = clock_wall();
	(void)snprintf(c->digest, sizeof(c->digest), "%016llx",
	    (unsigned long long)hash_stable(buf_str(&l->digest)));
	c->version = ++versions;
}

static enum err
finish(struct load *l, struct str name, struct conf **out)
{
	struct conf_where where = { .file = name };
	enum err e = ERR_OK;

	/* Half a file would make references fail that are fine. */
	if (l->is_read)
		build(l);
	if (l->problems->n_errors > 0)
		e = ERR_SYNTAX;
	else if (l->conf == NULL || l->digest.failed ||
		 arena_failed(l->conf->arena) || arena_failed(l->arena))
		e = ERR_NOMEM;
	if (e == ERR_NOMEM)
		conf_problem_add(l->problems, &where,
		    "out of memory, or larger than a configuration may be");
	if (e == ERR_OK)
		*out = l->conf;
	else
		conf_unref(l->conf);
	return e;
}

enum err
conf_load(const char *file, struct conf **out, struct conf_problems *problems)
{
	struct conf_where where = { .file = str_z(file) };
	struct load l = { 0 };
	enum err e = ERR_NOMEM;

	if (load_begin(&l, problems, str_z(file))) {
		e = load_files(&l, file);
		if (e == ERR_OK)
			e = finish(&l, str_z(file), out);
		else
			conf_problem_add(problems, &where, "out of memory");
	}
	load_end(&l);
	return e;
}

enum err
conf_load_text(struct str text, struct str name, struct conf **out,
    struct conf_problems *problems)
{
	struct load l = { 0 };
	enum err e = ERR_NOMEM;

	if (load_begin(&l, problems, name)) {
		load_text(&l, name, text);
		e = finish(&l, name, out);
	}
	load_end(&l);
	return e;
}
