/* llmgwctl price as a program, on a database of its own. */
#include "ctl_run.h"

#include "store/change.h"
#include "store/price.h"

static int64_t
changes(void)
{
	int64_t seq = -1;

	assert_int_equal(store_change_last(bed_store, &seq), ERR_OK);
	return seq;
}

#define LITELLM TOP_SRCDIR "/tests/prices/litellm.json"

static void
imports_once(void **state)
{
	int64_t before = changes();

	(void)state;
	assert_run("price import litellm " LITELLM, 0);
	assert_says("14 models read, 8 rows, 1 prices rounded");
	assert_says("1: has a price below zero (openrouter/auto)");
	assert_says("2: is no model (");
	assert_says("8 rows; workers take it");
	assert_int_equal(changes(), before + 1);
	/* the same again is no change, and leaves no trace */
	assert_run("price import litellm " LITELLM, 0);
	assert_says("nothing changed");
	assert_int_equal(changes(), before + 1);
	assert_run("price versions --json", 0);
	assert_says("\"source\":\"litellm\",\"rows\":8,");
	assert_run("audit list --json", 0);
	assert_says("\"action\":\"price.import\"");
	assert_run("audit verify", 0);
}

static void
imports_all_formats(void **state)
{
	(void)state;
	assert_run("price import models.dev " TOP_SRCDIR
		   "/tests/prices/models-dev.json --with-free",
	    0);
	assert_says("5 rows");
	assert_run("price import catalogue " TOP_SRCDIR "/conf/prices.yaml", 0);
	assert_says("rows; workers take it");
	assert_run("price import litellm " LITELLM " --dry-run --json", 0);
	assert_says("\"model\":\"llama-3.1-8b-instant\"");
	assert_run("price versions --json", 0);
	assert_silent_of("litellm");

	assert_run("price import csv " LITELLM, 1);
	assert_says("no format 'csv'");
	assert_run("price import litellm /nonexistent", 1);
	assert_says("No such file");
	assert_run(
	    "price import models.dev " TOP_SRCDIR "/conf/prices.yaml", 1);
	assert_says("byte 0");
	assert_run("price import catalogue " LITELLM, 1);
}

static void
sets_by_hand(void **state)
{
	(void)state;
	assert_run("price import litellm " LITELLM, 0);
	assert_run("price show openai gpt-4o-mini --json", 0);
	assert_says("\"input\":0.15,\"output\":0.6,\"cached\":0.075,");
	assert_says("\"list\":\"import\"");
	assert_run("price show openai gpt-4o-mini --batch", 0);
	assert_says("input: 0.075");
	assert_run("price show anthropic claude-sonnet-4-5 --tokens 200001", 0);
	assert_says("cache write 1h: 12\n");

	/* before the import, tier by tier */
	assert_run("price set openai gpt-4o-mini --input 1 --output "
		   "$2.5 --per-request 0.01",
	    0);
	assert_run("price set openai gpt-4o-mini --input 2 --above 1000", 0);
	assert_run("price show openai gpt-4o-mini --json", 0);
	assert_says("\"input\":1,\"output\":2.5,\"cached\":1,");
	assert_says("\"per_request\":0.01,\"list\":\"hand\"");
	assert_run("price show openai gpt-4o-mini --tokens 1001 --json", 0);
	assert_says(
	    "\"above\":1000,\"batch\":false,\"input\":2,\"output\":2.5");
	/* as it was before */
	assert_run("price list --model gpt-4o-mini --as-of 1 --json", 0);
	assert_run("price list --as-of 99", 1);
	assert_in(ctl_err, "no price version 99; llmgwctl price versions");

	assert_run("price set openai gpt-4o-mini --unpriced", 0);
	assert_run("price show openai gpt-4o-mini --json", 0);
	assert_says("\"input\":null");
	assert_run("price unset openai gpt-4o-mini", 0);
	assert_says(": 1 row; workers take it");
	assert_run("price unset openai gpt-4o-mini", 1);
	assert_in(ctl_err, "was set by hand");
	assert_run("price show openai gpt-4o-mini --json", 0);
	assert_says("\"list\":\"import\"");
	assert_run("price show openai nobody-knows-it", 1);
	assert_says("has no price");
}

/* A provider may be meant by the name that the configuration gave it. */
static void
by_its_own_name(void **state)
{
	static const char text[] = "providers:\n"
				   "  own: { kind: openai-compatible, "
				   "base_url: 'https://h.test/v1' }\n"
				   "  main: { kind: openai }\n";
	char path[256], line[512];
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/conf.yaml", bed_folder());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);

	(void)snprintf(
	    line, sizeof(line), "price set own m --input 3 --config %s", path);
	assert_run(line, 0);
	assert_says("provider 'own' has the prices of 'openai-compatible'");
	assert_run("price show openai-compatible m", 0);
	assert_says("input: 3\n");
	(void)snprintf(
	    line, sizeof(line), "price show own m --config %s", path);
	assert_run(line, 0);
	assert_says("input: 3\n");
	/* as it stands, and silently where a provider is priced so */
	(void)snprintf(line, sizeof(line),
	    "price set openai m --input 4 --config %s", path);
	assert_run(line, 0);
	assert_silent_of("has the prices of");
	(void)snprintf(
	    line, sizeof(line), "price set groq m --input 5 --config %s", path);
	assert_run(line, 0);
	assert_says(
	    "no provider of the configuration has the prices of 'groq'");
	assert_run("price show groq m", 0);
	(void)unlink(path);
}

static void
refuses(void **state)
{
	int64_t before = changes();

	(void)state;
	assert_run("price set openai x", 1);
	assert_says("give a price");
	assert_run("price set openai x --input 1 --unpriced", 1);
	assert_says("contradict");
	assert_run("price set openai x --input cheap", 1);
	assert_says("dollars for a million tokens are wanted");
	assert_run("price set openai x --input 0.0000001", 1);
	assert_says("too fine");
	assert_run("price set openai x --input -1", 1);
	assert_run("price set openai", 2);
	assert_int_equal(changes(), before);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(imports_once),
		BED_TEST(imports_all_formats),
		BED_TEST(sets_by_hand),
		BED_TEST(by_its_own_name),
		BED_TEST(refuses),
	};

	(void)argc;
	return ctl_bed_run(argv[0], "llmgwctl price", tests, COUNT(tests));
}
