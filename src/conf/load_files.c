/* Files -> one tree. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "conf/file.h"
#include "conf/load_int.h"
#include "conf/yaml.h"

/* ---- which files --------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
list_dir(struct load_list *f, DIR *dir)
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
list_files(struct load_list *f, struct arena *a, const char *file)
{
	const char *slash = strrchr(file, '/');
	int dir_n = slash != NULL ? (int)(slash - file) + 1 : 0;
	DIR *dir;

	*f = (struct load_list){ .arena = a };
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
	struct load_list f;
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

const struct opt *
load_row(const struct opt_table *table, struct str key)
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
		const struct opt *row = load_row(table, e->key);
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

/* ---- reading -------------------------------------------------------------- */

void
load_text(struct load *l, struct str name, struct str text)
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
		load_text(l, str_z(path), buf_str(text));
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

enum err
load_files(struct load *l, const char *file)
{
	enum err e = list_files(&l->files, l->arena, file);

	if (e == ERR_OK)
		read_files(l);
	return e;
}

bool
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

void
load_end(struct load *l)
{
	conf_problems_sort(l->problems);
	buf_fini(&l->digest);
	arena_free(l->arena);
}
