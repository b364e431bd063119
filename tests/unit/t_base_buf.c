#include "base/buf.h"

#include "check.h"

static void
appends_add_up(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_str(buf_str(&b), "");
	buf_addz(&b, "ab");
	buf_addc(&b, 'c');
	buf_adds(&b, STR("de"));
	buf_add(&b, NULL, 0);
	buf_addz(&b, NULL);
	buf_adds(&b, (struct str){ NULL, 0 });
	buf_printf(&b, "-%d-%s", 7, "x");
	assert_str(buf_str(&b), "abcde-7-x");
	assert_false(b.failed);
	buf_fini(&b);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.max, 1000);
	buf_addz(&b, "again");
	assert_str(buf_str(&b), "again");
	buf_fini(&b);
}

static void
integers(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	buf_addi(&b, 0);
	buf_addc(&b, ' ');
	buf_addi(&b, -1);
	buf_addc(&b, ' ');
	buf_addi(&b, INT64_MAX);
	buf_addc(&b, ' ');
	buf_addi(&b, INT64_MIN);
	assert_str(
	    buf_str(&b), "0 -1 9223372036854775807 -9223372036854775808");
	buf_fini(&b);
}

static void
maximum_is_exact_and_failure_sticks(void **state)
{
	struct buf b;
	size_t max;

	(void)state;
	for (max = 0; max < 600; max += 7) {
		buf_init(&b, max);
		for (size_t i = 0; i < max; i++)
			buf_addc(&b, 'x');
		assert_false(b.failed);
		assert_int_equal(b.n, max);
		assert_true(b.cap <= max || max == 0);
		buf_addz(&b, "yy");
		assert_true(b.failed);
		assert_int_equal(b.n, max);
		buf_add(&b, NULL, 0);
		assert_null(buf_room(&b, 0));
		buf_reset(&b);
		assert_false(b.failed);
		assert_int_equal(b.n, 0);
		buf_fini(&b);
	}
}

static void
an_append_that_fails_writes_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8);
	buf_addz(&b, "12345");
	buf_printf(&b, "%s", "6789");
	assert_true(b.failed);
	assert_str(buf_str(&b), "12345");
	buf_addc(&b, 'x'); /* would fit, but the text has a hole */
	assert_str(buf_str(&b), "12345");
	assert_null(buf_room(&b, SIZE_MAX));
	buf_reset(&b);
	buf_printf(&b, "%s", "12345678"); /* exactly the maximum */
	assert_false(b.failed);
	assert_str(buf_str(&b), "12345678");
	buf_fini(&b);
}

static void
long_printf(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5000);
	buf_printf(&b, "%0*d", 4999, 1);
	assert_int_equal(b.n, 4999);
	assert_int_equal(b.p[4998], '1');
	buf_printf(&b, "%0*d", 300, 1);
	assert_true(b.failed);
	assert_int_equal(b.n, 4999);
	buf_fini(&b);
}

static void
room_and_consume(void **state)
{
	struct buf b = { .max = 10000 };
	char *p = buf_room(&b, 5000);

	(void)state;
	assert_non_null(p);
	for (int i = 0; i < 5000; i++)
		p[i] = (char)('a' + i % 26);
	b.n += 5000;
	buf_consume(&b, 0);
	buf_consume(&b, 26);
	assert_int_equal(b.n, 4974);
	assert_memory_equal(b.p, "abc", 3);
	buf_consume(&b, 1);
	assert_memory_equal(b.p, "bcd", 3);
	buf_consume(&b, b.n);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
}

static void
memory_is_lent(void **state)
{
	struct buf from = { .max = 1000 }, to = { .max = 100 };
	char *p;

	(void)state;
	buf_lend(&from, &to); /* has none itself */
	assert_null(to.p);
	buf_addz(&from, "abc");
	buf_lend(&from, &to); /* is in use */
	assert_null(to.p);
	assert_str(buf_str(&from), "abc");
	p = from.p;
	buf_reset(&from);
	buf_lend(&from, &to);
	assert_ptr_equal(to.p, p);
	assert_null(from.p);
	assert_int_equal(from.cap, 0);
	/* the borrower's own maximum holds */
	for (int i = 0; i < 101; i++)
		buf_addc(&to, 'x');
	assert_true(to.failed);
	assert_int_equal(to.n, 100);
	buf_addz(&from, "again");
	buf_reset(&from);
	p = from.p;
	buf_lend(&from, &to); /* has its own */
	assert_ptr_equal(from.p, p);
	buf_fini(&from);
	buf_fini(&to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_add_up),
		cmocka_unit_test(integers),
		cmocka_unit_test(maximum_is_exact_and_failure_sticks),
		cmocka_unit_test(an_append_that_fails_writes_nothing),
		cmocka_unit_test(long_printf),
		cmocka_unit_test(room_and_consume),
		cmocka_unit_test(memory_is_lent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
