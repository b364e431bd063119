#include "store/change.h"

#include "store_people.h"

struct seen {
	int64_t seq[16], id[16];
	char sort[16][16];
	unsigned n;
};

static enum err
on_change(void *arg, int64_t seq, struct str sort, int64_t id)
{
	struct seen *s = arg;

	s->seq[s->n] = seq;
	s->id[s->n] = id;
	(void)snprintf(s->sort[s->n++], 16, "%.*s", STR_ARG(sort));
	return ERR_OK;
}

/* Numbers go on from test to test. */
static int64_t base;

static void
add(int64_t id)
{
	assert_int_equal(store_change_add(bed_store, "key", id), ERR_OK);
}

static void
newer(int64_t after, uint32_t max, bool gap, struct seen *s)
{
	bool is_gap = !gap;

	*s = (struct seen){ 0 };
	assert_int_equal(store_change_each(bed_store, base + after, max,
			     &is_gap, on_change, s),
	    ERR_OK);
	assert_int_equal(is_gap, gap);
}

static void
test_newer(void **state)
{
	struct seen s;
	int64_t last = -1;

	(void)state;
	assert_int_equal(store_change_last(bed_store, &last), ERR_OK);
	assert_int_equal(last, 0);
	base = 0;
	newer(0, 10, false, &s);
	assert_int_equal(s.n, 0);
	add(7);
	assert_int_equal(store_change_last(bed_store, &last), ERR_OK);
	base = last - 1;
	assert_int_equal(store_change_add(bed_store, "team", 8), ERR_OK);
	add(9);
	assert_int_equal(store_change_last(bed_store, &last), ERR_OK);
	assert_int_equal(last, base + 3);
	newer(0, 2, false, &s);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.sort[0], "key");
	assert_string_equal(s.sort[1], "team");
	assert_int_equal(s.id[1], 8);
	newer(2, 10, false, &s);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.seq[0], base + 3);
	newer(3, 10, false, &s);
	assert_int_equal(s.n, 0);
	/* Of another database: it has fewer. */
	newer(4, 10, true, &s);
}

static void
test_prune(void **state)
{
	struct seen s;
	uint64_t n = 99;

	(void)state;
	for (int i = 1; i <= 5; i++) {
		clock_set(0, i * 1000);
		add(i);
	}
	clock_real();
	assert_int_equal(store_change_last(bed_store, &base), ERR_OK);
	base -= 5;
	assert_int_equal(store_change_prune(bed_store, 3000, 1, &n), ERR_OK);
	assert_int_equal(n, 1);
	assert_int_equal(store_change_prune(bed_store, 3000, 10, &n), ERR_OK);
	assert_int_equal(n, 1);
	newer(2, 10, false, &s);
	assert_int_equal(s.n, 3);
	newer(1, 10, true, &s);
	/* The newest stays: it keeps the count. */
	assert_int_equal(store_change_prune(bed_store, 99000, 10, &n), ERR_OK);
	assert_int_equal(n, 2);
	newer(4, 10, false, &s);
	assert_int_equal(s.n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_newer),
		BED_TEST(test_prune),
	};

	return bed_run("change", tests, COUNT(tests));
}
