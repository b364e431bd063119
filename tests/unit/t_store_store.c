/* Statements: values that go in and come back, and what is refused. */
#include "store/store.h"

#include <stdlib.h>

#include "store_rows.h"

enum {
	NAMES,
	MEMBER,
	RENAME,
	DROP_ALL,
	ECHO_ALL,
	SUM_ALL,
	FRACTION,
	BY_NAME,
	ENDLESS,
	DETAIL,
};

/* A long run of additions that no index helps with. */
#define NUMBERS(n)                                                         \
	"WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t " \
	"WHERE n < " n ") "

static const struct store_sql sql[] = {
	[NAMES] = { "SELECT name FROM tenant ORDER BY id", NULL },
	[MEMBER] = { "INSERT INTO team_member (team_id, user_id) "
		     "VALUES (?, ?)",
	    NULL },
	[RENAME] = { "UPDATE tenant SET title = ? WHERE name = ?", NULL },
	[DROP_ALL] = { "DELETE FROM tenant", NULL },
	[ECHO_ALL] = { "SELECT name, title, created FROM tenant", NULL },
	[SUM_ALL] = { "SELECT SUM(created), MIN(changed), COUNT(*), NULL "
		      "FROM tenant",
	    NULL },
	[FRACTION] = { "SELECT 1.5", NULL },
	[BY_NAME] = { "SELECT COUNT(*) FROM tenant WHERE name = ?", NULL },
	[ENDLESS] = { NUMBERS("2000000000") "SELECT COUNT(*) FROM t",
	    NUMBERS("1000") "SELECT COUNT(*) FROM t a, t b, t c, t d" },
	[DETAIL] = { "INSERT INTO audit (seq, day, at, actor, action, object, "
		     "result, detail, source_id, hash) "
		     "VALUES (1, 1, 1, '', '', '', '', ?, ?, ?)",
	    NULL },
	STORE_SQL_END,
};

static const struct store_sql detail_back = {
	"SELECT detail, source_id, hash, tenant_id FROM audit", NULL
};

static void
test_adds_and_reads(void **state)
{
	int64_t first;

	(void)state;
	assert_int_equal(add(bed_store, "acme"), ERR_OK);
	assert_int_equal(store_changed(bed_store), 1);
	first = store_last_id(bed_store);
	assert_true(first > 0);
	assert_int_equal(add(bed_store, "b"), ERR_OK);
	assert_int_equal(store_last_id(bed_store), first + 1);
	assert_int_equal(count(bed_store), 2);
	assert_int_equal(
	    store_run(bed_store, &sql[DROP_ALL], NULL, 0, NULL, NULL), ERR_OK);
	assert_int_equal(store_changed(bed_store), 2);
}

/* Matched, also where nothing is different. */
static void
test_counts_rows_that_match(void **state)
{
	struct store_value v[] = { store_text(STR("a title")),
		store_text(STR("acme")) };

	(void)state;
	assert_int_equal(add(bed_store, "acme"), ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &sql[RENAME], v, 2, NULL, NULL), ERR_OK);
	assert_int_equal(store_changed(bed_store), 1);
	v[1] = store_text(STR("nobody"));
	assert_int_equal(
	    store_run(bed_store, &sql[RENAME], v, 2, NULL, NULL), ERR_OK);
	assert_int_equal(store_changed(bed_store), 0);
}

/* ---- values -------------------------------------------------------------- */

static enum err
check_extremes(void *arg, const struct store_value *row, uint32_t n)
{
	assert_int_equal(n, 3);
	assert_int_equal(row[0].type, STORE_TEXT);
	assert_str(row[0].s, "\xc3\xa4\xf0\x9f\x98\x80 \\ ' \" ; --");
	assert_int_equal(row[1].type, STORE_TEXT);
	assert_non_null(row[1].s.p);
	assert_int_equal(row[1].s.n, 0);
	assert_int_equal(row[2].type, STORE_INT);
	assert_true(row[2].i == INT64_MIN);
	++*(int *)arg;
	return ERR_OK;
}

