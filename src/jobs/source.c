#include "jobs/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNTOUCHED (60 * USEC_PER_SEC)

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static enum err
add(struct jobs_files *f, uint32_t *room, const char *name)
{
	if (f->n == JOBS_FILES_MAX) {
		f->is_cut = true;
		return ERR_OK;
	}
	if (f->n == *room) {
		uint32_t more = *room ? *room * 2 : 64;
		void *grown = realloc(f->names, more * sizeof(*f->names));

		if (!grown)
			return ERR_NOMEM;
		f->names = grown;
		*room = more;
	}
	snprintf(
	    f->names[f->n++], SPOOL_NAME_MAX, "%.*s", SPOOL_NAME_MAX - 1, name);
	return ERR_OK;
}

enum err
jobs_files_list(const char *folder, struct jobs_files *out)
{
	struct jobs_files f = { 0 };
	DIR *d = opendir(folder);
	struct dirent *entry;
	uint32_t room = 0;
	enum err e = ERR_OK;

	if (!d && errno != ENOENT)
		return ERR_IO;
	while (d && e == ERR_OK && (entry = readdir(d)))
		if (str_present(spool_writer_of(str_z(entry->d_name))))
			e = add(&f, &room, entry->d_name);
	if (d)
		closedir(d);
	if (e != ERR_OK) {
		jobs_files_free(&f);
		return e;
	}
	if (f.n > 0)
		qsort(f.names, f.n, sizeof(*f.names), by_name);
	*out = f;
	return ERR_OK;
}

void
jobs_files_free(struct jobs_files *f)
{
	free(f->names);
	*f = (struct jobs_files){ 0 };
}

uint32_t
jobs_files_end(const struct jobs_files *f, uint32_t at)
{
	struct str writer = spool_writer_of(str_z(f->names[at]));

	while (
	    at < f->n && str_eq(spool_writer_of(str_z(f->names[at])), writer))
		at++;
	return at;
}

void
jobs_files_tidy(const char *folder, usec_t now)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d))) {
		struct str name = str_z(e->d_name);

		if (!str_starts(name, STR(".")) ||
		    !str_present(spool_writer_of(str_skip(name, 1))) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if ((usec_t)st.st_mtime * USEC_PER_SEC < now - UNTOUCHED)
			(void)!unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}
