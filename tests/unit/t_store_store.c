#include "store/store.h"

#include <stdlib.h>

#include "base/fault.h"
#include "store_bed.h"

enum {
	ADD,
	COUNT_ALL,
	NAMES,
	MEMBER,
	RENAME,
	DROP_ALL,
	ECHO_ALL,
	SUM_ALL,
	FRACTION,
	BY_NAME,
	ENDLESS,
	MY_ID,
	DETAIL,
};

/* A long run of additions that no index helps with. */
#define NUMBERS(n)                                                         \
	"WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t " \
	"WHERE n < " n ") "

static const struct store_sql sql[] = {
	[ADD] = { "INSERT INTO tenant (name, title, created, changed) "
		  "VALUES (?, ?, ?, 2)",
	    NULL },
	[COUNT_ALL] = { "SELECT COUNT(*) FROM tenant", NULL },
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
	[MY_ID] = { "", "SELECT CONNECTION_ID()" },
	[DETAIL] = { "INSERT INTO audit (seq, day, at, actor, action, object, "
		     "result, detail, source_id, hash) "
		     "VALUES (1, 1, 1, '', '', '', '', ?, ?, ?)",
	    NULL },
	STORE_SQL_END,
};

static const struct store_sql detail_back = {
	"SELECT detail, source_id, hash, tenant_id FROM audit", NULL
};

static enum err
add(struct store *s, const char *name)
{
	struct store_value v[] = { store_text(str_z(name)),
		store_text(STR("a title")), store_int(7) };

	return store_run(s, &sql[ADD], v, 3, NULL, NULL);
}

static int64_t
count(struct store *s)
{
	int64_t n = -1;

	assert_int_equal(
	    store_run(s, &sql[COUNT_ALL], NULL, 0, store_row_int, &n), ERR_OK);
	return n;
}

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
	    store_run(bed_store, &sql[ADD], v, 3, NULL, NULL), ERR_OK);
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
	    store_run(bed_store, &sql[ADD], v, 3, NULL, NULL), ERR_IO);
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

/* ---- transactions -------------------------------------------------------- */

static void
test_rolls_back(void **state)
{
	(void)state;
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_true(store_in_transaction(bed_store));
	assert_int_equal(add(bed_store, "acme"), ERR_OK);
	store_rollback(bed_store);
	assert_false(store_in_transaction(bed_store));
	assert_int_equal(count(bed_store), 0);
	store_rollback(bed_store);
}

static void
test_others_see_it_when_it_is_committed(void **state)
{
	struct store *other = bed_open(NULL);

	(void)state;
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(add(bed_store, "acme"), ERR_OK);
	assert_int_equal(count(other), 0);
	assert_int_equal(store_commit(bed_store), ERR_OK);
	assert_int_equal(count(other), 1);
	/* closing takes back what is open */
	assert_int_equal(store_begin(other), ERR_OK);
	assert_int_equal(add(other, "b"), ERR_OK);
	store_close(other);
	assert_int_equal(count(bed_store), 1);
}

/* Two that write the same row: the second waits, then may try again. */
static void
test_locked_by_another(void **state)
{
	const struct store_options o = { .timeout = 50 * USEC_PER_MSEC };
	struct store *other = bed_open(&o);
	struct store_value v[] = { store_text(STR("x")),
		store_text(STR("acme")) };
	enum err e;

	(void)state;
	assert_int_equal(add(bed_store, "acme"), ERR_OK);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(
	    store_run(bed_store, &sql[RENAME], v, 2, NULL, NULL), ERR_OK);
	e = store_begin(other);
	if (e == ERR_OK) {
		e = store_run(other, &sql[RENAME], v, 2, NULL, NULL);
		/* MariaDB: its clock for statements is the finer one */
		assert_true(e == ERR_AGAIN || e == ERR_TIMEOUT);
		store_rollback(other);
	} else {
		assert_int_equal(e, ERR_AGAIN);
	}
	assert_int_equal(store_commit(bed_store), ERR_OK);
	assert_int_equal(
	    store_run(other, &sql[RENAME], v, 2, NULL, NULL), ERR_OK);
	store_close(other);
}

struct tries {
	int n;
	enum err answer[4];
};

static enum err
try_add(struct store *s, void *arg)
{
	struct tries *t = arg;
	enum err e = add(s, "acme");

	assert_int_equal(e, ERR_OK);
	return t->answer[t->n++];
}

