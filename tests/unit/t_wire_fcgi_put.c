#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "wire/fcgi.h"

#define ASSERT_BYTES(b, lit)                                       \
	do {                                                       \
		assert_int_equal((b)->n, sizeof(lit) - 1);         \
		assert_memory_equal((b)->p, lit, sizeof(lit) - 1); \
		buf_reset(b);                                      \
	} while (0)

/* Takes the records apart again: content of one stream, and their number. */
static size_t
unpack(const struct buf *b, int type, unsigned id, struct buf *content)
{
	size_t at = 0, records = 0;

	while (at < b->n) {
		const unsigned char *h = (const unsigned char *)b->p + at;
		size_t n = (size_t)h[4] << 8 | h[5];

		assert_true(b->n - at >= 8 + n);
		assert_int_equal(h[0], 1);
		assert_int_equal(h[1], type);
		assert_int_equal(h[2] << 8 | h[3], id);
		assert_int_equal(h[6], 0);
		assert_true(n > 0);
		buf_add(content, h + 8, n);
		at += 8 + n;
		records++;
	}
	return records;
}

static void
test_small(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	fcgi_put_stdout(&b, 258, "abc", 3);
	ASSERT_BYTES(&b, "\1\6\1\2\0\3\0\0abc");
	fcgi_put_stdout(&b, 1, "", 0);
	assert_int_equal(b.n, 0);
	fcgi_put_end(&b, 1, 0x01020304, FCGI_OVERLOADED);
	ASSERT_BYTES(&b, "\1\6\0\1\0\0\0\0"
			 "\1\3\0\1\0\x08\0\0\1\2\3\4\2\0\0\0");
	fcgi_put_refused(&b, 7, FCGI_CANT_MPX_CONN);
	ASSERT_BYTES(&b, "\1\3\0\7\0\x08\0\0\0\0\0\0\1\0\0\0");
	fcgi_put_unknown(&b, 77);
	ASSERT_BYTES(&b, "\1\x0b\0\0\0\x08\0\0\x4d\0\0\0\0\0\0\0");
	fcgi_put_values(&b, FCGI_ASK_MAX_CONNS | FCGI_ASK_MPXS_CONNS, 1024, 5);
	ASSERT_BYTES(&b, "\1\x0a\0\0\0\x26\0\0"
			 "\x0e\4FCGI_MAX_CONNS1024\x0f\1FCGI_MPXS_CONNS0");
	fcgi_put_values(&b, 0, 1, 1);
	ASSERT_BYTES(&b, "\1\x0a\0\0\0\0\0\0");
	fcgi_put_values(&b, 7, UINT32_MAX, UINT32_MAX);
	assert_false(b.failed);
	buf_fini(&b);
}

/* One record holds 65 535 bytes. */
static void
test_split(void **state)
{
	static const size_t sizes[] = { 1, 65534, 65535, 65536, 131070, 131071,
		200000 };
	struct buf a, back;
	char *text = malloc(200000);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < 200000; i++)
		text[i] = (char)(i * 7 + i / 251);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i];

		buf_init(&a, 1 << 20);
		buf_init(&back, 1 << 20);
		fcgi_put_stdout(&a, 9, text, n);
		assert_false(a.failed);
		assert_int_equal(
		    unpack(&a, FCGI_STDOUT, 9, &back), (n + 65534) / 65535);
		assert_int_equal(back.n, n);
		assert_memory_equal(back.p, text, n);
		buf_fini(&a);
		buf_fini(&back);
	}
	free(text);
}

/* No room: the failure sticks and nothing is half written. */
static void
test_no_room(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 20);
	fcgi_put_stdout(&b, 1, "0123456789abc", 13);
	assert_true(b.failed);
	assert_int_equal(b.n, 0);
	fcgi_put_stdout(&b, 1, "0", 1);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
