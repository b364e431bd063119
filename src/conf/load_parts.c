/* Some sections of a configuration, for programs that need no more of it. */
#include "conf/load_int.h"

/* ---- where the state lies ------------------------------------------------ */

#define PLACES_STATE_DIR "/var/lib/llmgw"

static enum err
find_places(const struct load *l, struct arena *a, struct conf_places *out)
{
	struct str dir =
	    tree_text(tree_find(tree_find(l->root, "server"), "state_dir"));
	struct str url = tree_text(tree_find(l->root, "store"));
	struct str reason =
	    tree_text(tree_find(tree_find(l->root, "audit"), "require_reason"));

	if (dir.n == 0)
		dir = STR(PLACES_STATE_DIR);
	dir = arena_str(a, dir);
	if (url.n > 0)
		url = arena_str(a, url);
	else
		url = arena_printf(a, "sqlite://%.*s/llmgw.db", STR_ARG(dir));
	if (!str_present(dir) || !str_present(url))
		return ERR_NOMEM;
	*out = (struct conf_places){
		.state_dir = dir,
		.store_url = url,
		.audit_require_reason =
		    reason.n > 0 && !str_eqz(reason, "false"),
	};
	return ERR_OK;
}

/* ---- what opens the sealed keys ------------------------------------------ */

static void
build_secrets(struct load *l)
{
	struct conf *c = load_blank();
	struct opt_run run = { .problems = l->problems, .conf = c };
	const struct opt *row = load_row(&conf_table, STR("secrets"));

	l->conf = c;
	if (c == NULL)
		return;
	run.arena = c->arena;
	opt_read_table(&run, row->sub, tree_find(l->root, "secrets"), c);
}

/* Some sections alone: what is not well formed elsewhere does not matter. */
static enum err
read_some(const char *file, void (*build_some)(struct load *l),
    struct conf **out, struct conf_problems *problems)
{
	struct load l = { 0 };
	enum err e = ERR_NOMEM;

	if (load_begin(&l, problems, str_z(file)) &&
	    (file == NULL || load_files(&l, file) == ERR_OK)) {
		if (l.is_read)
			build_some(&l);
		e = problems->n_errors > 0			    ? ERR_SYNTAX
		    : l.conf == NULL || arena_failed(l.conf->arena) ? ERR_NOMEM
								    : ERR_OK;
	}
	if (e == ERR_OK)
		*out = l.conf;
	else
		conf_unref(l.conf);
	load_end(&l);
	return e;
}

enum err
conf_secrets_read(
    const char *file, struct conf **out, struct conf_problems *problems)
{
	return read_some(file, build_secrets, out, problems);
}

/* ---- what prices go by ---------------------------------------------------- */

/* names: ended by NULL. */
static void
build_rows(struct load *l, const char *const *names)
{
	struct conf *c = load_blank();
	struct opt_run run = {
		.problems = l->problems, .conf = c, .is_blind = true
	};

	l->conf = c;
	if (c == NULL)
		return;
	run.arena = c->arena;
	for (; *names != NULL; names++) {
		struct str name = str_z(*names);

		opt_read_row(&run, load_row(&conf_table, name),
		    tree_find_str(l->root, name), c);
	}
}

static void
build_prices(struct load *l)
{
	static const char *const names[] = { "providers", "models", "prices",
		"price_catalogue", NULL };

	build_rows(l, names);
	if (l->conf != NULL)
		load_catalogue(l, l->conf);
}

enum err
conf_prices_read(
    const char *file, struct conf **out, struct conf_problems *problems)
{
	return read_some(file, build_prices, out, problems);
}

/* A limit of a provider looks for it. */
static void
build_limits(struct load *l)
{
	static const char *const names[] = { "providers", "limits", NULL };

	build_rows(l, names);
}

enum err
conf_limits_read(
    const char *file, struct conf **out, struct conf_problems *problems)
{
	return read_some(file, build_limits, out, problems);
}

enum err
conf_places_read(const char *file, struct arena *a, struct conf_places *out,
    struct conf_problems *problems)
{
	struct load l = { 0 };
	enum err e = ERR_NOMEM;

	if (file == NULL)
		return find_places(&l, a, out);
	if (load_begin(&l, problems, str_z(file))) {
		e = load_files(&l, file);
		if (e == ERR_OK)
			e = l.is_read ? find_places(&l, a, out) : ERR_SYNTAX;
	}
	load_end(&l);
	return e;
}
