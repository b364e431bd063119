#ifndef TESTS_UNIT_OPT_PAGE_H
#define TESTS_UNIT_OPT_PAGE_H
/* A program's manual page against its table of options. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "sys/opt.h"

/*
 * The page's OPTIONS are the table's. It says /etc; `make install` puts its
 * paths right.
 */
static inline void
assert_page_has(const char *file, const struct opt_row *options)
{
	static char page[65536], text[16384];
	FILE *f = fopen(file, "r");
	char *path;
	size_t n;

	assert_non_null(f);
	n = fread(page, 1, sizeof(page) - 1, f);
	fclose(f);
	page[n] = '\0';
	f = fmemopen(text, sizeof(text), "w");
	assert_non_null(f);
	opt_man(options, f);
	fclose(f);
	path = strstr(text, SYSCONFDIR "/llmgw");
	assert_non_null(path);
	memmove(path + 4, path + strlen(SYSCONFDIR),
	    strlen(path + strlen(SYSCONFDIR)) + 1);
	memcpy(path, "/etc", 4);
	assert_true(str_contains(str_z(page), str_z(text)));
}

#endif
