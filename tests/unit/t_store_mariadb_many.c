#include "store/store.h"

#include <stdlib.h>

#include "store_bed.h"

/* Batches of the array binding: by rows, by bytes, with NULL in places. */
enum {
	ADD,
	SUMS,
	CHANGE,
};

static const struct store_sql sql[] = {
	[ADD] = { "INSERT INTO provider_secret (name, created, not_after, "
		  "out_why, sealed, changed, master_id) "
		  "VALUES (?, ?, ?, ?, ?, 0, '')",
	    NULL },
	[SUMS] = { "SELECT COUNT(*), SUM(created), COUNT(not_after), "
		   "SUM(LENGTH(out_why)), SUM(LENGTH(sealed)) "
		   "FROM provider_secret",
	    NULL },
	[CHANGE] = { "UPDATE provider_secret SET created = ? WHERE name = ?",
	    NULL },
};

static const struct store_sql add_rule = {
	"INSERT INTO limit_rule (name, model, sort, amount, created, changed) "
	"VALUES (?, ?, 'tokens', 1, 0, 0)",
	NULL
};
static const struct store_sql count_rules = {
	"SELECT COUNT(*) FROM limit_rule WHERE model IS NULL", NULL
};

#define LARGE ((size_t)60 * 1024)
#define ROWS 4500u
#define ARGS 5u

static struct store_value rows[ROWS * ARGS];
static char ids[ROWS][16];
static char *large;

/* Every 7th is without an end, every 60th is large. */
static void
make_rows(void)
{
	unsigned i;

	large = malloc(LARGE);
	assert_non_null(large);
	memset(large, 'x', LARGE);
	for (i = 0; i < ROWS; i++) {
		struct store_value *v = &rows[i * ARGS];

		(void)snprintf(ids[i], sizeof(ids[i]), "%015u", i);
		v[0] = store_text(str_z(ids[i]));
		v[1] = store_int(i);
		v[2] = store_id(i % 7 == 0 ? 0 : 5);
		v[3] = store_text(str_of(large, i % 3));
		v[4] = store_blob(large, i % 60 == 0 ? LARGE : i % 5);
	}
}

struct sums {
	int64_t v[5];
};

static enum err
keep_sums(void *arg, const struct store_value *row, uint32_t n)
{
	struct sums *s = arg;
	uint32_t i;

	assert_int_equal(n, 5);
	for (i = 0; i < n; i++)
		s->v[i] = store_get_int(&row[i]);
	return ERR_OK;
}

static void
check_sums(void)
{
	struct sums got = { 0 }, want = { 0 };
	unsigned i;

	for (i = 0; i < ROWS; i++) {
		const struct store_value *v = &rows[i * ARGS];

		want.v[0]++;
		want.v[1] += v[1].i;
		want.v[2] += v[2].type != STORE_NULL;
		want.v[3] += (int64_t)v[3].s.n;
		want.v[4] += (int64_t)v[4].s.n;
	}
	assert_int_equal(
	    store_run(bed_store, &sql[SUMS], NULL, 0, keep_sums, &got), ERR_OK);
	for (i = 0; i < 5; i++)
		assert_int_equal(got.v[i], want.v[i]);
}

static void
test_batches(void **state)
{
	(void)state;
	make_rows();
	assert_int_equal(
	    store_run_many(bed_store, &sql[ADD], rows, ARGS, ROWS), ERR_OK);
	assert_int_equal(store_changed(bed_store), ROWS);
	check_sums();
	free(large);
}

static void
test_updates(void **state)
{
	static struct store_value v[ROWS * 2];
	unsigned i;

	(void)state;
	make_rows();
	assert_int_equal(
	    store_run_many(bed_store, &sql[ADD], rows, ARGS, ROWS), ERR_OK);
	for (i = 0; i < ROWS; i++) {
		rows[i * ARGS + 1].i += i % 3;
		v[2 * i] = rows[i * ARGS + 1];
		v[2 * i + 1] = rows[i * ARGS];
	}
	assert_int_equal(
	    store_run_many(bed_store, &sql[CHANGE], v, 2, ROWS), ERR_OK);
	assert_int_equal(store_changed(bed_store), ROWS);
	check_sums();
	free(large);
}

static void
test_texts_that_are_null(void **state)
{
	struct store_value v[2 * 100];
	int64_t n = 0;
	unsigned i;

	(void)state;
	make_rows();
	for (i = 0; i < 100; i++) {
		v[2 * i] = store_text(str_z(ids[i]));
		v[2 * i + 1] = i % 4 ? store_text(STR("m")) : store_null();
	}
	assert_int_equal(
	    store_run_many(bed_store, &add_rule, v, 2, 100), ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &count_rules, NULL, 0, store_row_int, &n),
	    ERR_OK);
	assert_int_equal(n, 25);
	/* all of a column */
	for (i = 0; i < 50; i++) {
		v[2 * i] = store_text(str_z(ids[i + 100]));
		v[2 * i + 1] = store_null();
	}
	assert_int_equal(
	    store_run_many(bed_store, &add_rule, v, 2, 50), ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &count_rules, NULL, 0, store_row_int, &n),
	    ERR_OK);
	assert_int_equal(n, 75);
	free(large);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_batches),
		BED_TEST(test_updates),
		BED_TEST(test_texts_that_are_null),
	};

	return bed_run("many", tests, COUNT(tests));
}