static void
test_values_come_back(void **state)
{
	struct store_value v[] = {
		store_text(STR("\xc3\xa4\xf0\x9f\x98\x80 \\ ' \" ; --")),
		store_text(STR("")), store_int(INT64_MIN)
	};
	int rows = 0;

	(void)state;
	assert_int_equal(
	    store_run(bed_store, &row_add, v, 3, NULL, NULL), ERR_OK);
	assert_int_equal(store_run(bed_store, &sql[ECHO_ALL], NULL, 0,
			     check_extremes, &rows),
	    ERR_OK);
	assert_int_equal(rows, 1);
}

#define LONG_BYTES ((size_t)300 * 1024)

static char *
long_text(void)
{
	char *p = malloc(LONG_BYTES);
	size_t i;

	assert_non_null(p);
	for (i = 0; i < LONG_BYTES; i++)
		p[i] = (char)('a' + i % 23);
	return p;
}

static enum err
check_long(void *arg, const struct store_value *row, uint32_t n)
{
	assert_int_equal(n, 4);
	assert_int_equal(row[0].type, STORE_TEXT);
	assert_int_equal(row[0].s.n, LONG_BYTES);
	assert_memory_equal(row[0].s.p, arg, LONG_BYTES);
	assert_int_equal(row[1].type, STORE_BLOB);
	assert_int_equal(row[1].s.n, 16);
	assert_memory_equal(
	    row[1].s.p, "\0\1\2\xff\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(row[2].type, STORE_BLOB);
	assert_int_equal(row[2].s.n, 0);
	assert_int_equal(row[3].type, STORE_NULL);
	((char *)arg)[0] = '!';
	return ERR_OK;
}

static void
test_long_texts_and_bytes_come_back(void **state)
{
	char *text = long_text();
	struct store_value v[] = { store_text(str_of(text, LONG_BYTES)),
		store_blob("\0\1\2\xff\0\0\0\0\0\0\0\0\0\0\0\0", 16),
		store_blob("", 0) };
	int i;

	(void)state;
	assert_int_equal(
	    store_run(bed_store, &sql[DETAIL], v, 3, NULL, NULL), ERR_OK);
	/* twice: what grew for it was given back between */
	for (i = 0; i < 2; i++) {
		text[0] = 'a';
		assert_int_equal(store_run(bed_store, &detail_back, NULL, 0,
				     check_long, text),
		    ERR_OK);
		assert_int_equal(text[0], '!');
	}
	free(text);
}

static void
test_text_compares_by_bytes(void **state)
{
	static const char *const names[] = { "Acme", "acme", "acme ",
		"\xc3\xa4", "a\xcc\x88", "\xc3\x9f", "ss" };
	struct store_value v;
	int64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++)
		assert_int_equal(add(bed_store, names[i]), ERR_OK);
	for (i = 0; i < COUNT(names); i++) {
		v = store_text(str_z(names[i]));
		n = 0;
		assert_int_equal(store_run(bed_store, &sql[BY_NAME], &v, 1,
				     store_row_int, &n),
		    ERR_OK);
		assert_int_equal(n, 1);
	}
}

static enum err
check_sums(void *arg, const struct store_value *row, uint32_t n)
{
	(void)arg;
	assert_int_equal(n, 4);
	assert_int_equal(row[0].type, STORE_INT);
	assert_int_equal(row[0].i, 14);
	assert_int_equal(row[1].i, 2);
	assert_int_equal(row[2].i, 2);
	assert_int_equal(row[3].type, STORE_NULL);
	return ERR_OK;
}

static void
test_sums_are_integers(void **state)
{
	(void)state;
	assert_int_equal(add(bed_store, "a"), ERR_OK);
	assert_int_equal(add(bed_store, "b"), ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &sql[SUM_ALL], NULL, 0, check_sums, NULL),
	    ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &sql[FRACTION], NULL, 0, check_sums, NULL),
	    ERR_RANGE);
	/* and the connection is as good as before */
	assert_int_equal(count(bed_store), 2);
}

