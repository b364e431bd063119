#include "jobs_help.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "jobs/drain.h"
#include "meter/estimate.h"

enum {
	ROWS,
	PROMPT,
	LOST,
	LOST_TOKENS,
	POSITIONS,
	SUM_MINUTE,
	SUM_HOUR,
	SUM_DAY,
	SUM_PROMPT,
	SUM_COST,
	SUM_LOST,
	SUM_FAILED,
	NOT_SENT,
	UNSURE,
	FORGET,
};

#define SUM(what, span) \
	"SELECT SUM(" what ") FROM usage_rollup WHERE span = '" span "'"

static const struct store_sql sql[] = {
	[ROWS] = { "SELECT COUNT(*) FROM ledger", NULL },
	[PROMPT] = { "SELECT SUM(prompt) FROM ledger", NULL },
	[LOST] = { "SELECT COUNT(*) FROM ledger WHERE state = 'lost' AND"
		   " is_estimated = 1 AND ended IS NULL AND cost IS NULL",
	    NULL },
	[LOST_TOKENS] = { "SELECT SUM(prompt) * 1000 + SUM(completion)"
			  " FROM ledger WHERE state = 'lost'",
	    NULL },
	[POSITIONS] = { "SELECT COUNT(*) FROM spool_segment", NULL },
	[SUM_MINUTE] = { SUM("requests", "minute"), NULL },
	[SUM_HOUR] = { SUM("requests", "hour"), NULL },
	[SUM_DAY] = { SUM("requests", "day"), NULL },
	[SUM_PROMPT] = { SUM("prompt", "day"), NULL },
	[SUM_COST] = { SUM("cost", "hour"), NULL },
	[SUM_LOST] = { SUM("lost", "minute"), NULL },
	[SUM_FAILED] = { SUM("failed", "minute"), NULL },
	[NOT_SENT] = { "SELECT COUNT(*) FROM ledger WHERE state = 'not_sent'"
		       " AND prompt = 0 AND completion = 0 AND cost = 0"
		       " AND is_estimated = 0",
	    NULL },
	[UNSURE] = { "SELECT COUNT(*) FROM ledger WHERE state = 'unsure'"
		     " AND prompt = 5 AND completion = 0 AND cost IS NULL"
		     " AND is_estimated = 1",
	    NULL },
	[FORGET] = { "DELETE FROM spool_segment", NULL },
	STORE_SQL_END,
};

static int64_t
number(int which)
{
	int64_t n = -1;

	assert_int_equal(
	    store_run(bed_store, &sql[which], NULL, 0, store_row_int, &n),
	    ERR_OK);
	return n;
}

static struct jobs_drain *
drain_new(const char *folder)
{
	struct jobs_drain_options o = { .folder = folder, .node = JOBS_NODE };
	struct jobs_drain *d = NULL;

	assert_int_equal(jobs_drain_new(&o, &d), ERR_OK);
	return d;
}

static struct jobs_drain_report
pass(struct jobs_drain *d)
{
	struct jobs_drain_report r = { 0 };

	do
		assert_int_equal(jobs_drain_pass(d, bed_store, &r), ERR_OK);
	while (r.is_behind);
	return r;
}

/* One drain after another, as a program that was started again. */
static void
drain_all(const char *folder)
{
	struct jobs_drain *d = drain_new(folder);

	pass(d);
	jobs_drain_free(d);
}

/* Calls 0 ... n - 1 are there once, in rows and in all sums. */
static void
assert_exact(uint32_t n)
{
	int64_t prompt = (int64_t)n * (n - 1) / 2;

	assert_int_equal(number(ROWS), n);
	assert_int_equal(number(PROMPT), prompt);
	assert_int_equal(number(SUM_MINUTE), n);
	assert_int_equal(number(SUM_HOUR), n);
	assert_int_equal(number(SUM_DAY), n);
	assert_int_equal(number(SUM_PROMPT), prompt);
}

static unsigned
files(const char *folder)
{
	static char names[64][256];

	return spool_names(folder, ".seg", names, 64) +
	       spool_names(folder, ".open", names, 64);
}

/* While the writer writes, and after it; at the end nothing is left. */
static void
test_live(void **state)
{
	char *folder = spool_bed();
	struct jobs_drain_report r;
	struct jobs_drain *d = drain_new(folder);
	struct writer w;

	(void)state;
	writer_open(&w, folder, SPOOL_MAX_ALL);
	calls(&w, 0, 10);
	pass(d);
	assert_exact(10);
	assert_int_equal(number(POSITIONS), 1);
	calls(&w, 10, 300); /* some segments */
	pass(d);
	assert_exact(300);
	assert_int_equal(files(folder), 2);
	calls(&w, 300, 310);
	writer_close(&w);
	r = pass(d);
	assert_exact(310);
	assert_int_equal(number(SUM_COST), 3 * 310);
	assert_int_equal(files(folder), 0);
	assert_int_equal(number(POSITIONS), 0);
	assert_int_equal(r.rows, 310);
	assert_int_equal(r.lost, 0);
	assert_int_equal(r.oldest, 0);
	assert_int_equal(r.damaged, 0);
	jobs_drain_free(d);
	spool_bed_remove(folder);
}

