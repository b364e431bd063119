/* Files -> one tree -> snapshot. */
#include "conf/conf.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault.h"
#include "conf/catalogue.h"
#include "conf/file.h"
#include "conf/opt.h"
#include "conf/yaml.h"

#define CONF_ARENA_MAX ((size_t)64 * 1024 * 1024)

/* Loads may run on the thread pool. */
static _Atomic uint64_t versions;

/* ---- which files --------------------------------------------------------- */

struct files {
	struct arena *arena;
	const char *dir; /* conf.d */
	char *path[CONF_FILES_MAX]; /* the main file first, then by name */
	uint32_t n;
	bool too_many;
	int dir_errno; /* conf.d is there, but cannot be read */
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
list_dir(struct files *f, DIR *dir)
{
	const struct dirent *d;

	while ((d = readdir(dir)) != NULL) {
		struct str name = str_z(d->d_name);
		struct str path;

		/* Editors keep swap and backup files beside: ".x.yaml.swp" */
		if (name.p[0] == '.' || !str_ends(name, STR(".yaml")))
			continue;
		if (f->n == CONF_FILES_MAX) {
			f->too_many = true;
			break;
		}
		path = arena_printf(f->arena, "%s/%s", f->dir, d->d_name);
		f->path[f->n] = arena_strz(f->arena, path);
		if (f->path[f->n] != NULL)
			f->n++;
	}
	qsort(f->path + 1, f->n - 1, sizeof(f->path[0]), by_name);
}

static enum err
list_files(struct files *f, struct arena *a, const char *file)
{
	const char *slash = strrchr(file, '/');
	int dir_n = slash != NULL ? (int)(slash - file) + 1 : 0;
	DIR *dir;

	*f = (struct files){ .arena = a };
	f->path[f->n++] = arena_strz(a, str_z(file));
	f->dir = arena_strz(a, arena_printf(a, "%.*sconf.d", dir_n, file));
	if (f->path[0] == NULL || f->dir == NULL)
		return ERR_NOMEM;
	dir = opendir(f->dir);
	if (dir == NULL) {
		if (errno != ENOENT && errno != ENOTDIR)
			f->dir_errno = errno;
		return ERR_OK;
	}
	list_dir(f, dir);
	(void)closedir(dir);
	return arena_failed(a) ? ERR_NOMEM : ERR_OK;
}

uint64_t
conf_stamp(const char *file)
{
	struct arena *a = arena_new((size_t)1024 * 1024);
	struct files f;
	struct buf b;
	uint64_t stamp = 0;

	buf_init(&b, (size_t)1024 * 1024);
	if (a != NULL && list_files(&f, a, file) == ERR_OK) {
		for (uint32_t i = 0; i < f.n; i++) {
			struct stat st;

			if (stat(f.path[i], &st) != 0)
				memset(&st, 0, sizeof(st));
			buf_printf(&b, "%s %lld.%ld %lld %lld\n", f.path[i],
			    (long long)st.st_mtim.tv_sec,
			    (long)st.st_mtim.tv_nsec, (long long)st.st_size,
			    (long long)st.st_ino);
		}
		stamp = hash_stable(buf_str(&b));
	}
	buf_fini(&b);
	arena_free(a);
	return stamp;
}

/* ---- many files, one tree ------------------------------------------------ */

static const struct opt *
row_of(const struct opt_table *table, struct str key)
{
	if (table == NULL)
		return NULL;
	for (const struct opt *row = table->rows; row->name != NULL; row++) {
		if (str_eqz(key, row->name))
			return row;
	}
	return NULL;
}

/*
 * Adds what `from` has to `into`: sections member by member, lists of objects
 * (keys) at the end. A name or option that is there already is a problem.
 */
static void
join(struct tree_node *into, struct tree_node *from,
    const struct opt_table *table, struct conf_problems *p)
{
	struct tree_node *next;

	for (struct tree_node *e = tree_first(from); e != NULL; e = next) {
		struct tree_node *old = tree_find_str(into, e->key);
		const struct opt *row = row_of(table, e->key);
		struct conf_where where;

		next = e->next;
		if (old == NULL) {
			tree_move(into, e);
		} else if (row != NULL && e->type == old->type &&
			   ((e->type == TREE_MAP &&
				(row->type == OPT_TABLE ||
				    row->type == OPT_NAMED)) ||
			       (e->type == TREE_SEQ &&
				   row->type == OPT_TABLES))) {
			if (e->type == TREE_MAP)
				join(old, e,
				    row->type == OPT_TABLE ? row->sub : NULL,
				    p);
			else
				while (e->first != NULL) {
					struct tree_node *one = e->first;

					e->first = one->next;
					tree_move(old, one);
				}
		} else if (e->type != TREE_NULL) {
			where = tree_where(e, p);
			conf_problem_add(p, &where,
			    "is given twice, first in %.*s line %u",
			    STR_ARG(old->file), (unsigned)old->key_line);
		}
	}
}

struct load {
	struct arena *arena; /* of the tree */
	struct tree tree;
	struct files files;
	struct conf_problems *problems;
	struct buf digest; /* names and contents of all files */
	struct tree_node *root;
	struct conf *conf;
	bool is_read; /* every file was well formed */
};

static void
read_text(struct load *l, struct str name, struct str text)
{
	struct conf_where where = { .file = name, .line = 1 };
	struct tree_node *root = NULL;

	buf_printf(&l->digest, "%.*s %016llx\n", STR_ARG(name),
	    (unsigned long long)hash_stable(text));
	if (yaml_read(&l->tree, text, name, &root, l->problems) != ERR_OK &&
	    root == NULL) {
		l->is_read = false;
		return;
	}
	if (root->type == TREE_MAP && l->root != NULL) {
		join(l->root, root, &conf_table, l->problems);
	} else if (root->type == TREE_MAP) {
		l->root = root;
	} else if (root->type != TREE_NULL || l->root == NULL) {
		/* A file cut short while it is written must not count. */
		conf_problem_add(l->problems, &where, "%s",
		    root->type == TREE_NULL
			? "the file is empty"
			: "must be a map (\"name: value\" lines)");
		l->is_read = false;
	}
}

static void
read_one_file(struct load *l, const char *path, struct buf *text)
{
	struct conf_where where = { .file = str_z(path) };
	enum err e;

	buf_reset(text);
	e = conf_file_read(path, text, NULL);
	if (e == ERR_OK) {
		read_text(l, str_z(path), buf_str(text));
		return;
	}
	conf_problem_add(
	    l->problems, &where, "cannot be read: %s", conf_file_why(e, errno));
	l->is_read = false;
}

static void
read_files(struct load *l)
{
	struct conf_where where = { .file = str_z(l->files.dir) };
	struct buf text;

	if (l->files.dir_errno != 0)
		conf_problem_add(l->problems, &where, "cannot be read: %s",
		    strerror(l->files.dir_errno));
	if (l->files.too_many)
		conf_problem_add(l->problems, &where, "has more than %u files",
		    CONF_FILES_MAX - 1);
	buf_init(&text, TREE_FILE_MAX);
	for (uint32_t i = 0; i < l->files.n; i++) {
		read_one_file(l, l->files.path[i], &text);
		/* Without the main file the rest would only be noise. */
		if (i == 0 && l->root == NULL)
			break;
	}
	buf_fini(&text);
}

/* ---- snapshots ----------------------------------------------------------- */

static struct conf *
conf_new(void)
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
static void
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
	struct conf *c = conf_new();
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

static bool
load_begin(struct load *l, struct conf_problems *problems, struct str name)
{
	struct conf_where where = { .file = name };

	l->problems = problems;
	l->is_read = true;
	buf_init(&l->digest, (size_t)2 * 1024 * 1024);
	l->arena = fault("conf.load") ? NULL : arena_new(TREE_ARENA_MAX);
	if (l->arena == NULL)
		conf_problem_add(problems, &where, "out of memory");
	else
		tree_init(&l->tree, l->arena);
	return l->arena != NULL;
}

static void
load_end(struct load *l)
{
	conf_problems_sort(l->problems);
	buf_fini(&l->digest);
	arena_free(l->arena);
}

enum err
conf_load(const char *file, struct conf **out, struct conf_problems *problems)
{
	struct conf_where where = { .file = str_z(file) };
	struct load l = { 0 };
	enum err e = ERR_NOMEM;

	if (load_begin(&l, problems, str_z(file))) {
		e = list_files(&l.files, l.arena, file);
		if (e == ERR_OK) {
			read_files(&l);
			e = finish(&l, str_z(file), out);
		} else {
			conf_problem_add(problems, &where, "out of memory");
		}
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
		read_text(&l, name, text);
		e = finish(&l, name, out);
	}
	load_end(&l);
	return e;
}

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
	struct conf *c = conf_new();
	struct opt_run run = { .problems = l->problems, .conf = c };
	const struct opt *row = row_of(&conf_table, STR("secrets"));

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
	    (file == NULL || list_files(&l.files, l.arena, file) == ERR_OK)) {
		if (file != NULL)
			read_files(&l);
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
	struct conf *c = conf_new();
	struct opt_run run = {
		.problems = l->problems, .conf = c, .is_blind = true
	};

	l->conf = c;
	if (c == NULL)
		return;
	run.arena = c->arena;
	for (; *names != NULL; names++) {
		struct str name = str_z(*names);

		opt_read_row(&run, row_of(&conf_table, name),
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
		e = list_files(&l.files, l.arena, file);
		if (e == ERR_OK) {
			read_files(&l);
			e = l.is_read ? find_places(&l, a, out) : ERR_SYNTAX;
		}
	}
	load_end(&l);
	return e;
}
