#include "store/store.h"

#include <stdlib.h>

#include "base/buf.h"
#include "store/schema.h"
#include "store_bed.h"

static uint32_t
rows_of_all(void)
{
	const struct store_sql *const *table;
	const struct store_sql *row;
	uint32_t n = 0;

	for (table = store_sql_tables; *table != NULL; table++)
		for (row = *table; row->text != NULL; row++)
			n += bed_is_mariadb() || row->text[0] != '\0';
	return n;
}

static void
test_every_statement_fits_the_schema(void **state)
{
	char why[STORE_WHY_SIZE] = "";
	uint32_t n = 0;

	(void)state;
	if (store_schema_check(bed_store, &n, why) != ERR_OK)
		fail_msg("%s", why);
	assert_int_equal(n, rows_of_all());
	assert_true(n > 10);
	print_message("#| %s: %u statements prepared\n",
	    store_product(bed_store), (unsigned)n);
}

/* One statement in a row, and none that ends the text early. */
static void
test_rows_are_single_statements(void **state)
{
	const struct store_sql *const *table;
	const struct store_sql *row;

	(void)state;
	for (table = store_sql_tables; *table != NULL; table++)
		for (row = *table; row->text != NULL; row++) {
			assert_null(strchr(row->text, ';'));
			assert_true(row->text[0] != '\0' || row->mariadb);
			if (row->mariadb != NULL)
				assert_null(strchr(row->mariadb, ';'));
		}
}

/* ---- the products have the same tables ------------------------------------ */

static const struct store_sql columns = {
	"SELECT m.name || '.' || c.name FROM sqlite_master m "
	"JOIN pragma_table_info(m.name) c WHERE m.type = 'table' "
	"AND m.name NOT LIKE 'sqlite%' ORDER BY 1",
	"SELECT table_name || '.' || column_name "
	"FROM information_schema.columns WHERE table_schema = DATABASE() "
	"ORDER BY CAST(table_name || '.' || column_name AS BINARY)",
};

static enum err
add_line(void *arg, const struct store_value *row, uint32_t n)
{
	(void)n;
	buf_adds(arg, store_get_str(&row[0]));
	buf_addc(arg, '\n');
	return ERR_OK;
}

/* The first product's, compared with the second's. */
static struct buf seen[2];

static void
test_same_tables_and_columns(void **state)
{
	struct buf *b = &seen[bed_is_mariadb()];

	(void)state;
	buf_init(b, (size_t)64 * 1024);
	assert_int_equal(
	    store_run(bed_store, &columns, NULL, 0, add_line, b), ERR_OK);
	assert_false(b->failed);
	assert_true(b->n > 100);
	if (bed_is_mariadb()) {
		buf_addc(&seen[0], '\0');
		buf_addc(&seen[1], '\0');
		assert_string_equal(seen[1].p, seen[0].p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_every_statement_fits_the_schema),
		BED_TEST(test_rows_are_single_statements),
		BED_TEST(test_same_tables_and_columns),
	};
	int failed = bed_run("sql", tests, COUNT(tests));

	buf_fini(&seen[0]);
	buf_fini(&seen[1]);
	return failed;
}