static enum err
stop_at_second(void *arg, const struct store_value *row, uint32_t n)
{
	(void)row;
	(void)n;
	return ++*(int *)arg == 2 ? ERR_NOT_FOUND : ERR_OK;
}

static void
test_a_row_function_ends_it(void **state)
{
	int rows = 0;

	(void)state;
	assert_int_equal(add(bed_store, "a"), ERR_OK);
	assert_int_equal(add(bed_store, "b"), ERR_OK);
	assert_int_equal(add(bed_store, "c"), ERR_OK);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &sql[NAMES], NULL, 0, stop_at_second, &rows),
	    ERR_NOT_FOUND);
	assert_int_equal(rows, 2);
	/* the transaction goes on */
	assert_int_equal(add(bed_store, "d"), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
	assert_int_equal(count(bed_store), 4);
}

/* ---- refusals ------------------------------------------------------------ */

static void
test_a_row_like_it_is_denied(void **state)
{
	struct store_value ids[] = { store_int(77), store_int(88) };

	(void)state;
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(add(bed_store, "acme"), ERR_OK);
	assert_int_equal(add(bed_store, "acme"), ERR_DENIED);
	assert_non_null(strstr(store_why(bed_store), "name"));
	/* no values in what is told */
	assert_null(strstr(store_why(bed_store), "acme"));
	/* no such team */
	assert_int_equal(
	    store_run(bed_store, &sql[MEMBER], ids, 2, NULL, NULL), ERR_DENIED);
	assert_int_equal(store_commit(bed_store), ERR_OK);
	assert_int_equal(count(bed_store), 1);
}

static void
test_null_where_none_may_be(void **state)
{
	struct store_value v[] = { store_text((struct str){ 0 }),
		store_text(STR("")), store_id(0) };

	(void)state;
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(add(bed_store, "acme"), ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &row_add, v, 3, NULL, NULL), ERR_IO);
	/* it is over until the caller knows it */
	assert_int_equal(add(bed_store, "b"), ERR_IO);
	assert_int_equal(store_commit(bed_store), ERR_IO);
	assert_false(store_in_transaction(bed_store));
	assert_int_equal(count(bed_store), 0);
}

static void
test_a_text_too_long(void **state)
{
	char name[STORE_NAME_MAX + 2];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[STORE_NAME_MAX] = '\0';
	assert_int_equal(add(bed_store, name), ERR_OK);
	name[STORE_NAME_MAX] = 'x';
	name[STORE_NAME_MAX + 1] = '\0';
	if (bed_is_mariadb())
		assert_int_equal(add(bed_store, name), ERR_LIMIT);
}

static void
test_a_statement_has_a_deadline(void **state)
{
	const struct store_options o = { .timeout = 50 * USEC_PER_MSEC };
	struct store *s = bed_open(&o);

	(void)state;
	assert_int_equal(store_begin(s), ERR_OK);
	assert_int_equal(add(s, "acme"), ERR_OK);
	if (store_run(s, &sql[ENDLESS], NULL, 0, NULL, NULL) != ERR_TIMEOUT)
		fail_msg("%s", store_why(s));
	assert_int_equal(store_commit(s), ERR_TIMEOUT);
	assert_int_equal(count(s), 0);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_adds_and_reads),
		BED_TEST(test_counts_rows_that_match),
		BED_TEST(test_values_come_back),
		BED_TEST(test_long_texts_and_bytes_come_back),
		BED_TEST(test_text_compares_by_bytes),
		BED_TEST(test_sums_are_integers),
		BED_TEST(test_a_row_function_ends_it),
		BED_TEST(test_a_row_like_it_is_denied),
		BED_TEST(test_null_where_none_may_be),
		BED_TEST(test_a_text_too_long),
		BED_TEST(test_a_statement_has_a_deadline),
	};

	return bed_run("store", tests, COUNT(tests));
}
