#include "store/fold.h"

#include "base/rand.h"
#include "store_bed.h"

#define DAY (86400 * USEC_PER_SEC)

enum {
	NEW,
	LEFT,
};

static const struct store_sql sql[] = {
	[NEW] = { "INSERT INTO usage_fold (shape, first_day, last_day,"
		  " dropped) VALUES (?, ?, ?, ?)",
	    NULL },
	[LEFT] = { "SELECT COUNT(*) FROM usage_fold WHERE dropped = 0", NULL },
	STORE_SQL_END,
};

/* ---- choosing ------------------------------------------------------------- */

static void
choose(const struct store_fold *folds, uint32_t n, int64_t first, int64_t last,
    struct store_fold_cover *c)
{
	assert_int_equal(store_fold_choose(folds, n, first, last, c), ERR_OK);
}

static void
test_fewest(void **state)
{
	const struct store_fold folds[] = { { 7, 100, 103 }, { 8, 100, 115 },
		{ 9, 104, 107 }, { 10, 112, 115 }, { 11, 116, 119 } };
	struct store_fold_cover c;

	(void)state;
	choose(folds, COUNT(folds), 99, 120, &c);
	assert_int_equal(c.n_folds, 2);
	assert_int_equal(c.fold[0], 8);
	assert_int_equal(c.fold[1], 11);
	assert_int_equal(c.fold[2], 0);
	assert_int_equal(c.n_days, 2);
	assert_true(c.day[0] == 99 * DAY);
	assert_true(c.day[1] == 120 * DAY);
	/* the large one does not fit */
	choose(folds, COUNT(folds), 100, 114, &c);
	assert_int_equal(c.n_folds, 2);
	assert_int_equal(c.n_days, 7);
	choose(NULL, 0, 100, 115, &c);
	assert_int_equal(c.n_folds, 0);
	assert_int_equal(c.n_days, STORE_COVER_DAYS);
}

static void
test_too_many(void **state)
{
	struct store_fold folds[STORE_COVER_FOLDS + 1];
	struct store_fold_cover c;

	(void)state;
	assert_int_equal(store_fold_choose(NULL, 0, 100, 116, &c), ERR_LIMIT);
	assert_int_equal(store_fold_choose(NULL, 0, 100, 99, &c), ERR_LIMIT);
	assert_int_equal(store_fold_choose(NULL, 0, 0, 5, &c), ERR_LIMIT);
	assert_int_equal(
	    store_fold_choose(NULL, 0, 1, STORE_FOLD_DAYS_MAX + 1, &c),
	    ERR_LIMIT);
	for (int i = 0; i < (int)COUNT(folds); i++)
		folds[i] =
		    (struct store_fold){ i + 1, 100 + 2 * i, 101 + 2 * i };
	choose(folds, COUNT(folds), 100, 147, &c);
	assert_int_equal(c.n_folds, STORE_COVER_FOLDS);
	assert_int_equal(
	    store_fold_choose(folds, COUNT(folds), 100, 149, &c), ERR_LIMIT);
}

/* Whatever there is: each day once. */
static void
test_each_day_once(void **state)
{
	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct store_fold folds[20];
		struct store_fold_cover c;
		int64_t first = 100 + (int64_t)rand_below(5), at = 100;
		int64_t last = first + (int64_t)rand_below(16);
		uint32_t n = (uint32_t)rand_below(COUNT(folds));
		unsigned days[40] = { 0 };

		for (uint32_t i = 0; i < n; i++) {
			at += (int64_t)rand_below(3);
			folds[i] = (struct store_fold){ i + 1, at,
				at + (int64_t)rand_below(6) };
		}
		choose(folds, n, first, last, &c);
		for (uint32_t i = 0; i < c.n_days; i++)
			days[c.day[i] / DAY - 100]++;
		for (uint32_t i = 0; i < c.n_folds; i++)
			for (int64_t d = folds[c.fold[i] - 1].first;
			     d <= folds[c.fold[i] - 1].last; d++)
				days[d - 100]++;
		for (int64_t d = 100; d < 140; d++)
			assert_int_equal(
			    days[d - 100], d >= first && d <= last);
	}
}

/* ---- in the database ------------------------------------------------------ */

static void
make(enum store_fold_shape shape, int64_t first, int64_t last, usec_t dropped)
{
	const struct store_value v[] = {
		store_text(str_z(store_fold_word(shape))),
		store_int(first),
		store_int(last),
		store_int(dropped),
	};

	assert_int_equal(
	    store_run(bed_store, &sql[NEW], v, 4, NULL, NULL), ERR_OK);
}

static void
touch(int64_t day)
{
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_fold_touch(bed_store, day), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
}

static int64_t
left(void)
{
	int64_t n = -1;

	assert_int_equal(
	    store_run(bed_store, &sql[LEFT], NULL, 0, store_row_int, &n),
	    ERR_OK);
	return n;
}

static int64_t
mark(void)
{
	int64_t m = -1;

	assert_int_equal(store_fold_mark(bed_store, &m), ERR_OK);
	return m;
}

static void
test_touch(void **state)
{
	struct store_fold_cover c;
	int64_t before;

	(void)state;
	assert_int_equal(mark(), 0);
	make(STORE_FOLD_CALLER, 100, 103, 0);
	make(STORE_FOLD_CALLER, 104, 107, 0);
	make(STORE_FOLD_WHOLE, 104, 107, 0);
	make(STORE_FOLD_CALLER, 100, 115, 0);
	make(STORE_FOLD_CALLER, 99, 120, 1);
	before = mark();
	assert_int_equal(
	    store_fold_cover(bed_store, STORE_FOLD_CALLER, 99, 108, &c),
	    ERR_OK);
	assert_int_equal(c.n_folds, 2);
	assert_int_equal(c.n_days, 2);
	assert_true(c.mark == before);
	/* what is open is in none */
	touch(116);
	assert_true(mark() == before);
	touch(104);
	assert_true(mark() != before);
	assert_int_equal(left(), 1);
	assert_int_equal(
	    store_fold_cover(bed_store, STORE_FOLD_CALLER, 99, 108, &c),
	    ERR_OK);
	assert_int_equal(c.n_folds, 1);
	assert_int_equal(c.n_days, 6);
	assert_int_equal(
	    store_fold_cover(bed_store, STORE_FOLD_WHOLE, 99, 108, &c), ERR_OK);
	assert_int_equal(c.n_folds, 0);
	/* one that comes for one that goes is another state */
	before = mark();
	touch(100);
	make(STORE_FOLD_CALLER, 100, 103, 0);
	assert_true(mark() != before);
}

/* What is rolled back has dropped nothing. */
static void
test_rolled_back(void **state)
{
	(void)state;
	make(STORE_FOLD_CALLER, 100, 103, 0);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_fold_touch(bed_store, 101), ERR_OK);
	store_rollback(bed_store);
	assert_int_equal(left(), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fewest),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_each_day_once),
		BED_TEST(test_touch),
		BED_TEST(test_rolled_back),
	};

	rand_init();
	return bed_run("fold", tests, COUNT(tests));
}
