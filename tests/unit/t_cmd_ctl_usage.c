/* llmgwctl usage as a program: reports, and other prices for the ledger. */
#include "ctl_run.h"

#include "jobs/rollup.h"
#include "store/ledger.h"

#define DAY (86400 * USEC_PER_SEC)
#define DAY_0 20000 /* 2024-10-04 */

static struct store_ledger
call(int day, unsigned char id, const char *client, const char *model,
    nanousd_t cost)
{
	struct store_ledger r = { .began = (DAY_0 + day) * DAY + id * 60000000,
		.attempt = 1,
		.prompt = 1000,
		.completion = 100,
		.cached = -1,
		.cache_write = -1,
		.cache_write_1h = -1,
		.reasoning = -1,
		.audio_in = -1,
		.audio_out = -1,
		.cost = cost,
		.price_version = 0,
		.state = "ok",
		.node = STR("n"),
		.request_id = STR("r"),
		.client = str_z(client),
		.surface = STR("chat"),
		.alias = STR("chat"),
		.provider = STR("openai"),
		.model = str_z(model) };

	memset(r.id, id, sizeof(r.id));
	return r;
}

/* Rows, and the sums of them, as llmgw-jobd makes both. */
static void
fill(void)
{
	const struct store_ledger rows[] = {
		call(0, 1, "dev", "cheap", 1000),
		call(0, 2, "dev", "dear", 20000),
		call(1, 3, "a,\"b\"", "dear", 20000),
		call(1, 4, "dev", "new", -1),
	};
	struct jobs_rollup sums;

	assert_int_equal(jobs_rollup_init(&sums, COUNT(rows)), ERR_OK);
	for (size_t i = 0; i < COUNT(rows); i++)
		jobs_rollup_add(&sums, &rows[i]);
	jobs_rollup_finish(&sums);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(
	    store_ledger_add(bed_store, rows, COUNT(rows)), ERR_OK);
	assert_int_equal(
	    store_rollup_add(bed_store, sums.rows, sums.n), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
	jobs_rollup_fini(&sums);
}

#define BOTH_DAYS " --from 2024-10-04 --to 2024-10-05"

static void
reports(void **state)
{
	(void)state;
	fill();
	assert_run("usage report --json" BOTH_DAYS, 0);
	assert_says("[{\"model\":\"dear\",\"requests\":2,\"failed\":0,"
		    "\"lost\":0,\"estimated\":0,\"unpriced\":0,"
		    "\"prompt\":2000,\"completion\":200,\"cached\":0,"
		    "\"reasoning\":0,\"cost\":0.00004}");
	assert_says("{\"model\":\"new\",\"requests\":1,");
	assert_run("usage report --by day,key --csv" BOTH_DAYS, 0);
	assert_says("day,key,requests,failed,lost,estimated,unpriced,prompt,"
		    "completion,cached,reasoning,cost\r\n"
		    "2024-10-04,dev,2,0,0,0,0,2000,200,0,0,0.000021\r\n"
		    "2024-10-05,\"a,\"\"b\"\"\",1,0,0,0,0,1000,100,0,0,"
		    "0.00002\r\n"
		    "2024-10-05,dev,1,0,0,0,1,1000,100,0,0,0\r\n");
	assert_run("usage report --by minute,model --csv --from "
		   "2024-10-05 --to 2024-10-05",
	    0);
	assert_says("2024-10-05T00:03Z,dear,1,");
	assert_silent_of("cheap");
	assert_run("usage report --by= --csv" BOTH_DAYS, 0);
	assert_says("\r\n4,0,0,0,1,4000,400,0,0,0.000041\r\n");
	assert_run("usage report --top 1 --model dear --by key" BOTH_DAYS, 0);
	assert_says("there are more rows");
	/* the last thirty days: nothing was then */
	assert_run("usage report --json", 0);
	assert_says("[]");
}

static void
book(const struct store_ledger *rows, uint32_t n)
{
	struct jobs_rollup sums;

	assert_int_equal(jobs_rollup_init(&sums, n), ERR_OK);
	for (uint32_t i = 0; i < n; i++)
		jobs_rollup_add(&sums, &rows[i]);
	jobs_rollup_finish(&sums);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_ledger_add(bed_store, rows, n), ERR_OK);
	assert_int_equal(
	    store_rollup_add(bed_store, sums.rows, sums.n), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
	jobs_rollup_fini(&sums);
}

/*
 * A table for people's spreadsheets: names that they would take for formulas
 * are none, what costs the same comes in one order always, the last row is the
 * sum of all.
 */
static void
sheets(void **state)
{
	const struct store_ledger rows[] = {
		call(0, 1, "=cmd|' /C calc'!A0", "m", 10),
		call(0, 2, "+1", "m", 10),
		call(0, 3, "-1", "m", 10),
		call(0, 4, "@SUM(A1)", "m", 10),
		call(0, 5, "\tx", "m", 10),
		call(0, 6, "a=b", "m", 10),
		call(0, 7, "two\r\nlines, \"q\"", "m", 20),
		call(0, 8, "last", "m", -1),
	};
	const char *const want =
	    "key,requests,failed,lost,estimated,unpriced,prompt,"
	    "completion,cached,reasoning,cost\r\n"
	    "\"two\r\nlines, \"\"q\"\"\",1,0,0,0,0,1000,100,0,0,0.00000002\r\n"
	    "\"'\tx\",1,0,0,0,0,1000,100,0,0,0.00000001\r\n"
	    "\"'+1\",1,0,0,0,0,1000,100,0,0,0.00000001\r\n"
	    "\"'-1\",1,0,0,0,0,1000,100,0,0,0.00000001\r\n"
	    "\"'=cmd|' /C calc'!A0\",1,0,0,0,0,1000,100,0,0,0.00000001\r\n"
	    "\"'@SUM(A1)\",1,0,0,0,0,1000,100,0,0,0.00000001\r\n"
	    "a=b,1,0,0,0,0,1000,100,0,0,0.00000001\r\n"
	    "last,1,0,0,0,1,1000,100,0,0,0\r\n"
	    "total,8,0,0,0,1,8000,800,0,0,0.00000008\r\n";

	(void)state;
	book(rows, COUNT(rows));
	assert_int_equal(
	    ctl_run("usage report --by key --csv --total" BOTH_DAYS), 0);
	assert_str(buf_str(&ctl_out), want);
	/* the same is told as JSON as it is, and the total is of all rows */
	assert_int_equal(
	    ctl_run(
		"usage report --by key,day --json --top 1 --total" BOTH_DAYS),
	    0);
	assert_says("[{\"key\":\"two\\r\\nlines, \\\"q\\\"\",\"day\":");
	assert_says("{\"key\":\"total\",\"day\":\"\",\"requests\":8,");
	assert_says("\"cost\":0.00000008}]");
}

static void
refuses(void **state)
{
	(void)state;
	assert_run("usage report --by colour", 1);
	assert_says("not 'colour'");
	assert_run("usage report --by day,hour", 1);
	assert_says("two spans");
	assert_run("usage report --from today", 1);
	assert_says("no date");
	assert_run("usage report --from 2024-10-05 --to 2024-10-04", 1);
	assert_run("usage report --csv --json", 1);
	assert_run("usage report --tenant nobody", 1);
	assert_run("usage recompute --from 2024-10-05", 1);
	assert_says("--from and --to");
}

static void
recomputes(void **state)
{
	(void)state;
	fill();
	/* 1000 * 2 + 100 * 4 micro-dollars for each of them */
	assert_run("price set openai dear --input 2 --output 4", 0);
	assert_run("price set openai new --input 1 --output 1", 0);
	assert_run("price set openai cheap --input 0.001 --output 0", 0);
	assert_run("usage recompute --json" BOTH_DAYS, 0);
	assert_says("{\"provider\":\"openai\",\"model\":\"dear\","
		    "\"rows\":2,\"changed\":2,\"before\":0.00004,"
		    "\"after\":0.0048,\"difference\":0.00476,"
		    "\"unpriced_before\":0,\"unpriced_after\":0}");
	assert_says("\"model\":\"new\",\"rows\":1,\"changed\":1,"
		    "\"before\":0.00,\"after\":0.0011,");
	assert_says("nothing was written");
	assert_run("usage report --by= --csv" BOTH_DAYS, 0);
	assert_says("4,0,0,0,1,4000,400,0,0,0.000041");

	assert_run("usage recompute --write" BOTH_DAYS, 0);
	assert_says("4 rows have other prices now");
	assert_run("usage report --by= --csv" BOTH_DAYS, 0);
	assert_says("4,0,0,0,0,4000,400,0,0,0.005901");
	assert_run("usage report --by hour --csv" BOTH_DAYS, 0);
	assert_says("2024-10-05T00:00Z,2,0,0,0,0,2000,200,0,0,0.0035");
	assert_run("audit list --json", 0);
	assert_says("\"action\":\"usage.recompute\"");
	assert_says("\\\"day\\\":\\\"2024-10-05\\\",\\\"rows\\\":\\\"2\\\",");
	assert_says("\\\"difference\\\":\\\"0.00348\\\"}");
	/* once more: nothing is left to do, and nothing is noted */
	assert_run("usage recompute --write" BOTH_DAYS, 0);
	assert_says("0 rows have other prices now");

	assert_run("usage recompute --version 99" BOTH_DAYS, 1);
	assert_in(ctl_err, "no price version 99");
	/* as it was with the first version: only dear has a price */
	assert_run("usage recompute --json --version 1" BOTH_DAYS, 0);
	assert_says("\"model\":\"new\",\"rows\":1,\"changed\":1,"
		    "\"before\":0.0011,\"after\":0.00,"
		    "\"difference\":-0.0011,\"unpriced_before\":0,"
		    "\"unpriced_after\":1}");
	assert_silent_of("\"dear\"");
}

/* ---- killed --------------------------------------------------------------- */

#define MANY 30000 /* three batches */

enum {
	CHANGED,
	LEDGER_COST,
	SUMS_COST,
};

static const struct store_sql sql[] = {
	[CHANGED] = { "SELECT COUNT(*) FROM ledger WHERE price_version > 0",
	    NULL },
	[LEDGER_COST] = { "SELECT SUM(cost) FROM ledger", NULL },
	[SUMS_COST] = { "SELECT SUM(cost) FROM usage_rollup"
			" WHERE span = ?",
	    NULL },
	STORE_SQL_END,
};

static int64_t
number(int which, const char *span)
{
	const struct store_value v = store_text(str_z(span));
	int64_t n = -1;

	assert_int_equal(store_run(bed_store, &sql[which], &v, span != NULL,
			     store_row_int, &n),
	    ERR_OK);
	return n;
}

static void
sums_are_the_ledgers(void)
{
	int64_t cost = number(LEDGER_COST, NULL);

	for (int i = 0; i < STORE_SPAN__MAX; i++)
		assert_int_equal(
		    number(SUMS_COST, store_span_word((enum store_span)i)),
		    cost);
}

static void
fill_many(void)
{
	struct store_ledger *rows = calloc(MANY, sizeof(*rows));

	assert_non_null(rows);
	for (int i = 0; i < MANY; i++) {
		rows[i] = call(0, 1, i % 2 ? "dev" : "ops", "dear", 1000);
		memcpy(rows[i].id, &i, sizeof(i));
	}
	book(rows, MANY);
	free(rows);
}

static pid_t
start_recompute(void)
{
	char url[512];
	pid_t pid = fork();

	(void)snprintf(url, sizeof(url), "--store=%.*s", STR_ARG(bed_url()));
	if (pid == 0) {
		int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)dup2(nowhere, 1);
		(void)dup2(nowhere, 2);
		(void)execl(ctl_program, "llmgwctl", "usage", "recompute",
		    "--from=2024-10-04", "--to=2024-10-05", "--write", url,
		    (char *)NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

/*
 * kill -9 as soon as some of it is written: what is there is whole, rows and
 * sums, and the same command does the rest.
 */
static void
killed(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	fill_many();
	assert_int_equal(
	    ctl_run("price set openai dear --input 2 --output 4"), 0);
	pid = start_recompute();
	while (number(CHANGED, NULL) == 0)
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(number(CHANGED, NULL) % 10000, 0);
	sums_are_the_ledgers();
	assert_int_equal(ctl_run("usage recompute --write" BOTH_DAYS), 0);
	assert_int_equal(number(CHANGED, NULL), MANY);
	assert_int_equal(number(LEDGER_COST, NULL), INT64_C(2400000) * MANY);
	sums_are_the_ledgers();
	assert_int_equal(ctl_run("usage recompute --write" BOTH_DAYS), 0);
	assert_says("0 rows have other prices now");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(reports),
		BED_TEST(refuses),
		BED_TEST(sheets),
		BED_TEST(recomputes),
		BED_TEST(killed),
	};

	(void)argc;
	return ctl_bed_run(argv[0], "llmgwctl usage", tests, COUNT(tests));
}
