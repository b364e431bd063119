/* llmgwctl limit: what it accepts, says and shows of the counts in force. */
#include "gate/rule.h"

#include "ctl_conf.h"

static const char *const files[] = { "state/shm", "llmgw.yaml" };

static int
begin(void **state)
{
	char text[1024];

	if (bed_setup(state) != 0 || mkdir(ctl_path("state"), 0700) != 0)
		return -1;
	(void)snprintf(text, sizeof(text), "server: { state_dir: %s }\n",
	    ctl_path("state"));
	ctl_put_file("llmgw.yaml", text, 0600);
	return 0;
}

static int
end(void **state)
{
	for (size_t i = 0; i < COUNT(files); i++)
		(void)unlink(ctl_path(files[i]));
	if (rmdir(ctl_path("state")) != 0)
		return -1;
	return bed_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static void
test_sentences(void **state)
{
	(void)state;
	no("limit create a", "exactly one of --requests");
	no("limit create a --requests 5 --tokens 5 --per 1m", "exactly one");
	no("limit create a --requests 5", "needs its window (per), such as 1m");
	no("limit create a --requests 5 --per 1m --period day", "one of them");
	no("limit create a --requests x --per 1m", "not a whole number");
	no("limit create a --requests 5 --per soon", "is no time");
	no("limit create a --money 5 --per 1m", "over a period");
	no("limit create a --money free --period day", "not an amount");
	no("limit create a --money 1e9 --period day", "a million dollars");
	no("limit create a --concurrent 5 --per 1m", "no window");
	no("limit create a --requests 5 --period year", "a period is");
	no("limit create a --requests 5 --per 1m --soft 101", "0 to 100");
	no("limit create a --requests 5 --per 1m --each planet", "each is one");
	no("limit create a --requests 5 --per 1m --team red",
	    "there is no tenant yet");
	no("limit create 'a b' --requests 5 --per 1m", "has a name");
	no("limit set a --amount 5", "no limit 'a'");
	no("limit show a", "llmgwctl limit list shows them");
	no("limit remove a", "no limit 'a'");
	ok("limit create a --requests 5 --per 1m");
	no("limit create a --requests 5 --per 1m", "'a' already");
	no("limit status", "has no counts there");
	no("limit status b", "has no counts there");
	assert_int_equal(run("limit create"), 2);
}

static void
test_made_and_changed(void **state)
{
	(void)state;
	ok("tenant create acme --timezone Europe/Berlin");
	ok("team create red");
	ok("limit create budget --money 12.50 --period month --team red"
	   " --soft 80 --model gpt-*");
	ok("audit list --action limit.create --json");
	assert_in(ctl_out, "\\\"amount\\\":\\\"$12.5\\\"");
	assert_in(ctl_out, "\\\"soft_percent\\\":\\\"80\\\"");
	ok("limit show budget --json");
	assert_in(ctl_out, "\"counts\":\"money\"");
	assert_in(ctl_out, "12.5");
	assert_in(ctl_out, "\"window\":\"month\"");
	assert_in(ctl_out, "\"tenant\":\"acme\",\"team\":\"red\"");
	assert_in(ctl_out, "\"soft_percent\":80");
	assert_in(ctl_out, "\"wrong\":null");
	ok("limit set budget --amount 20 --period week --mode shadow --soft 0");
	ok("limit list --tenant acme --json");
	assert_in(ctl_out, "\"window\":\"week\",\"mode\":\"shadow\"");
	assert_in(ctl_out, "\"soft_percent\":null");
	no("limit set budget --per 1m", "over a period");
	no("limit set budget", "nothing to change");
	ok("limit create rpm --requests 60 --per 1m --each 'key, model'");
	ok("limit set rpm --period day");
	ok("limit show rpm --json");
	assert_in(ctl_out, "\"window\":\"day\"");
	assert_in(ctl_out, "[\"key\",\"model\"]");
	ok("limit remove budget");
	ok("limit list --json");
	assert_false(str_contains(buf_str(&ctl_out), STR("budget")));
}

/* Counts as a worker takes them. */
static void
take(struct gate_limit *l, struct gate_rules *rules, const struct gate_ask *ask)
{
	struct arena *a = arena_new(1 << 16);
	struct gate_limits lists[GATE_RULE_LISTS];
	struct gate_limit_result res;
	struct gate_holds holds;
	uint32_t n = gate_rules_for(
	    rules, ask->key_id, ask->user_id, ask->tenant_id, lists);

	assert_int_equal(
	    gate_limit_take(l, a, lists, n, ask, clock_wall(), &holds, &res),
	    ERR_OK);
	assert_true(res.admitted);
	arena_free(a);
}

static void
test_status(void **state)
{
	struct gate_rules *rules = NULL;
	struct store_limit row;
	struct arena *a = arena_new(1 << 16);
	struct gate_limit limit;
	struct gate_ask ask = { .model = STR("m") };
	struct shm *shm = NULL;

	(void)state;
	ok("tenant create acme");
	ok("user create kim");
	ok("user create lee");
	ok("limit create all --requests 1000000 --per 366d");
	ok("limit create each --requests 40 --period quarter --each user");
	ok("limit create kims --concurrent 9 --user kim");
	assert_int_equal(
	    store_limit_find(bed_store, STR("kims"), a, &row), ERR_OK);
	assert_int_equal(
	    shm_open_file(ctl_path("state/shm"), 64, &shm), ERR_OK);
	gate_limit_init(&limit, shm, 0);
	assert_int_equal(gate_rules_load(bed_store, &rules), ERR_OK);
	take(&limit, rules, &ask);
	ask.tenant_id = row.tenant_id;
	ask.user_id = row.user_id;
	for (int i = 0; i < 4; i++)
		take(&limit, rules, &ask);
	ok("limit status --json");
	assert_in(ctl_out, "\"name\":\"all\",\"counts\":\"requests\","
			   "\"amount\":1000000,\"used\":5,\"percent\":0");
	assert_in(ctl_out, "\"used\":null");
	assert_in(ctl_out, "each user: --user");
	ok("limit status each --user kim --json");
	assert_in(ctl_out, "\"amount\":40,\"used\":4,\"percent\":10");
	assert_false(str_contains(buf_str(&ctl_out), STR("\"all\"")));
	ok("limit status --user lee --json");
	assert_in(ctl_out, "\"amount\":40,\"used\":0,\"percent\":0");
	ok("limit status kims --json");
	assert_in(ctl_out, "\"used\":4,\"percent\":44");
	/* what the ledger has is counted by the first request only */
	ok("limit create purse --money 5 --period month");
	ok("limit status purse --json");
	assert_in(ctl_out, "\"amount\":5.00,\"used\":null,\"percent\":null");
	/* it only looks */
	assert_int_equal(shm_used(shm), 1);
	assert_int_equal(shm_tallies_used(shm), 3);
	gate_rules_unref(rules);
	shm_close(shm);
	arena_free(a);
}

/* Those of the configuration count in the same memory, by the same identity. */
static void
test_status_of_the_file(void **state)
{
	static const struct conf_kind kinds[] = { { "openai", false },
		{ NULL, false } };
	struct arena *a = arena_new(1 << 16);
	struct gate_ask ask = { .model = STR("m") };
	struct conf_problems problems;
	struct gate_limit_result res;
	struct gate_limits lists = { 0 };
	struct gate_holds holds;
	struct gate_limit limit;
	struct conf *conf = NULL;
	struct shm *shm = NULL;
	char text[1024];

	(void)state;
	(void)snprintf(text, sizeof(text),
	    "server: { state_dir: %s }\n"
	    "providers: { p: { kind: openai, api_key: env:NOT_HERE } }\n"
	    "limits:\n"
	    "  - { name: calls, requests: 8, per: 366d }\n"
	    "  - { name: by-model, each_of: [model], tokens: 100, per: 366d }\n"
	    "  - { name: purse, tenant: 'a*', money: 5, period: month }\n"
	    "  - { name: route, provider: p, requests: 7, per: 1h }\n",
	    ctl_path("state"));
	ctl_put_file("llmgw.yaml", text, 0600);
	conf_problems_init(&problems, a);
	conf_kinds_set(kinds);
	assert_int_equal(
	    conf_limits_read(ctl_path("llmgw.yaml"), &conf, &problems), ERR_OK);
	assert_int_equal(
	    shm_open_file(ctl_path("state/shm"), 64, &shm), ERR_OK);
	gate_limit_init(&limit, shm, 0);
	lists.file = conf->limits;
	lists.n = conf->n_limits;
	ask.input = 30;
	assert_int_equal(gate_limit_take(&limit, a, &lists, 1, &ask,
			     clock_wall(), &holds, &res),
	    ERR_OK);
	assert_true(res.admitted);
	ok("limit create rows --requests 5 --per 1m");
	ok("limit status --json");
	assert_in(ctl_out, "\"name\":\"rows\"");
	assert_in(ctl_out, "\"from\":\"database\"");
	assert_in(ctl_out, "\"name\":\"calls\",\"counts\":\"requests\","
			   "\"amount\":8,\"used\":1,\"percent\":12");
	assert_in(ctl_out, "\"of\":null,\"from\":\"file\"");
	assert_in(ctl_out, "each model: --model");
	assert_in(ctl_out, "its tenant's clock: --tenant");
	/* calls of this hour may be in the ledger */
	assert_in(ctl_out, "\"amount\":7,\"used\":null,\"percent\":null");
	ok("limit status by-model --model m --json");
	assert_in(ctl_out, "\"counts\":\"tokens\",\"amount\":100,\"used\":30");
	assert_false(str_contains(buf_str(&ctl_out), STR("rows")));
	ok("tenant create acme");
	ok("limit status purse --tenant acme --json");
	assert_in(ctl_out, "\"amount\":5.00,\"used\":null,\"percent\":null");
	no("limit status other", "no limit 'other' in the database, nor in");
	gate_limit_settle(&limit, &holds, &(struct gate_use){ 0 }, NULL);
	conf_unref(conf);
	shm_close(shm);
	arena_free(a);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sentences),
		TEST(test_made_and_changed),
		TEST(test_status),
		TEST(test_status_of_the_file),
	};

	(void)argc;
	return ctl_bed_run(argv[0], "ctl_limit", tests, COUNT(tests));
}