/* A worker dies: what it had begun is lost, with what had come until then. */
static void
test_lost(void **state)
{
	char *folder = spool_bed();
	struct jobs_drain_report r;
	struct jobs_drain *d;
	pid_t pid = fork();
	int code;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct spool_slot *open[4];
		struct writer w;

		writer_open(&w, folder, SPOOL_MAX_ALL);
		for (uint32_t i = 0; i < 4; i++)
			open[i] = begin(&w, i);
		spool_progress(open[3], 10 * METER_ESTIMATE_UNIT);
		for (uint32_t i = 4; i < 7; i++)
			spool_words(begin(&w, i))[METER_WORD_CALL] = i - 3;
		settle(&w, open[0], 0);
		settle(&w, open[1], 1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &code, 0), pid);
	d = drain_new(folder);
	r = pass(d);
	/* of the three that told how far they had gone, one was not sent */
	assert_int_equal(number(ROWS), 7);
	assert_int_equal(number(PROMPT), 0 + 1 + 2 + 3 + 5 + 6);
	assert_int_equal(number(LOST), 3);
	assert_int_equal(number(LOST_TOKENS), (2 + 3 + 6) * 1000 + 10);
	assert_int_equal(number(NOT_SENT), 1);
	assert_int_equal(number(UNSURE), 1);
	assert_int_equal(number(SUM_LOST), 4);
	assert_int_equal(number(SUM_FAILED), 1);
	assert_int_equal(r.lost, 4);
	assert_int_equal(files(folder), 0);
	jobs_drain_free(d);
	spool_bed_remove(folder);
}

/* Settles that found no room in a segment are settles, not lost. */
static void
test_waiting(void **state)
{
	char *folder = spool_bed();
	uint64_t max = 4096 + 8 * 2048 + 16384;
	uint32_t n = 0;
	pid_t pid;
	int code;

	(void)state;
	pid = fork();
	if (pid == 0) {
		struct spool_slot *open[4];
		struct writer w;

		writer_open(&w, folder, max);
		for (uint32_t i = 0; i < 4; i++)
			open[i] = begin(&w, i);
		for (n = 4; !spool_is_full(w.spool); n++) {
			settle(&w, begin(&w, n), n);
			loop_turn(w.loop);
		}
		for (uint32_t i = 0; i < 4; i++)
			settle(&w, open[i], i);
		_exit((int)n);
	}
	assert_int_equal(waitpid(pid, &code, 0), pid);
	assert_true(WIFEXITED(code));
	n = (uint32_t)WEXITSTATUS(code);
	assert_true(n > 10);
	drain_all(folder);
	assert_exact(n);
	assert_int_equal(number(LOST), 0);
	assert_int_equal(files(folder), 0);
	spool_bed_remove(folder);
}

/* Positions that a restored database does not have: rows count once. */
static void
test_again(void **state)
{
	char *folder = spool_bed();
	struct writer w;

	(void)state;
	writer_open(&w, folder, SPOOL_MAX_ALL);
	calls(&w, 0, 20);
	drain_all(folder);
	assert_exact(20);
	assert_int_equal(
	    store_run(bed_store, &sql[FORGET], NULL, 0, NULL, NULL), ERR_OK);
	calls(&w, 20, 25);
	drain_all(folder);
	assert_exact(25);
	writer_close(&w);
	drain_all(folder);
	assert_exact(25);
	spool_bed_remove(folder);
}

/* One at a time on a folder; while the database is away the oldest shows. */
static void
test_away(void **state)
{
	struct jobs_drain_options o = { .node = JOBS_NODE };
	struct jobs_drain_report r = { 0 };
	struct jobs_drain *d, *other = NULL;
	char *folder = spool_bed();
	struct writer w;

	(void)state;
	d = drain_new(folder);
	o.folder = folder;
	assert_int_equal(jobs_drain_new(&o, &other), ERR_DENIED);
	assert_null(other);
	writer_open(&w, folder, SPOOL_MAX_ALL);
	calls(&w, 5, 9);
	assert_int_equal(jobs_drain_pass(d, NULL, &r), ERR_OK);
	assert_int_equal(r.oldest, JOBS_T0 + 6 * USEC_PER_SEC);
	assert_true(r.bytes >= 16384);
	assert_int_equal(r.rows, 0);
	assert_int_equal(number(ROWS), 0);
	writer_close(&w);
	assert_int_equal(jobs_drain_pass(d, NULL, &r), ERR_OK);
	assert_true(files(folder) > 0);
	r = pass(d);
	assert_int_equal(number(ROWS), 4);
	assert_int_equal(r.oldest, 0);
	assert_int_equal(files(folder), 0);
	jobs_drain_free(d);
	spool_bed_remove(folder);
}