static void
test_atomically(void **state)
{
	struct tries again = { .answer = { ERR_AGAIN, ERR_AGAIN, ERR_OK } };
	struct tries bad = { .answer = { ERR_SYNTAX } };

	(void)state;
	assert_int_equal(
	    store_atomically(bed_store, try_add, &bad), ERR_SYNTAX);
	assert_int_equal(count(bed_store), 0);
	assert_int_equal(store_atomically(bed_store, try_add, &again), ERR_OK);
	assert_int_equal(again.n, 3);
	assert_int_equal(count(bed_store), 1);
	assert_false(store_in_transaction(bed_store));
}

/* ---- many ---------------------------------------------------------------- */

#define MANY 5000u

static struct store_value *
many_rows(char (*names)[16])
{
	struct store_value *v = calloc(MANY, 3 * sizeof(*v));
	unsigned i;

	assert_non_null(v);
	for (i = 0; i < MANY; i++) {
		(void)snprintf(names[i], 16, "n%u", i);
		v[3 * i] = store_text(str_z(names[i]));
		v[3 * i + 1] = store_text(STR("t"));
		v[3 * i + 2] = store_int(i);
	}
	return v;
}

static void
test_many_rows_at_once(void **state)
{
	static char names[MANY][16];
	struct store_value *v = many_rows(names);

	(void)state;
	assert_int_equal(
	    store_run_many(bed_store, &sql[ADD], v, 3, MANY), ERR_OK);
	assert_int_equal(store_changed(bed_store), MANY);
	assert_false(store_in_transaction(bed_store));
	assert_int_equal(count(bed_store), MANY);
	/* the same statement for one */
	assert_int_equal(add(bed_store, "one"), ERR_OK);
	assert_int_equal(count(bed_store), MANY + 1);
	assert_int_equal(store_run_many(bed_store, &sql[ADD], v, 3, 0), ERR_OK);
	free(v);
}

static void
test_many_are_all_or_none(void **state)
{
	static char names[MANY][16];
	struct store_value *v = many_rows(names);

	(void)state;
	/* the one before the last, in the last batch, is there already */
	assert_int_equal(add(bed_store, names[MANY - 2]), ERR_OK);
	assert_int_equal(
	    store_run_many(bed_store, &sql[ADD], v, 3, MANY), ERR_DENIED);
	assert_int_equal(count(bed_store), 1);
	/* in a transaction of the caller's it is the transaction's end */
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(add(bed_store, "a"), ERR_OK);
	assert_int_equal(
	    store_run_many(bed_store, &sql[ADD], v, 3, MANY), ERR_DENIED);
	assert_int_equal(store_commit(bed_store), ERR_DENIED);
	assert_int_equal(count(bed_store), 1);
	free(v);
}

/* ---- locks --------------------------------------------------------------- */

static void
test_a_lock_is_one_holder_s(void **state)
{
	struct store *other = bed_open(NULL);

	(void)state;
	assert_int_equal(store_lock(bed_store, "drain", 0), ERR_OK);
	assert_int_equal(store_lock(other, "drain", 0), ERR_TIMEOUT);
	assert_int_equal(
	    store_lock(other, "drain", 20 * USEC_PER_MSEC), ERR_TIMEOUT);
	assert_int_equal(store_lock(other, "other", 0), ERR_OK);
	store_unlock(bed_store, "drain");
	assert_int_equal(store_lock(other, "drain", 0), ERR_OK);
	/* who leaves gives it back */
	store_close(other);
	assert_int_equal(store_lock(bed_store, "drain", USEC_PER_SEC), ERR_OK);
	store_unlock(bed_store, "drain");
}

/* ---- a connection that is lost -------------------------------------------- */

/* The server ends it, as it does when it restarts. */
static void
cut(struct store *s)
{
	int64_t id = 0;
	char text[32];

	assert_int_equal(
	    store_run(s, &sql[MY_ID], NULL, 0, store_row_int, &id), ERR_OK);
	(void)snprintf(text, sizeof(text), "KILL %lld", (long long)id);
	bed_admin(text);
}

static void
test_connects_anew(void **state)
{
	(void)state;
	if (!bed_is_mariadb())
		skip();
	cut(bed_store);
	assert_int_equal(add(bed_store, "a"), ERR_CLOSED);
	assert_int_equal(add(bed_store, "a"), ERR_OK);
	/* a begin on a dead connection has nothing to lose */
	cut(bed_store);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(add(bed_store, "b"), ERR_OK);
	cut(bed_store);
	assert_int_equal(add(bed_store, "c"), ERR_CLOSED);
	/* not by itself: the transaction is gone */
	assert_int_equal(add(bed_store, "c"), ERR_CLOSED);
	assert_int_equal(store_commit(bed_store), ERR_CLOSED);
	assert_int_equal(count(bed_store), 1);
}

