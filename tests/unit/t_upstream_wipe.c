#include "upstream/wipe.h"

#include <malloc.h>
#include <stdlib.h>

#include "check.h"

#define MARK 0x5a

static void *
marked(size_t n)
{
	void *p = wipe_malloc(n);

	assert_non_null(p);
	memset(p, MARK, n);
	return p;
}

/*
 * glibc hands the block that was freed last out again; what it keeps in there
 * itself are two words.
 */
static void
test_freed_is_wiped(void **state)
{
	const size_t n = 600;
	unsigned char *p = marked(n), *again;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	wipe_free(p);
	(void)again;
	skip();
#else
	wipe_free(p);
	again = malloc(n);
	assert_ptr_equal(again, p);
	for (size_t i = 16; i < n; i++)
		assert_int_not_equal(again[i], MARK);
	free(again);
#endif
}

static void
test_resize(void **state)
{
	unsigned char *p;

	(void)state;
	p = wipe_realloc(NULL, 10);
	assert_non_null(p);
	memset(p, MARK, 10);
	for (size_t n = 20; n < 100000; n *= 3) {
		p = wipe_realloc(p, n);
		assert_non_null(p);
		for (size_t i = 0; i < 10; i++)
			assert_int_equal(p[i], MARK);
		memset(p + 10, 1, n - 10);
	}
	p = wipe_realloc(p, 12);
	assert_true(malloc_usable_size(p) < 1000);
	assert_int_equal(p[9], MARK);
	assert_int_equal(p[11], 1);
	wipe_free(p);
	wipe_free(NULL);
}

static void
test_others(void **state)
{
	unsigned char *p = wipe_calloc(4, 5);
	char *z = wipe_strdup("text");

	(void)state;
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(p[i], 0);
	assert_string_equal(z, "text");
	wipe_free(z);
	wipe_free(p);
	wipe_free(marked(3 * WIPE_BYTES));
	assert_true(wipe_begin());
	assert_true(wipe_begin());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freed_is_wiped),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