/* Many writers and segments, more than one pass has patience for. */
static void
test_many(void **state)
{
	enum {
		WRITERS = 3,
		EACH = 6000
	};
	char *folder = spool_bed();
	struct jobs_drain *d = drain_new(folder);
	struct jobs_drain_report r = { 0 };

	(void)state;
	for (uint32_t i = 0; i < WRITERS; i++) {
		struct writer w;

		writer_open(&w, folder, SPOOL_MAX_ALL);
		calls(&w, i * EACH, (i + 1) * EACH);
		writer_close(&w);
	}
	assert_int_equal(jobs_drain_pass(d, bed_store, &r), ERR_OK);
	assert_true(r.is_behind);
	pass(d);
	assert_exact(WRITERS * EACH);
	assert_int_equal(files(folder), 0);
	assert_int_equal(number(POSITIONS), 0);
	jobs_drain_free(d);
	spool_bed_remove(folder);
}

/* What a newer worker wrote waits, and what began there is not lost. */
static void
test_newer(void **state)
{
	char *folder = spool_bed();
	struct jobs_drain *d = drain_new(folder);
	struct jobs_drain_report r;
	struct spool_slot *slot;
	struct writer w;

	(void)state;
	writer_open(&w, folder, SPOOL_MAX_ALL);
	calls(&w, 0, 5);
	slot = begin(&w, 5);
	spool_settle(w.spool, slot, "\377 the future", 12);
	calls(&w, 6, 8);
	begin(&w, 9);
	writer_close(&w);
	for (int i = 0; i < 2; i++) {
		r = pass(d);
		assert_int_equal(r.stuck, 1);
		assert_exact(5);
		assert_int_equal(number(LOST), 0);
		assert_int_equal(files(folder), 2);
	}
	jobs_drain_free(d);
	spool_bed_remove(folder);
}

#ifdef WITH_FAULTS
/* A drain of its own process that dies at a point. Did it? */
static bool
drain_dies(const char *folder, const char *spec)
{
	pid_t pid = fork();
	int code;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct store *own = bed_open(NULL);
		struct jobs_drain_report r = { 0 };
		struct jobs_drain *d = drain_new(folder);

		fault_setup(spec);
		do
			if (jobs_drain_pass(d, own, &r) != ERR_OK)
				_exit(3);
		while (r.is_behind);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &code, 0), pid);
	assert_true(WIFSIGNALED(code) || WEXITSTATUS(code) == 0);
	return WIFSIGNALED(code);
}

/*
 * kill -9 at each step of a drain, at each time that it comes there; then
 * another one: all is there once.
 */
static void
test_killed(void **state)
{
	static const char *const points[] = { "drain.rows", "drain.sums",
		"drain.positions", "drain.committed", "drain.delete",
		"drain.deleted", "drain.table" };
	enum {
		CALLS = 1200,
		OPEN = 3,
		TIMES = 3
	};
	unsigned deaths = 0;
	uint32_t n = 0;

	(void)state;
	for (size_t p = 0; p < COUNT(points); p++)
		for (int k = 1; k <= TIMES; k++) {
			char *folder = spool_bed(), spec[64];
			pid_t pid = fork();
			int code;

			if (pid == 0) {
				struct writer w;

				writer_open(&w, folder, SPOOL_MAX_ALL);
				for (uint32_t i = 0; i < OPEN; i++)
					(void)begin(&w, n + CALLS + i);
				calls(&w, n, n + CALLS);
				_exit(0);
			}
			assert_int_equal(waitpid(pid, &code, 0), pid);
			assert_int_equal(code, 0);
			snprintf(spec, sizeof(spec), "%s:%d", points[p], k);
			deaths += drain_dies(folder, spec);
			drain_all(folder);
			n += CALLS + OPEN;
			assert_exact(n);
			assert_int_equal(files(folder), 0);
			assert_int_equal(number(POSITIONS), 0);
			spool_bed_remove(folder);
		}
	assert_true(deaths >= COUNT(points));
	print_message(
	    "#| %u kills of a drain, %u rows exact\n", deaths, (unsigned)n);
}
#endif

static void
test_lock_name(void **state)
{
	char name[32];

	(void)state;
	jobs_drain_lock_name("Web-1.example", name, sizeof(name));
	assert_string_equal(name, "drain_web_1_example");
	jobs_drain_lock_name("a-very-long-name-of-a-host-of-mine", name, 16);
	assert_string_equal(name, "drain_a_very_lo");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_live),
		BED_TEST(test_lost),
		BED_TEST(test_waiting),
		BED_TEST(test_again),
		BED_TEST(test_away),
		BED_TEST(test_many),
		BED_TEST(test_newer),
#ifdef WITH_FAULTS
		BED_TEST(test_killed),
#endif
		BED_TEST(test_lock_name),
	};

	rand_init();
	return bed_run("drain", tests, COUNT(tests));
}
