#include "check.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/rand.h"
#include "spool_help.h"

#define SEED 0x1234u

/*
 * A record is whole or none: cut after any byte, with any bit wrong, under
 * another seed.
 */
static void
test_torn(void **state)
{
	_Alignas(8) char whole[64] = { 0 }, torn[64];
	const struct spool_record *r;
	size_t n = spool_record_bytes(21);

	(void)state;
	assert_int_equal(n % 8, 0);
	assert_true(n <= sizeof(whole));
	spool_record_put(
	    whole, SEED, SPOOL_SETTLE, "twenty-one bytes here", 21);
	r = spool_record_at(whole, n, SEED);
	assert_non_null(r);
	assert_int_equal(r->kind, SPOOL_SETTLE);
	assert_memory_equal(r->payload, "twenty-one bytes here", r->n);
	assert_null(spool_record_at(whole, n, SEED + 1));
	assert_null(spool_record_at(whole, sizeof(*r) + 20, SEED));
	for (size_t cut = 0; cut < sizeof(*r) + 21; cut++) {
		memset(torn, 0, sizeof(torn));
		memcpy(torn, whole, cut);
		assert_null(spool_record_at(torn, sizeof(torn), SEED));
		/* the other way round: the end came first */
		memset(torn, 0, sizeof(torn));
		memcpy(torn + cut + 1, whole + cut + 1, sizeof(torn) - cut - 1);
		if (whole[cut] != 0)
			assert_null(spool_record_at(torn, sizeof(torn), SEED));
	}
	for (size_t bit = 0; bit < (sizeof(*r) + 21) * 8; bit++) {
		memcpy(torn, whole, sizeof(torn));
		torn[bit / 8] = (char)(torn[bit / 8] ^ (1 << bit % 8));
		assert_null(spool_record_at(torn, sizeof(torn), SEED));
	}
}

static void
test_names(void **state)
{
	char out[SPOOL_NODE_MAX], longest[200];

	(void)state;
	spool_node_name(STR("web-1.example/.."), out, sizeof(out));
	assert_string_equal(out, "web_1_example___");
	spool_node_name(STR(""), out, sizeof(out));
	assert_string_equal(out, "_");
	memset(longest, 'a', sizeof(longest));
	spool_node_name(str_of(longest, sizeof(longest)), out, sizeof(out));
	assert_int_equal(strlen(out), SPOOL_NODE_MAX - 1);
	assert_str(spool_writer_of(STR("web-12-5f.00000001.seg")), "web-12-5f");
	assert_str(spool_writer_of(STR("web-12-5f.open")), "web-12-5f");
	assert_null(spool_writer_of(STR(".web-12-5f.open")).p);
	assert_null(spool_writer_of(STR("web-12-5f")).p);
	assert_null(spool_writer_of(STR("web.openx")).p);
	assert_null(spool_writer_of(str_of(longest, sizeof(longest))).p);
}

/* All files together stay within the bound; what fails leaves nothing. */
static void
test_bound(void **state)
{
	char *folder = spool_bed(), names[8][256];
	struct spool_map a = { .fd = -1 }, b = { .fd = -1 },
			 more = { .fd = -1 };

	(void)state;
	assert_int_equal(spool_folder(folder), ERR_OK);
	assert_int_equal(spool_folder(folder), ERR_OK);
	assert_int_equal(spool_file_make(folder, "n-1-1.00000001.seg",
			     SPOOL_SEGMENT, 8192, 20000, &a),
	    ERR_OK);
	assert_int_equal(spool_folder_bytes(folder), 8192);
	assert_int_equal(spool_file_make(folder, "n-1-1.00000002.seg",
			     SPOOL_SEGMENT, 12288, 20000, &b),
	    ERR_LIMIT);
	assert_int_equal(
	    spool_file_make(folder, "n-1-1.open", SPOOL_TABLE, 8192, 20000, &b),
	    ERR_OK);
	assert_int_equal(
	    spool_file_grow(folder, &b, 8192, 4096, 20000, &more), ERR_LIMIT);
	assert_int_equal(spool_folder_bytes(folder), 16384);
	assert_int_equal(
	    spool_file_grow(folder, &b, 8192, 4096, 30000, &more), ERR_OK);
	more.p[4095] = 1;
	assert_int_equal(spool_folder_bytes(folder), 20480);
	spool_file_unmap(&a);
	spool_file_unmap(&b);
	spool_file_unmap(&more);
	assert_true(spool_names(folder, ".seg", names, 8) == 1);
	spool_bed_remove(folder);
}

/* A disk without room shows when the file is made. */
static void
test_full_disk(void **state)
{
	char *folder = spool_bed(), names[8][256];
	struct spool_map m = { .fd = -1 }, more = { .fd = -1 };
	struct rlimit old, small;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(spool_folder(folder), ERR_OK);
	assert_int_equal(spool_file_make(folder, "n-1-1.open", SPOOL_TABLE,
			     8192, SPOOL_MAX_ALL, &m),
	    ERR_OK);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ 16384, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(spool_file_make(folder, "n-1-1.00000001.seg",
			     SPOOL_SEGMENT, 65536, SPOOL_MAX_ALL, &more),
	    ERR_IO);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(
	    spool_file_grow(folder, &m, 8192, 65536, SPOOL_MAX_ALL, &more),
	    ERR_IO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(spool_folder_bytes(folder), 8192);
	assert_int_equal(spool_names(folder, "", names, 8), 4); /* . .. .lock */
	spool_file_unmap(&m);
	spool_bed_remove(folder);
	assert_int_equal(spool_folder("/proc/none/spool"), ERR_IO);
}

/* A table is locked before anybody sees it, until its writer ends. */
static void
test_lock(void **state)
{
	char *folder = spool_bed();
	struct spool_map m = { .fd = -1 }, other = { .fd = -1 };

	(void)state;
	assert_int_equal(spool_folder(folder), ERR_OK);
	assert_int_equal(spool_file_make(folder, "n-1-1.open", SPOOL_TABLE,
			     8192, SPOOL_MAX_ALL, &m),
	    ERR_OK);
	assert_int_equal(spool_file_map(folder, "n-1-1.open", &other), ERR_OK);
	assert_false(spool_is_dead(other.fd));
	spool_file_unmap(&m);
	assert_true(spool_is_dead(other.fd));
	spool_file_unmap(&other);
	assert_int_equal(
	    spool_file_map(folder, "n-1-2.open", &other), ERR_NOT_FOUND);
	spool_bed_remove(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_lock),
	};

	rand_init();
	return cmocka_run_group_tests_name(
	    "meter/spool_file", tests, NULL, NULL);
}
