#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H
/* cmocka with what it needs before it, and spans in assertions. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/str.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The span is present and has these bytes. */
#define assert_str(s, z)                                                       \
	do {                                                                   \
		struct str got_ = (s), want_ = str_z(z);                       \
		assert_non_null(got_.p);                                       \
		if (!str_eq(got_, want_))                                      \
			fail_msg("got '%.*s', want '%s'", STR_ARG(got_), (z)); \
	} while (0)

#endif
