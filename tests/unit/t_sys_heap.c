#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/heap.h"

/* More than the heap grows by at once, in pieces that mmap is not asked for. */
#define PIECE ((size_t)1 << 20)
#define PIECES 48

/* Is the address in a part of memory that may lie in large pages? */
static bool
is_advised(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	bool is_there = false, is_so = false;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			is_there = (uintptr_t)p >= from && (uintptr_t)p < to;
		else if (is_there && strncmp(line, "VmFlags:", 8) == 0)
			is_so = strstr(line, " hg") != NULL;
	}
	fclose(f);
	return is_so;
}

/*
 * A kernel without large pages takes no advice about them, and under
 * AddressSanitizer there is no such heap.
 */
static bool
has_large_pages(void)
{
#ifdef __SANITIZE_ADDRESS__
	return false;
#endif
	return access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) == 0;
}

static void
test_nothing_untuned(void **state)
{
	void *end = sbrk(0);

	(void)state;
	heap_grown();
	assert_false(is_advised((char *)end - 1));
}

static void
test_grows_in_large_pages(void **state)
{
	char *piece[PIECES], *before;

	(void)state;
	if (!has_large_pages())
		skip();
	heap_tune();
	before = sbrk(0);
	for (int i = 0; i < PIECES; i++) {
		piece[i] = malloc(PIECE);
		assert_non_null(piece[i]);
		memset(piece[i], i + 1, PIECE);
		heap_grown();
	}
	assert_true((char *)sbrk(0) - before >= (ptrdiff_t)(PIECES * PIECE));
	assert_true(is_advised(before));
	assert_true(is_advised((char *)sbrk(0) - 1));
	for (int i = 0; i < PIECES; i++) {
		assert_int_equal(piece[i][0], i + 1);
		assert_int_equal(piece[i][PIECE - 1], i + 1);
	}
	for (int i = PIECES; i-- > 0;)
		free(piece[i]);
	heap_grown();
	/* given back but for what it keeps, and asked for again */
	assert_true((char *)sbrk(0) - before < (ptrdiff_t)(PIECES * PIECE));
	for (int i = 0; i < PIECES; i++)
		piece[i] = malloc(PIECE);
	heap_grown();
	assert_true(is_advised((char *)sbrk(0) - 1));
	for (int i = 0; i < PIECES; i++)
		free(piece[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_untuned),
		cmocka_unit_test(test_grows_in_large_pages),
	};

	return cmocka_run_group_tests_name("sys_heap", tests, NULL, NULL);
}
