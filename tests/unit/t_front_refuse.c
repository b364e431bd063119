#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/rand.h"
#include "front/refuse.h"

static void
test_each(void **state)
{
	static const struct {
		enum err err;
		const char *status, *code;
	} rows[] = {
		{ ERR_LIMIT, "Status: 431 ", "\"code\":\"headers_too_large\"" },
		{ ERR_NOMEM, "Status: 503 ", "\"code\":\"overloaded\"" },
		{ ERR_SYNTAX, "Status: 400 ", "\"code\":\"invalid_headers\"" },
		{ ERR_DENIED, "Status: 400 ", "\"code\":\"invalid_headers\"" },
	};

	(void)state;
	rand_init();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b;
		struct str out;

		buf_init(&b, 1024);
		front_refuse(&b, rows[i].err);
		assert_false(b.failed);
		out = buf_str(&b);
		assert_true(str_starts(out, str_z(rows[i].status)));
		assert_true(str_contains(out, str_z(rows[i].code)));
		assert_true(str_contains(out, STR("\r\nX-Request-Id: ")));
		assert_true(str_contains(out, STR("\r\n\r\n{\"error\":{")));
		assert_true(str_ends(out, STR("}}")));
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
	};

	return cmocka_run_group_tests_name("front/refuse", tests, NULL, NULL);
}
