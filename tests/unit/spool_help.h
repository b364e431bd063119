#ifndef TESTS_UNIT_SPOOL_HELP_H
#define TESTS_UNIT_SPOOL_HELP_H
/* A folder for a spool, and looking into it. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "check.h"
#include "meter/spool_read.h"

#define SPOOL_MAX_ALL (UINT64_C(64) << 20)

static inline char *
spool_bed(void)
{
	static char folder[256];
	char fresh[] = "/tmp/t_spool.XXXXXX";

	assert_non_null(mkdtemp(fresh));
	snprintf(folder, sizeof(folder), "%s/spool", fresh);
	return folder;
}

/*
 * Names that end so, in no order, without those of half made files; "": all.
 * Returns how many.
 */
static inline unsigned
spool_names(
    const char *folder, const char *end, char names[][256], unsigned max)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (str_ends(str_z(e->d_name), str_z(end)) && n < max &&
		    (!*end || e->d_name[0] != '.'))
			snprintf(names[n++], 256, "%s", e->d_name);
	closedir(d);
	return n;
}

static inline void
spool_bed_remove(const char *folder)
{
	static char names[512][256];
	char path[600];
	unsigned n = spool_names(folder, "", names, 512);

	for (unsigned i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%.255s/%.255s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	snprintf(path, sizeof(path), "%s", folder);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

#endif
