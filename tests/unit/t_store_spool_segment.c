#include "store_people.h"
#include "store/spool_segment.h"

struct seen {
	int64_t sum;
	unsigned n;
};

static enum err
on_segment(void *arg, struct str name, int64_t taken)
{
	struct seen *s = arg;

	assert_true(str_starts(name, STR("n-1.")));
	s->n++;
	s->sum += taken;
	return ERR_OK;
}

static struct seen
look(const char *node)
{
	struct seen s = { 0 };

	assert_int_equal(
	    store_spool_segment_each(bed_store, str_z(node), on_segment, &s),
	    ERR_OK);
	return s;
}

static void
test_positions(void **state)
{
	struct str n = STR("n");

	(void)state;
	assert_int_equal(look("n").n, 0);
	assert_int_equal(
	    store_spool_segment_put(bed_store, n, STR("n-1.1.seg"), 100),
	    ERR_OK);
	assert_int_equal(
	    store_spool_segment_put(bed_store, n, STR("n-1.2.seg"), 10),
	    ERR_OK);
	assert_int_equal(
	    store_spool_segment_put(bed_store, n, STR("n-1.1.seg"), 200),
	    ERR_OK);
	assert_int_equal(look("n").n, 2);
	assert_int_equal(look("n").sum, 210);
	assert_int_equal(look("other").n, 0);
	assert_int_equal(
	    store_spool_segment_remove(bed_store, n, STR("n-1.1.seg")), ERR_OK);
	assert_int_equal(
	    store_spool_segment_remove(bed_store, n, STR("n-1.1.seg")), ERR_OK);
	assert_int_equal(look("n").sum, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_positions),
	};

	return bed_run("spool_segment", tests, COUNT(tests));
}
