#ifndef CONF_PROBLEM_H
#define CONF_PROBLEM_H
/*
 * What is wrong with a configuration: a list that readers add to, so that an
 * operator sees everything at once. Warnings are kept in the same list; they
 * do not make a load fail.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* More are counted, not kept. */
#define CONF_PROBLEMS_MAX 100u

struct conf_problem {
	struct conf_problem *next;
	struct str file;
	uint32_t line; /* 1-based, 0 unknown */
	struct str path; /* "models.default-chat.targets[0].provider" */
	struct str what; /* a sentence that says what to change */
	bool is_warning;
};

struct conf_problems {
	struct arena *arena; /* the caller's */
	struct conf_problem *first, *last;
	uint32_t n; /* in the list, at most CONF_PROBLEMS_MAX */
	uint32_t n_errors; /* also those that are not kept */
	uint32_t n_warnings;
};

/* Empty; everything added is copied into the arena (1 MiB is plenty). */
void conf_problems_init(struct conf_problems *p, struct arena *a);

/* Where: file, line and path are copied; path may be absent. */
struct conf_where {
	struct str file;
	uint32_t line;
	struct str path;
};
void conf_problem_add(struct conf_problems *p, const struct conf_where *where,
    const char *fmt, ...) PRINTF_LIKE(3, 4);
void conf_warning_add(struct conf_problems *p, const struct conf_where *where,
    const char *fmt, ...) PRINTF_LIKE(3, 4);

/* By file and line; what was added first stays first among equals. */
void conf_problems_sort(struct conf_problems *p);

/*
 * "file:line: path: what" lines; warnings have "warning: " before what. Control
 * bytes are shown as '?'.
 */
void conf_problems_print(const struct conf_problems *p, FILE *to);
/* A JSON array of {file, line, path, what, warning}, one line. */
void conf_problems_print_json(const struct conf_problems *p, FILE *to);
/* The first error as one such line, for health; absent when there is none. */
struct str conf_problems_first(const struct conf_problems *p, struct arena *a);

#endif
