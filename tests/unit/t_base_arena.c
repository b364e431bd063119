#include "base/arena.h"

#include "check.h"

static void
objects_are_zeroed_and_aligned(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	assert_non_null(a);
	for (size_t n = 0; n < 200; n++) {
		unsigned char *p = arena_alloc(a, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	assert_false(arena_failed(a));
	arena_free(a);
	arena_free(NULL);
}

static void
objects_do_not_overlap(void **state)
{
	struct arena *a = arena_new(4 << 20);
	unsigned char *p[400];

	(void)state;
	for (unsigned i = 0; i < COUNT(p); i++) {
		p[i] = arena_raw(a, i * 7 + 1);
		assert_non_null(p[i]);
		memset(p[i], (int)(i & 0xff), i * 7 + 1);
	}
	for (unsigned i = 0; i < COUNT(p); i++)
		for (unsigned k = 0; k < i * 7 + 1; k++)
			assert_int_equal(p[i][k], i & 0xff);
	arena_free(a);
}

static void
maximum_is_never_passed(void **state)
{
	static const size_t sizes[] = { 1, 16, 100, 5000, 70000 };

	(void)state;
	for (unsigned i = 0; i < COUNT(sizes); i++) {
		struct arena *a = arena_new(100000);
		size_t total = 0;

		while (arena_raw(a, sizes[i])) {
			total += sizes[i];
			assert_true(arena_bytes(a) <= 100000);
		}
		assert_true(arena_failed(a));
		assert_true(arena_bytes(a) <= 100000);
		/* small objects can use nearly all of it */
		if (sizes[i] == 100)
			assert_true(total >= 70000);
		arena_free(a);
	}
}

static void
failure_is_sticky_and_allowed(void **state)
{
	struct arena *a = arena_new(1000);

	(void)state;
	assert_false(arena_failed(a));
	assert_false(arena_is_full(a));
	assert_null(arena_alloc(a, 2000));
	assert_true(arena_failed(a));
	assert_true(arena_is_full(a));
	assert_null(arena_calloc(a, SIZE_MAX / 2, 4));
	assert_null(arena_raw(a, SIZE_MAX));
	assert_null(arena_str(a, str_of("x", SIZE_MAX)).p);
	assert_non_null(arena_alloc(a, 10));
	assert_true(arena_failed(a));
	arena_free(a);
}

static void
no_room_at_all(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	assert_null(arena_alloc(a, 0));
	assert_null(arena_printf(a, "%d", 1).p);
	assert_true(arena_failed(a));
	assert_int_equal(arena_bytes(a), 0);
	arena_free(a);
}

static void
text_is_copied_with_a_nul(void **state)
{
	struct arena *a = arena_new(1 << 20);
	char from[] = "hello";
	struct str s = arena_str(a, str_z(from));
	char *z = arena_strz(a, str_of(from, 2));

	(void)state;
	from[0] = 'J';
	assert_str(s, "hello");
	assert_int_equal(s.p[5], '\0');
	assert_string_equal(z, "he");
	s = arena_str(a, (struct str){ NULL, 0 });
	assert_str(s, "");
	s = arena_printf(a, "%d-%s", 42, "x");
	assert_str(s, "42-x");
	s = arena_printf(a, "%0*d", 9000, 7);
	assert_int_equal(s.n, 9000);
	assert_int_equal(s.p[8999], '7');
	arena_free(a);
}

static void
resize_keeps_bytes(void **state)
{
	struct arena *a = arena_new(1 << 20);
	unsigned char *p = NULL;
	size_t n = 0;

	(void)state;
	for (size_t next = 1; next < 200000; next = next * 3 / 2 + 1) {
		p = arena_resize(a, p, n, next);
		assert_non_null(p);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], i & 0xff);
		for (size_t i = n; i < next; i++)
			p[i] = (unsigned char)i;
		n = next;
	}
	/* one growing object costs about its size, not the sum of its sizes */
	assert_true(arena_bytes(a) < n + 16384);
	p = arena_resize(a, p, n, 1000);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(p[i], i & 0xff);
	assert_true(arena_bytes(a) < 16384);
	arena_free(a);
}

static void
resize_of_an_older_object_copies(void **state)
{
	struct arena *a = arena_new(1 << 20);
	char *p = arena_raw(a, 4);
	char *other = arena_raw(a, 4);
	char *q;

	(void)state;
	memcpy(p, "abcd", 4);
	memcpy(other, "wxyz", 4);
	q = arena_resize(a, p, 4, 8);
	assert_non_null(q);
	memcpy(q + 4, "efgh", 4);
	assert_memory_equal(q, "abcdefgh", 8);
	assert_memory_equal(other, "wxyz", 4);
	/* smaller: nothing moves */
	assert_ptr_equal(arena_resize(a, other, 4, 2), other);
	assert_null(arena_resize(a, q, 8, 2 << 20));
	assert_memory_equal(q, "abcdefgh", 8);
	assert_true(arena_failed(a));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_zeroed_and_aligned),
		cmocka_unit_test(objects_do_not_overlap),
		cmocka_unit_test(maximum_is_never_passed),
		cmocka_unit_test(failure_is_sticky_and_allowed),
		cmocka_unit_test(no_room_at_all),
		cmocka_unit_test(text_is_copied_with_a_nul),
		cmocka_unit_test(resize_keeps_bytes),
		cmocka_unit_test(resize_of_an_older_object_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
