#include "check.h"

#include "base/rand.h"
#include "spool_help.h"

#define BYTES 16384u
#define NAME "n-1-1.00000001.seg"

struct bed {
	char *folder;
	struct spool_map map;
	size_t at;
};

static void
bed_make(struct bed *b)
{
	*b = (struct bed){ .folder = spool_bed(),
		.map = { .fd = -1 },
		.at = sizeof(struct spool_head) };
	assert_int_equal(spool_folder(b->folder), ERR_OK);
	assert_int_equal(spool_file_make(b->folder, NAME, SPOOL_SEGMENT, BYTES,
			     SPOOL_MAX_ALL, &b->map),
	    ERR_OK);
}

static void
bed_add(struct bed *b, struct str payload)
{
	struct spool_head *h = (struct spool_head *)b->map.p;

	spool_record_put(
	    b->map.p + b->at, h->seed, SPOOL_SETTLE, payload.p, payload.n);
	b->at += spool_record_bytes(payload.n);
}

static void
bed_remove(struct bed *b)
{
	spool_file_unmap(&b->map);
	spool_bed_remove(b->folder);
}

/* What a live segment has got is seen as soon as it is there. */
static void
test_live(void **state)
{
	struct spool_reader r = { .map = { .fd = -1 } };
	struct spool_seen seen;
	struct bed b;
	char text[32];

	(void)state;
	bed_make(&b);
	assert_int_equal(spool_reader_open(&r, b.folder, NAME, 0), ERR_OK);
	assert_false(spool_reader_next(&r, false, &seen));
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "record %d", i);
		bed_add(&b, str_z(text));
		assert_true(spool_reader_next(&r, false, &seen));
		assert_int_equal(seen.kind, SPOOL_SETTLE);
		assert_str(seen.payload, text);
		assert_int_equal(r.at, b.at);
		assert_false(spool_reader_next(&r, false, &seen));
	}
	assert_false(spool_reader_is_finished(&r));
	assert_int_equal(r.skipped, 0);
	/* from where another has stopped */
	spool_reader_close(&r);
	assert_int_equal(spool_reader_open(&r, b.folder, NAME,
			     b.at - spool_record_bytes(strlen(text))),
	    ERR_OK);
	assert_true(spool_reader_next(&r, false, &seen));
	assert_str(seen.payload, text);
	spool_reader_close(&r);
	/* a place that cannot be is the end */
	assert_int_equal(
	    spool_reader_open(&r, b.folder, NAME, BYTES + 800), ERR_OK);
	assert_false(spool_reader_next(&r, true, &seen));
	spool_reader_close(&r);
	bed_remove(&b);
}

/*
 * The writer died within the last record, after any of its bytes: those before
 * are there, it is not, whether the segment lives or not.
 */
static void
test_torn_end(void **state)
{
	struct spool_reader r = { .map = { .fd = -1 } };
	struct spool_seen seen;
	struct bed b;
	char last[64];
	size_t from, n;

	(void)state;
	bed_make(&b);
	bed_add(&b, STR("first"));
	from = b.at;
	bed_add(&b, STR("the last one"));
	n = sizeof(struct spool_record) + strlen("the last one");
	memcpy(last, b.map.p + from, n);
	for (size_t cut = 0; cut < n; cut++) {
		memset(b.map.p + from, 0, n);
		memcpy(b.map.p + from, last, cut);
		for (int is_over = 0; is_over < 2; is_over++) {
			assert_int_equal(
			    spool_reader_open(&r, b.folder, NAME, 0), ERR_OK);
			assert_true(spool_reader_next(&r, is_over, &seen));
			assert_str(seen.payload, "first");
			assert_false(spool_reader_next(&r, is_over, &seen));
			spool_reader_close(&r);
		}
	}
	bed_remove(&b);
}

/*
 * A page that a power failure took: in a dead segment what lies behind it is
 * found, in a live one reading waits. A record within a record, as a client
 * might have made one, is not taken for one.
 */
static void
test_damaged(void **state)
{
	struct spool_reader r = { .map = { .fd = -1 } };
	struct spool_seen seen;
	_Alignas(8) char forged[64];
	size_t hole;
	struct bed b;

	(void)state;
	bed_make(&b);
	bed_add(&b, STR("first"));
	hole = b.at;
	memset(forged, 0, sizeof(forged));
	spool_record_put(forged, 0, SPOOL_SETTLE, "forged", 6);
	bed_add(&b, str_of(forged, sizeof(forged)));
	bed_add(&b, STR("third"));
	b.map.p[hole] ^= 1;
	assert_int_equal(spool_reader_open(&r, b.folder, NAME, 0), ERR_OK);
	assert_true(spool_reader_next(&r, false, &seen));
	assert_false(spool_reader_next(&r, false, &seen));
	assert_int_equal(r.at, hole);
	assert_true(spool_reader_next(&r, true, &seen));
	assert_str(seen.payload, "third");
	assert_int_equal(r.skipped, spool_record_bytes(sizeof(forged)));
	assert_false(spool_reader_next(&r, true, &seen));
	spool_reader_close(&r);
	bed_remove(&b);
}

static void
test_no_file_of_ours(void **state)
{
	struct spool_reader r = { .map = { .fd = -1 } };
	struct bed b;

	(void)state;
	bed_make(&b);
	b.map.p[0] ^= 1;
	assert_int_equal(spool_reader_open(&r, b.folder, NAME, 0), ERR_SYNTAX);
	assert_int_equal(
	    spool_reader_open(&r, b.folder, "none.seg", 0), ERR_NOT_FOUND);
	spool_reader_close(&r);
	bed_remove(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_torn_end),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_no_file_of_ours),
	};

	rand_init();
	return cmocka_run_group_tests_name(
	    "meter/spool_read", tests, NULL, NULL);
}
