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

	/* as it was with the first version: only dear has a price */
	assert_run("usage recompute --json --version 1" BOTH_DAYS, 0);
	assert_says("\"model\":\"new\",\"rows\":1,\"changed\":1,"
		    "\"before\":0.0011,\"after\":0.00,"
		    "\"difference\":-0.0011,\"unpriced_before\":0,"
		    "\"unpriced_after\":1}");
	assert_silent_of("\"dear\"");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(reports),
		BED_TEST(refuses),
		BED_TEST(recomputes),
	};

	(void)argc;
	return ctl_bed_run(argv[0], "llmgwctl usage", tests, COUNT(tests));
}
