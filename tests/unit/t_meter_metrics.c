#include "meter/metrics.h"

#include <spawn.h>
#include <unistd.h>

#include "meter_help.h"
#include "procs.h"

extern char **environ;

static struct shm *shm;
static struct meter_metrics *metrics;
static struct buf out;

static int
breaker(void *arg, const struct conf_target *t)
{
	(void)arg;
	return t->identity == 11 ? 2 : 0;
}

static struct meter_page page;

static int
setup(void **state)
{
	(void)state;
	if (shm_open_file(NULL, 256, &shm) != ERR_OK ||
	    shm_worker_take(shm) != ERR_OK)
		return -1;
	metrics = meter_metrics_new(shm, shm_worker(shm));
	buf_init(&out, 1 << 20);
	page = (struct meter_page){
		.conf = &meter_conf, .conf_ok = true, .breaker_state = breaker
	};
	return metrics ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	meter_metrics_free(metrics);
	shm_close(shm);
	buf_fini(&out);
	return 0;
}

static void
print(void)
{
	buf_reset(&out);
	meter_metrics_print(metrics, &page, &out);
	assert_false(out.failed);
}

static void
request(struct meter_record r)
{
	meter_metrics_begin(metrics);
	meter_metrics_end(metrics, &r);
}

#define TARGET \
	"gen_ai_provider_name=\"openai-main\",gen_ai_request_model=\"gpt-4o\""
#define ODD                                     \
	"gen_ai_provider_name=\"openai-main\"," \
	"gen_ai_request_model=\"odd \\\"\\\\\\nname\""

static void
test_a_request(void **state)
{
	(void)state;
	request(meter_sample());
	print();
	assert_line(&out, "llmgw_requests_total{surface=\"chat.completions\","
			  "outcome=\"ok\"} 1");
	assert_line(&out, "llmgw_requests_total{surface=\"chat\","
			  "outcome=\"ok\"} 0");
	assert_line(&out, "llmgw_requests_in_flight 0");
	assert_line(
	    &out, "llmgw_upstream_attempts_total{" TARGET ",result=\"ok\"} 1");
	assert_line(&out,
	    "llmgw_upstream_attempts_total{" ODD ",result=\"unavailable\"} 1");
	assert_line(
	    &out, "llmgw_upstream_attempts_total{" ODD ",result=\"ok\"} 0");
	assert_line(&out, "llmgw_upstream_connections_total{reused=\"no\"} 1");
	assert_line(&out, "llmgw_upstream_connections_total{reused=\"yes\"} 1");
	assert_line(&out,
	    "gen_ai_client_operation_duration_seconds_count{" TARGET
	    ",gen_ai_operation_name=\"chat\"} 1");
	assert_line(&out,
	    "gen_ai_client_operation_duration_seconds_sum{" TARGET
	    ",gen_ai_operation_name=\"chat\"} 0.0070000000000000001");
	/* the failed one had no first byte */
	assert_line(&out, "gen_ai_server_time_to_first_token_seconds_count{" ODD
			  ",gen_ai_operation_name=\"chat\"} 0");
	assert_line(&out, "gen_ai_client_token_usage_sum{" TARGET
			  ",gen_ai_token_type=\"input\"} 10");
	assert_line(&out, "gen_ai_client_token_usage_sum{" TARGET
			  ",gen_ai_token_type=\"output\"} 2000000");
	assert_line(&out, "llmgw_breaker_state{" TARGET "} 2");
	assert_line(&out, "llmgw_breaker_state{" ODD "} 0");
}

static void
test_policies(void **state)
{
	static struct conf_policy policies[] = { { .name = { "p-1", 3 } },
		{ .name = { "p-2", 3 } } };
	static const struct conf_policy *shadows[] = { &policies[0],
		&policies[1] };
	struct conf conf = meter_conf;
	struct meter_record r = meter_sample();

	(void)state;
	conf.policies = policies;
	conf.n_policies = 2;
	page.conf = &conf;
	r.policy = STR("p-1");
	request(r);
	r.shadows = shadows;
	r.n_shadows = 2;
	request(r);
	print();
	assert_line(
	    &out, "llmgw_policy_hits_total{policy=\"p-1\",mode=\"enforce\"} 2");
	assert_line(
	    &out, "llmgw_policy_hits_total{policy=\"p-1\",mode=\"shadow\"} 1");
	assert_line(
	    &out, "llmgw_policy_hits_total{policy=\"p-2\",mode=\"enforce\"} 0");
	assert_line(
	    &out, "llmgw_policy_hits_total{policy=\"p-2\",mode=\"shadow\"} 1");
}

static void
test_unknown_figures_count_nothing(void **state)
{
	struct meter_record r = meter_sample();

	(void)state;
	r.usage = MSG_USAGE_UNKNOWN;
	r.attempts[1].first_byte = -1;
	r.attempts[1].connected = -1;
	r.surface = "no such surface";
	r.outcome = METER_ABORTED;
	request(r);
	r.target = NULL; /* refused before any attempt */
	r.n_attempts = 0;
	request(r);
	print();
	assert_line(&out, "llmgw_requests_total{surface=\"unknown\","
			  "outcome=\"aborted\"} 2");
	assert_line(&out, "gen_ai_client_token_usage_count{" TARGET
			  ",gen_ai_token_type=\"input\"} 0");
	assert_line(&out,
	    "gen_ai_server_time_to_first_token_seconds_count{" TARGET
	    ",gen_ai_operation_name=\"chat\"} 0");
	assert_line(&out, "llmgw_upstream_connections_total{reused=\"yes\"} 0");
}

