#include "store/driver.h"

#include "check.h"

static struct store_sql sql[STORE_STMTS_MAX + 1];
static int stmt[STORE_STMTS_MAX + 1];

static void
test_the_longest_unused_leaves(void **state)
{
	static struct store_stmts c;
	unsigned i, n = 0;

	(void)state;
	assert_null(store_stmts_find(&c, &sql[0]));
	for (i = 0; i < STORE_STMTS_MAX; i++)
		assert_null(store_stmts_put(&c, &sql[i], &stmt[i]));
	for (i = 0; i < STORE_STMTS_MAX; i++)
		if (i != 7)
			assert_ptr_equal(
			    store_stmts_find(&c, &sql[i]), &stmt[i]);
	assert_ptr_equal(
	    store_stmts_put(&c, &sql[STORE_STMTS_MAX], &stmt[STORE_STMTS_MAX]),
	    &stmt[7]);
	assert_null(store_stmts_find(&c, &sql[7]));
	assert_ptr_equal(store_stmts_find(&c, &sql[STORE_STMTS_MAX]),
	    &stmt[STORE_STMTS_MAX]);
	while (store_stmts_take(&c) != NULL)
		n++;
	assert_int_equal(n, STORE_STMTS_MAX);
	assert_null(store_stmts_find(&c, &sql[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_longest_unused_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