/* A restart of the server while nothing runs is nobody's failure. */
static void
test_looks_after_a_rest(void **state)
{
	usec_t now = clock_mono();

	(void)state;
	clock_set(now, now);
	assert_int_equal(add(bed_store, "a"), ERR_OK);
	if (bed_is_mariadb())
		cut(bed_store);
	clock_set(now + 2 * USEC_PER_SEC, now);
	assert_int_equal(add(bed_store, "b"), ERR_OK);
	/* not in a transaction: that is gone */
	assert_int_equal(store_begin(bed_store), ERR_OK);
	if (bed_is_mariadb())
		cut(bed_store);
	clock_set(now + 4 * USEC_PER_SEC, now);
	assert_int_equal(
	    add(bed_store, "c"), bed_is_mariadb() ? ERR_CLOSED : ERR_OK);
	store_rollback(bed_store);
	assert_int_equal(count(bed_store), 2);
	clock_real();
}

static void
test_a_lock_is_lost_with_it(void **state)
{
	(void)state;
	if (!bed_is_mariadb())
		skip();
	assert_int_equal(store_lock(bed_store, "drain", 0), ERR_OK);
	cut(bed_store);
	assert_int_equal(add(bed_store, "a"), ERR_CLOSED);
	assert_int_equal(add(bed_store, "a"), ERR_CLOSED);
	store_unlock(bed_store, "drain");
	assert_int_equal(add(bed_store, "a"), ERR_OK);
}

#ifdef WITH_FAULTS
static void
test_faults(void **state)
{
	(void)state;
	fault_setup("store.stmt:2");
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(add(bed_store, "a"), ERR_OK);
	assert_int_equal(add(bed_store, "b"), ERR_CLOSED);
	assert_int_equal(store_commit(bed_store), ERR_CLOSED);
	assert_int_equal(count(bed_store), 0);
	fault_setup("store.commit:1");
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(add(bed_store, "a"), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_CLOSED);
	assert_int_equal(count(bed_store), 0);
	fault_setup("store.answer:1");
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(add(bed_store, "a"), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_CLOSED);
	assert_int_equal(count(bed_store), 1);
	fault_setup("store.stmt:1,store.connect:1");
	assert_int_equal(add(bed_store, "b"), ERR_CLOSED);
	assert_int_equal(add(bed_store, "b"), ERR_CLOSED);
	assert_int_equal(add(bed_store, "b"), ERR_OK);
	fault_setup(NULL);
}

static enum err
add_three(struct store *s, void *arg)
{
	static const char *const names[] = { "a", "b", "c" };
	enum err e = ERR_OK;
	size_t i;

	(void)arg;
	for (i = 0; i < COUNT(names) && e == ERR_OK; i++)
		e = add(s, names[i]);
	return e;
}

/* Whatever fails, and wherever: all of it or nothing, and the truth about it. */
static void
test_each_fault(void **state)
{
	static const char *const points[] = { "stmt", "commit", "answer" };
	char spec[64];
	size_t i;
	unsigned n, struck = 0;
	enum err e;

	(void)state;
	for (i = 0; i < COUNT(points); i++)
		for (n = 1;; n++) {
			fault_setup(NULL);
			assert_int_equal(store_run(bed_store, &sql[DROP_ALL],
					     NULL, 0, NULL, NULL),
			    ERR_OK);
			(void)snprintf(
			    spec, sizeof(spec), "store.%s:%u", points[i], n);
			fault_setup(spec);
			e = store_atomically(bed_store, add_three, NULL);
			if (fault_struck() == 0)
				break; /* there is no nth call */
			struck++;
			assert_int_equal(e, ERR_CLOSED);
			assert_int_equal(count(bed_store), i == 2 ? 3 : 0);
		}
	fault_setup(NULL);
	assert_true(struck == 5);
}
#endif

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
		BED_TEST(test_rolls_back),
		BED_TEST(test_others_see_it_when_it_is_committed),
		BED_TEST(test_locked_by_another),
		BED_TEST(test_atomically),
		BED_TEST(test_many_rows_at_once),
		BED_TEST(test_many_are_all_or_none),
		BED_TEST(test_a_lock_is_one_holder_s),
		BED_TEST(test_connects_anew),
		BED_TEST(test_looks_after_a_rest),
		BED_TEST(test_a_lock_is_lost_with_it),
#ifdef WITH_FAULTS
		BED_TEST(test_faults),
		BED_TEST(test_each_fault),
#endif
	};

	return bed_run("store", tests, COUNT(tests));
}
