#ifndef SYS_OPT_H
#define SYS_OPT_H
/*
 * Options of the command line. One table gives the parser, --help and the
 * OPTIONS section of the manual page (a test compares the page with it).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum opt_type {
	OPT_FLAG, /* bool: becomes true */
	OPT_TEXT, /* const char *: borrowed from argv */
	OPT_NUMBER, /* uint32_t, min .. max */
	OPT_WORD, /* int: index in `words` */
	OPT__MAX
};

struct opt_row {
	const char *name; /* long; NULL ends the table */
	char letter; /* short; 0: none */
	enum opt_type type;
	void *value; /* bool, const char *, uint32_t or int */
	const char *arg; /* what the argument is called: "FILE" */
	const char *const *words; /* OPT_WORD: NULL-terminated */
	uint32_t min, max; /* OPT_NUMBER */
	const char *help; /* a sentence or two, without markup */
};

/*
 * Reads argv. On an error one line is printed to err_to, beginning with the
 * program's name. *rest: index of the first operand.
 */
MUST_CHECK enum err opt_parse(const struct opt_row *table, int argc,
    char **argv, FILE *err_to, int *rest);
/* "usage: PROGRAM SYNOPSIS" and a line or more per option. */
void opt_help(const struct opt_row *table, const char *program,
    const char *synopsis, FILE *to);
/* The rows as man(7) paragraphs. */
void opt_man(const struct opt_row *table, FILE *to);

#endif
