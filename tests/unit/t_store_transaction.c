/*
 * Changes that are one: transactions, many rows at once, and locks; and what
 * is true when a connection is lost in them.
 */
#include "store/store.h"

#include <stdlib.h>

#include "base/fault.h"
#include "store_rows.h"

static const struct store_sql set_title = {
	"UPDATE tenant SET title = ? WHERE name = ?", NULL
};
static const struct store_sql my_id = { "", "SELECT CONNECTION_ID()" };

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
	    store_run(bed_store, &set_title, v, 2, NULL, NULL), ERR_OK);
	e = store_begin(other);
	if (e == ERR_OK) {
		e = store_run(other, &set_title, v, 2, NULL, NULL);
		/* MariaDB: its clock for statements is the finer one */
		assert_true(e == ERR_AGAIN || e == ERR_TIMEOUT);
		store_rollback(other);
	} else {
		assert_int_equal(e, ERR_AGAIN);
	}
	assert_int_equal(store_commit(bed_store), ERR_OK);
	assert_int_equal(
	    store_run(other, &set_title, v, 2, NULL, NULL), ERR_OK);
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
	    store_run_many(bed_store, &row_add, v, 3, MANY), ERR_OK);
	assert_int_equal(store_changed(bed_store), MANY);
	assert_false(store_in_transaction(bed_store));
	assert_int_equal(count(bed_store), MANY);
	/* the same statement for one */
	assert_int_equal(add(bed_store, "one"), ERR_OK);
	assert_int_equal(count(bed_store), MANY + 1);
	assert_int_equal(store_run_many(bed_store, &row_add, v, 3, 0), ERR_OK);
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
	    store_run_many(bed_store, &row_add, v, 3, MANY), ERR_DENIED);
	assert_int_equal(count(bed_store), 1);
	/* in a transaction of the caller's it is the transaction's end */
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(add(bed_store, "a"), ERR_OK);
	assert_int_equal(
	    store_run_many(bed_store, &row_add, v, 3, MANY), ERR_DENIED);
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
	    store_run(s, &my_id, NULL, 0, store_row_int, &id), ERR_OK);
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
static const struct store_sql drop_all = { "DELETE FROM tenant", NULL };

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
			assert_int_equal(store_run(bed_store, &drop_all, NULL,
					     0, NULL, NULL),
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

	return bed_run("store, transactions", tests, COUNT(tests));
}
