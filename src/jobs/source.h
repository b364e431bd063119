#ifndef JOBS_SOURCE_H
#define JOBS_SOURCE_H
/* The files of a spool's folder, as a drain sees them. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "meter/spool_read.h"

/* A segment that is being read. */
struct jobs_source {
	char name[SPOOL_NAME_MAX];
	struct spool_reader reader;
	size_t taken; /* what the database has of it */
	bool is_over; /* nobody writes it any more */
	bool is_done; /* ... and all of it has been read */
};

#define JOBS_FILES_MAX 16384u

struct jobs_files {
	char (*names)[SPOOL_NAME_MAX]; /* sorted: of one writer together */
	uint32_t n;
	bool is_cut; /* there are more than JOBS_FILES_MAX */
};

/*
 * The spool's files; others are left out. ERR_IO, ERR_NOMEM. A folder that is
 * not there has none.
 */
MUST_CHECK enum err jobs_files_list(const char *folder, struct jobs_files *out);
/* A zeroed one is allowed. */
void jobs_files_free(struct jobs_files *f);
/* Where the writer of names[at] ends: the index behind its last file. */
uint32_t jobs_files_end(const struct jobs_files *f, uint32_t at);

/*
 * Files that were being made when their writer died: hidden ones that nobody
 * has touched for a minute.
 */
void jobs_files_tidy(const char *folder, usec_t now);

#endif
