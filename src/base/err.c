#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const words[ERR__MAX] = {
	[ERR_OK] = "ok",
	[ERR_NOMEM] = "out of memory",
	[ERR_SYNTAX] = "malformed",
	[ERR_LIMIT] = "over a limit",
	[ERR_RANGE] = "out of range",
	[ERR_NOT_FOUND] = "not found",
	[ERR_AGAIN] = "try again",
	[ERR_CLOSED] = "closed",
	[ERR_TIMEOUT] = "timed out",
	[ERR_IO] = "input/output error",
	[ERR_DENIED] = "denied",
	[ERR_UNSUPPORTED] = "not supported",
};

const char *
err_word(enum err e)
{
	if ((unsigned)e >= ERR__MAX || !words[e])
		return "unknown error";
	return words[e];
}

void
err_assert_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expr);
	abort();
}