/* More attempts than are kept: those that are kept are counted. */
static void
test_many_attempts(void **state)
{
	struct meter_record r = meter_sample();

	(void)state;
	for (uint32_t i = 0; i < METER_ATTEMPTS_MAX; i++)
		r.attempts[i] = r.attempts[0];
	r.n_attempts = METER_ATTEMPTS_MAX + 50;
	request(r);
	print();
	assert_line(&out,
	    "llmgw_upstream_attempts_total{" ODD ",result=\"unavailable\"} 16");
}

static void
test_configuration(void **state)
{
	(void)state;
	print();
	assert_line(&out, "llmgw_config_last_reload_successful 1");
	assert_line(&out, "llmgw_config_info{digest=\"0123456789abcdef\"} 1");
	assert_line(&out,
	    "llmgw_config_last_reload_success_timestamp_seconds 1700000000");
	page.conf_ok = false;
	print();
	assert_line(&out, "llmgw_config_last_reload_successful 0");
	page.conf = NULL;
	print();
	assert_false(str_contains(buf_str(&out), STR("gpt-4o")));
	assert_line(&out, "llmgw_config_last_reload_successful 0");
}

static void
test_longest_turn(void **state)
{
	(void)state;
	page.loop_longest_turn = 1500000;
	print();
	assert_line(&out, "llmgw_loop_longest_turn_seconds 1.5");
	page.loop_longest_turn = 1000; /* another worker's, smaller */
	print();
	assert_line(&out, "llmgw_loop_longest_turn_seconds 1.5");
}

/* Each series once, whatever aliases lead to a target. */
static void
test_no_series_twice(void **state)
{
	struct str rest, line, other, again;

	(void)state;
	request(meter_sample());
	print();
	rest = buf_str(&out);
	while (str_present(rest)) {
		line = str_cut(&rest, '\n');
		while (line.n > 0 && line.p[line.n - 1] != ' ')
			line.n--;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		again = rest;
		while (str_present(again)) {
			other = str_cut(&again, '\n');
			if (str_starts(other, line))
				fail_msg("twice: %.*s", STR_ARG(line));
		}
	}
}

/* ---- several processes ------------------------------------------------- */

#define WORKERS 4u
#define REQUESTS 2000

static void
worker(unsigned number, void *arg)
{
	struct meter_record r = meter_sample();
	struct meter_metrics *own;

	if (shm_worker_take(shm) != ERR_OK)
		_exit(1);
	own = meter_metrics_new(shm, shm_worker(shm));
	if (!own)
		_exit(1);
	procs_meet(arg);
	for (int i = 0; i < REQUESTS; i++) {
		meter_metrics_begin(own);
		meter_metrics_end(own, &r);
	}
	/* two die with requests under way */
	if (number < 2)
		meter_metrics_begin(own);
	procs_meet(arg);
}

static void
test_all_workers_add_up(void **state)
{
	struct meter_metrics *next;

	(void)state;
	meter_metrics_begin(metrics);
	procs_run(WORKERS, worker, procs_barrier(WORKERS));
	print();
	assert_line(&out, "llmgw_requests_total{surface=\"chat.completions\","
			  "outcome=\"ok\"} 8000");
	assert_line(&out,
	    "llmgw_upstream_attempts_total{" TARGET ",result=\"ok\"} 8000");
	assert_line(&out, "gen_ai_client_token_usage_sum{" TARGET
			  ",gen_ai_token_type=\"input\"} 80000");
	assert_line(&out, "llmgw_requests_in_flight 3");
	/* whoever starts next forgets the dead, not the living */
	next = meter_metrics_new(shm, SHM_WORKERS_MAX - 1);
	print();
	assert_line(&out, "llmgw_requests_in_flight 1");
	meter_metrics_free(next);
}

/* A full table: nothing is counted, the page is whole all the same. */
static void
test_full_table(void **state)
{
	(void)state;
	meter_metrics_free(metrics);
	for (uint64_t id = 1; shm_slot(shm, id); id++)
		;
	metrics = meter_metrics_new(shm, 0);
	assert_non_null(metrics);
	request(meter_sample());
	print();
	assert_line(&out, "llmgw_requests_total{surface=\"chat.completions\","
			  "outcome=\"ok\"} 0");
	assert_line(&out, "llmgw_requests_in_flight 0");
	assert_false(has_line(&out, "llmgw_shared_slots_refused_total 0"));
}

/* A page without room fails, it does not go on cut. */
static void
test_no_room(void **state)
{
	struct buf small;

	(void)state;
	buf_init(&small, 1000);
	meter_metrics_print(metrics, &page, &small);
	assert_true(small.failed);
	buf_fini(&small);
}

/* ---- promtool ---------------------------------------------------------- */

static void
test_promtool(void **state)
{
	const char *const argv[] = { "promtool", "check", "metrics", NULL };
	char path[] = "/tmp/llmgw-metrics-XXXXXX";
	posix_spawn_file_actions_t fa;
	int fd = mkstemp(path), status = -1, rc;
	pid_t pid;

	(void)state;
	request(meter_sample());
	print();
	assert_true(fd >= 0);
	assert_int_equal(write(fd, out.p, out.n), (ssize_t)out.n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, fd, 0);
	rc = posix_spawnp(
	    &pid, argv[0], &fa, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	unlink(path);
	close(fd);
	if (rc != 0) {
		print_message("promtool is not installed\n");
		skip();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_a_request),
		TEST(test_policies),
		TEST(test_unknown_figures_count_nothing),
		TEST(test_many_attempts),
		TEST(test_configuration),
		TEST(test_longest_turn),
		TEST(test_no_series_twice),
		TEST(test_all_workers_add_up),
		TEST(test_full_table),
		TEST(test_no_room),
		TEST(test_promtool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
